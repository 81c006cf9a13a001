"""Plays whose messages go to a webhook: delivery, digests, follow-ups of a case, and asking its model."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from analyzers.records import RepoFacts
from bot.alerts.delivery import deliver
from bot.alerts.operator import News
from bot.alerts.rate_cap import HourlyCap
from bot.alerts.replaced_webhook import send_again
from bot.alerts.sinks import WebhookSink
from bot.cases.casework import Casework
from bot.cases.followup import Followups
from bot.cases.identity_check import Asking
from bot.cases.rendering import as_they_stand
from bot.config.inference import Budget, Endpoint
from bot.hub import Hub
from bot.inference.interview import Interview
from bot.inference.probe import ProbeLimits
from bot.sources.first_look import weights_digest
from demo.discord.server import LoopbackDiscord
from demo.hub.repository import LoopbackRepo
from demo.hub.server import LoopbackHub
from demo.inference import LoopbackInference
from demo.scene import HIDDEN
from state.daily_spending import Spending
from state.evidence.blobs import Blobs
from state.records import CaseFile, KeptFile, NewCase
from state.registry.models import Registry
from state.store import OutboxMessage, Settlement, Store
from tests.bot.alerts.test_embeds import report
from tests.bot.alerts.test_rate_cap import alert
from tests.bot.cases.test_followup import BASE, HONEST, NAME, NAMES, RELEASE, repo
from tests.bot.cases.test_identity_check import TEMPLATE, UPLOAD, speak
from tests.bot.watch.kills import Life, Play, Scenario, Steps
from tests.state.events import event

START = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
STEP = timedelta(hours=2)
WHERE = "discord"
CASE = "0123456789ab"
ACCUSED = {
    "parents": [{"repo_id": BASE, "declared": True}, {"repo_id": RELEASE, "declared": False}],
    "declared": {"parents": [BASE]},
}


@dataclass
class Webhook:
    """A play whose messages go to a webhook."""

    discord: LoopbackDiscord
    folder: Path
    now: datetime = START
    steps: ClassVar[int] = 3

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.database = self.folder / "blendwatch.sqlite"
        self.life = Life()

    def before(self, step: int) -> None:
        """See Play."""

    def live(self, steps: Steps, life: Life) -> None:
        """See Play."""
        self.life = life
        with Store.open(f"sqlite:///{self.database}") as store:
            for step, late in steps:
                self.now = START + step * STEP + late
                self.work(store, step)

    def work(self, store: Store, step: int) -> None:
        """Do one step."""
        raise NotImplementedError

    def clock(self) -> datetime:
        """Return the time of this process."""
        return self.now

    def send(self, store: Store, per_hour: int = 20) -> None:
        """Send what is due, as a pass of the watch does."""
        sinks = as_they_stand({WHERE: WebhookSink(self.discord.webhook_url, self.discord.api_base)}, store)
        cap = HourlyCap(store.alert_digests, per_hour, frozenset({WHERE}))
        asyncio.run(deliver(store, sinks, self.clock, cap=cap, chance=lambda: 0.0))

    def find(self, store: Store, *numbers: int) -> None:
        """Settle uploads with their cases and alerts, as the watch does."""
        for number in numbers:
            name, told, case = f"org/m{number}", alert(number), f"{number:012x}"
            store.record("feed", [event(name)], None, START)
            (upload,) = store.history(name)
            message = OutboxMessage(f"{name}@aaaa:{case}", WHERE, told)
            store.settle(upload.id, Settlement("found", "why", told), [message], START, NewCase(case, "method"))

    def casework(self, store: Store) -> Casework:
        """Return what notes and retracts cases."""
        return Casework(store, Blobs(self.folder / "evidence"), self.clock)

    def retract(self, store: Store, number: int) -> None:
        """Take an alert back, as the command does."""
        case = store.cases.get(f"{number:012x}")
        assert case is not None
        self.casework(store).retract(case, "our threshold was wrong")

    def messages(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """See Play."""
        return {"webhook": self.discord.messages}

    def names(self) -> Mapping[str, str]:
        """See Play."""
        return {}


class Digests(Webhook):
    """One alert comes by itself, three come in a digest, one waits an hour, and one is retracted before it is sent."""

    def work(self, store: Store, step: int) -> None:
        """See Webhook."""
        if step == 0:
            self.find(store, 0, 1, 2)
        elif step == 1:
            self.find(store, 3, 4, 5)
            self.retract(store, 4)
            self.retract(store, 1)
        self.send(store, per_hour=1)
        if step == 1:
            self.find(store, 6)
        self.send(store, per_hour=1)


class Refused(Webhook):
    """A condition begins and ends; the webhook is deleted, the operator hears of it, and a new one gets all."""

    def before(self, step: int) -> None:
        """See Play."""
        self.discord.faults.unknown_webhook = step == 1
        self.discord.faults.bans = int(step == 0)

    def work(self, store: Store, step: int) -> None:
        """See Webhook."""
        news = News(store, self.clock, WHERE)
        send_again(store, WHERE, "the first" if step < 2 else "the second", self.now)
        news.set("backlog", "too many wait" if step == 0 else None)
        self.find(store, step)
        self.send(store)
        if step == 1:
            self.retract(store, 1)
        store.notify_dead(lambda rows: news.message(f"dead:{rows[-1].id}", "not delivered", "text"), self.now)
        self.send(store)


@dataclass
class Case(Webhook):
    """One case of a repository that hides a parent, told by the webhook."""

    site: LoopbackHub = field(default_factory=lambda: LoopbackHub([]))
    accused: LoopbackRepo = field(default_factory=lambda: repo("a"))
    hub: Hub | None = None

    def live(self, steps: Steps, life: Life) -> None:
        """See Play."""
        with Hub(self.site.url, timeout=2.0) as self.hub:
            super().live(steps, life)

    def case(self, store: Store) -> CaseFile:
        """Return the case; settle its upload with it and its alert, as the watch does, where there is none."""
        if (case := store.cases.get(CASE)) is not None:
            return case
        one = self.accused
        told = report(suspect={"repo_id": one.repo_id, "revision": one.revision}, case=CASE) | ACCUSED
        store.record("feed", [event(one.repo_id, hub_id="1" * 24)], None, START)
        upload = store.history(one.repo_id)[-1]
        card = one.files["README.md"].read(0, one.files["README.md"].size)
        digest = Blobs(self.folder / "evidence").put(card)
        store.cases.keep(upload.id, [KeptFile("card", digest, len(card), False, START)])
        found = Settlement("found", "why", told, None, one.revision, weights_digest(repo_facts(one)))
        message = OutboxMessage(f"{one.repo_id}@{one.revision}:{CASE}", WHERE, told)
        store.settle(upload.id, found, [message], START, NewCase(CASE, "an old method"))
        return self.case(store)


class Followed(Case):
    """Card, weights and place change; the new weights are judged; a person confirms, then retracts."""

    steps: ClassVar[int] = 6

    def before(self, step: int) -> None:
        """See Play."""
        states = {1: repo("b", HONEST), 2: repo("c", HONEST, b"clean"), 4: repo("d", HONEST, b"clean")}
        if step == 3:
            del self.site.repos[NAME]
        elif step in states:
            self.site.add(states[step])

    def work(self, store: Store, step: int) -> None:
        """See Webhook."""
        assert self.hub is not None
        case, keeper = self.case(store), self.casework(store)
        if step == 2:
            store.record("feed", [event(NAME, hub_id="1" * 24, revision="c" * 40)], None, START)
            (upload,) = [u for u in store.history(NAME) if u.revision == "c" * 40]
            judged = {"case": "c" * 12, "finding": "unrelated", "alert": False}
            digest = weights_digest(repo_facts(repo("c", HONEST, b"clean")))
            settled = Settlement("found", "it shares nothing", judged, None, "c" * 40, digest)
            store.settle(upload.id, settled, [], START)
        Followups(self.hub, store, keeper, lambda: NAMES, self.clock).look(lambda _: None)
        if step == 4:
            keeper.confirm(case, "looked at it")
        if step == 5:
            keeper.retract(case, "our threshold was wrong")
        self.send(store)


@dataclass
class AskedNames(Case):
    """The model of a case is asked its name; first the budget is spent, and what it says is posted."""

    steps: ClassVar[int] = 2
    url: str = ""
    accused: LoopbackRepo = UPLOAD

    def work(self, store: Store, step: int) -> None:
        """See Webhook."""
        assert self.hub is not None
        self.case(store)
        served = (Endpoint(url=self.url, repo_id=HIDDEN),)
        budget = Budget() if step else Budget(calls_per_day=0)
        book = Spending(self.folder / "spending.json")
        asked = Interview(served, None, budget, Registry(), book, self.clock, ProbeLimits(samples=1))
        Asking(self.hub, self.casework(store), lambda: asked, self.clock, tell=True).ask_all()
        self.send(store)


def repo_facts(one: LoopbackRepo) -> RepoFacts:
    """Return what the Hub says of a repository."""
    with LoopbackHub([one]) as site, Hub(site.url) as hub:
        return hub.repo(one.repo_id).facts()


@contextmanager
def followed(folder: Path) -> Iterator[Play]:
    """Open a case on a Hub."""
    with LoopbackDiscord() as discord, LoopbackHub([repo("a")]) as site:
        yield Followed(discord, folder, site=site)


@contextmanager
def asked_names(folder: Path) -> Iterator[Play]:
    """Open a case on a Hub, and a server that has its model."""
    with (
        LoopbackDiscord() as discord,
        LoopbackHub([UPLOAD]) as site,
        LoopbackInference(speak, name=HIDDEN, template=TEMPLATE) as server,
    ):
        yield AskedNames(discord, folder, site=site, url=server.url)


def webhook(kind: type[Webhook]) -> Scenario:
    """Return the scenario of a play with nothing but a webhook."""

    @contextmanager
    def opened(folder: Path) -> Iterator[Play]:
        with LoopbackDiscord() as discord:
            yield kind(discord, folder)

    return opened
