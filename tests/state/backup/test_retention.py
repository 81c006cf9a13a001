"""Pruning removes what the preview showed, and no data behind an alert, a verdict or a known model."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from analyzers.records import RepoRef
from state.backup.retention import Pruned, Retention, prune
from state.errors import StateError
from state.sketches.store import SketchStore
from state.store import OutboxMessage, Settlement, Store
from tests.state.events import NOW, event
from tests.state.folders import files_in
from tests.state.sketches.test_store import plain, stored, titles

DAY = timedelta(days=1)
YEARS_AGO = NOW - 1000 * DAY
KEEP = Retention()
KNOWN = {"org/known"}


def known(repo_id: str) -> bool:
    """Return True for a repo id in the registry."""
    return repo_id.lower() in KNOWN


def report(finding: str, alert: bool = False, parents: tuple[str, ...] = ()) -> dict[str, object]:
    """Return a report, as far as pruning reads it."""
    told = {"finding": finding, "alert": alert, "parents": [{"repo_id": p} for p in parents], "why": "x" * 500}
    return told | {"declared": {"parents": ["org/Declared"] if alert else []}}


def settled(store: Store, name: str, what: dict[str, object], at: object, message: object = None) -> int:
    """Record a judged upload, alerted with `message` if given; return its id."""
    assert store.record("feed", [event(name)], None, at) == 1  # type: ignore[arg-type]
    (upload,) = store.history(name)
    alerts = [OutboxMessage(f"{name}:1", "discord", message)] if message else []  # type: ignore[arg-type]
    found = Settlement("found", str(what["why"])[:9], what, weights_digest="d")
    store.settle(upload.id, found, alerts, at)  # type: ignore[arg-type]
    for row in store.claim(at, 60, 10):  # type: ignore[arg-type]
        store.mark_sent(row.id, "m1", at)  # type: ignore[arg-type]
    return upload.id


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Make old and new uploads of every kind, with sketches of each."""
    folder = tmp_path / "data"
    blend = report("blend", True, ("org/Parent", "org/known"))
    with Store.open(f"sqlite:///{folder / 'blendwatch.sqlite'}") as store:
        settled(store, "org/quiet", report("derivative"), YEARS_AGO)
        settled(store, "org/odd", report("inconclusive"), YEARS_AGO)
        settled(store, "org/recent", report("derivative", parents=("org/elder",)), NOW - 2 * DAY)
        settled(store, "org/open", report("blend"), YEARS_AGO)
        settled(store, "org/told", report("derivative", True), YEARS_AGO, {"said": "otherwise"})
        settled(store, "org/alerted", blend, YEARS_AGO, blend)
        settled(store, "org/fresh", blend, NOW - 2 * DAY, blend)
        store.record("feed", [event("org/small")], NOW, YEARS_AGO)
        store.settle(8, Settlement("skipped", "small"), [], YEARS_AGO)
    sketches = SketchStore(folder / "sketches")
    for name in ("quiet", "recent", "alerted", "Parent", "declared", "elder", "known", "stranger"):
        one = stored(plain(), ref=RepoRef(f"org/{name}", "a" * 40), title=name)
        sketches.put(replace(one, read_at=YEARS_AGO))
    sketches.put(replace(stored(plain(), ref=RepoRef("org/new", "a" * 40), title="new"), read_at=NOW - DAY))
    sketches.close()
    old, young = folder / "old.part", folder / "young.part"
    for path, age in ((old, 3), (folder / "tmp12ab_xyz", 3), (young, 0.1)):
        path.write_bytes(b"12345")
        when = (NOW - age * DAY).timestamp()
        os.utime(path, (when, when))
    return folder


def by_kind(pruned: list[Pruned]) -> dict[str, int]:
    """Count each kind."""
    return {one.what: one.count for one in pruned}


def test_the_preview_changes_nothing_and_is_what_is_done(data: Path) -> None:
    """Same kinds, numbers and bytes; then nothing is left to do; and the file is smaller."""
    before = files_in(data)
    shown = prune(data, known, KEEP, NOW)
    assert files_in(data) == before
    assert by_kind(shown) == {"reports": 2, "messages": 1, "sketches": 2, "leftovers": 2}
    assert prune(data, known, KEEP, NOW, apply=True) == shown
    assert [(one.count, one.bytes) for one in prune(data, known, KEEP, NOW)] == [(0, 0)] * 4
    assert shown[0].bytes > 1000


def test_what_stays(data: Path) -> None:
    """Every row, each report that an alert needs, payloads found nowhere else, and the sketches behind them."""
    prune(data, known, KEEP, NOW, apply=True)
    with Store.open(f"sqlite:///{data / 'blendwatch.sqlite'}") as store:
        uploads = {u.repo_id: u for i in range(1, 9) for u in store.history(_name(store, i))}
        assert {name for name, u in uploads.items() if u.report is None} == {"org/quiet", "org/odd", "org/small"}
        assert len(uploads) == 8
        assert uploads["org/quiet"].reason == "x" * 9
        said = {row.dedupe_key: row.payload for u in uploads.values() for row in store.messages_of(u.id)}
        assert said["org/told:1"] == {"said": "otherwise"}
        assert said["org/alerted:1"] == {}
        assert said["org/fresh:1"] == uploads["org/fresh"].report
    kept = ["Parent", "alerted", "declared", "elder", "known", "new", "recent"]
    assert titles(data / "sketches") == sorted(kept)
    assert (data / "young.part").exists()


def _name(store: Store, number: int) -> str:
    names = ("quiet", "odd", "recent", "open", "told", "alerted", "fresh", "small")
    return f"org/{names[number - 1]}"


def test_nothing_is_judged_or_alerted_twice_afterwards(data: Path) -> None:
    """The listing read again brings nothing new, the same weights are known, and the same alert is not queued."""
    prune(data, known, KEEP, NOW, apply=True)
    with Store.open(f"sqlite:///{data / 'blendwatch.sqlite'}") as store:
        names = [_name(store, i) for i in range(1, 9)]
        assert store.record("feed", [event(name) for name in names], None, NOW) == 0
        assert store.due(NOW, 10) == []
        assert store.known_weights("org/quiet", "d") is not None
        assert store.post([OutboxMessage("org/alerted:1", "discord", {"again": 1})], NOW) == 0
        assert store.claim(NOW, 60, 10) == []


def test_the_policy_decides(data: Path) -> None:
    """Longer days keep everything, shorter ones less."""
    long = Retention(report_days=2000, message_days=2000, sketch_days=2000, leftover_days=2000)
    assert set(by_kind(prune(data, known, long, NOW)).values()) == {0}
    short = Retention(report_days=1, message_days=1, sketch_days=1, leftover_days=0)
    assert by_kind(prune(data, known, short, NOW + DAY)) == {
        "reports": 3, "messages": 2, "sketches": 5, "leftovers": 3
    }  # fmt: skip


def test_pruning_does_not_wait(data: Path) -> None:
    """While a watch runs or the sketches are read, only a preview is possible; nothing is half done."""
    before = files_in(data)
    with FileLock(data / "watch.lock"):
        prune(data, known, KEEP, NOW)
        with pytest.raises(StateError, match=r"a watch is running on .*: stop it first"):
            prune(data, known, KEEP, NOW, apply=True)
    sketches = SketchStore(data / "sketches")
    prune(data, known, KEEP, NOW)
    with pytest.raises(StateError, match="another process uses the sketches"):
        prune(data, known, KEEP, NOW, apply=True)
    sketches.close()
    assert files_in(data) == before


def test_a_folder_that_holds_little_or_nothing(tmp_path: Path) -> None:
    """Without a database or sketches there is nothing to do and no complaint."""
    assert by_kind(prune(tmp_path, known, KEEP, NOW, apply=True)) == {"leftovers": 0}
    SketchStore(tmp_path / "sketches").close()
    assert by_kind(prune(tmp_path, known, KEEP, NOW, apply=True)) == {"sketches": 0, "leftovers": 0}


def test_the_database_shrinks(tmp_path: Path) -> None:
    """The file shrinks by about the reported size, and is sound."""
    path = tmp_path / "blendwatch.sqlite"
    with Store.open(f"sqlite:///{path}") as store:
        for number in range(100):
            settled(store, f"org/m{number}", report("unrelated") | {"long": "y" * 10_000}, YEARS_AGO)
    size = path.stat().st_size
    told = sum(one.bytes for one in prune(tmp_path, known, KEEP, NOW, apply=True))
    assert size - path.stat().st_size > 0.9 * told > 900_000
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
