"""Quantized uploads over real sockets: what is read, told and kept of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from analyzers.records import SampleSpec
from analyzers.verdict.replay import replay
from demo.gguf import PAIRS, parts
from demo.hub.repository import LoopbackRepo
from demo.models import Weights, files
from demo.quantizers import FORMATS
from demo.scene import BASE, HIDDEN, RELEASE
from state.evidence.blobs import Blobs, from_bytes
from state.sketches.store import SketchStore
from tests.bot.stage import REPOS, changed, stage

SIBLING, COPY = "finch/Meridian-Py", "rebrand/Phoenix"
FORMAT = "fp8 in blocks"


def weights_of(repo: LoopbackRepo) -> Weights:
    """Return a repository's weights, all bfloat16."""
    found = {}
    for path, blob in repo.files.items():
        if path.endswith(".safetensors"):
            data = blob.read(0, blob.size)
            length = int.from_bytes(data[:8], "little")
            for name, about in json.loads(data[8 : 8 + length]).items():
                if name != "__metadata__":
                    begin, end = about["data_offsets"]
                    bits = np.frombuffer(data[8 + length + begin : 8 + length + end], ml_dtypes.bfloat16)
                    found[name] = bits.reshape(about["shape"])
    return found


def quantized(repo: LoopbackRepo, name: str = FORMAT) -> LoopbackRepo:
    """Return a repository with its weights quantized."""
    made = files(FORMATS[name](weights_of(repo)), "")
    new = {path: blob.content for path, blob in made.items() if path.endswith((".safetensors", ".index.json"))}
    return changed(repo, new)


def as_gguf(
    repo: LoopbackRepo, kind: str, count: int = 1, words: int = 40, keys: Mapping[str, str] | None = None
) -> LoopbackRepo:
    """Return a repository with its weights as GGUF alone, in so many files, with so many words in the vocabulary.

    `keys`: more of the header.
    """
    gone: dict[str, bytes | None] = dict.fromkeys(p for p in repo.files if p.endswith((".safetensors", ".json")))
    tokens = [f"a long word, number {i}" for i in range(words)]
    pairs = dict(PAIRS) | {"tokenizer.ggml.tokens": tokens} | dict(keys or {})
    made = parts(weights_of(repo), kind, count, pairs)
    return changed(repo, gone | made)


@pytest.mark.parametrize(("kind", "count", "words"), [("Q8_0", 3, 40), ("BF16", 1, 40_000)])
def test_a_hidden_blend_in_gguf_alerts(tmp_path: Path, kind: str, count: int, words: int) -> None:
    """Split or with a header of a megabyte, over the Hub and in a folder, of which next to nothing is read."""
    upload = as_gguf(REPOS[HIDDEN], kind, count, words)
    folder = tmp_path / HIDDEN
    folder.mkdir(parents=True)
    for path, blob in upload.files.items():
        (folder / path).write_bytes(blob.read(0, blob.size))
    with stage(tmp_path, {n: REPOS[n] for n in (BASE, RELEASE)} | {HIDDEN: upload}) as at:
        reports = [at.report(HIDDEN), at.report(str(folder))]
    for report in reports:
        assert (report["finding"], report["exact"], report["audience"]) == ("blend", True, "public")
        found = {p["repo_id"]: p["coefficient"] for p in report["parents"]}
        assert found == pytest.approx({RELEASE: 0.565, BASE: 0.435}, abs=0.01)
    assert reports[0]["cost"]["requests"] < 360


def test_a_blend_whose_header_declares_its_parents_is_declared(tmp_path: Path) -> None:
    """Both are read of the file's base-model keys; one of them alone leaves a partly declared blend."""
    key, address = "general.base_model.{}.repo_url", "https://huggingface.co/{}"
    both = {key.format(i): address.format(name) for i, name in enumerate((RELEASE, BASE))}
    for keys, disclosure, alert in ((both, "disclosed", False), (dict([*both.items()][1:]), "partial", True)):
        upload = as_gguf(REPOS[HIDDEN], "Q8_0", keys=keys)
        (tmp_path / disclosure).mkdir()
        with stage(tmp_path / disclosure, {n: REPOS[n] for n in (BASE, RELEASE)} | {HIDDEN: upload}) as at:
            report = at.report(HIDDEN)
        assert (report["finding"], report["disclosure"], report["alert"]) == ("blend", disclosure, alert)


def test_of_several_quantizations_the_one_that_lost_least_is_read(tmp_path: Path) -> None:
    """Beside it lie smaller ones, a projector and an importance matrix."""
    small, large = as_gguf(REPOS[SIBLING], "Q4_0"), as_gguf(REPOS[SIBLING], "Q8_0")
    (name,) = (p for p in large.files if p.endswith(".gguf"))
    beside = {f"q4/{name}": small.files[name].read(0, small.files[name].size), "mmproj-f32.gguf": bytes(1 << 22)}
    with stage(tmp_path, {n: REPOS[n] for n in (BASE, RELEASE)} | {SIBLING: changed(large, beside)}) as at:
        report = at.report(SIBLING)
    assert (report["finding"], [p["repo_id"] for p in report["parents"]]) == ("derivative", [BASE])


def test_a_hidden_blend_in_fp8_alerts_and_its_evidence_says_the_same(tmp_path: Path) -> None:
    """The verdict comes out again of what was kept, and no quantized weight was kept as somebody's sketch."""
    with stage(tmp_path, {n: REPOS[n] for n in (BASE, RELEASE)} | {HIDDEN: quantized(REPOS[HIDDEN])}) as at:
        done = at.run("watch", "--once")
        assert done.returncode == 0, done.stderr
        upload = at.upload(HIDDEN)
        with at.store() as store:
            kept = [f.digest for f in store.cases.files(upload.id) if f.kind == "verdict"]
        evidence = from_bytes(Blobs(at.folder / "data" / "evidence").get(kept[-1]))
        assert at.told == [f"Partly declared blend: {HIDDEN}"]
        sketches = SketchStore(at.folder / "data" / "sketches")
        own = sketches.get(evidence.first.suspect.ref, SampleSpec())
        sketches.close()
    replayed = replay(evidence)
    report = upload.report
    assert report is not None
    assert (report["finding"], report["exact"], report["audience"]) == ("blend", True, "public")
    assert (replayed.finding.kind, replayed.finding.exact, replayed.audience) == ("blend", True, "public")
    assert [p.ref.repo_id for p in replayed.finding.parents] == [p["repo_id"] for p in report["parents"]]
    assert own is not None
    assert {key.role for key in own.sketch.samples} == {"embed_tokens", "lm_head"}


@pytest.mark.parametrize(
    ("name", "finding", "alert"), [(COPY, "copy", True), (SIBLING, "derivative", False)], ids=["copy", "sibling"]
)
def test_a_quantized_upload_is_judged_as_what_it_was(tmp_path: Path, name: str, finding: str, alert: bool) -> None:
    """A renamed copy of a release alerts; an honest sibling does not."""
    with stage(tmp_path, {n: REPOS[n] for n in (BASE, RELEASE)} | {name: quantized(REPOS[name])}) as at:
        report = at.report(name)
    assert (report["finding"], report["alert"]) == (finding, alert)
    assert report["sampled"]["compared"] > 0.99  # norms are not sampled


def test_a_known_model_that_is_quantized_throughout_is_no_reference(tmp_path: Path) -> None:
    """It cannot be read as one, which the report says."""
    known = weights_of(REPOS[RELEASE])
    linear = {n: w for n, w in known.items() if "proj" in n}
    made = files(FORMATS[FORMAT](linear), "")
    new = {p: b.content for p, b in made.items() if p.endswith((".safetensors", ".index.json"))}
    release = changed(REPOS[RELEASE], new)
    with stage(tmp_path, {BASE: REPOS[BASE], RELEASE: release, COPY: REPOS[COPY]}) as at:
        report = at.report(COPY)
    assert (report["finding"], report["alert"]) == ("derivative", False)
    assert any("nothing is compared with quantized weights" in problem for problem in report["problems"])
