"""The second look over real sockets: painted coordinates, parents that are gone, a Hub that is out of reach."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from analyzers.records import SampleSpec
from analyzers.sketch.coordinates import ReadBudget, plan_reads
from analyzers.sketch.layout import layout_of
from analyzers.sketch.tensor_roles import groups_of
from bot.check.second_look import BYTES
from bot.watch.watcher import RETRIES
from demo.hub.faults import Fault, always
from demo.hub.repository import LoopbackRepo
from demo.scene import BASE, HIDDEN, RELEASE
from state.store import Store
from tests.analyzers.makers import header_of
from tests.bot.stage import REPOS, Stage, changed, stage
from tests.bot.watch.test_watcher import one_pass

SIBLING, STRANGER = "finch/Meridian-Py", "oakridge/Taiga-1"
ALERT = "Partly declared blend: cidade-azul/Guanabara-1"
EVERYTHING = ReadBudget(slices=1000, requests=10_000, bytes=1 << 40)
ITEM = 2  # bytes of a bfloat16


def shards(repo: LoopbackRepo) -> dict[str, bytes]:
    """Return the content of its weight files."""
    return {p: b.read(0, b.size) for p, b in repo.files.items() if p.endswith(".safetensors")}


def painted(onto: LoopbackRepo, source: LoopbackRepo) -> tuple[LoopbackRepo, float]:
    """Overwrite exactly the public coordinates of one model with another's weights; and the share of bytes changed."""
    paint, canvas = shards(source), {p: bytearray(d) for p, d in shards(onto).items()}
    layout = layout_of({path: header_of(bytes(data)) for path, data in canvas.items()})
    plan = plan_reads(groups_of(layout), SampleSpec(), EVERYTHING)
    for read in (r for reads in plan.reads for r in reads):
        for window in read.windows:
            at = read.slice.begin + (window.row * read.slice.cols + window.col) * ITEM
            end = at + window.length * ITEM
            canvas[read.slice.entry.shard][at:end] = paint[read.slice.entry.shard][at:end]
    before = shards(onto)
    differ = sum(a != b for p in canvas for a, b in zip(canvas[p], before[p], strict=True))
    files: Mapping[str, bytes] = {p: bytes(data) for p, data in canvas.items()}
    return changed(onto, files), differ / sum(map(len, before.values()))


def learned(at: Stage) -> None:
    """Let the known models be read, so that what follows reads them again for a second look alone."""
    at.report(STRANGER)


def test_painted_coordinates_alert_nobody(tmp_path: Path) -> None:
    """An honest upload with a blend's weights at all public coordinates: fresh coordinates do not bear it out."""
    upload, share = painted(REPOS[SIBLING], REPOS[HIDDEN])
    assert 0 < share < 0.02
    with stage(tmp_path, REPOS | {SIBLING: upload}) as at:
        report = at.report(SIBLING)
        again = at.report(SIBLING)
    assert report["looks"]["second"]["seed"] != again["looks"]["second"]["seed"]
    assert not again["alert"]
    assert report["looks"]["second"]["reason"] == "before an alert"
    assert (report["finding"], report["alert"], report["parents"]) == ("inconclusive", False, [])
    assert "fresh coordinates do not bear it out" in report["why"]
    assert f"0.565 {RELEASE} + 0.435 {BASE}" in report["why"]


def test_a_blend_painted_over_with_an_honest_model_is_not_named_by_the_first_look_alone(tmp_path: Path) -> None:
    """The other way round the public coordinates show nothing, which is why some quiet models are drawn by lot."""
    upload, _ = painted(REPOS[HIDDEN], REPOS[SIBLING])
    with stage(tmp_path, REPOS | {HIDDEN: upload}) as at:
        report = at.report(HIDDEN)
    second = report["looks"]["second"]
    assert second is None or second["reason"] == "drawn by lot"
    assert report["alert"] is False or second is not None


def without(at: Stage, *names: str) -> None:
    """Take repositories down."""
    for name in names:
        del at.hub.repos[name]


def test_taking_a_parent_down_does_not_clear_what_was_made_of_it(tmp_path: Path) -> None:
    """What is exact at the public coordinates stands, says what was gone, and notes it among the problems."""
    with stage(tmp_path) as at:
        learned(at)
        without(at, RELEASE)
        one = at.report(HIDDEN)
        without(at, BASE)
        both = at.report(HIDDEN)
    for report, gone in ((one, [RELEASE]), (both, [RELEASE, BASE])):
        notes = [n for n in report["problems"] if "could not be read at fresh coordinates" in n]
        assert len(notes) == len(gone)
        assert all(any(name in note for note in notes) for name in gone)
        assert (report["finding"], report["exact"], report["audience"]) == ("blend", True, "reviewers")
        assert report["why"].startswith(
            f"{', '.join(gone)} could not be read at fresh coordinates; at the public ones: "
        )
    assert one["looks"]["second"]["sampled"]["weights"] > 0
    assert both["looks"]["second"]["sampled"]["weights"] == 0


def padded(repo: LoopbackRepo, size: int) -> LoopbackRepo:
    """The same weights behind a header that is longer by `size` bytes."""
    path, data = max(shards(repo).items())
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length]) | {"__metadata__": {"format": "pt", "note": "a" * size}}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return changed(repo, {path: len(text).to_bytes(8, "little") + text + data[8 + length :]})


def test_a_long_header_of_a_parent_does_not_clear_what_was_made_of_it(tmp_path: Path) -> None:
    """It may take all that the second look is given: weights are read all the same."""
    few = {name: REPOS[name] for name in (BASE, HIDDEN)} | {RELEASE: padded(REPOS[RELEASE], BYTES + 500_000)}
    with stage(tmp_path, few) as at:
        report = at.report(HIDDEN)
    assert report["cost"]["bytes_read"] > BYTES
    assert report["looks"]["second"]["sampled"]["weights"] > 0
    assert (report["finding"], report["exact"], report["alert"]) == ("blend", True, True)


def test_a_hub_out_of_reach_at_the_second_look_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The upload waits with its reason and no alert; the next pass judges it and alerts once.

    So does a stranger, whose third look needs the same model.
    """
    few = {name: REPOS[name] for name in (BASE, RELEASE, HIDDEN, STRANGER)}
    few[STRANGER] = replace(few[STRANGER], created_at=REPOS[HIDDEN].created_at + timedelta(minutes=1), hub_id="")
    with stage(tmp_path, few) as at, Store.open(f"sqlite:///{_data(tmp_path)}") as store:
        learned(at)
        at.hub.fault = always(Fault(status=503), RELEASE)
        one_pass(at, store, monkeypatch)
        (waiting,) = store.history(HIDDEN)
        (other,) = store.history(STRANGER)
        assert (waiting.state, waiting.retry_at is None, other.state) == ("failed", False, "failed")
        assert "503" in waiting.reason
        assert "503" in other.reason
        assert at.told == []
        at.hub.fault = None
        one_pass(at, store, monkeypatch, later=RETRIES[0] + timedelta(minutes=1))
        (judged,) = store.history(HIDDEN)
        (other,) = store.history(STRANGER)
        assert (judged.state, other.state) == ("found", "found")
        assert at.told == [ALERT]


def _data(folder: Path) -> Path:
    (folder / "data").mkdir(exist_ok=True)
    return folder / "data" / "blendwatch.sqlite"
