"""Verify an archive of a Blendwatch case without Blendwatch: Python 3.11 or newer, and numpy.

    python verify.py CASE.zip [--key PUBLIC_KEY] [--against-hub]

Four questions, each answered in lines that begin with ok, open (cannot be decided here) or WRONG:
1. Is every file the one that the log of proofs names? (SHA-256)
2. Is every entry in the log, and has nobody rewritten the log? (Merkle tree of RFC 6962, Ed25519 of RFC 8032)
3. Do the sampled weights say what the report says? (the arithmetic of the blend, repeated bit by bit)
4. Does the Hub still serve the same bytes? (only with --against-hub)
Take this file from a place that you trust: an archive can hold any program. Exit status: 1 where a line says WRONG.
"""

import argparse
import base64
import collections
import hashlib
import json
import sys
import urllib.request
import zipfile

import numpy as np

failures = 0

def say(state, text):
    global failures
    failures += state == "WRONG"
    sys.stdout.write(f"{state:5} {''.join(c if c.isprintable() else '?' for c in text)}\n")

# --- Ed25519 (RFC 8032, section 5.1.7): is S*B = R + k*A on the curve -x^2 + y^2 = 1 + D x^2 y^2 modulo P? ----------
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493  # field; order of the base point
D = -121665 * pow(121666, -1, P) % P

def decompress(raw):
    """32 bytes -> the point (x, y): y is stored, and the top bit chooses one of the two x."""
    number = int.from_bytes(raw, "little")
    y, sign = number & (2**255 - 1), number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if len(raw) != 32 or y >= P or (x * x - square) % P or (x == 0 and sign):
        raise SystemExit("WRONG a key or a signature is no point of the curve")
    return (P - x if x % 2 != sign else x), y

def add(p, q):
    both = D * p[0] * q[0] * p[1] * q[1]
    x, y = p[0] * q[1] + q[0] * p[1], p[1] * q[1] + p[0] * q[0]
    return x * pow(1 + both, -1, P) % P, y * pow(1 - both, -1, P) % P

def times(number, point):
    total = (0, 1)
    while number:
        total = add(total, point) if number & 1 else total
        point, number = add(point, point), number >> 1
    return total

def is_signed(key, text, signature):
    base = decompress((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    r, a, s = decompress(signature[:32]), decompress(key), int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little") % L
    return len(signature) == 64 and s < L and times(s, base) == add(r, times(k, a))

def opened(key, note):
    """A checkpoint -> (size, root), where it is signed with the log's key."""
    name, number, code = key.split("+", 2)
    raw, (text, _, line) = base64.b64decode(code), note.partition("\n\n")
    signature = base64.b64decode(line.removeprefix(f"— {name} "))
    origin, size, root = text.split("\n")
    named = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4] == signature[:4] == bytes.fromhex(number)
    if origin != name or not named or raw[:1] != b"\x01" or not is_signed(raw[1:], f"{text}\n".encode(), signature[4:]):
        raise SystemExit("WRONG a checkpoint is not signed with the log's key")
    return int(size), base64.b64decode(root)

# --- The Merkle tree (RFC 9162, sections 2.1.3.2 and 2.1.4.2) ---------------------------------------------------------
def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()

def climb(here, last, left, right, path):
    """Two hashes go up together: `left` joins only what stands before them, `right` also what stands behind."""
    for step in path:
        if here % 2 or here == last:
            left, right = node(step, left), node(step, right)
            while here % 2 == 0 and here:
                here, last = here // 2, last // 2
        else:
            right = node(right, step)
        here, last = here // 2, last // 2
    return left, right, last == 0

def is_included(text, number, head, path):
    leaf = hashlib.sha256(b"\x00" + hashlib.sha256(text.encode()).digest()).digest()  # a leaf is an entry's digest
    _, root, complete = climb(number, head[0] - 1, leaf, leaf, path)
    return 0 <= number < head[0] and complete and root == head[1]

def is_extended(old, new, proof):
    """Is the old tree the beginning of the new one? A rewritten or shortened history has no such proof."""
    if old[0] >= new[0]:
        return old == new
    steps = list(proof) if old[0] & (old[0] - 1) else [old[1], *proof]
    here, last = old[0] - 1, new[0] - 1
    while here % 2:
        here, last = here // 2, last // 2
    before, after, complete = climb(here, last, steps[0], steps[0], steps[1:])
    return complete and (before, after) == (old[1], new[1])

# --- Weights ----------------------------------------------------------------------------------------------------------
def arrays_of(content):
    """A safetensors file -> (its description, {name: raw bytes}, {name: float64 values, which hold each exactly})."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    about = json.loads(header.pop("__metadata__")["table"])
    raw = {name: content[end + t["data_offsets"][0] : end + t["data_offsets"][1]] for name, t in header.items()}
    return about, raw, {name: widen(raw[name], t["dtype"]) for name, t in header.items()}

def widen(raw, dtype):
    if dtype == "BF16":  # the upper half of a float32
        return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return np.frombuffer(raw, {"F16": "<f2", "F32": "<f4"}[dtype]).astype(np.float64)

def stored(values, kind):
    """Round to what `kind` can hold, to nearest, ties to even, by way of float32 as tools do."""
    with np.errstate(over="ignore", invalid="ignore"):
        single = np.asarray(values).astype(np.float32)
        if kind == "BF16":  # add half of the dropped bits' range, less one where the last kept bit is even
            bits = np.atleast_1d(single).view(np.uint32)
            bits = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
            single = (bits & np.uint32(0xFFFF0000)).view(np.float32).reshape(single.shape)
        return (single.astype(np.float16) if kind == "F16" else single).astype(np.float64)

def kind_of(values):
    """The coarsest type that holds every number: bfloat16 weights may be kept in a float32 file."""
    numbers = values[np.isfinite(values)]
    return next((k for k in ("BF16", "F16") if np.array_equal(stored(numbers, k), numbers)), "F32")

def predict(name, xs, ws, kind):  # noqa: C901, PLR0911 - one branch for each arithmetic
    """The stored value of sum(w * x) in a named arithmetic. Tools differ in what they round, and when."""
    def q(values):
        return stored(values, kind)
    def mixed(xs, ws):  # weights and products rounded, then one sum
        return q(sum(q(q(w) * x) for w, x in zip(ws, xs, strict=True)))
    total, pairs = np.zeros(xs[0].shape), list(zip(ws, xs, strict=True))
    if name.startswith("float32"):  # each step rounded to float32; fused: product and sum in one step
        single, whole = total.astype(np.float32), np.float32(0)
        for w, x in pairs:
            fused = (single.astype(np.float64) + float(np.float32(w)) * x).astype(np.float32)
            single = fused if "fused" in name else single + np.float32(w) * x.astype(np.float32)
            whole = whole + np.float32(w)
        return q(single / whole if "divided" in name else single)
    if name == "exact sum, one rounding":
        return q(sum(w * x for w, x in pairs))
    if name == "sums in the storage type, weights in float32":
        return q(sum(q(float(np.float32(w)) * x) for w, x in pairs))
    if name == "storage type throughout":
        for w, x in pairs:
            total = q(total + q(q(w) * x))
        return total
    if name.startswith("storage type"):
        return q(mixed(xs, ws) / float(q(sum(float(q(w)) for w in ws)))) if "divided" in name else mixed(xs, ws)
    if name.startswith("task arithmetic"):  # differences to the first model, mixed, scaled, added to it
        scale = float(name.split("times ")[1].split()[0]) if "times" in name else 1.0
        delta = mixed([q(x - xs[0]) for x in xs[1:]], [w / scale for w in ws[1:]])
        return q(xs[0] + (q(delta * float(np.float32(scale))) if scale != 1.0 else delta))
    if name.startswith("average"):  # of all but the first, then interpolated with the first
        for x in xs[1:]:
            total = q(total + x)
        return mixed([q(total / (len(xs) - 1)), xs[0]], [sum(ws[1:]), ws[0]])
    raise KeyError(name)

def slices_of(sketch, values):
    """{(role, layer, expert): (what must agree for two samples to hold the same coordinates, values)}."""
    found = {}
    for i, (role, layer, expert, _, cols, row, *packed) in enumerate(sketch["slices"]):
        each = values[f"{sketch['name']}.{i}"]
        found |= {} if packed else {(role, layer, expert): ((cols, row, each.size), each)}
    return found

def replay_linear(exact, recipe, look, values):
    suspect, refs = slices_of(look["suspect"], values), [look["references"][i]["sketch"] for i in recipe["models"]]
    parents = [slices_of(ref, values) for ref in refs]
    keys = [k for k in sorted(suspect) if all(k in p and p[k][0] == suspect[k][0] for p in parents)]
    kinds = collections.Counter(kind_of(suspect[k][1]) for k in keys)
    kind = max(kinds, key=kinds.get)  # an odd tensor in another type, such as a router, is left out
    keys = [k for k in keys if kind_of(suspect[k][1]) == kind]
    rows = np.array([np.concatenate([s[k][1] for k in keys]) for s in (suspect, *parents)])
    own, *xs = rows[:, np.isfinite(rows).all(axis=0)]
    prediction = predict(recipe["arithmetic"], xs, recipe["weights"], kind)
    # in float32 the last digits of the recipe's own weights are unknown: allow the error of float32 sums
    room = 2 * np.maximum(np.spacing(np.abs(own).astype(np.float32)), 2.0**-23 * np.abs(xs).max(axis=0))
    equal = np.abs(prediction - own) <= room if kind == "F32" else prediction == own
    decisive = np.all([prediction != stored(x, kind) for x in xs], axis=0)  # no single parent gives this value
    nearest = max(float((stored(x, kind) == own).mean()) for x in xs)
    share = float(equal[decisive].mean()) if decisive.any() else 0.0
    mix = " + ".join(f"{w:g} {ref['ref'][0]}" for w, ref in zip(recipe["weights"], refs, strict=True))
    state = "ok" if share >= 0.99 else "WRONG" if exact else "open"
    say(state, f"{mix} ({recipe['arithmetic']}, {kind}) gives {share:.4f} of {int(decisive.sum()):,} decisive"
        f" weights in {len(keys)} tensors; the nearest single parent equals {nearest:.4f} of all {own.size:,}")

def replay_copied(exact, named, look, values):
    """Copies and stacks: each tensor of the upload is some parent's, at its own depth or another, bit for bit."""
    suspect, known = slices_of(look["suspect"], values), collections.defaultdict(list)
    for sketch in (r["sketch"] for r in look["references"] if tuple(r["sketch"]["ref"]) in named):
        for (role, layer, expert), (place, x) in slices_of(sketch, values).items():
            known[role.replace(".experts", ""), place].append((sketch["ref"][0], layer, expert, x))
    found, moved, compared = collections.Counter(), 0, 0
    for (role, layer, expert), (place, own) in suspect.items():
        candidates = known[role.replace(".experts", ""), place]
        kind, there = kind_of(own), np.isfinite(own)
        same = [c for c in candidates if ((stored(c[3], kind) == own) | ~(there & np.isfinite(c[3]))).all()]
        here = [c for c in same if c[1:3] == (layer, expert)]
        compared += bool(candidates)
        found.update([(here or same)[0][0]] if same else [])
        moved += bool(same) and not here
    whose = ", ".join(f"{n} of {name}" for name, n in found.most_common()) or "none of a parent's"
    said = f"{found.total()} of {compared} tensors are a parent's bit for bit: {whose}; {moved} at another depth"
    say("ok" if compared and found.total() == compared else "WRONG" if exact else "open", said)

def replay(files):
    report, case = json.loads(files["report.json"]), json.loads(files["case.json"])
    about, _, values = arrays_of(files["evidence.safetensors"])
    named = {(p["repo_id"], p["revision"]) for p in report["parents"]}
    looks = {name: about[name] for name in ("first", "second") if about[name]}
    if report["finding"] == "blend" and report["family"] == "linear" and case["recipes"]:
        for recipe in case["recipes"]:
            chosen = {tuple(looks[recipe["look"]]["references"][i]["sketch"]["ref"]) for i in recipe["models"]}
            say("ok" if chosen == named else "WRONG", "the recipe's models are the report's parents")
            replay_linear(report["exact"], recipe, looks[recipe["look"]], values)
    elif report["finding"] == "copy" or report["family"] == "stack":
        for look in looks.values():
            replay_copied(report["exact"], named, look, values)
    else:
        say("open", f"this script repeats no {report['finding']} ({report['family']}); blendwatch verify does")

def read_again(files, hub, most):
    """Ask the Hub for the sampled bytes of some slices: one HTTP range, from the first window to the last."""
    raw, counts = arrays_of(files["evidence.safetensors"])[1], collections.Counter()
    rows = [row for row in json.loads(files["case.json"])["arrays"] if row["spans"]]
    for row in rows[:: -(-len(rows) // most)] if most and rows else ():
        begin, end = min(b for b, _ in row["spans"]), max(e for _, e in row["spans"])
        url = f"{hub}/{row['repo_id']}/resolve/{row['revision']}/{row['shard']}"
        ask = urllib.request.Request(url, headers={"Range": f"bytes={begin}-{end - 1}", "Accept-Encoding": "identity"})
        try:
            with urllib.request.urlopen(ask, timeout=60) as answer:
                body = answer.read(end - begin) if answer.status == 206 else b""
            same = b"".join(body[b - begin : e - begin] for b, e in row["spans"]) == raw[row["array"]]
            counts["ok" if same else "WRONG", f"{row['repo_id']}: {'same' if same else 'other'} bytes at the Hub"] += 1
        except OSError as error:
            counts["open", f"{row['repo_id']} cannot be read again ({error})"] += 1
    for (state, text), number in sorted(counts.items()):
        say(state, f"{text}: {number} of all {len(rows)} slices")

# --- The whole --------------------------------------------------------------------------------------------------------
def check_files(files, entries):
    manifest, digests = json.loads(files["manifest.json"]), {n: hashlib.sha256(c).hexdigest() for n, c in files.items()}
    free = {n for n in files if n in ("manifest.json", "proof.json") or n.startswith("timestamp-")}
    wrong = {n for n in {*manifest, *files} - free if digests.get(n) != manifest.get(n)}
    wrong |= {e["file"] for e in entries if e["file"] and digests.get(e["file"]) != json.loads(e["text"])["sha256"]}
    wrong |= {*json.loads(files["case.json"])["logged"], "manifest.json"} - {e["file"] for e in entries}
    for name in sorted(wrong):
        say("WRONG", f"{name} is not the file that the log names")
    say("open" if wrong else "ok", f"{len(files) - len(wrong)} of {len(files)} files are as the log names them")

def check_log(proof):
    heads = [opened(proof["key"], checkpoint["note"]) for checkpoint in proof["checkpoints"]]
    for head, checkpoint in zip(heads, proof["checkpoints"], strict=True):
        if not is_extended(head, heads[-1], [bytes.fromhex(h) for h in checkpoint["consistency"]]):
            say("WRONG", f"the log's first {head[0]:,} entries were rewritten later")
    for entry in proof["entries"]:
        path, about = [bytes.fromhex(h) for h in entry["path"]], json.loads(entry["text"])
        good = is_included(entry["text"], entry["number"], heads[entry["checkpoint"]], path)
        say("ok" if good else "WRONG", f"entry {entry['number']}, {about['kind']} of {about['at']}, is in the log")
    say("ok", f"{len(heads)} checkpoints are signed with that key")

def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("archive")
    options.add_argument("--key", help="the operator's public key, as he publishes it")
    options.add_argument("--against-hub", action="store_true", help="read sampled bytes again from the Hub")
    options.add_argument("--most", type=int, default=60, help="slices that are read again at most, evenly spread")
    options.add_argument("--hub", default="https://huggingface.co", help="address of the Hub")
    asked = options.parse_args()
    with zipfile.ZipFile(asked.archive) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    proof = json.loads(files["proof.json"])
    say("ok" if asked.key in (None, proof["key"]) else "WRONG", f"key {proof['key']}; compare it with the operator's")
    check_files(files, proof["entries"])
    check_log(proof)
    for name in sorted(n for n in files if n.startswith("timestamp-")):
        say("open", f"{name}: check it by openssl ts -verify, or by blendwatch verify --time-root")
    if "evidence.safetensors" in files:
        replay(files)
        read_again(files, asked.hub, asked.most if asked.against_hub else 0)
    else:
        say("open", f"no weights are in this archive: {json.loads(files['case.json'])['left_out'] or 'none were kept'}")
    sys.exit(1 if failures else 0)

if __name__ == "__main__":
    main()
