"""Run one pass of the watch, in the order that loses nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr

from analyzers.records import CheckResult, Outcome
from bot.alerts.delivery import Cap, RowSink, Sink, deliver
from bot.cases.followup import Followups
from bot.cases.identity_check import Asking
from bot.health.ping import ping
from bot.health.watchdog import Watchdog
from bot.known.models import Progress
from bot.proof.notary import Notary
from bot.sources.first_look import Meter
from bot.text.sanitize import visible
from bot.watch.feeds import Feeds
from bot.watch.memory import release_memory
from bot.watch.registry_reload import RegistryReload
from bot.watch.rejudge import Rejudge
from bot.watch.relatives import Relatives
from bot.watch.watcher import Settled, Watcher
from state.backup.retention import Retention
from state.store import Store

log = logging.getLogger("blendwatch")
WAIT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Learning:
    """The steps by which the watch learns of known models: the registry, relatives, re-judgement."""

    reload: RegistryReload
    relatives: Relatives
    rejudge: Rejudge


@dataclass(frozen=True, slots=True)
class OnePass:
    """Sends queued alerts, reads registry and listings, settles due uploads, follows up cases, checks itself, signs."""

    feeds: Feeds
    watcher: Watcher
    learning: Learning
    followups: Followups
    asking: Asking
    watchdog: Watchdog
    store: Store
    where: Mapping[str, Sink | RowSink]
    clock: Callable[[], datetime]
    settled: Callable[[Outcome], None]  # called with each outcome
    ping_url: SecretStr | None
    cap: Cap
    notary: Notary

    async def run(self, progress: Progress) -> None:
        """Run one pass; send each alert once it is stored. Raises SourceError where the Hub cannot be read at all."""
        await self._send()
        try:
            await asyncio.to_thread(self.learning.reload.look)
            new = await asyncio.to_thread(self.feeds.poll, progress)
            await asyncio.to_thread(self.watchdog.notify_of_trial)  # before the first alert
            log.info("%d new uploads", new, extra={"new": new})
            with self.watcher.hub.metered() as spent:  # the listings have bounds of their own, and come first
                await self._work(progress, spent)
                await asyncio.to_thread(self.learning.relatives.look, progress)
                if await asyncio.to_thread(self.learning.rejudge.look, progress):
                    await self._work(progress, spent)
            await asyncio.to_thread(self.followups.look, progress)
            await asyncio.to_thread(self._forget)
            self.asking.begin()
        finally:
            try:
                await asyncio.to_thread(self.watchdog.look)
                await self.notary.sign()
            finally:
                await self._send()
                release_memory()
        await ping(self.ping_url)

    async def rest(self) -> None:
        """Wait until the models of cases were asked their names, and send the results."""
        while self.asking.busy:
            await asyncio.sleep(WAIT_SECONDS)
        await self._send()

    async def _work(self, progress: Progress, spent: Meter) -> None:
        """Settle due uploads; send an alert before the next upload is read."""
        work = self.watcher.work(progress, spent)
        while (settled := await asyncio.to_thread(next, work, None)) is not None:
            self.settled(settled.outcome)
            log.info("%s", settled_line(settled), extra=_fields(settled))
            if isinstance(settled.outcome, CheckResult) and settled.outcome.verdict.audience != "none":
                await self._send()
                self.asking.begin()

    def _forget(self) -> None:
        """Delete some rows of small uploads that are old."""
        least, now = self.watcher.settings.min_parameters, self.clock()
        self.store.forget_small(least, now - timedelta(days=Retention().small_days), now)

    async def _send(self) -> None:
        sent = await deliver(self.store, self.where, self.clock, cap=self.cap)
        if sent.failed or sent.dead:
            log.warning("alerts: %d to be tried again, %d undeliverable", sent.failed, sent.dead)


def _fields(settled: Settled) -> dict[str, object]:
    """Return the outcome of an upload as fields of a JSON log line."""
    fields: dict[str, object] = {"upload": settled.upload.repo_id, "outcome": type(settled.outcome).__name__.lower()}
    if isinstance(settled.outcome, CheckResult):
        cost, verdict = settled.outcome.cost, settled.outcome.verdict
        found = {
            "finding": verdict.finding.kind,
            "disclosure": verdict.disclosure,
            "alert": verdict.alert,
            "audience": verdict.audience,
        }
        spent = {"requests": cost.requests, "bytes_read": cost.bytes_read, "seconds": cost.seconds}
        return {**fields, "outcome": "found", **found, **spent}
    return fields


def settled_line(settled: Settled) -> str:
    """Return the outcome of an upload in one sanitised line."""
    match settled.outcome:
        case CheckResult(verdict=verdict):
            loud = {"public": ", ALERT", "reviewers": ", for reviewers", "none": ""}[verdict.audience]
            what = f"{verdict.finding.kind}, {verdict.disclosure}{loud}: {verdict.why}"
        case other:
            what = f"{type(other).__name__.lower()}: {other.reason}"
    return f"{visible(settled.upload.repo_id, 200)}: {visible(what, 500)}"
