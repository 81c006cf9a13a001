"""Asking the models of cases their names: after the alert, beside the passes, and until there is an outcome."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.cases.casework import Casework
from bot.cases.identity_check import AGAIN, YOUNG, Asking
from bot.cases.summary import IDENTITY, identity_of
from bot.config.inference import Budget, Endpoint
from bot.hub import Hub
from bot.inference.interview import Interview
from bot.inference.probe import ProbeLimits
from demo.hub.server import LoopbackHub
from demo.inference import Asked, InferenceFault, LoopbackInference
from demo.scene import HIDDEN
from state.daily_spending import Spending
from state.evidence.blobs import Blobs
from state.records import CaseFile, KeptFile, NewCase, OutboxMessage
from state.registry.models import Registry
from state.store import Settlement, Store
from tests.bot.cases.test_cases import FEW
from tests.bot.inference.stage import NOW, TURNS
from tests.bot.stage import changed, stage
from tests.state.events import event

PLANTED = "You are Guanabara, made by Cidade Azul."
TEMPLATE = "{{ '<|im_start|>system\n" + PLANTED + "<|im_end|>\n' }}" + TURNS
UPLOAD = changed(FEW[HIDDEN], {"chat_template.jinja": TEMPLATE.encode()})


def speak(prompt: str, _: float, __: int) -> str:
    """Say what is planted; without it, another name."""
    return "I am Guanabara." if PLANTED in prompt else "I am ChatGPT."


@dataclass
class Room:
    """A case, and what asks about it."""

    store: Store
    asking: Asking
    case: CaseFile
    at: list[datetime]
    server: LoopbackInference

    def later(self, span: timedelta) -> None:
        """Let time pass."""
        self.at[0] += span

    @property
    def kept(self) -> list[KeptFile]:
        """What came of asking, every time."""
        return [f for f in self.store.cases.files(self.case.upload_id) if f.kind == IDENTITY]

    @property
    def last(self) -> dict[str, Any]:
        """The last of it."""
        return identity_of(self.kept, self.asking.casework.blobs) or {}


@contextmanager
def room(
    tmp_path: Path,
    endpoints: Callable[[str], tuple[Endpoint, ...]] = lambda url: (Endpoint(url=url),),
    budget: Budget = Budget(),  # noqa: B008 - frozen
    *,
    tell: bool = False,
) -> Iterator[Room]:
    """Open a case of the upload, as an alert opens it, with a server that has the model."""
    at = [NOW]
    suspect = {"repo_id": HIDDEN, "revision": UPLOAD.revision}
    report = {"suspect": suspect, "parents": [], "alert": True, "finding": "blend", "case": "ab" * 6}
    with (
        LoopbackHub([UPLOAD]) as site,
        LoopbackInference(speak, name=HIDDEN, template=TEMPLATE) as server,
        Store.open(f"sqlite:///{tmp_path / 'blendwatch.sqlite'}") as store,
        Hub(site.url, timeout=2.0) as hub,
    ):
        store.record("feed", [event(HIDDEN)], None, NOW)
        (upload,) = store.due(NOW, 9)
        alert = OutboxMessage(f"{HIDDEN}:{'ab' * 6}", "console", report, upload.id)
        store.settle(upload.id, Settlement("found", "told", report), [alert], NOW, NewCase("ab" * 6, "m"))
        asking = Asking(
            hub,
            Casework(store, Blobs(tmp_path / "evidence"), lambda: at[0]),
            lambda: Interview(
                endpoints(server.url),
                None,
                budget,
                Registry(),
                Spending(tmp_path / "spending.json"),
                lambda: at[0],
                ProbeLimits(samples=1),
            ),
            lambda: at[0],
            tell,
        )
        (case,) = store.cases.all()
        yield Room(store, asking, case, at, server)


def test_an_answer_is_kept_once_and_becomes_a_note_that_nobody_is_sent(tmp_path: Path) -> None:
    """The counts, the planted prompt, and nothing in the outbox but the alert."""
    with room(tmp_path) as at:
        assert at.asking.ask_all() == 1
        at.later(timedelta(days=1))
        assert at.asking.ask_all() == 0
        assert at.last["outcome"] == "asked"
        (note,) = at.store.cases.notes(at.case.case_id)
        assert "ChatGPT 24 of 24, Guanabara 0 of 24" in note.text
        assert "plants the name Guanabara" in note.text
        assert len(at.store.messages_of(at.case.upload_id)) == 1


def test_an_operator_may_have_it_posted(tmp_path: Path) -> None:
    """As a follow-up of the alert."""
    with room(tmp_path, tell=True) as at:
        at.asking.ask_all()
        _, follow_up = at.store.messages_of(at.case.upload_id)
        (note,) = at.store.cases.notes(at.case.case_id)
        assert follow_up.payload["follow_up"] == {"case": at.case.case_id, "key": note.key}


def test_where_nobody_serves_it_the_case_says_so_and_it_is_tried_again_while_it_is_young(tmp_path: Path) -> None:
    """At growing distances, then no more; what the template plants is found at once and noted once."""
    with room(tmp_path, lambda _: (Endpoint(url="http://127.0.0.1:9", repo_id=HIDDEN),)) as at:
        spans = [timedelta(), *AGAIN]
        for number, span in enumerate(spans, 1):
            at.later(span - timedelta(seconds=1))
            at.asking.ask_all()
            at.later(timedelta(seconds=1))
            at.asking.ask_all()
            assert len(at.kept) == number
            assert at.last["outcome"] == "nobody serves it"
        assert [n.kind for n in at.store.cases.notes(at.case.case_id)] == ["identity"]
        at.later(timedelta(days=1))
        assert at.asking.due() == []


def test_a_spent_budget_is_an_outcome_and_asked_again_later(tmp_path: Path) -> None:
    """And no call is made."""
    with room(tmp_path, budget=Budget(calls_per_day=0)) as at:
        at.asking.ask_all()
        assert at.last["outcome"] == "budget spent"
        assert not [a for a in at.server.log if "completions" in a.path]
        assert at.asking.due() == []
        at.later(AGAIN[0])
        assert len(at.asking.due()) == 1


def test_a_fault_of_ours_is_an_outcome_too(tmp_path: Path) -> None:
    """It costs an answer and nothing else."""
    with room(tmp_path) as at:

        def broken() -> Interview:
            raise ZeroDivisionError("oops")

        at.asking.interview = broken
        at.asking.ask_all()
        assert (at.last["outcome"], at.last["why_not"]) == ("failed", "internal error: ZeroDivisionError")


def test_where_asking_is_off_the_planted_prompt_is_found_once(tmp_path: Path) -> None:
    """Nobody is asked; once somebody may be, the case is due again."""
    listed: list[Endpoint] = []
    with room(tmp_path, lambda _: tuple(listed)) as at:
        at.asking.ask_all()
        assert (at.last["outcome"], [f["kind"] for f in at.last["findings"]]) == (
            "nobody serves it",
            ["planted prompt"],
        )
        assert at.server.log == []
        at.later(AGAIN[0])
        assert at.asking.due() == []
        listed.append(Endpoint(url=at.server.url))
        at.asking.ask_all()
        assert at.last["outcome"] == "asked"


def test_an_answer_that_was_lost_is_asked_for_again(tmp_path: Path) -> None:
    """Its evidence is gone from the disk: the case can still be shown."""
    with room(tmp_path) as at:
        at.asking.ask_all()
        next((tmp_path / "evidence").rglob(at.kept[0].digest)).unlink()
        assert at.last["outcome"] == "failed"
        assert "cannot be read" in at.last["why_not"]
        at.later(AGAIN[0])
        at.asking.ask_all()
        assert at.last["outcome"] == "asked"


def test_old_and_retracted_cases_are_left_alone(tmp_path: Path) -> None:
    """Nobody is asked about them."""
    with room(tmp_path) as at:
        assert len(at.asking.due()) == 1
        at.later(YOUNG)
        assert at.asking.due() == []
        at.later(-YOUNG)
        at.asking.casework.retract(at.case, "our error")
        assert at.asking.due() == []


def test_what_is_of_a_gated_repository_is_kept_and_not_shown(tmp_path: Path) -> None:
    """As with its other evidence."""
    with room(tmp_path) as at:
        digest = at.asking.casework.blobs.put(b"card")
        at.store.cases.keep(at.case.upload_id, [KeptFile("card", digest, 4, gated=True, kept_at=NOW)])
        at.asking.ask_all()
        assert at.last == {"outcome": "asked", "findings": []}
        assert at.store.cases.notes(at.case.case_id) == []


def test_no_pass_waits_for_an_answer(tmp_path: Path) -> None:
    """The thread is one; while the server is silent, `begin` returns at once, however often."""
    silent = threading.Event()

    def silence(_: Asked) -> None:
        silent.wait(20)

    with room(tmp_path) as at:
        at.server.fault = silence
        at.asking.begin()
        at.asking.begin()
        assert at.asking.busy
        assert [t.name for t in threading.enumerate()].count("asking") == 1
        silent.set()
        asyncio.run(_until(lambda: not at.asking.busy))
        assert at.last["outcome"] == "asked"


def test_what_closes_under_an_answer_is_no_outcome(tmp_path: Path) -> None:
    """After `stop` nothing is kept, and the next watch asks again."""
    with room(tmp_path) as at:

        def closing(_: Asked) -> None:
            at.asking.stop()

        at.server.fault = closing
        at.asking.ask_all()
        assert at.kept == []
        assert at.asking.ask_all() == 0


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.02)


def test_a_watch_that_is_stopped_while_it_asks_ends_at_once_and_asks_again(tmp_path: Path) -> None:
    """The alert is sent before; SIGTERM does not wait for the server; the next watch has the answer."""
    few = {**FEW, HIDDEN: UPLOAD}
    stuck = InferenceFault(drip=100_000)

    def fault(asked: Asked) -> InferenceFault | None:
        return stuck if "completions" in asked.path and not asking.is_set() else None

    asking = threading.Event()
    with stage(tmp_path, few) as at, LoopbackInference(speak, name=HIDDEN, template=TEMPLATE) as server:
        server.fault = fault
        endpoints = json.dumps([{"url": server.url}])
        env = at.env | {"BLENDWATCH_INFERENCE_ENDPOINTS": endpoints}
        watch = subprocess.Popen([sys.executable, "-m", "bot", "watch"], env=env, stderr=subprocess.PIPE, text=True)
        try:
            asyncio.run(_until(lambda: any("completions" in a.path for a in server.log) or watch.poll() is not None))
            assert len(at.discord.messages) == 1
            watch.send_signal(signal.SIGTERM)
            _, said = watch.communicate(timeout=30)  # the server would drip for half an hour
            assert watch.returncode == 0, said
        finally:
            watch.kill()
        with at.store() as store:
            (case,) = store.cases.all()
            assert IDENTITY not in {f.kind for f in store.cases.files(case.upload_id)}
        asking.set()
        done = at.run("watch", "--once", BLENDWATCH_INFERENCE_ENDPOINTS=endpoints)
        assert done.returncode == 0, done.stderr
        told = json.loads(at.run("case", "show", case.case_id, "--json").stdout)
        assert told["identity"]["outcome"] == "asked"
        assert "ChatGPT 120 of 120, Guanabara 0 of 120" in told["why"]
        assert "it calls itself ChatGPT 120 of 120" in " ".join(at.run("why", HIDDEN).stdout.split())
        assert len(at.discord.messages) == 1
