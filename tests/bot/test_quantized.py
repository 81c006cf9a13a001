"""Quantized uploads over real sockets: what is read, told and kept of them."""

from __future__ import annotations

import json
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from analyzers.evidence import replay
from analyzers.records import SampleSpec
from demo.loopback_repo import LoopbackRepo
from demo.models import Weights, files
from demo.scene import BASE, HIDDEN, RELEASE
from state.evidence import Blobs, from_bytes
from state.sketches import SketchStore
from tests.analyzers.quantizers import FORMATS
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


def test_a_hidden_blend_in_fp8_alerts_and_its_evidence_says_the_same(tmp_path: Path) -> None:
    """The verdict comes out again of what was kept, and no quantized weight was kept as somebody's sketch."""
    with stage(tmp_path, {n: REPOS[n] for n in (BASE, RELEASE)} | {HIDDEN: quantized(REPOS[HIDDEN])}) as at:
        done = at.run("watch", "--once")
        assert done.returncode == 0, done.stderr
        upload = at.upload(HIDDEN)
        with at.store() as store:
            kept = [f.digest for f in store.cases.files(upload.id) if f.kind == "verdict"]
        evidence = from_bytes(Blobs(at.folder / "data" / "evidence").get(kept[-1]))
        assert at.told == [f"Blend, 1 of 2 parents not declared: {HIDDEN}"]
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
    assert any("nothing is held against quantized weights" in problem for problem in report["problems"])
