"""The log grows with what it speaks of, in one transaction; what is rewritten is found."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import delete, text, update

from state.cases.opening import keep_files
from state.database.engine import transaction
from state.database.tables import evidence, log_entries, log_nodes
from state.errors import StateError
from state.evidence.expiry import forget_old
from state.proof.log import NewEntry, leaf_of
from state.proof.merkle import is_extension, leaf_hash, root_of_path
from state.records import KeptFile, NewCase, Note
from state.store import Store
from tests.state.events import FOUND, MINUTE, NOW, one_upload

KINDS = ["kept card", "kept files", "case opened", "note card", "note retracted"]


def kept(kind: str, fill: str = "a") -> KeptFile:
    """Return a file of evidence."""
    return KeptFile(kind, fill * 64, 7, False, NOW)


@pytest.fixture
def upload_id(store: Store) -> int:
    """Keep evidence, open a case and retract it."""
    upload = one_upload(store)
    store.cases.keep(upload.id, [kept("card"), kept("files", "b")])
    store.settle(upload.id, FOUND, [], NOW, NewCase("c" * 12, "m" * 12))
    store.cases.note(Note("c" * 12, "card", "changed", "key", NOW), [])
    store.cases.note(Note("c" * 12, "retracted", "wrong", "key 2", NOW), [], retract=True)
    return upload.id


@pytest.fixture
def signed(store: Store, upload_id: int) -> Store:
    """Return a store whose log has a checkpoint."""
    store.proofs.add_checkpoint(*store.proofs.tree_head(), "note", NOW)
    return store


def test_each_thing_is_entered_once(store: Store, upload_id: int) -> None:
    """Evidence, a case, a note and a withdrawal; repeating them enters nothing."""
    assert [e.kind for e in store.proofs.entries_of(upload_id)] == KINDS
    store.cases.keep(upload_id, [kept("card")])
    store.settle(upload_id, FOUND, [], NOW, NewCase("c" * 12, "m" * 12))
    assert not store.cases.note(Note("c" * 12, "card", "changed", "key", NOW), [])
    store.proofs.enter(NewEntry("export", upload_id, "e" * 64, 1, NOW))
    store.proofs.enter(NewEntry("export", upload_id, "e" * 64, 1, NOW + MINUTE))
    assert [e.kind for e in store.proofs.entries_of(upload_id)] == [*KINDS, "export"]
    assert store.proofs.audit() == []


def test_the_tree_holds_digests_alone_and_salted_ones(store: Store, upload_id: int) -> None:
    """Equal things have other leaves: from a digest nobody can guess a card."""
    store.cases.keep(upload_id, [kept("card 2")])
    texts = [json.loads(e.text or "") for e in store.proofs.entries_of(upload_id)]
    assert {t["sha256"] for t in texts if t["kind"].startswith("kept card")} == {"a" * 64}
    assert len({t["salt"] for t in texts}) == len(texts)
    assert {(t["repo_id"], t["revision"]) for t in texts} >= {("org/name", "a" * 40)}
    with transaction(store.engine) as connection:
        assert all(len(h) == 64 for h in connection.scalars(text("SELECT hash FROM log_nodes")))


def test_every_entry_is_proven(store: Store, upload_id: int) -> None:
    """The path of each entry leads to the root, and each size is a beginning of the next."""
    size, root = store.proofs.tree_head()
    for entry in store.proofs.entries_of(upload_id):
        leaf = leaf_hash(leaf_of(entry.text or ""))
        assert root_of_path(leaf, entry.number, size, store.proofs.inclusion(entry.number, size)) == root
    store.cases.keep(upload_id, [kept("config", "d")])
    assert is_extension((size, root), store.proofs.tree_head(), store.proofs.consistency(size, size + 1))


def test_neither_is_there_without_the_other(store: Store, upload_id: int) -> None:
    """A transaction that fails after both leaves neither evidence nor entry."""

    def dies() -> None:
        with transaction(store.engine) as connection:
            keep_files(connection, upload_id, [kept("config", "d")])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dies()
    assert [f.kind for f in store.cases.files(upload_id)] == ["card", "files"]
    assert [e.kind for e in store.proofs.entries_of(upload_id)] == KINDS


KILLED = """
import sys
from state.store import Store
from tests.state.proof.test_log import kept
store = Store.open(sys.argv[1])
for n in range(10**6):
    store.cases.keep(1, [kept(f"file {n}")])
    print(n, flush=True)
"""


def test_a_kill_leaves_neither_alone(store: Store, upload_id: int, url: str) -> None:
    """A writer that is killed at any moment leaves as many entries as files, and a sound tree."""
    for most in (3, 8, 14):
        command = [sys.executable, "-W", "ignore", "-c", KILLED, url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(most):
                writer.stdout.readline()
            writer.kill()
        entered = {e.kind for e in store.proofs.entries_of(upload_id)}
        assert {f"kept {f.kind}" for f in store.cases.files(upload_id)} == {k for k in entered if k.startswith("kept")}
        assert store.proofs.audit() == []


def test_erasing_what_was_kept_leaves_the_tree(signed: Store, upload_id: int) -> None:
    """The text of an entry goes with its evidence, and the leaf stays."""
    before = signed.proofs.tree_head()
    with transaction(signed.engine) as connection:
        connection.execute(delete(evidence).where(evidence.c.kind == "card"))
        forget_old(connection, NOW - timedelta(days=1))
    texts = {e.kind: e.text for e in signed.proofs.entries_of(upload_id)}
    assert texts["kept card"] is None
    assert texts["kept files"] is not None
    assert signed.proofs.tree_head() == before
    assert signed.proofs.audit() == []


def _changed_entry(store: Store) -> None:
    with transaction(store.engine) as connection:
        connection.execute(update(log_entries).where(log_entries.c.number == 1).values(text="{}"))


def _dropped_entry(store: Store) -> None:
    with transaction(store.engine) as connection:
        connection.execute(delete(log_entries).where(log_entries.c.number == 1))


def _dropped_end(store: Store) -> None:
    with transaction(store.engine) as connection:
        connection.execute(delete(log_entries).where(log_entries.c.number == len(KINDS) - 1))


def _swapped(store: Store) -> None:
    with transaction(store.engine) as connection:
        for number, new in ((1, -1), (2, 1), (-1, 2)):
            connection.execute(update(log_entries).where(log_entries.c.number == number).values(number=new))


def _rehashed(store: Store) -> None:
    """Change an entry and every hash above it, as one would who holds the database and not the key."""
    with transaction(store.engine) as connection:
        rows = list(connection.execute(log_entries.select().order_by(log_entries.c.number)))
        connection.execute(delete(log_entries))
        connection.execute(delete(log_nodes))
    again = [NewEntry(r.kind, r.upload_id, hashlib.sha256(r.sha256.encode()).hexdigest(), 1, NOW) for r in rows]
    for entry in again:
        store.proofs.enter(entry)


REWRITTEN: dict[Callable[[Store], None], str] = {
    _changed_entry: "entry 1 was changed after it was entered",
    _dropped_entry: "entry 2 is where entry 1 belongs",
    _dropped_end: "the log of proofs has 4 entries, and 5 were signed before",
    _swapped: "entry 1 was changed after it was entered",
    _rehashed: "the first 5 entries of the log of proofs are not those that were signed",
}


@pytest.mark.parametrize("rewrite", REWRITTEN)
def test_a_rewritten_log_is_found(signed: Store, rewrite: Callable[[Store], None]) -> None:
    """An entry changed, dropped or moved, the end cut off, and the whole tree made anew."""
    assert signed.proofs.audit() == []
    head = signed.proofs.tree_head()
    assert signed.proofs.differs(*head) == []
    rewrite(signed)
    found = [*signed.proofs.audit(), *signed.proofs.differs(*head)]
    assert any(wrong.startswith(REWRITTEN[rewrite]) for wrong in found)


@pytest.mark.parametrize("rewrite", [_dropped_end, _rehashed])
def test_nothing_is_signed_over_a_rewritten_log(signed: Store, rewrite: Callable[[Store], None]) -> None:
    """The next head is not given out where the newest checkpoint is not its beginning."""
    rewrite(signed)
    with pytest.raises(StateError, match="log of proofs"):
        signed.proofs.tree_head()


def test_a_checkpoint_and_its_token_stay(signed: Store, upload_id: int) -> None:
    """The first note and the first token of a size are kept."""
    size, root = signed.proofs.tree_head()
    signed.proofs.add_checkpoint(size, root, "another", NOW)
    signed.proofs.add_token(size, b"\0first")
    signed.proofs.add_token(size, b"second")
    (found,) = signed.proofs.checkpoints()
    assert (found.note, found.token, found.root) == ("note", b"\0first", root)
