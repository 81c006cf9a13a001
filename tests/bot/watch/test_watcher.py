"""The watch: nothing lost, nothing doubled, whatever it is killed by."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot import build
from bot.alerts.delivery import deliver
from bot.alerts.operator import News
from bot.config.settings import Settings
from bot.known.models import Progress
from bot.watch.feeds import Feeds
from bot.watch.relatives import WISH
from bot.watch.schedule import run_every
from bot.watch.watcher import RETRIES
from demo.hub.faults import Fault, always
from demo.scene import BASE, HIDDEN, RELEASE
from state.store import OutboxRow, Store
from tests.bot.stage import NOW, REPOS, Stage, changed, stage

ALERTS = sorted(["Partly declared blend: cidade-azul/Guanabara-1", "Undeclared copy: rebrand/Phoenix"])
FEW = {name: REPOS[name] for name in (BASE, RELEASE, HIDDEN, "oakridge/Taiga-1")}


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


class Mortal(Store):
    """A store whose process dies before or after the named call."""

    dies: tuple[str, str] = ("", "")

    def _at(self, when: str, name: str) -> None:
        if (when, name) == self.dies:
            raise Killed

    def record(self, *args: Any, **kwargs: Any) -> int:
        """See Store."""
        self._at("before", "record")
        done = super().record(*args, **kwargs)
        self._at("after", "record")
        return done

    def settle(self, *args: Any, **kwargs: Any) -> bool:
        """See Store."""
        self._at("before", "settle")
        done = super().settle(*args, **kwargs)
        self._at("after", "settle")
        return done

    def claim(self, now: datetime, lease_seconds: float, limit: int) -> list[OutboxRow]:
        """See Store."""
        self._at("before", "claim")
        done = super().claim(now, lease_seconds, limit)
        self._at("after", "claim")
        return done

    def mark_sent(self, row_id: int, message_id: str | None, now: datetime) -> None:
        """See Store."""
        self._at("before", "mark_sent")
        super().mark_sent(row_id, message_id, now)
        self._at("after", "mark_sent")


def one_pass(
    at: Stage,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    later: timedelta = timedelta(0),
    progress: Progress = lambda _: None,
    settle_minutes: float = 0.0,
) -> None:
    """Run a whole pass in this process, with a clock that may be ahead; no alert waits for a card, if not asked to."""
    monkeypatch.setenv("HF_ENDPOINT", at.hub.url)
    settings = Settings(
        data=at.folder / "data",
        registry=str(at.folder / "registry.yaml"),
        discord_webhook=SecretStr(at.discord.webhook_url),
        discord_api_base=at.discord.api_base,
        min_parameters=0,
        min_bytes=0,
        settle_minutes=settle_minutes,
    )

    def clock() -> datetime:
        return datetime.now(UTC) + later

    sinks = build.sinks(settings)
    with build.service(settings) as service:
        asyncio.run(_deliver(store, sinks, clock))
        watcher = replace(build.watcher(service, store), clock=clock)
        Feeds(service.hub, store, settings, clock, News(store, clock, "discord")).poll(lambda _: None)
        with service.hub.metered() as spent:
            for _ in watcher.work(progress, spent):
                asyncio.run(_deliver(store, sinks, clock))


async def _deliver(store: Store, sinks: Any, clock: Callable[[], datetime]) -> None:
    await deliver(store, sinks, clock)


@pytest.mark.parametrize("call", ["record", "settle", "claim", "mark_sent"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_between_any_two_lines_the_next_pass_ends_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str, call: str
) -> None:
    """Every upload is settled once and the alert arrives; twice only if death came between sending and the mark."""
    with stage(tmp_path, FEW) as at:
        (tmp_path / "data").mkdir()
        url = f"sqlite:///{tmp_path / 'data' / 'blendwatch.sqlite'}"
        with Mortal.open(url) as mortal:
            assert isinstance(mortal, Mortal)
            mortal.dies = (when, call)
            with pytest.raises(Killed):
                one_pass(at, mortal, monkeypatch)
        with Store.open(url) as store:
            for hours in (0, 2):  # the second one comes after every lease has run out
                one_pass(at, store, monkeypatch, timedelta(hours=hours))
            counts = store.counts()
            assert (counts["uploads.found"], counts["uploads.pending"], counts["uploads.failed"]) == (2, 0, 0)
            assert (counts["alerts.sent"], counts["alerts.pending"]) == (1, 0)
        doubled = (when, call) == ("before", "mark_sent")
        assert at.told == ALERTS[:1] * (2 if doubled else 1)


def test_what_a_killed_process_has_settled_is_looked_into_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the models of an upload's base are wanted is kept before the upload is settled, which it is only once."""
    with stage(tmp_path, {name: REPOS[name] for name in (BASE, RELEASE, "finch/Meridian-Py")}) as at:
        (tmp_path / "data").mkdir()
        with Mortal.open(f"sqlite:///{tmp_path / 'data' / 'blendwatch.sqlite'}") as mortal:
            assert isinstance(mortal, Mortal)
            mortal.dies = ("after", "settle")
            with pytest.raises(Killed):
                one_pass(at, mortal, monkeypatch)
            assert mortal.counts()["uploads.found"] == 1
            assert [m.name for m in mortal.key_values.first(WISH, 9)] == [f"{WISH}{BASE.lower()}"]


def test_a_process_killed_in_the_middle_leaves_nothing_undone(tmp_path: Path) -> None:
    """SIGKILL at some moment of a pass, then the same command again: all settled, each alert once."""
    with stage(tmp_path, latency=0.02) as at:
        for seconds in (1.2, 1.8, 2.4):
            process = subprocess.Popen(
                [sys.executable, "-m", "bot", "watch", "--once"], env=at.env, stderr=subprocess.DEVNULL
            )
            time.sleep(seconds)
            process.send_signal(signal.SIGKILL)
            process.wait()
        done = at.run("watch", "--once")
        assert done.returncode == 0, done.stderr
        with at.store() as store:
            counts = store.counts()
        assert (counts["uploads.found"], counts["uploads.failed"], counts["uploads.pending"]) == (6, 1, 0)
        assert set(at.told) == set(ALERTS)


def test_a_second_pass_sends_nothing_and_a_card_only_commit_starts_no_verdict(tmp_path: Path) -> None:
    """An alert is sent once; a new revision with the same weights is skipped with the reason."""
    young = replace(FEW[HIDDEN], created_at=NOW - timedelta(hours=1), hub_id="", revision="", weights_at=None)
    with stage(tmp_path, FEW | {HIDDEN: young}) as at:
        assert at.run("watch", "--once").returncode == 0
        edited = changed(young, {"README.md": b"# We meant to say: a merge of tidepool-ai/Meridian-Coder."})
        at.hub.add(replace(edited, hub_id=young.hub_id))
        assert at.run("watch", "--once").returncode == 0
        with at.store() as store:
            newest, first = store.history(HIDDEN)
        assert at.told == ALERTS[:1]
    assert (first.state, newest.state) == ("found", "skipped")
    assert "the same weights" in newest.reason


def test_small_uploads_are_skipped_by_count_or_by_size(tmp_path: Path) -> None:
    """By the Hub's count where it has counted, by the sizes of the files where it has not."""
    repos = FEW | {HIDDEN: replace(FEW[HIDDEN], counted=787_072)}
    with stage(tmp_path, repos) as at:
        done = at.run("watch", "--once", BLENDWATCH_MIN_PARAMETERS="3000000000", BLENDWATCH_MIN_BYTES="6000000000")
        assert done.returncode == 0, done.stderr
        assert not at.hub.seen(f"/api/models/{HIDDEN}")
        counted, sized = at.upload(HIDDEN), at.upload("oakridge/Taiga-1")
    assert (counted.state, "parameters" in counted.reason) == ("skipped", True)
    assert (sized.state, "bytes of weights" in sized.reason) == ("skipped", True)


def test_weights_that_come_late_are_judged_and_none_are_waited_for_forever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repository without weights is asked again less and less often, and at last no more."""
    empty = changed(FEW[HIDDEN], dict.fromkeys(p for p in FEW[HIDDEN].files if p.endswith((".safetensors", ".json"))))
    never = replace(empty, repo_id="murk/Never", hub_id="", revision="")
    with stage(tmp_path, {BASE: FEW[BASE], RELEASE: FEW[RELEASE], HIDDEN: empty, never.repo_id: never}) as at:
        (tmp_path / "data").mkdir()
        with Store.open(f"sqlite:///{tmp_path / 'data' / 'blendwatch.sqlite'}") as store:
            one_pass(at, store, monkeypatch)
            (waiting,) = store.history(HIDDEN)
            assert (waiting.state, waiting.retry_at is None) == ("failed", False)
            at.hub.add(FEW[HIDDEN])
            gone = timedelta(0)
            for wait in RETRIES:
                gone += wait + timedelta(minutes=1)
                one_pass(at, store, monkeypatch, gone)
            # the commit that brought the weights is an upload of its own, and the one that waited for them is the same
            assert sorted(u.state for u in store.history(HIDDEN)) == ["found", "skipped"]
            (given_up,) = store.history("murk/Never")
        assert (given_up.state, given_up.retry_at, given_up.attempts) == ("failed", None, len(RETRIES) + 1)
        assert at.told.count(ALERTS[0]) == 1


@pytest.mark.parametrize("bound", [{"BLENDWATCH_BYTES_PER_PASS": "1"}, {}])
def test_a_pass_that_may_read_little_leaves_the_rest_to_the_next_one(tmp_path: Path, bound: dict[str, str]) -> None:
    """With a bound that the first check goes beyond, each pass makes one check; nothing is lost, and it is told."""
    with stage(tmp_path, FEW) as at:
        found, warned, pending = [0], False, len(FEW) + 9
        while pending:
            done = at.run("watch", "--once", **bound)
            assert done.returncode == 0, done.stderr
            warned |= "has used up its requests or bytes" in done.stderr
            with at.store() as store:
                counts = store.counts()
            assert counts["uploads.pending"] < pending  # or it would go on for ever
            found, pending = [*found, counts["uploads.found"]], counts["uploads.pending"]
        assert warned == bool(bound)
        assert max(after - before for before, after in pairwise(found)) == (1 if bound else 2)
        assert at.told == ALERTS[:1]


def test_a_hub_that_is_down_loses_nothing_and_waiting_alerts_go_out(tmp_path: Path) -> None:
    """The pass says so in one line; the next one catches up, because the cursor has not moved."""
    with stage(tmp_path, FEW) as at:
        at.hub.fault = always(Fault(status=400), "/api/models")
        done = at.run("watch", "--once")
        assert (done.returncode, done.stdout) == (1, "")
        assert "Traceback" not in done.stderr
        at.hub.fault = lambda _: None
        assert at.run("watch", "--once").returncode == 0
        assert at.told == ALERTS[:1]


def test_why_tells_what_became_of_an_upload_and_of_its_alert(tmp_path: Path) -> None:
    """Found with the alert's state, failed with the reason, never seen."""
    with stage(tmp_path) as at:
        assert at.run("watch", "--once").returncode == 0
        found, failed, unseen = (at.run("why", name) for name in (HIDDEN, "murk/Broken-7B", "no/body"))
    assert "alert to discord: sent" in found.stdout
    assert "is not declared on the card" in " ".join(found.stdout.split())
    assert (found.returncode, failed.returncode, unseen.returncode) == (0, 0, 1)
    assert "header" in failed.stdout
    assert "never seen" in unseen.stdout


def test_sigterm_ends_the_watch_in_time_and_a_second_watch_is_refused(tmp_path: Path) -> None:
    """Status 0 within ten seconds; meanwhile nobody else may watch on the same data."""
    with stage(tmp_path, FEW) as at:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", "watch"], env=at.env, stderr=subprocess.PIPE, text=True
        )
        try:
            end = time.monotonic() + 40
            while not at.told and time.monotonic() < end:
                time.sleep(0.1)
            second = at.run("watch", "--once")
            assert (second.returncode, "another watch" in second.stderr) == (2, True)
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=20)
            assert process.returncode == 0, said
            assert time.monotonic() - begun < 10
        finally:
            process.kill()
            process.wait()
        assert at.told == ALERTS[:1]


def test_a_pass_that_fails_does_not_end_the_watch() -> None:
    """The next pass comes all the same, and never two at once."""
    seen: list[str] = []

    async def passing() -> None:
        seen.append("in")
        await asyncio.sleep(0.05)
        seen.append("out")
        if len(seen) >= 6:
            signal.raise_signal(signal.SIGTERM)
        raise OSError("this pass fails")

    asyncio.run(run_every(0.0005, passing))
    assert seen[:6] == ["in", "out"] * 3


def test_hostile_names_stay_harmless_in_every_line(tmp_path: Path) -> None:
    """A card full of escapes and mentions changes nothing that is printed or sent."""
    card = b"---\nbase_model: ['@everyone/[x](http://evil)']\n---\n\x1b[31m@everyone \xe2\x80\xae"
    hostile = changed(FEW[HIDDEN], {"README.md": card})
    with stage(tmp_path, FEW | {HIDDEN: hostile}) as at:
        done = at.run("watch", "--once")
        shown = at.run("why", HIDDEN)
        assert "@everyone" not in str([m["embeds"] for m in at.discord.messages])
    assert "\x1b" not in done.stderr + shown.stdout
