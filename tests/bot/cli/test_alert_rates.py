"""What rates counts: people's decisions by shape, uploads by format, and what nobody has measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.cases.casework import Casework
from bot.cli.alert_rates import SHAPES, formats_of, rates_of, shape_of
from demo.scene import BASE, HIDDEN, RELEASE
from state.case_records import NewRemark
from state.cases.publications import Publications
from state.evidence.blobs import Blobs
from state.records import KeptFile, Outcomes, Settlement
from state.store import Store
from tests.bot.alerts.test_embeds import report
from tests.bot.stage import REPOS, stage
from tests.state.events import NOW, case_of, event

FEW = {name: REPOS[name] for name in (BASE, RELEASE, HIDDEN, "murk/Broken-7B")}
TOWER = {"name": "visual", "parameters": 5, "finding": "copy"}
COPY = {
    "finding": "copy",
    "suspect": {"repo_id": "somebody/Aurora-1-7B-mirror"},
    "parents": [{"repo_id": "org/Aurora-1-7B"}],
}


def listing(*files: str, tags: Sequence[str] = ()) -> dict[str, Any]:
    """A listing as it is kept."""
    return {"files": {name: {} for name in files}, "tags": list(tags)}


@pytest.mark.parametrize(
    ("changes", "kept", "shape"),
    [
        ({}, {}, "text"),
        ({}, listing("model.safetensors", tags=["text-generation"]), "text"),
        ({}, listing("model_index.json", "transformer/model.safetensors"), "pipeline"),
        ({"components": [TOWER | {"name": "text_encoder"}]}, listing("text_encoder/model.safetensors"), "pipeline"),
        ({"components": [TOWER]}, listing("model.safetensors"), "VL"),
        ({}, listing("model.safetensors", tags=["image-text-to-text"]), "VL"),
        ({"declared": {"relation": "quantized"}}, {}, "quantized"),
        ({}, listing("model.safetensors", tags=["AWQ"]), "quantized"),
        ({"suspect": {"format": "gguf"}}, listing("model-Q8_0.gguf"), "quantized"),
        ({}, listing("adapter_model.safetensors"), "adapter"),
        (COPY, {}, "mirror"),
        (COPY | {"finding": "blend"}, {}, "text"),
        ({"components": [None], "declared": None, "parents": "none"}, {"files": [], "tags": "awq"}, "VL"),
    ],
)
def test_shapes(changes: dict[str, Any], kept: dict[str, Any], shape: str) -> None:
    """Each alert has one; text where nothing else applies, whatever strangers or older versions wrote."""
    assert shape_of(report() | changes, kept) == shape


def test_every_decision_counts_once_and_the_last_word_is_a_retraction(tmp_path: Path) -> None:
    """Right: confirmed by a reviewer or the operator. Wrong: rejected or retracted. What is no alert is not counted."""
    with Store.open(f"sqlite:///{tmp_path / 'state.db'}") as store:
        blobs = Blobs(tmp_path / "evidence")
        cases, keeper = Publications(store.engine), Casework(store, blobs, lambda: NOW)
        for number in range(7):
            told = report(case=f"{number:012x}", alert=number != 6)
            upload = case_of(store, told)
            cases.open(told["case"], "review", [], NOW)
            if number == 5:
                data = json.dumps(listing("model_index.json")).encode()
                store.cases.keep(upload, [KeptFile("files", blobs.put(data), len(data), False, NOW)])
        cases.confirm(NewRemark(f"{0:012x}", "publish", "1", "right"), None, NOW)
        cases.confirm(NewRemark(f"{0:012x}", "publish", "2", "right"), None, NOW)
        cases.decide(NewRemark(f"{1:012x}", "reject", "1", "wrong"), 1, [], NOW)
        for number, (right, wrong) in {2: (True, False), 3: (True, True)}.items():
            case = store.cases.with_id(f"{number:012x}")
            assert case is not None
            assert not right or keeper.confirm(case, "looked at it")
            assert not wrong or keeper.retract(case, "no")
        found = rates_of(store, blobs)
    text = found["alerts"]["text"]
    assert (text["right"], text["wrong"], text["undecided"]) == (2, 2, 1)
    assert (text["precision"], text["at_least"]) == (0.5, pytest.approx(0.0976, abs=1e-4))
    assert found["alerts"]["pipeline"] == {
        "right": 0,
        "wrong": 0,
        "undecided": 1,
        "precision": None,
        "at_least": None,
    }
    missing = [f"alerts of shape {shape}" for shape in SHAPES if shape != "text"]
    assert found["not_measured"][: len(missing)] == missing
    assert "what was missed" in " ".join(found["not_measured"])


def test_uploads_are_counted_by_format_and_reason(tmp_path: Path) -> None:
    """What was left out unread is no safetensors; a format that is not read is named as unmeasured."""
    ends = [
        Settlement("found", "why", {"finding": "blend"}),
        Settlement("found", "why", {"finding": "copy", "suspect": {"format": "gguf"}}),
        Settlement("found", "nothing could be sampled: no large matrix is stored as F32", {"finding": "inconclusive"}),
        Settlement("skipped", "1,000 parameters, fewer than 3,000"),
        Settlement("skipped", "no safetensors weights, only .bin, .gguf"),
        Settlement("skipped", "1,000 bytes of weights, fewer than 3,000"),
        Settlement("failed", "org/m5 is gated: its files are only for those whom its owner lets in."),
        Settlement("failed", "the shard is odd"),
    ]
    with Store.open(f"sqlite:///{tmp_path / 'state.db'}") as store:
        store.record("feed", [event(f"org/m{i}") for i in range(len(ends) + 1)], NOW, NOW)
        for upload, end in zip(store.due(NOW, 20), ends, strict=False):
            store.settle(upload.id, end, [], NOW)
            if end is ends[-1]:
                store.cases.keep(upload.id, [KeptFile("files", "f" * 64, 2, False, NOW)])
        found = rates_of(store, Blobs(tmp_path / "evidence"))
    assert found["uploads"] == {
        ".bin, .gguf": {"skipped": {"another format": 1}},
        "not looked at": {"failed": {"gated": 1}, "skipped": {"too small": 1}},
        "gguf": {"found": {"copy": 1}},
        "safetensors": {
            "failed": {"could not be read": 1},
            "found": {"blend": 1, "inconclusive: a type that is not read": 1},
            "skipped": {"too small": 1},
        },
    }
    assert "uploads with .bin, .gguf alone, which are not read" in found["not_measured"]
    assert formats_of([Outcomes("failed", "", "", False, "", 3)]) == {
        "not looked at": {"failed": {"could not be read": 3}}
    }


def test_the_command(tmp_path: Path) -> None:
    """A table and JSON of what a watch stored and its operator confirmed; one clear error without a database."""
    with stage(tmp_path, FEW) as at:
        nothing = at.run("rates")
        assert at.run("watch", "--once").returncode == 0
        before = at.run("rates")
        assert at.run("case", "confirm", (at.upload(HIDDEN).report or {})["case"]).returncode == 0
        shown, told = at.run("rates"), at.run("rates", "--json")
    assert (nothing.returncode, "made by blendwatch watch" in nothing.stderr) == (2, True)
    assert "0 right, 0 wrong, 1 undecided: not measured yet" in before.stdout
    assert "1 right, 0 wrong, 0 undecided: precision 1.000, at least 0.050" in shown.stdout
    assert "alerts of shape pipeline" in shown.stdout
    facts = json.loads(told.stdout)
    assert facts["alerts"]["text"]["at_least"] == pytest.approx(0.05)
    assert facts["uploads"]["safetensors"]["found"]["blend"] == 1
