"""Judge uploads that are due: triage, check, and store the outcome with its alert. Safe to kill anywhere.

Every upload seen is stored before the cursor moves, and ends as found, skipped or failed, with a reason. A verdict and
its alert are stored in one transaction; the alert is sent afterwards.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from analyzers.card.reader import Card
from analyzers.errors import Unreadable
from analyzers.records import CheckResult, Cost, Failed, Outcome, RepoFacts, Skipped
from bot.alerts.channels import Channels
from bot.alerts.operator import News
from bot.check.checker import Checker
from bot.check.declarations import parse_card
from bot.check.from_evidence import FOUND_LATE, NEVER_JUDGED, FirstSight, first_sight, judge_from_evidence, unjudged
from bot.config.settings import Settings
from bot.hub import Hub
from bot.hub.repo import HubRepo
from bot.known.models import DECLARED, KNOWN, Progress, card_of
from bot.sources.first_look import Meter, weights_digest
from bot.sources.interface import Disabled, Gated, Missing, Source, SourceError, TooLarge, Unavailable
from bot.sources.purpose import spent_on
from bot.sources.recorder import Recorder
from bot.sources.weight_files import OTHER_WEIGHTS
from bot.watch.evidence import EvidenceKeeper
from bot.watch.newly_public import known_before
from bot.watch.repositories import Repositories
from bot.watch.settling import Settling
from bot.watch.still_uploading import is_under_way
from state.database.tables import MARK
from state.evidence.blobs import Blobs
from state.store import Store, Upload
from state.uploads.forgetting import NO_SAFETENSORS
from state.uploads.sights import NO_WEIGHTS

BATCH = 50
# Delays of retries: an upload may come before its weights, and the Hub may be out of reach. Then it stays failed.
RETRIES = tuple(timedelta(minutes=m) for m in (10, 60, 6 * 60, 24 * 60, 3 * 24 * 60, 7 * 24 * 60))
UPLOADING = timedelta(days=1)  # wait for missing shards that are named; then the others are judged
BEGUN = f"{MARK}judging "  # an upload's mark while it is judged: the number of attempts that did not end
DEATHS = 3  # of the process, after which an upload is set aside for growing delays
DIED, SET_ASIDE = "the process ended", ": set aside"
CARD_AWAITED = "its card has no words of the author's yet, and is waited for"
REACHED = timedelta(days=1)  # wait for known models out of reach, without using up an attempt
PATIENT = 2  # retries while a possible parent is unreachable; then the upload is judged without it

log = logging.getLogger("blendwatch")


@dataclass(frozen=True, slots=True)
class Settled:
    """One upload and its outcome."""

    upload: Upload
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Watcher:
    """Judges and settles uploads. `destination`: of alerts and of findings for reviewers.

    `wish`: notes the relatives that a result calls for; called again if the process dies before the upload is settled.
    """

    hub: Hub
    store: Store
    checker: Checker
    settings: Settings
    clock: Callable[[], datetime]
    destination: str
    operator: str  # destination of news for the operator
    reviewed: bool  # a bot shows findings to reviewers, or keeps them for members' queries
    blobs: Blobs
    wish: Callable[[CheckResult], None]
    channels: Channels = field(default_factory=Channels)  # get alerts, too

    def work(self, progress: Progress, spent: Meter) -> Iterator[Settled]:
        """Settle due uploads one by one until this pass has used up its limits; the rest waits for the next.

        `spent`: counts the cost of the pass, this work included.
        """
        done: set[int] = set()
        while due := [u for u in self.store.due(self.clock(), BATCH) if u.id not in done]:
            for upload in due:
                if self._used_up(spent):
                    log.warning("this pass has used up its requests or bytes; the rest waits for the next one")
                    return
                done.add(upload.id)
                yield Settled(upload, self._survived(upload, progress))

    def _survived(self, upload: Upload, progress: Progress) -> Outcome:
        """Judge and settle one upload. Its attempt is counted before the work, which may kill the process."""
        begun = "" if self._is_small(upload) else f"{BEGUN}{upload.id}"
        mark = self.store.key_values.get(begun) if begun else None
        deaths = int(mark.value) if mark else 0
        if deaths >= DEATHS:
            outcome: Outcome = self._set_aside(upload)
        else:
            if begun:
                self.store.key_values.put(begun, deaths + 1, self.clock())
            outcome = self._tried(upload, partial(self._outcome, upload, progress))
        try:
            self._settling.settle(upload, outcome, begun)
        except Exception as error:  # a report that cannot be stored costs this upload alone
            log.exception("the outcome of %s could not be stored", upload.repo_id)
            outcome = self._later(upload, f"its report could not be stored: {type(error).__name__}: {error}")
            self._settling.settle(upload, outcome, begun)
        return outcome

    def _is_small(self, upload: Upload) -> bool:
        return upload.parameters is not None and upload.parameters < self.settings.min_parameters

    def _set_aside(self, upload: Upload) -> Failed:
        """Set aside an upload that killed the process, and notify the operator once."""
        reason = f"{DIED} {DEATHS} times while it was judged"
        news = News(self.store, self.clock, self.operator)
        news.once(f"set aside:{upload.id}", f"{upload.repo_id}{SET_ASIDE}", f"{reason}; it is tried again later")
        return self._later(upload, reason)

    def _used_up(self, spent: Meter) -> bool:
        most = self.settings
        return spent.requests >= most.requests_per_pass or spent.bytes_read >= most.bytes_per_pass

    def _outcome(self, upload: Upload, progress: Progress) -> Outcome:
        """Judge one upload; judge one that was read before and is unreadable now by its kept evidence."""
        seen = self._seen(upload)
        before = upload.report is not None or seen is not None
        outcome = self._tried(upload, lambda: self._judge(upload, seen, progress), before=before)
        waits = isinstance(outcome, Failed) and outcome.retry_at is not None
        if not before or isinstance(outcome, CheckResult) or waits:
            return outcome
        gone = f"it cannot be read any more: {outcome.reason}"
        return self._tried(upload, lambda: self._recall(upload, seen, gone, progress), before=before)

    def _seen(self, upload: Upload) -> FirstSight | None:
        """Return the kept evidence of an upload that was read before; None where it is too little to judge."""
        if upload.report is not None:
            return first_sight(upload, self.checker.known)
        seen = unjudged(upload, self._evidence.of(upload, "files"), self._evidence.cards(upload), self.checker)
        # the same weights may have been judged as another upload of the repository
        if seen is not None and self.store.known_weights(upload.hub_id or upload.repo_id, seen.weights_digest):
            return None
        return seen

    @property
    def _repositories(self) -> Repositories:
        return Repositories(self.hub, self.store, self.clock)

    @property
    def _settling(self) -> Settling:
        return Settling(
            self.store,
            self.settings,
            self.clock,
            self.destination,
            self.operator,
            self.reviewed,
            self.wish,
            self.channels,
        )

    @property
    def _evidence(self) -> EvidenceKeeper:
        return EvidenceKeeper(self.store, self.blobs, self.clock)

    def _tried(self, upload: Upload, judge: Callable[[], Outcome], *, before: bool = False) -> Outcome:
        """Return the outcome of one upload; every error becomes a reason.

        `before`: it was read before, so that its kept evidence can be judged at once.
        """
        try:
            return judge()
        except (TooLarge, Unreadable) as error:
            return Failed(str(error))
        except Unavailable as error:
            if str(error).startswith(KNOWN) and self.clock() - upload.first_seen < REACHED:
                return Failed(str(error), self.clock() + RETRIES[0], waits=True)
            return self._later(upload, str(error), error.retry_after)
        except SourceError as error:
            closed = "deleted" if isinstance(error, Missing) else "gated" if isinstance(error, Gated) else ""
            if closed:  # due at once when a listing shows it open again
                self._repositories.note(upload, self._repositories.newest_name(upload), closed, str(error))
            final = before and isinstance(error, (Missing, Gated, Disabled))
            return Failed(str(error)) if final else self._later(upload, str(error))
        except Exception as error:  # a fault of ours may cost one upload, never the watch
            log.exception("checking %s failed", upload.repo_id)
            return self._later(upload, f"internal error: {type(error).__name__}: {error}")

    @spent_on("first look")
    def _judge(self, upload: Upload, seen: FirstSight | None, progress: Progress) -> Outcome:
        new = upload.report is None and seen is None
        if self._is_small(upload) and new:
            least = self.settings.min_parameters
            return Skipped(f"{upload.parameters:,} parameters, fewer than {least:,}")
        with self.checker.metered() as meter:
            source = self._repositories.open(upload)
            newer: Card | None = None
            revision, digest = _read_before(upload, seen)
            if not new and not _has(source.facts(), digest):
                # its weights were replaced; the current declarations still count
                newer = self._card(source)
                source = self.hub.repo(source.facts().ref.repo_id, revision)
            facts = source.facts()
            if new:
                skipped = self._triage(upload, source)
                if skipped is not None:
                    return skipped
                self._evidence.inherit(upload, facts)
            keep = partial(self._evidence.keep, upload, facts.gated)
            sampled = partial(self._evidence.samples, upload, facts.gated)
            result = self.checker.check(
                Recorder(source, keep), progress, complete=_patient(upload), newer=newer, sampled=sampled
            )
            self._evidence.verdict(upload, facts.gated, result)
            until = upload.first_seen + timedelta(minutes=self.settings.settle_minutes)
            if result.verdict.audience != "none" and not result.finished and self.clock() < until:
                return Failed(f"{CARD_AWAITED} until {until:%Y-%m-%d %H:%M} UTC", until, waits=True)
            return replace(result, cost=Cost(meter.requests, meter.bytes_read, result.cost.seconds))

    def _card(self, source: Source) -> Card:
        """Return the current card."""
        facts = source.facts()
        return parse_card(self.checker.known, facts.ref.repo_id, facts.tags, card_of(source)[0])

    @spent_on("first look")
    def _recall(self, upload: Upload, seen: FirstSight | None, gone: str, progress: Progress) -> Outcome:
        """Judge an upload by its kept evidence; notify the operator once of a finding that it cannot confirm."""
        complete = _patient(upload)
        try:
            newer = self._card(self._repositories.open(upload))
        except SourceError as error:
            if complete and isinstance(error, Unavailable):
                raise
            newer = None
        found, gated = None, self._evidence.gated(upload)
        if seen is not None:
            card = next(iter(self._evidence.cards(upload)), "")
            kept = self._evidence.last_verdict(upload, seen.stored.sketch.ref)
            seen = replace(seen, gated=gated, card=card, verdict=kept)
            found = judge_from_evidence(self.checker, seen, gone, progress, newer=newer, complete=complete)
        unconfirmed = found.unconfirmed if found else f"{upload.reason}; {gone}"
        if unconfirmed and not upload.silent:
            key, title = f"late:{upload.id}:{upload.revision}", FOUND_LATE if upload.report else NEVER_JUDGED
            News(self.store, self.clock, self.destination).once(key, f"{upload.repo_id}: {title}", unconfirmed)
        if found is None:
            return Failed(gone)
        self._evidence.verdict(upload, gated, found.result)
        return found.result

    def _triage(self, upload: Upload, source: HubRepo) -> Skipped | Failed | None:
        """Return the outcome of an upload that is small, empty, incomplete or judged already; None for a candidate."""
        facts = source.facts()
        if not facts.shards:
            return self._without_weights(upload, source)
        if upload.parameters is None and facts.weight_bytes < self.settings.min_bytes:
            return Skipped(f"{facts.weight_bytes:,} bytes of weights, fewer than {self.settings.min_bytes:,}")
        began = self._began_at()
        if began is not None and known_before(source, began):
            self.checker.known.record_passed_over(facts)
            return Skipped(f"its weights are from {facts.weights_at:%Y-%m-%d}, before the watch began")
        digest = weights_digest(facts)
        known = self.store.known_weights(facts.hub_id or facts.ref.repo_id, digest) if digest else None
        if known is not None and known.id != upload.id:
            return Skipped(f"the same weights as in revision {(known.revision or '')[:12]}, which was judged")
        # by our own clock, from the first sight of each commit: further commits do not extend the wait
        if self.clock() - upload.first_seen < UPLOADING and is_under_way(source):
            return self._later(upload, "its weights are not all there yet")
        return None

    def _without_weights(self, upload: Upload, source: HubRepo) -> Skipped | Failed:
        other = sorted({s for f in source.facts().files for s in OTHER_WEIGHTS if f.path.lower().endswith(s)})
        if other:
            return Skipped(f"{NO_SAFETENSORS}, only {', '.join(other)}")
        branches = ", ".join(source.branches()[:3])
        where = f" on its main branch, the only one that is read; others are {branches}" if branches else ""
        return self._later(upload, NO_WEIGHTS + where)

    def _began_at(self) -> datetime | None:
        """Return the UTC time at which the watch of the Hub began."""
        return min((s.began_at for s in self.store.feeds() if s.began_at), default=None)

    def _later(self, upload: Upload, reason: str, seconds: float | None = None) -> Failed:
        """Fail with a retry after a growing delay, at last without one. `seconds`: least delay."""
        if upload.attempts >= len(RETRIES):
            return Failed(f"{reason} (asked {upload.attempts + 1} times)")
        wait = max(RETRIES[upload.attempts], timedelta(seconds=math.ceil(seconds or 0)))
        return Failed(reason, self.clock() + wait)


def _patient(upload: Upload) -> bool:
    """Return True if an upload still waits for an unreachable model; retries for other reasons do not count."""
    waited = upload.reason.startswith((KNOWN, DECLARED))
    return upload.attempts < PATIENT or (upload.attempts < len(RETRIES) and not waited)


def _read_before(upload: Upload, seen: FirstSight | None) -> tuple[str | None, str]:
    """Return revision and digest of the weights that were judged or, without a verdict, read first."""
    if upload.report is not None or seen is None:
        return upload.revision, upload.weights_digest or ""
    return seen.stored.sketch.ref.revision, seen.weights_digest


def _has(facts: RepoFacts, digest: str) -> bool:
    """Return True if these weights are still the newest, by the hashes of the Hub's listing."""
    return bool(facts.shards) and weights_digest(facts) == digest
