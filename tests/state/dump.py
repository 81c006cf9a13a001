"""`python -m tests.state.dump`: keep the database of this version, with something in each table, as a dump.

Every revision has its dump in schemas/, made by the code of that revision and never changed afterwards: databases in
the world are as old as they are. A new revision needs one too; a table it brings has to be filled here.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

from state.case_records import Mute, NewRemark, Subscription
from state.cases.publications import Publications
from state.cases.subscriptions import Subscriptions
from state.database.engine import revisions
from state.records import KeptFile, NewCase, Note
from state.store import Settlement, Store
from tests.state.events import FOUND, MINUTE, NOW, RETRY, case_of, event, message

SCHEMAS = Path(__file__).with_name("schemas")


@patch("state.proof.log.SALT_BYTES", 0)  # a random salt would make each dump another
def fill(store: Store) -> None:
    """Put something into every table: uploads and messages in each of their states."""
    names = ("found", "skipped", "failed", "tried", "Pending")
    events = [event(f"org/{name}") for name in names] + [event("org/hub", hub_id="6" * 24, revision=None, gated=True)]
    store.record("feed", [*events, event("org/Größe", parameters=None)], NOW, NOW)
    ends = (FOUND, Settlement("skipped", "small: „klein“"), Settlement("failed", "gone"), RETRY)
    for number, end in enumerate(ends, start=1):
        alerts = [message(f"k{i}") for i in range(4)] if end is FOUND else []
        store.settle(number, end, alerts, NOW + number * MINUTE)
    store.post([message("news")], NOW)
    store.condition("disk", "1 MB left", NOW, lambda c: message(f"{c.name}{c.ended_at}"))
    store.condition("disk", None, NOW + MINUTE, lambda c: message(f"{c.name}{c.ended_at}"))
    store.cases.keep(1, [KeptFile("card", "a" * 64, 7, False, NOW)])
    store.settle(1, FOUND, [], NOW + MINUTE, NewCase("c" * 12, "m" * 12))
    store.cases.note(Note("c" * 12, "card", "changed", "key", NOW), [])
    fill_rooms(store)
    store.proofs.add_checkpoint(*store.proofs.tree_head(), "note", NOW)
    store.proofs.add_token(store.proofs.size(), b"token")
    sent, dead, again, _ = store.claim(NOW + 2 * MINUTE, 60, 4)
    store.mark_sent(sent.id, "1234567890", NOW + 3 * MINUTE)
    store.mark_failed(dead.id, "refused", None, NOW)
    store.mark_failed(again.id, "no answer", NOW + 9 * MINUTE, NOW)


def fill_rooms(store: Store) -> None:
    """Put something into the tables of the bot."""
    cases, subscriptions = Publications(store.engine), Subscriptions(store.engine)
    case_id = "d" * 12
    case_of(store, {"case": case_id, "suspect": {"repo_id": "org/Found"}})
    cases.open(case_id, "review", [], NOW, NOW + MINUTE)
    cases.record_decision(NewRemark(case_id, "publish", "5", "gut", "1"), NOW)
    subscriptions.put(Subscription("1", "10", {"strength": "exact"}, "77"), NOW)
    subscriptions.mute(Mute("1", "org", NOW + MINUTE, "5", "enough"), NOW)
    subscriptions.set_value("discord.commands", "digest", NOW)


def dump(database: Path) -> str:
    """Return a database as SQL."""
    with closing(sqlite3.connect(database)) as connection:
        return "\n".join(connection.iterdump()) + "\n"


def main() -> None:
    """Write the dump of the newest revision; one that is there already stays."""
    target = SCHEMAS / f"{revisions()[-1]}.sql"
    if target.exists():
        sys.exit(f"{target} is there already, and stays as it is")
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "state.db"
        with Store.open(f"sqlite:///{database}") as store:
            fill(store)
        target.write_text(dump(database), encoding="utf-8")
    sys.stdout.write(f"{target}\n")


if __name__ == "__main__":
    main()
