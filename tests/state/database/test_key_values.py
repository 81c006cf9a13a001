"""Small facts and requests that outlive the process."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from state.database.key_values import KeyValue
from state.store import Store
from tests.state.events import NOW


def test_what_is_written_down_stays_until_it_is_dropped(tmp_path: Path) -> None:
    """The last word under a name counts; names are found by how they begin, as they are spelled."""
    later = NOW + timedelta(hours=1)
    with Store.open(f"sqlite:///{tmp_path / 'one.sqlite'}") as store:
        for name, value in {"a_1": None, "a_2": {"x": [1]}, "ab": 3}.items():
            store.key_values.put(name, value, NOW)
        store.key_values.put("a_1", "again", later)
    with Store.open(f"sqlite:///{tmp_path / 'one.sqlite'}") as store:
        one, two = KeyValue("a_1", "again", later), KeyValue("a_2", {"x": [1]}, NOW)
        assert store.key_values.first("a_", 9) == [one, two]
        assert (store.key_values.get("a_1"), store.key_values.get("a")) == (one, None)
        store.key_values.drop(["a_1", "nothing"])
        assert store.key_values.first("", 9) == [KeyValue("ab", 3, NOW), two]


def test_what_was_noted_first_comes_first_however_often_it_is_noted(tmp_path: Path) -> None:
    """Of one moment the last names come first; when it was last noted is kept, too."""
    later = NOW + timedelta(hours=1)
    with Store.open(f"sqlite:///{tmp_path / 'one.sqlite'}") as store:
        store.key_values.note(["n1", "n2"], NOW)
        store.key_values.note([], NOW)
        store.key_values.note(["n3", "n1"], later)
        found = store.key_values.first("n", 9)
        assert [(mark.name, mark.changed_at) for mark in found] == [("n2", NOW), ("n1", later), ("n3", later)]
        assert store.key_values.first("n", 1) == found[:1]
