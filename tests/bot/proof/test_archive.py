"""Archives of a linear blend and of a stack: verified offline, and every tampered byte found."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from analyzers.records import RepoRef
from bot.proof import verify_alone
from bot.proof.against import against_folder
from bot.proof.container import CARD, EVIDENCE, MANIFEST, PROOF, REPORT, VERIFY, manifest_of, unzipped, zipped
from bot.proof.coordinates import Opened
from bot.proof.export import Exporter
from bot.proof.notary import Notary
from bot.proof.signing import FILE, ProofError, load
from bot.proof.verification import Step, Trusted, verify
from demo.scene import BASE, HIDDEN, RELEASE
from state.evidence.blobs import Blobs
from state.proof.canonical import canonical
from state.proof.log import ProofLog
from tests.bot.proof.archives import STACK, exported, watched
from tests.bot.proof.time_server import OPENSSL, time_server
from tests.bot.stage import NOW, Stage, saved

pytestmark = pytest.mark.xdist_group("archives")  # one stage for all
SCRIPT = Path(verify_alone.__file__)


@dataclass(frozen=True)
class Made:
    """A stage and its two archives."""

    at: Stage
    linear: bytes
    stack: bytes
    trusted: Trusted


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Watch, retract the blend, and export both cases, with timestamps where there is openssl."""
    folder = tmp_path_factory.mktemp("archives")
    with time_server(folder / "tsa") as server, watched(folder, BLENDWATCH_TIMESTAMP_URL=server.url) as at:
        with at.store() as store:
            (case,) = [c for c in store.cases.all() if c.report["suspect"]["repo_id"] == HIDDEN]
        assert at.run("case", "retract", case.case_id, "--reason", "declared in the paper").returncode == 0
        linear, stack = (exported(at, name, BLENDWATCH_TIMESTAMP_URL=server.url) for name in (HIDDEN, STACK))
        trusted = Trusted(load(folder / "data" / FILE, make=False).public, [server.root])
        yield Made(at, linear.read_bytes(), stack.read_bytes(), trusted)


def wrong(content: bytes, trusted: Trusted) -> list[str]:
    """Return what a verification finds wrong."""
    try:
        steps, _ = verify(content, trusted)
    except ProofError as error:
        return [str(error)]
    return [step.text for step in steps if step.state == "wrong"]


def wrong_alone(content: bytes, folder: Path, *words: str) -> bool:
    """Return True if the script finds anything wrong, or cannot read the archive."""
    (folder / "case.zip").write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["verify.py", str(folder / "case.zip"), *words])
        patch.setattr(verify_alone, "failures", 0)
        try:
            verify_alone.main()  # type: ignore[no-untyped-call]
        except SystemExit as ended:
            return bool(ended.code)
        except Exception:  # noqa: BLE001 - a damaged file
            return True
    return False


def changed(content: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """Return an archive whose files were changed and packed again."""
    files = unzipped(content)
    change(files)
    return zipped(files)


def edited(content: bytes, edit: Callable[[dict[str, Any]], None]) -> bytes:
    """Return an archive with an edited proof."""

    def change(files: dict[str, bytes]) -> None:
        proof = json.loads(files[PROOF])
        edit(proof)
        files[PROOF] = canonical(proof)

    return changed(content, change)


@pytest.mark.parametrize("kind", ["linear", "stack"])
def test_an_archive_is_verified_offline(made: Made, kind: str) -> None:
    """Bytes, signature, inclusion, time and verdict."""
    steps, files = verify(getattr(made, kind), made.trusted)
    assert {step.state for step in steps} == {"ok"}, steps
    said = "\n".join(step.text for step in steps)
    for part in (
        "case opened",
        "kept samples",
        "kept card",
        "kept verdict",
        "from the sampled weights",
        "UTC, says CN=",
    ):
        assert part in said
    assert ("note retracted" in said) == (kind == "linear")
    assert files[VERIFY] == SCRIPT.read_bytes()


@pytest.mark.parametrize("kind", ["linear", "stack"])
def test_the_script_repeats_the_bits_and_reads_them_again(made: Made, kind: str, tmp_path: Path) -> None:
    """A process with numpy alone, and the same bytes by ranges from the Hub."""
    (tmp_path / "case.zip").write_bytes(getattr(made, kind))
    command = [sys.executable, "-I", str(SCRIPT), "case.zip", "--against-hub", "--hub", made.at.hub.url]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    expected = {"linear": "gives 1.0000 of", "stack": f"30 of 30 tensors are a parent's bit for bit: 16 of {RELEASE}"}
    assert expected[kind] in done.stdout
    assert f"{BASE}: same bytes at the Hub" in done.stdout
    assert "WRONG" not in done.stdout


def test_the_script_needs_numpy_alone() -> None:
    """Its imports are the standard library's and numpy, and it is short."""
    lines = SCRIPT.read_text(encoding="utf-8").splitlines()
    imports = {line.split()[1].partition(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imports - set(sys.stdlib_module_names) == {"numpy"}
    assert len(lines) < 300


def test_the_same_bytes_are_read_again(made: Made, tmp_path: Path) -> None:
    """From the Hub and from a folder; a folder with one other weight is found, and so is its file's hash."""
    archive = tmp_path / "case.zip"
    archive.write_bytes(made.stack)
    done = made.at.run("verify", str(archive), "--against-hub")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("at the Hub: the same") == 3
    model = tmp_path / STACK
    model.mkdir(parents=True)
    for path, blob in made.at.hub.repos[STACK].files.items():
        (model / path).write_bytes(blob.read(0, blob.size))
    saved(tmp_path, BASE)
    _, files = verify(made.stack, made.trusted)
    states = [(s.state, s.text.partition(" in ")[0]) for s in against_folder(files, tmp_path)]
    assert ("ok", STACK) in states
    assert [state for state, _ in states].count("open") == 1  # the release is not in the folder
    (shard, *_) = sorted(model.glob("*.safetensors"))
    data = bytearray(shard.read_bytes())
    data[8 + int.from_bytes(data[:8], "little") :] = bytes(len(data) - 8 - int.from_bytes(data[:8], "little"))
    shard.write_bytes(data)
    found = [s for s in against_folder(files, tmp_path) if s.state == "wrong"]
    assert len(found) == 2
    assert "slices hold other bytes" in found[0].text
    assert found[1] == Step("wrong", f"{shard.name} has not the hash that the Hub gave at first sight")


def test_every_flipped_byte_of_every_file_is_found(made: Made, tmp_path: Path) -> None:
    """At several places of each file; what the time server signed is found with its root."""
    files = unzipped(made.linear)
    assert len(files) >= 12 - (OPENSSL is None)
    for name, content in files.items():
        for at in {0, len(content) // 2, len(content) - 1}:
            other = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
            forged = zipped(files | {name: other})
            assert wrong(forged, made.trusted), (name, at)
            if not name.startswith("timestamp-"):  # the script leaves these to openssl
                assert wrong_alone(forged, tmp_path), (name, at)


def test_every_character_of_the_proof_counts(made: Made) -> None:
    """No other spelling of the same hashes, numbers or signatures is taken."""
    files = unzipped(made.linear)
    for at in range(0, len(files[PROOF]), 61):
        other = files[PROOF][:at] + bytes([files[PROOF][at] ^ 32]) + files[PROOF][at + 1 :]
        assert wrong(zipped(files | {PROOF: other}), made.trusted), at


def test_every_flipped_byte_of_the_container_is_found(made: Made) -> None:
    """The container's own bytes as well: times, attributes, sizes."""
    for at in (*range(60), *range(len(made.linear) - 900, len(made.linear))):
        forged = made.linear[:at] + bytes([made.linear[at] ^ 1]) + made.linear[at + 1 :]
        assert wrong(forged, made.trusted), at
    assert wrong(made.linear + b"\0", made.trusted)
    assert wrong(b"", made.trusted) == ["the file is not an archive of a case, or it is damaged"]


def test_a_forger_has_to_rewrite_the_log(made: Made, tmp_path: Path) -> None:
    """A new manifest is not in the log, a new entry is not in the tree, a new tree is not signed, a new key is seen."""

    def forge(files: dict[str, bytes]) -> None:
        files[REPORT] = files[REPORT].replace(RELEASE.encode(), b"other/Model")

    step_1 = changed(made.linear, forge)
    assert f"{REPORT} is not the file that the log names" in wrong(step_1, made.trusted)

    def with_manifest(files: dict[str, bytes]) -> None:
        forge(files)
        named = json.loads(files[MANIFEST])
        files[MANIFEST] = manifest_of({name: files[name] for name in named})

    step_2 = changed(made.linear, with_manifest)
    assert f"{MANIFEST} is not the file that the log names" in wrong(step_2, made.trusted)
    digests = {n: sha256(c).hexdigest() for n, c in unzipped(step_2).items()}

    def with_entries(proof: dict[str, Any]) -> None:
        for entry in proof["entries"]:
            about = json.loads(entry["text"])
            entry["text"] = canonical(about | {"sha256": digests[entry["file"]]}).decode()

    step_3 = edited(step_2, with_entries)
    assert any("is not in the log" in text for text in wrong(step_3, made.trusted))
    other = load(tmp_path / FILE, make=True)

    def with_key(proof: dict[str, Any]) -> None:
        proof["key"] = str(other.public)
        for c in proof["checkpoints"]:
            c["note"] = other.checkpoint(*made.trusted.key.opened(c["note"]))  # type: ignore[union-attr]

    step_4 = edited(made.linear, with_key)
    assert "the archive is signed with another key than the one given" in wrong(step_4, made.trusted)
    assert wrong_alone(step_4, tmp_path, "--key", str(made.trusted.key))
    for forged in (step_1, step_2, step_3):
        assert wrong_alone(forged, tmp_path)


def test_a_dropped_entry_is_found(made: Made, tmp_path: Path) -> None:
    """A withdrawal left out of the proof, or out of the archive."""
    notes = [name for name in unzipped(made.linear) if name.startswith("notes/")]
    assert notes

    def drop(proof: dict[str, Any]) -> None:
        proof["entries"] = [e for e in proof["entries"] if e["file"] != notes[-1]]

    without_entry = edited(made.linear, drop)
    assert f"the entry of {notes[-1]} is missing" in wrong(without_entry, made.trusted)
    without_file = changed(without_entry, lambda files: files.__delitem__(notes[-1]))
    assert wrong(without_file, made.trusted)
    assert wrong_alone(without_entry, tmp_path)
    assert wrong_alone(without_file, tmp_path)


def test_moved_entries_are_found(made: Made, tmp_path: Path) -> None:
    """Two entries that change their numbers."""

    def swap(proof: dict[str, Any]) -> None:
        one, other, *_ = proof["entries"]
        one["number"], other["number"] = other["number"], one["number"]

    forged = edited(made.linear, swap)
    assert sum("is not in the log" in text for text in wrong(forged, made.trusted)) == 2
    assert wrong_alone(forged, tmp_path)


def test_a_fork_between_two_checkpoints_is_found(made: Made, tmp_path: Path) -> None:
    """The operator's own key signs another history: no consistency proof leads from one to the other."""
    signer = load(made.at.folder / "data" / FILE, make=False)

    def fork(proof: dict[str, Any]) -> None:
        size, _ = signer.public.opened(proof["checkpoints"][0]["note"])
        proof["checkpoints"][0]["note"] = signer.checkpoint(size, bytes(32))

    forged = edited(made.linear, fork)
    assert any("were rewritten later" in text for text in wrong(forged, replace(made.trusted, roots=())))
    assert wrong_alone(forged, tmp_path)
    proof = json.loads(unzipped(made.linear)[PROOF])
    kept = proof["checkpoints"][0]["note"]
    size, _ = signer.public.opened(kept)
    assert wrong(made.linear, replace(made.trusted, checkpoints=[kept])) == []
    other = replace(made.trusted, checkpoints=[signer.checkpoint(size, bytes(32))])
    assert wrong(made.linear, other) == [
        f"your checkpoint of {size:,} entries is of another history: the log was forked"
    ]


def test_the_log_is_audited(made: Made, tmp_path: Path) -> None:
    """The log as it is holds; a checkpoint of another history does not."""
    done = made.at.run("proof", "checkpoint")
    (tmp_path / "kept").write_text(done.stdout.rstrip() + "\n")
    assert made.at.run("proof", "audit", str(tmp_path / "kept")).returncode == 0
    assert made.at.run("proof", "key").stdout.strip() == str(made.trusted.key)
    signer = load(made.at.folder / "data" / FILE, make=False)
    (tmp_path / "fork").write_text(signer.checkpoint(3, bytes(32)))
    forked = made.at.run("proof", "audit", str(tmp_path / "fork"))
    assert (forked.returncode, "the first 3 entries" in forked.stdout) == (1, True)
    proof = json.loads(made.at.run("proof", "consistency", "3", "--json").stdout)
    assert len(proof["consistency"]) > 1


def test_an_export_can_be_repeated(made: Made) -> None:
    """The same case gives the same bytes while nothing is entered."""
    again = [exported(made.at, STACK).read_bytes() for _ in range(2)]
    assert again[0] == again[1]


@pytest.mark.parametrize("closed", [HIDDEN, RELEASE])
def test_nothing_of_a_gated_repository_leaves(made: Made, closed: str) -> None:
    """Neither words nor bytes, unless it is asked for; the log still proves that they were kept."""
    with made.at.store() as store:
        (case,) = [c for c in store.cases.all() if c.report["suspect"]["repo_id"] == HIDDEN]
        data = made.at.folder / "data"
        notary = Notary(ProofLog(store.engine), load(data / FILE, make=False), lambda: NOW, "")

        def ask(ref: RepoRef) -> Opened | None:
            return Opened(ref.repo_id == closed, {})

        exporter = Exporter(store, Blobs(data / "evidence"), notary, lambda: NOW, ask)
        public, left = asyncio.run(exporter.export(case, private=False))
        private, none = asyncio.run(exporter.export(case, private=True))
    files = unzipped(public)
    assert (EVIDENCE in files, CARD in files) == (False, closed != HIDDEN)
    assert EVIDENCE in unzipped(private)
    assert (len(left), none) == (1, [])
    assert left[0].startswith(closed)
    assert wrong(public, made.trusted) == []
    words = b"Post-trained by our own team."
    assert (words in public, words in private) == (closed != HIDDEN, True)
    kept = unzipped(private)[EVIDENCE]
    assert kept[-512:] not in public
    assert base64.b64encode(kept[-30:]) not in public
    steps = verify(public, made.trusted)[0]
    assert {s.state for s in steps} == {"ok", "open"}
    assert any("kept samples" in s.text and s.text.endswith("is in the log") for s in steps)


def test_an_archive_is_written_where_it_can_be(made: Made) -> None:
    """A folder that is not there is one line; the file is the owner's alone."""
    done = made.at.run("case", "list", "--json")
    case_id = json.loads(done.stdout)["cases"][0]["case"]
    refused = made.at.run("case", "export", case_id, "-o", "/nowhere/case.zip")
    assert (refused.returncode, "cannot be written" in refused.stderr) == (2, True)
    assert not exported(made.at, STACK).stat().st_mode & 0o077
