"""Whatever is sent says how things stand by then, and what was retracted is held against nobody any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.alerts.delivery import Delivered
from bot.alerts.sinks import WebhookSink
from bot.cases.casework import Casework
from bot.text.sanitize import unmarked
from demo.discord.server import LoopbackDiscord
from state.evidence.blobs import Blobs
from state.records import CaseFile, OutboxRow
from state.store import OutboxMessage, Store
from tests.bot.alerts.test_delivery import START, Clock
from tests.bot.alerts.test_rate_cap import CAP, WHERE, go, states, told

DAY = timedelta(days=1)


@dataclass
class Stage:
    """A store and its webhook."""

    discord: LoopbackDiscord
    store: Store
    keeper: Casework
    clock: Clock

    def case(self, number: int) -> CaseFile:
        """The case that was told with this number."""
        case = self.store.cases.with_id(f"{number:012x}")
        assert case is not None
        return case

    def note(self, number: int, kind: str, text: str, what: str = "") -> None:
        """Let something happen to a case."""
        assert self.keeper.note(self.case(number), kind, text, what)

    def retract(self, number: int) -> None:
        """Take a case back."""
        assert self.keeper.retract(self.case(number), "we were wrong")

    def go(self, later: timedelta = timedelta(hours=1)) -> Delivered:
        """Send what is due by then."""
        self.clock.now += later
        return go(self.store, {WHERE: WebhookSink(self.discord.webhook_url, self.discord.api_base)}, self.clock)

    @property
    def titles(self) -> list[str]:
        """Of all messages that Discord has, as they are now."""
        return [message["embeds"][0]["title"] for message in self.discord.messages]

    def since(self, place: int) -> str:
        """What a message says has happened since, without the times."""
        fields = self.discord.messages[place]["embeds"][0].get("fields", [])
        return unmarked(next((f["value"] for f in fields if f["name"] == "Since then, newest first"), ""))

    def rows(self, number: int) -> list[OutboxRow]:
        """All messages about a case."""
        return self.store.messages_of(self.case(number).upload_id)


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Stage]:
    """Everything on loopback."""
    with LoopbackDiscord() as discord, Store.open(f"sqlite:///{tmp_path / 'state.db'}") as store:
        clock = Clock()
        yield Stage(discord, store, Casework(store, Blobs(tmp_path / "evidence"), clock), clock)


ALERT = "Partly declared blend: org/m"


def test_what_was_retracted_before_it_was_told_is_not_told(at: Stage) -> None:
    """Neither the alert nor its retraction, and nothing of it counts as lost."""
    for number in (0, 1):
        told(at.store, number)
    at.retract(0)
    assert at.go() == Delivered(sent=1)
    assert at.titles == [f"{ALERT}1"]
    assert states(at.store) == {"sent": 3}
    assert [(row.message_id, row.sent_at) for row in at.rows(0)] == [(None, None)] * 2
    assert at.rows(0)[0].last_error == "not told here, because the case was retracted before"
    assert at.store.alert_digests.alerts_since(WHERE, START - DAY) == 1


@pytest.mark.parametrize(
    ("retracted", "digest"), [(1, ["3 alerts in one message"]), (3, [f"{ALERT}{CAP + 3}"]), (4, [])]
)
def test_what_waits_for_a_digest_and_is_retracted_is_not_in_it(at: Stage, retracted: int, digest: list[str]) -> None:
    """Of four on top of the cap some are taken back; one that is left is told as it is."""
    for number in range(CAP + 4):
        told(at.store, number)
    for number in range(CAP, CAP + retracted):
        at.retract(number)
    assert at.go().sent == CAP + 4 - retracted
    assert at.titles[CAP:] == digest
    assert set(states(at.store)) == {"sent"}
    assert [row.message_id for row in at.rows(CAP)] == [None] * 2


def test_where_an_attempt_may_have_told_it_the_retraction_is_told_alone(at: Stage) -> None:
    """The connection was cut after the alert had arrived: it stands there and nobody knows its id."""
    told(at.store, 0)
    at.discord.faults.drops = 1
    assert at.go() == Delivered(failed=1)
    at.retract(0)
    at.go()
    assert at.titles == [f"{ALERT}0", "Retracted: org/m0"]
    assert states(at.store) == {"sent": 2}


def test_a_retry_does_not_undo_a_retraction(at: Stage) -> None:
    """News that could not be told is not told after it, and the alert still says that it was taken back."""
    told(at.store, 0)
    at.go()
    at.note(0, "card", "still not declared")
    at.discord.faults.html = 1
    assert at.go() == Delivered(failed=1)
    at.retract(0)
    for _ in range(3):
        at.go()
    assert at.titles == ["Retracted: org/m0", "Retracted: org/m0"]
    assert "Retracted: we were wrong" in at.since(0)
    assert states(at.store) == {"sent": 3}


def test_a_retry_shows_what_has_happened_by_then(at: Stage) -> None:
    """The older of two pieces of news is told last; the alert shows both."""
    told(at.store, 0)
    at.go()
    at.note(0, "card", "still not declared")
    at.discord.faults.html = 1
    at.go()
    at.note(0, "declared", "declared since: a/B")
    at.go(timedelta(seconds=1))
    at.go()
    assert at.titles == [
        "Now declared: org/m0",
        "The card declares the models now: org/m0",
        "The card was changed: org/m0",
    ]
    assert "The card declares the models now: declared since: a/B" in at.since(0)


def test_what_happened_before_an_alert_was_sent_stands_on_it(at: Stage) -> None:
    """What could not be sent yet says it once it is."""
    told(at.store, 0)
    at.discord.faults.html = 1
    at.go()
    at.note(0, "declared", "declared since: a/B")
    assert at.go(timedelta(seconds=1)) == Delivered()
    assert at.go() == Delivered(sent=1)
    assert at.titles == ["Now declared: org/m0"]
    assert "The card declares the models now: declared since: a/B" in at.since(0)


def test_news_waits_for_what_is_on_its_way_there(at: Stage) -> None:
    """An alert that is being sent was drawn before the news; so was the edit of earlier news."""
    told(at.store, 0)
    (sending,) = at.store.claim(START, 9999, 1)
    at.note(0, "gone", "org/m0 is not on the Hub")
    assert at.go(timedelta(minutes=1)) == Delivered(failed=1)
    at.store.mark_sent(sending.id, "123456789012345678", START)
    assert at.go() == Delivered(sent=1)
    assert at.titles == ["The repository is gone, or private: org/m0"]


def test_whatever_happens_to_a_case_of_a_digest_edits_it(at: Stage) -> None:
    """Each line says what has happened last, or that its case was retracted."""
    for number in range(CAP + 3):
        told(at.store, number)
    at.go()
    at.note(CAP, "declared", "declared since: a/B")
    at.note(CAP + 1, "gone", "not on the Hub")
    at.retract(CAP + 2)
    at.go()
    lines = at.discord.messages[CAP]["embeds"][0]["description"].splitlines()[-3:]
    assert lines[0].endswith(f"`case {CAP:012x}` · The card declares the models now")
    assert lines[1].endswith(f"`case {CAP + 1:012x}` · The repository is gone, or private")
    assert lines[2].startswith("[Retracted: org/m")
    assert lines[2].endswith(f"`case {CAP + 2:012x}`")


def test_a_message_of_an_earlier_version_is_told_as_things_stand(at: Stage) -> None:
    """It holds what was so when it was made, and that is not what is told."""
    told(at.store, 0)
    at.go()
    case = at.case(0)
    at.keeper.note(case, "declared", "declared since: a/B", "a/B", tell=False)
    key = f"{case.case_id}:declared:a/B"
    (head,) = at.rows(0)
    old: dict[str, Any] = {
        "follow_up": {"title": "T", "text": "x", "kind": "declared", "key": key, "case": case.case_id, "repo_id": "r"},
        "head": head.message_id,
        "report": case.report,
        "since": [],
        "retracted": False,
    }
    at.store.post([OutboxMessage(f"{key}@{WHERE}", WHERE, old, case.upload_id)], at.clock())
    assert at.go() == Delivered(sent=1)
    assert at.titles == ["Now declared: org/m0", "The card declares the models now: org/m0"]
    assert "declared since: a/B" in at.since(0)
