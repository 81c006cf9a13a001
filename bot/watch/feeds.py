"""Read the Hub's listings: new repositories, changed ones and, as a backstop, trending ones.

The entries of a page are stored before the cursor moves over it. The cursor moves only when the reading reached the
previous one. Otherwise the operator is notified of the gap, and it is read again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from analyzers.records import HubEvent
from bot.alerts.operator import News
from bot.config.settings import Settings
from bot.hub import Hub
from bot.hub.listing import Page, Sort
from bot.known.models import Progress
from bot.sources.interface import SourceError
from bot.sources.purpose import spent_on
from state.database.tables import MARK
from state.errors import StateError
from state.records import RepoEvent
from state.store import Store

OVERLAP = timedelta(hours=2)  # read again at every pass: listings may lag
GAP_PATIENCE = timedelta(hours=6)  # a gap that cannot be filled for so long is abandoned, and stays on record
LONGEST_READING = 15 * 60.0  # seconds for the reading of a listing; the rest is a gap, and a gap is read whole
LEFT = "uploads of that time may be missing"
LATE = timedelta(hours=1)  # without a good reading, or three passes where these are longer: the feed is stale

log = logging.getLogger("blendwatch")


@dataclass(frozen=True, slots=True)
class Feed:
    """One listing. `overlaps`: a reading is complete once it shows an entry from this long before the cursor.

    None: no overlap required. Among new repositories it is hours. A changed one may have moved up since, so any earlier
    entry counts there.
    """

    name: str
    sort: Sort
    what: str
    max_pages: int = 200
    overlaps: timedelta | None = None


NEW: Final = Feed("created_at", "created_at", "new repositories", overlaps=OVERLAP)
FEEDS: Final[tuple[Feed, ...]] = (
    NEW,
    Feed("last_modified", "last_modified", "changed repositories", overlaps=timedelta(days=36_500)),
    Feed("trending_score", "trending_score", "trending repositories", max_pages=1),
)


@dataclass(frozen=True, slots=True)
class _Reading:
    """The result of one reading of a feed. `newest`, `reached`: newest and oldest times that it saw (UTC)."""

    new: int
    newest: datetime | None
    reached: datetime | None
    complete: bool


@dataclass(frozen=True, slots=True)
class Feeds:
    """Reads every feed and stores its entries."""

    hub: Hub
    store: Store
    settings: Settings
    clock: Callable[[], datetime]
    news: News

    @spent_on("listing")
    def poll(self, progress: Progress) -> int:
        """Store the new uploads on the Hub; return their number. Raises SourceError if no feed could be read."""
        new, errors = 0, list[Exception]()
        for feed in FEEDS:
            try:
                new += self._read(feed, progress)
            except SourceError as error:
                log.warning("the listing of %s could not be read: %s", feed.what, error)
                errors.append(error)
            except StateError:
                raise
            except Exception as error:  # a fault in one listing must not hide the entries of the others
                log.exception("the listing of %s could not be read", feed.what)
                errors.append(error)
            self._report_if_stale(feed)
        if len(errors) == len(FEEDS):
            raise errors[0]
        return new

    def _read(self, feed: Feed, progress: Progress) -> int:
        """Read one feed back to its cursor."""
        now = self.clock()
        cursor = self.store.cursor(feed.name)
        since = min(cursor, now) - OVERLAP if cursor else self._first_since(now)
        reading = self._pages(feed, since, now, progress)
        gap = self._gap(feed, since, cursor, reading)
        left = gap is not None and self._given_up(feed, now)
        if left:
            self._abandon_gap(feed, since, reading, now)
        else:
            self._report_gap(feed, gap, now)
        if gap is None or left:  # the cursor does not move over a gap
            until = min(max(reading.newest or since, cursor or since), now)  # an entry may claim a time in the future
            self.store.record(feed.name, [], until, now, began_at=since)
        return reading.new

    def _pages(self, feed: Feed, since: datetime, now: datetime, progress: Progress) -> _Reading:
        """Read the pages and store their entries."""
        found = _Reading(0, None, None, complete=False)
        started = self.store.cursor(NEW.name)
        seen_to = min(started, now) - OVERLAP if started else None
        in_time = self._gap_since(feed) is None  # else the reading would end at the same place again
        alerts_from = self._alerts_since(now) if self.store.cursor(feed.name) is None else since
        for page in self.hub.newest(since, sort=feed.sort, max_pages=feed.max_pages):
            progress(f"reading the listing of {feed.what}, {found.new:,} new so far")
            for problem in page.problems:
                log.warning("an entry of the listing could not be read: %s", problem)
            wanted = [e for e in page.events if self._wanted(feed, e, since)]
            seeds = [e for e in wanted if (t := _time(feed, e)) is not None and t < alerts_from]
            others = [e for e in wanted if e not in seeds]
            new = self.store.record(feed.name, seeds, None, now, seen_to=seen_to, silent=True)
            new += self.store.record(feed.name, others, None, now, seen_to=seen_to)
            found = _joined(found, page, new, [t for e in wanted if (t := _time(feed, e)) is not None])
            if in_time and not page.complete and (self.clock() - now).total_seconds() > LONGEST_READING:
                minutes = LONGEST_READING / 60
                log.warning("the listing of %s was read for %.0f minutes; it ends here", feed.what, minutes)
                break
        return found

    def _wanted(self, feed: Feed, event: HubEvent, since: datetime) -> bool:
        """Return False for entries before `since`, and for small ones of other feeds than NEW."""
        when = _time(feed, event)
        if when is not None and when < since:
            return False
        return feed is NEW or event.parameters is None or event.parameters >= self.settings.min_parameters

    def _alerts_since(self, now: datetime) -> datetime:
        return now - timedelta(hours=self.settings.lookback_hours)

    def _first_since(self, now: datetime) -> datetime:
        """Return the time from which the first pass reads; uploads before the lookback are stored without alerts."""
        earliest = self._alerts_since(now)
        return min(self.settings.seed_since or earliest, earliest)

    def _gap(self, feed: Feed, since: datetime, cursor: datetime | None, reading: _Reading) -> str | None:
        """Describe the gap between this reading and the previous one; None where they meet."""
        if not reading.complete:
            return f"the listing of {feed.what} did not reach back to {since:%Y-%m-%d %H:%M} UTC"
        if cursor is None or feed.overlaps is None:
            return None
        met = reading.reached is not None and reading.reached <= cursor
        if not met and self.store.listed_between(cursor - feed.overlaps, cursor):
            return f"the listing of {feed.what} shows nothing of what it showed up to {cursor:%Y-%m-%d %H:%M} UTC"
        return None

    def _report_gap(self, feed: Feed, gap: str | None, now: datetime) -> None:
        """Notify the operator of a gap once, and of its end; record both as events."""
        text = None if gap is None else f"{gap}; it is read again at every pass"
        changed = self.news.set(f"gap in {feed.what}", text)
        if changed:
            kind = "gap" if gap else "refilled"
            self.store.record_events([RepoEvent(f"feed:{feed.name}", feed.name, kind, gap or "", now)])
        if gap is not None:
            log.warning("%s", text)

    def _abandon_gap(self, feed: Feed, since: datetime, reading: _Reading, now: datetime) -> None:
        """Notify the operator that a gap stays: its uploads were not read, and will not be."""
        until = min(reading.reached or now, now)
        text = f"the listing of {feed.what} was not read from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"
        log.warning("%s", text)
        self.store.record_events([RepoEvent(f"feed:{feed.name}", feed.name, "left", text, now)])
        self.news.once(f"left:{feed.name}:{since.isoformat()}", f"gap in {feed.what}, left", f"{text}; {LEFT}")
        self.news.set(f"gap in {feed.what}", None)

    def _given_up(self, feed: Feed, now: datetime) -> bool:
        """Return True if a gap has lasted for longer than GAP_PATIENCE."""
        began = self._gap_since(feed)
        return began is not None and now - began > GAP_PATIENCE

    def _gap_since(self, feed: Feed) -> datetime | None:
        """Return the UTC time at which a gap began; None without a gap."""
        return next((c.began_at for c in self.store.conditions() if c.name == f"gap in {feed.what}"), None)

    def _report_if_stale(self, feed: Feed) -> None:
        """Notify the operator when a feed was not read for long, or never, and when it is read again."""
        if self._gap_since(feed) is not None:
            return
        state = next((s for s in self.store.feeds() if s.feed == feed.name), None)
        since = state.read_at if state else self._first_tried(feed)
        patience = max(LATE, timedelta(minutes=3 * self.settings.poll_minutes))
        text = None
        if self.clock() - since > patience:
            what = "was last read at" if state else "was never read, and was first asked for at"
            text = f"the listing of {feed.what} {what} {since:%Y-%m-%d %H:%M} UTC"
        self.news.set(f"stale {feed.what}", text)

    def _first_tried(self, feed: Feed) -> datetime:
        """Return the time of the first request for a feed that was never read, from a mark that it sets."""
        mark, now = f"{MARK}first tried: {feed.name}", self.clock()
        tried = self.store.cursor(mark)
        if tried is None:
            self.store.record(mark, [], now, now)
        return tried or now


def _time(feed: Feed, event: HubEvent) -> datetime | None:
    """Return the time by which a feed sorts; None where it sorts by something else."""
    if feed.sort == "created_at":
        return event.created_at
    return event.modified_at if feed.sort == "last_modified" else None


def _joined(so_far: _Reading, page: Page, new: int, times: list[datetime]) -> _Reading:
    newest = max([*times, *([so_far.newest] if so_far.newest else [])], default=None)
    reached = min([t for t in (so_far.reached, page.reached) if t], default=None)
    return _Reading(so_far.new + new, newest, reached, page.complete)
