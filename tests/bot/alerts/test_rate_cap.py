"""A flood of alerts: the first ones one by one, the rest in one message an hour, and every one of them arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.alerts.compose import DIGEST_LINES as LINES
from bot.alerts.delivery import LEASE_SECONDS, Batch, Delivered, Sink, TryLater, deliver
from bot.alerts.rate_cap import HOUR, HourlyCap
from bot.alerts.sinks import WebhookSink
from bot.cases.casework import Casework
from bot.cases.rendering import as_they_stand
from demo.discord.server import LoopbackDiscord
from demo.scene import BASE, HIDDEN, RELEASE
from state.evidence.blobs import Blobs
from state.records import NewCase, Settlement
from state.store import OutboxMessage, Store
from tests.bot.alerts.test_delivery import START, Clock
from tests.bot.alerts.test_embeds import report
from tests.bot.stage import REPOS, stage
from tests.state.events import event

CAP = 3
WHERE = "discord"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(f"sqlite:///{tmp_path / 'state.db'}") as opened:
        yield opened


def alert(number: int, strength: str = "strong") -> dict[str, Any]:
    """A report of its own upload and case."""
    name = f"org/m{number}"
    return report(suspect={"repo_id": name, "revision": "a" * 40}, case=f"{number:012x}", strength=strength)


def post(store: Store, numbers: Sequence[int], now: datetime, where: str = WHERE) -> None:
    """Put alerts into the outbox."""
    store.post([OutboxMessage(f"org/m{n}@{where}:{n:012x}", where, alert(n)) for n in numbers], now)


def told(store: Store, number: int) -> int:
    """Settle an upload with a case and its alert, as the watch does; the upload's id."""
    store.record("feed", [event(f"org/m{number}")], None, START)
    (upload,) = store.history(f"org/m{number}")
    case = f"{number:012x}"
    message = OutboxMessage(f"org/m{number}@aaaa:{case}", WHERE, alert(number))
    store.settle(upload.id, Settlement("found", "why", alert(number)), [message], START, NewCase(case, "method"))
    return upload.id


@dataclass
class Reader:
    """A sink that keeps what it gets, and when; it fails as often as it is told to."""

    clock: Clock
    failures: int = 0
    heard: list[tuple[datetime, Mapping[str, Any]]] = field(default_factory=list)

    async def send(self, given_report: Mapping[str, Any]) -> str:
        """Keep it."""
        if self.failures:
            self.failures -= 1
            raise TryLater("Not now.")
        self.heard.append((self.clock(), given_report))
        return f"{len(self.heard)}"

    @property
    def sizes(self) -> list[int]:
        """How many alerts each message told, 0 for what is no alert."""
        return [_size(payload) for _, payload in self.heard]


def _size(payload: Mapping[str, Any]) -> int:
    if "digest" in payload:
        return len(payload["digest"]) + int(payload["more"])
    return int(payload.get("alert") is True)


def cap_of(store: Store, per_hour: int = CAP, *where: str) -> HourlyCap:
    """A cap on the destinations, or on the usual one."""
    return HourlyCap(store.alert_digests, per_hour, frozenset(where or {WHERE}))


def go(
    store: Store, sinks: Mapping[str, Sink], clock: Callable[[], datetime], cap: HourlyCap | None = None
) -> Delivered:
    """One pass of the delivery."""
    where = as_they_stand(sinks, store)
    return asyncio.run(deliver(store, where, clock, cap=cap or cap_of(store), chance=lambda: 0.0))


def states(store: Store) -> dict[str, int]:
    """How many messages are in each state, but for none."""
    counted = {name: number for name, number in store.counts().items() if name.startswith("alerts.") and number}
    return {name.removeprefix("alerts."): number for name, number in counted.items()}


def test_what_comes_on_top_of_the_cap_is_one_message(store: Store) -> None:
    """Over real sockets: three by themselves, forty in a digest that names 25 of them and counts the rest."""
    clock = Clock()
    ids = [told(store, number) for number in range(CAP + 40)]
    with LoopbackDiscord() as server:
        sinks = {WHERE: WebhookSink(server.webhook_url, server.api_base)}
        assert go(store, sinks, clock) == Delivered(sent=CAP + 40)
        assert go(store, sinks, clock) == Delivered()
        titles = [message["embeds"][0]["title"] for message in server.messages]
        digest = server.messages[-1]["embeds"][0]["description"].splitlines()
        message_ids = [message["id"] for message in server.messages]
    assert titles[:CAP] == [f"Partly declared blend: org/m{n}" for n in range(CAP)]
    assert titles[CAP:] == ["40 alerts in one message"]
    lines = [line for line in digest if "](" in line]
    assert len(lines) == LINES
    assert "(https://huggingface.co/org/m3) · `case 000000000003`" in lines[0]
    assert digest[-1] == f"… and {40 - LINES} more: `blendwatch case list`"
    rows = [row for upload_id in ids for row in store.messages_of(upload_id)]
    assert [row.message_id for row in rows] == message_ids[:CAP] + [message_ids[-1]] * 40
    assert {row.state for row in rows} == {"sent"}


def test_alerts_that_several_hands_send_at_once_are_counted(store: Store) -> None:
    """Two of five are on top of the cap: they wait a moment for what becomes of the first three, then are told."""
    post(store, range(CAP + 2), START)
    cap = cap_of(store)
    rows = store.claim(START, 60, CAP + 2)
    batches = [cap.batch(row, START) for row in reversed(rows)]
    assert [batch is None for batch in batches] == [True, True, False, False, False]
    assert states(store) == {"pending": 2, "sending": CAP}
    for row in rows[:CAP]:
        store.mark_sent(row.id, "m", START)
    clock = Clock()
    clock.go(6)
    reader = Reader(clock)
    assert go(store, {WHERE: reader}, clock) == Delivered(sent=2)
    assert reader.sizes == [2]


def test_after_a_digest_the_others_wait_an_hour_and_arrive(store: Store) -> None:
    """Nothing is told in between, to wait is no failed attempt, and `why` can say what an alert waits for."""
    clock = Clock()
    reader = Reader(clock)
    post(store, range(CAP + 2), clock())
    go(store, {WHERE: reader}, clock)
    clock.go(60)
    post(store, range(100, 105), clock())
    for _ in range(20):
        assert go(store, {WHERE: reader}, clock) == Delivered()
        clock.go(150)
    assert states(store) == {"sent": CAP + 2, "pending": 5}
    (waiting,) = store.alert_digests.claim_alerts(WHERE, START + HOUR, 60, 1)
    assert (waiting.attempts, waiting.next_at) == (1, START + HOUR)
    assert waiting.last_error is not None
    assert "waits for the next digest" in waiting.last_error
    clock.now = START + 2 * HOUR
    go(store, {WHERE: reader}, clock)
    assert reader.sizes == [1, 1, 1, 2, 1, 1, 1, 2]
    assert states(store) == {"sent": CAP + 7}


def test_one_alert_on_top_of_the_cap_is_told_as_it_is(store: Store) -> None:
    """A digest of one would say less than the alert; the next ones wait all the same."""
    clock = Clock()
    reader = Reader(clock)
    for number in range(CAP + 3):
        post(store, [number], clock())
        go(store, {WHERE: reader}, clock)
        clock.go(1)
    assert reader.sizes == [1] * (CAP + 1)
    assert states(store) == {"sent": CAP + 1, "pending": 2}


def test_no_digest_holds_an_exact_alert(store: Store) -> None:
    """Exact ones of a flood come one by one, before and after a digest; the others wait for it as ever."""
    clock = Clock()
    reader = Reader(clock)
    mixed = [alert(n, "exact" if n % 3 == 2 else "strong") for n in range(30)]
    store.post([OutboxMessage(f"m@{WHERE}:{r['case']}", WHERE, r) for r in mixed], clock())
    go(store, {WHERE: reader}, clock)
    clock.go(60)
    later = [alert(n, "exact" if n % 2 else "indicative") for n in range(100, 106)]
    store.post([OutboxMessage(f"m@{WHERE}:{r['case']}", WHERE, r) for r in later], clock())
    go(store, {WHERE: reader}, clock)
    exact = [r["case"] for r in [*mixed, *later] if r["strength"] == "exact"]
    alone = [p["case"] for _, p in reader.heard if "digest" not in p]
    folded = [r["case"] for _, p in reader.heard for r in p.get("digest", ())]
    assert sorted(set(exact) - set(alone)) == []
    assert len(folded) == 18  # of twenty that are not exact, two were below the cap
    assert not set(folded) & set(exact)
    assert states(store) == {"sent": 33, "pending": 3}


def test_news_and_follow_ups_are_neither_counted_nor_folded_nor_held_back(store: Store) -> None:
    """They go past any number of alerts that wait, and take no alert's place."""
    clock = Clock()
    reader = Reader(clock)

    def others(number: int) -> list[OutboxMessage]:
        news = OutboxMessage(f"operator:{number}", WHERE, {"operator": {"title": "disk nearly full"}})
        since = {"follow_up": {"title": "Retracted", "case": "1a2b3c"}, "report": alert(1), "head": "7"}
        return [news, OutboxMessage(f"1a2b3c:retracted:{number}@{WHERE}", WHERE, since)]

    for number in range(10):
        store.post(others(number), clock())
    assert go(store, {WHERE: reader}, clock).sent == 20
    post(store, range(CAP + 2), clock())
    go(store, {WHERE: reader}, clock)
    assert reader.sizes == [0] * 20 + [1] * CAP + [2]
    post(store, range(100, 400), clock())
    store.post(others(99), clock())
    assert go(store, {WHERE: reader}, clock) == Delivered(sent=2)
    assert reader.sizes[-2:] == [0, 0]
    assert states(store)["pending"] == 300


def test_each_destination_has_a_cap_of_its_own_and_some_have_none(store: Store) -> None:
    """A flood in one place delays nothing in another; a place that cannot show a digest gets every alert."""
    clock = Clock()
    readers = {name: Reader(clock) for name in (WHERE, "console", "rooms")}
    for where in readers:
        post(store, range(CAP + 4), clock(), where)
    go(store, readers, clock, cap_of(store, CAP, WHERE, "console"))
    assert {name: reader.sizes for name, reader in readers.items()} == {
        WHERE: [1] * CAP + [4],
        "console": [1] * CAP + [4],
        "rooms": [1] * (CAP + 4),
    }


class Killed(BaseException):
    """The process ends here, as a kill would end it."""


class DyingCap(HourlyCap):
    """A cap whose process dies after a digest was sent and before it is marked."""

    def sent(self, batch: Batch, message_id: str | None, now: datetime) -> None:
        """Die."""
        raise Killed


def test_a_kill_between_a_digest_and_its_mark_sends_it_twice_and_loses_nothing(store: Store) -> None:
    """Until the lease is over nobody sends it again; then it comes whole, and once more only."""
    clock = Clock()
    post(store, range(CAP + 4), clock())
    with LoopbackDiscord() as server:
        sinks = {WHERE: WebhookSink(server.webhook_url, server.api_base)}
        with pytest.raises(Killed):
            go(store, sinks, clock, DyingCap(store.alert_digests, CAP, frozenset({WHERE})))
        assert states(store) == {"sent": CAP, "sending": 4}
        assert go(store, sinks, clock) == Delivered()
        clock.go(LEASE_SECONDS)
        assert go(store, sinks, clock) == Delivered(sent=4)
        assert go(store, sinks, clock) == Delivered()
        titles = [message["embeds"][0]["title"] for message in server.messages]
        texts = [message["embeds"][0]["description"] for message in server.messages]
    assert titles[CAP:] == ["4 alerts in one message"] * 2
    assert texts[CAP] == texts[CAP + 1]
    assert states(store) == {"sent": CAP + 4}


def test_a_digest_that_does_not_arrive_is_tried_again_whole(store: Store) -> None:
    """All of its rows wait together, and what has come since is in it."""
    clock = Clock()
    reader = Reader(clock)
    post(store, range(CAP), clock())
    go(store, {WHERE: reader}, clock)
    reader.failures = 1
    post(store, range(CAP, CAP + 4), clock())
    assert go(store, {WHERE: reader}, clock) == Delivered(failed=4)
    post(store, [100], clock())
    clock.go(60)
    assert go(store, {WHERE: reader}, clock) == Delivered(sent=5)
    assert reader.sizes == [1] * CAP + [5]


def test_a_retraction_edits_the_digest_and_leaves_the_other_cases_in_it(store: Store, tmp_path: Path) -> None:
    """Over real sockets: the one line says that it was taken back, and every other line stays as it was."""
    clock = Clock()
    for number in range(CAP + 4):
        told(store, number)
    with LoopbackDiscord() as server:
        sinks = {WHERE: WebhookSink(server.webhook_url, server.api_base)}
        go(store, sinks, clock)
        before = server.messages[-1]["embeds"][0]["description"].splitlines()
        number, keeper = len(server.messages), Casework(store, Blobs(tmp_path / "evidence"), clock)
        for one in (CAP + 1, 0):  # one of the digest, and one that has a message of its own
            case = store.cases.get(f"{one:012x}")
            assert case is not None
            assert keeper.retract(case, "we were wrong")
        go(store, sinks, clock)
        first, *_, digest = server.messages[:number]
        posted = [message["embeds"][0]["title"] for message in server.messages[number:]]
    after = digest["embeds"][0]["description"].splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [new for _, new in changed] == [
        old.replace("[Partly declared blend: ", "[Retracted: ") for old, _ in changed
    ]
    assert [f"case {CAP + 1:012x}" in new for _, new in changed] == [True]
    assert digest["embeds"][0]["title"] == "4 alerts in one message"
    assert first["embeds"][0]["title"] == "Retracted: org/m0"
    assert posted == [f"Retracted: org/m{CAP + 1}", "Retracted: org/m0"]


def test_the_watch_keeps_to_the_cap_that_is_set(tmp_path: Path) -> None:
    """The whole way: its own alert, three more as a digest, and the next ones wait for another hour."""
    with stage(tmp_path, {name: REPOS[name] for name in (BASE, RELEASE, HIDDEN)}) as at:
        for numbers in ((), range(3), range(3, 5)):
            if numbers:
                with at.store() as opened:
                    post(opened, numbers, datetime.now(UTC))
            done = at.run("watch", "--once", BLENDWATCH_ALERTS_PER_HOUR="1")
            assert done.returncode == 0, done.stderr
        assert at.told == [f"Partly declared blend: {HIDDEN}", "3 alerts in one message"]
        assert "2 alerts wait for the next digest" in done.stderr
        with at.store() as opened:
            assert states(opened) == {"sent": 4, "pending": 2}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 15)), max_size=40))
def test_whatever_comes_no_hour_is_louder_than_it_may_be_and_all_arrives(
    tmp_path_factory: pytest.TempPathFactory, arrivals: list[tuple[int, int]]
) -> None:
    """Alerts at any time (minutes apart, so many): in any hour the cap and one digest, or what stands for it."""
    clock = Clock()
    reader = Reader(clock)
    number = 0
    with Store.open(f"sqlite:///{tmp_path_factory.mktemp('state') / 'state.db'}") as store:
        for minutes, many in [*arrivals, *[(40, 0)] * 4]:
            clock.go(60 * minutes)
            post(store, range(number, number + many), clock())
            number += many
            go(store, {WHERE: reader}, clock)
        waiting = states(store).get("pending", 0)
    names = [r["suspect"]["repo_id"] for _, p in reader.heard for r in p.get("digest", [p])]
    assert sum(reader.sizes) + waiting == number
    assert waiting == 0
    assert len(set(names)) == len(names)
    for begin in {at for at, _ in reader.heard}:
        within = [size for (at, _), size in zip(reader.heard, reader.sizes, strict=True) if begin <= at < begin + HOUR]
        assert len(within) <= CAP + 1
        assert sum(size > 1 for size in within) <= 1
