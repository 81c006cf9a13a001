"""Verify an archive of a case offline: its bytes, its entries, the log's history, the time, the verdict."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

from cryptography import x509

from analyzers.verdict.replay import replay
from bot.proof.container import CASE, EVIDENCE, FILES, MANIFEST, PROOF, REPORT, STAMP, covered, json_of, unzipped
from bot.proof.signing import ProofError, PublicKey
from bot.proof.timestamps import check
from state.errors import StateError
from state.evidence.blobs import from_bytes
from state.proof import merkle
from state.proof.log import leaf_of

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a verification. `open`: it cannot be decided from the archive."""

    state: Literal["ok", "wrong", "open"]
    text: str


@dataclass(frozen=True, slots=True)
class Trusted:
    """Trust that a reader brings: the operator's key, roots of time servers, checkpoints seen earlier."""

    key: PublicKey | None = None
    roots: Sequence[x509.Certificate] = ()
    checkpoints: Sequence[str] = ()


def verify(content: bytes, trusted: Trusted) -> tuple[list[Step], dict[str, bytes]]:
    """Return the steps of a verification, and the archive's files. ProofError where it is no archive of a case."""
    files = unzipped(content)
    steps: list[Step] = []
    try:
        proof, case = json_of(files, PROOF), json_of(files, CASE)
        steps += _files(files, proof, case)
        steps += _log(files, proof, trusted)
        steps += _pointers(files)
        if not any(step.state == "wrong" for step in steps):
            steps += _verdict(files, case)
    except ProofError as error:
        steps.append(Step("wrong", str(error)))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        steps.append(Step("wrong", f"the archive has not the form of one: {type(error).__name__}"))
    return steps, files


def _files(files: Mapping[str, bytes], proof: Mapping[str, Any], case: Mapping[str, Any]) -> Iterator[Step]:
    """Compare each file with the manifest, and each file that the log knows with its entry."""
    manifest = json_of(files, MANIFEST)
    present = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    wrong = {n for n in {*manifest, *filter(covered, files)} if present.get(n) != manifest.get(n)}
    entries = {
        str(e["file"]): json_of({"entry": str(e["text"]).encode()}, "entry")
        for e in proof["entries"]
        if e["file"] != ""
    }
    wrong |= {name for name, entry in entries.items() if present.get(name) != entry["sha256"]}
    lost = {*case["logged"], MANIFEST} - set(entries)
    yield from (Step("wrong", f"{name} is not the file that the log names") for name in sorted(wrong))
    yield from (Step("wrong", f"the entry of {name} is missing") for name in sorted(lost))
    stamps = {f"{STAMP}{i}.tsr" for i in range(len(proof["checkpoints"]))}
    for name in sorted(n for n in files if n.startswith(STAMP) and n not in stamps):
        yield Step("wrong", f"{name} belongs to no checkpoint")
    if not wrong and not lost:
        yield Step("ok", f"{len(manifest) + 1} files are those of the manifest and of the log")


def _log(files: Mapping[str, bytes], proof: Mapping[str, Any], trusted: Trusted) -> Iterator[Step]:
    key = PublicKey.parse(proof["key"])
    if trusted.key is not None and trusted.key != key:
        yield Step("wrong", "the archive is signed with another key than the one given")
    heads = [key.opened(c["note"]) for c in proof["checkpoints"]]
    given = "the one given" if trusted.key else f"{key}; compare it with the one that the operator publishes"
    yield Step("ok", f"{len(heads)} checkpoints are signed with {given}")
    newest = heads[-1]
    for head, checkpoint in zip(heads, proof["checkpoints"], strict=True):
        if not merkle.is_extension(head, newest, _hashes(checkpoint["consistency"])):
            yield Step("wrong", f"the first {head[0]:,} entries of the log were rewritten later")
    for note in trusted.checkpoints:
        yield _against_earlier(key.opened(note), heads)
    for entry in proof["entries"]:
        head, text = heads[_index(entry["checkpoint"], len(heads))], str(entry["text"])
        about = json_of({"entry": text.encode()}, "entry")
        path, leaf = _hashes(entry["path"]), merkle.leaf_hash(leaf_of(text))
        included = merkle.root_of_path(leaf, int(entry["number"]), head[0], path) == head[1]
        said = f"entry {entry['number']}, {about['kind']} of {about['at']},"
        yield Step("ok" if included else "wrong", f"{said} is {'' if included else 'not '}in the log")
    for i, checkpoint in enumerate(proof["checkpoints"]):
        yield _time(files.get(f"{STAMP}{i}.tsr"), checkpoint["note"], heads[i][0], trusted)


def _against_earlier(earlier: tuple[int, bytes], heads: Sequence[tuple[int, bytes]]) -> Step:
    """Compare a checkpoint that the reader kept with one of this archive of the same size."""
    same = [root for size, root in heads if size == earlier[0]]
    if not same:
        text = f"your checkpoint of {earlier[0]:,} entries: ask for blendwatch proof consistency {earlier[0]}"
        return Step("open", text)
    good = same[0] == earlier[1]
    said = "is one of this log" if good else "is of another history: the log was forked"
    return Step("ok" if good else "wrong", f"your checkpoint of {earlier[0]:,} entries {said}")


def _time(token: bytes | None, note: str, size: int, trusted: Trusted) -> Step:
    if token is None:
        return Step("open", f"no time server stands behind the first {size:,} entries: their times are the operator's")
    if find_spec("rfc3161_client") is None:
        return Step("open", "the timestamp cannot be read without the extra: pip install 'blendwatch[timestamps]'")
    found = check(token, note.encode(), trusted.roots)
    when = f"the first {size:,} entries were there at {found.at:%Y-%m-%d %H:%M:%S} UTC, says {found.by}"
    if found.trusted:
        return Step("ok", when)
    return Step("open", f"{when}; give its root by --time-root, so that the signature is checked")


def _pointers(files: Mapping[str, bytes]) -> Iterator[Step]:
    """Check that the Hub's git ids of the weight files are those of pointers with these hashes."""
    if FILES not in files:
        return
    listed = json.loads(files[FILES])["files"]  # as it was kept
    large = [(path, f) for path, f in listed.items() if f.get("sha256") and f.get("git")]
    wrong = [path for path, f in large if _pointer(f["sha256"], f["size"]) != f["git"]]
    if large:
        said = "are named by git as pointers to these hashes" if not wrong else f"{wrong[0]} is not its pointer's file"
        yield Step("open" if wrong else "ok", f"{len(large) - len(wrong)} of {len(large)} large files {said}")


def _verdict(files: Mapping[str, bytes], case: Mapping[str, Any]) -> Iterator[Step]:
    """Draw the verdict again from the sampled weights alone."""
    if EVIDENCE not in files:
        why = "; ".join(map(str, case["left_out"])) or "none were kept"
        yield Step("open", f"the sampled weights are not in this archive: {why}")
        return
    try:
        verdict = replay(from_bytes(files[EVIDENCE]))
    except StateError as error:
        raise ProofError(str(error)) from None
    report = json_of(files, REPORT)
    found = (verdict.finding.kind, verdict.finding.family, {p.ref.repo_id for p in verdict.finding.parents})
    told = (report["finding"], report["family"], {p["repo_id"] for p in report["parents"]})
    yield Step("ok" if found == told else "wrong", f"from the sampled weights alone: {verdict.why}")


def _pointer(digest: str, size: int) -> str:
    """Return git's id of the pointer to a large file."""
    text = POINTER.format(digest, size).encode()
    return hashlib.sha1(b"blob %d\0" % len(text) + text, usedforsecurity=False).hexdigest()


def _hashes(texts: Sequence[str]) -> list[bytes]:
    """Return hashes from hex digits; ProofError for another spelling of the same bytes."""
    found = [bytes.fromhex(t) for t in texts]
    if [h.hex() for h in found] != list(texts):
        raise ProofError("a hash of the proof is not written as hashes are")
    return found


def _index(number: int, most: int) -> int:
    if not 0 <= number < most:
        raise ProofError(f"there is no checkpoint {number}")
    return number
