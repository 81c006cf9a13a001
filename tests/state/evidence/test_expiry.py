"""Evidence goes when no alert and no case rests on it; else it stays for ever."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from state.backup.retention import Pruned, Retention, prune
from state.evidence.blobs import Blobs
from state.records import KeptFile, NewCase, Settlement
from state.store import OutboxMessage, Store
from tests.state.events import NOW, event
from tests.state.folders import files_in

DAY = timedelta(days=1)
YEARS_AGO = NOW - 1000 * DAY
KEEP = Retention()


def keep(store: Store, blobs: Blobs, name: str, files: dict[str, bytes], at: datetime) -> int:
    """Record an upload with evidence; return its id."""
    store.record("feed", [event(name)], None, at)
    (upload,) = store.history(name)
    kept = [KeptFile(kind, blobs.put(content), len(content), False, at) for kind, content in files.items()]
    store.cases.keep(upload.id, kept)
    return upload.id


def aged(path: Path, days: float) -> None:
    """Set the age of a file."""
    when = (NOW - days * DAY).timestamp()
    os.utime(path, (when, when))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Make evidence of old and new uploads, alerted and quiet, some of it equal; and files that no row names."""
    folder = tmp_path / "data"
    blobs = Blobs(folder / "evidence")
    found = Settlement("found", "why", {"finding": "blend", "alert": True})
    with Store.open(f"sqlite:///{folder / 'blendwatch.sqlite'}") as store:
        keep(store, blobs, "org/quiet", {"card": b"quiet card", "config": b"shared config"}, YEARS_AGO)
        keep(store, blobs, "org/recent", {"card": b"recent card", "config": b"shared by two recent"}, NOW - 2 * DAY)
        keep(store, blobs, "org/older", {"card": b"older card", "config": b"shared by two recent"}, YEARS_AGO)
        case = keep(store, blobs, "org/case", {"card": b"case card", "verdict": b"case verdict"}, YEARS_AGO)
        store.settle(case, found, [], YEARS_AGO, NewCase("0123456789ab", "method"))
        told = keep(store, blobs, "org/told", {"card": b"told card", "config": b"shared config"}, YEARS_AGO)
        store.settle(told, found, [OutboxMessage("k", "discord", {"alert": True}, told)], YEARS_AGO)
    for content, days in ((b"old orphan", 3), (b"young orphan", 0.5)):
        digest = blobs.put(content)
        aged(folder / "evidence" / digest[:2] / digest, days)
    digest = blobs.put(b"recent card")
    for name, days in ((f"{digest}.0123abcd.part", 3), (f".{digest}.0123abcd", 3), (f"{digest}.aaaabbbb.part", 0.5)):
        path = folder / "evidence" / digest[:2] / name
        path.write_bytes(b"half")
        aged(path, days)
    ours = folder / "evidence" / digest[:2] / "operator.txt"
    ours.write_text("not of a watch")
    aged(ours, 999)
    return folder


def contents(data: Path) -> set[bytes]:
    """Return the contents of the evidence folder."""
    return {path.read_bytes() for path in (data / "evidence").rglob("*") if path.is_file()}


def of_evidence(pruned: list[Pruned]) -> Pruned:
    """Return the evidence part of a preview."""
    (one,) = [p for p in pruned if p.what == "evidence"]
    return one


def test_the_preview_changes_nothing_and_is_what_is_done(data: Path) -> None:
    """The same number and bytes; a second time there is nothing left to do."""
    before = files_in(data)
    shown = prune(data, lambda _: False, KEEP, NOW)
    assert files_in(data) == before
    size = sum(map(len, (b"quiet card", b"older card", b"old orphan", b"half", b"half")))
    assert of_evidence(shown) == Pruned(
        "evidence", 5, size, "2 of uploads without alert, 3 of no upload"
    )  # fmt: skip
    assert prune(data, lambda _: False, KEEP, NOW, apply=True) == shown
    again = of_evidence(prune(data, lambda _: False, KEEP, NOW, apply=True))
    assert (again.count, again.bytes) == (0, 0)


def test_what_stays(data: Path) -> None:
    """All evidence of a case, an alert or a recent upload stays, and so do unfinished and foreign files."""
    prune(data, lambda _: False, KEEP, NOW, apply=True)
    assert contents(data) == {
        b"recent card",
        b"shared by two recent",
        b"case card",
        b"case verdict",
        b"told card",
        b"shared config",  # of a quiet upload, and of an alerted one
        b"young orphan",
        b"half",
        b"not of a watch",
    }
    with Store.open(f"sqlite:///{data / 'blendwatch.sqlite'}") as store:
        kept = {name: store.cases.files(store.history(f"org/{name}")[0].id) for name in ("quiet", "older", "told")}
        assert {name: [f.kind for f in files] for name, files in kept.items()} == {
            "quiet": [],
            "older": [],
            "told": ["card", "config"],
        }
        blobs = Blobs(data / "evidence")
        assert [blobs.get(f.digest) for f in kept["told"]] == [b"told card", b"shared config"]


def test_the_policy_decides(data: Path) -> None:
    """With more days everything stays but what no upload names."""
    long = of_evidence(prune(data, lambda _: False, Retention(evidence_days=2000), NOW))
    assert (long.count, long.detail.partition(",")[0]) == (3, "0 of uploads without alert")
    short = of_evidence(prune(data, lambda _: False, Retention(evidence_days=1), NOW))
    assert short.detail.partition(",")[0] == "4 of uploads without alert"


def test_without_a_database_no_evidence_is_touched(data: Path) -> None:
    """Every file would look as if no row named it."""
    before = contents(data)
    (data / "blendwatch.sqlite").unlink()
    pruned = prune(data, lambda _: False, KEEP, NOW + 9 * DAY, apply=True)
    assert "evidence" not in {one.what for one in pruned}
    assert contents(data) == before


def test_killed_between_the_rows_and_the_files_it_is_ended_by_the_next_one(data: Path) -> None:
    """The leftover is a file that no row names, removed when it is a day old."""
    left = next(
        path for path in (data / "evidence").rglob("*") if path.is_file() and path.read_bytes() == b"quiet card"
    )
    prune(data, lambda _: False, KEEP, NOW, apply=True)
    left.write_bytes(b"quiet card")  # as if the process had ended before it came to this file
    aged(left, 0.5)
    assert of_evidence(prune(data, lambda _: False, KEEP, NOW, apply=True)).count == 0
    aged(left, 2)
    assert of_evidence(prune(data, lambda _: False, KEEP, NOW, apply=True)).detail.endswith(", 1 of no upload")
    assert not left.exists()
