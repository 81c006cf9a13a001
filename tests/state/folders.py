"""A data folder with every kind of content, and its content in a form that can be compared."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from state.evidence.blobs import Blobs
from state.records import KeptFile
from state.sketches.store import SketchStore
from state.sketches.unreadable_models import UnreadableModel, UnreadableModels
from state.store import Store
from tests.state.events import FOUND, NOW, event, message
from tests.state.sketches.test_store import several, titles


def filled(data: Path, uploads: int = 3, now: datetime = NOW) -> Path:
    """Fill a folder with uploads, one alerted with evidence, sketches, an unreadable model and a foreign file."""
    data.mkdir(parents=True, exist_ok=True)
    with Store.open(f"sqlite:///{data / 'blendwatch.sqlite'}") as store:
        store.record("feed", [event(f"org/m{i}") for i in range(uploads)], now, now)
        store.settle(1, FOUND, [message("k1")], now)
        blobs = Blobs(data / "evidence")
        files = {"card": b"# a card", "config": b"{}", "verdict": b"\x00bits"}
        store.cases.keep(1, [KeptFile(k, blobs.put(b), len(b), False, now) for k, b in files.items()])
    sketches = SketchStore(data / "sketches")
    sketches.put_all(several(4))
    sketches.close()
    UnreadableModels(data / "absences.json").put(
        "org/gone", UnreadableModel("it is gone", now + timedelta(days=1)), now
    )
    (data / "notes").mkdir()
    (data / "notes" / "operator.txt").write_text("ours")
    (data / "watch.lock").touch()
    return data


def held(data: Path) -> tuple[object, ...]:
    """Return the content of a data folder: rows, sketches, unreadable models, other files, evidence."""
    with closing(sqlite3.connect(data / "blendwatch.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = [
            database.execute(f"SELECT * FROM {t} ORDER BY 1").fetchall()
            for t in ("cursors", "uploads", "outbox", "evidence")
        ]
    others = {p.name: p.read_bytes() for p in (data / "absences.json", data / "notes" / "operator.txt")}
    evidence = {p.name: p.read_bytes() for p in (data / "evidence").rglob("*") if p.is_file()}
    return rows, titles(data / "sketches"), others, evidence


def files_in(folder: Path) -> dict[str, str]:
    """Return a digest of every file below a folder, except the locks."""
    paths = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix != ".lock")
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}
