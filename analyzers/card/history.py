"""List what a repository's card declared when: one fact for each change that matters, oldest first.

A commit's time is what its author's clock said; the order is the repository's. Where the card of an earlier revision
was not read, "since" is no more than "first seen".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final, Literal

from analyzers.card.reader import read_card
from analyzers.records.traces import listed, one_line

EventKind = Literal["declared", "withdrawn", "config", "commit"]

MAX_REVISIONS: Final = 200  # the newest are kept
MAX_EVENTS: Final = 100
MAX_CHANGED: Final = 6  # settings named in one sentence

_TELLING: Final = re.compile(
    r"\bmerg(?:e|ed|ing|ekit)\b(?! (?:branch|pull|remote|pr\b|pr/|#))|slerp|\bblend"
    r"|\b(?:delet|remov)\w* .{0,60}safetensors"
    r"|\b(?:wrong|incorrect|mistaken)\b.{0,60}\b(?:upload|weights?|checkpoint|version)"
    r"|\bre-?upload|\breplac\w* .{0,40}weights",
    re.IGNORECASE,
)
_UNSAID: Final = frozenset({"transformers_version", "_name_or_path"})


@dataclass(frozen=True, slots=True)
class Revision:
    """One commit. `card` and `config` are None where they were not read."""

    revision: str
    at: datetime  # UTC, by its author's clock
    title: str
    card: str | None = None
    config: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One change that matters. `claim` is one sentence; `after_alert` is None where no alert's time was given."""

    kind: EventKind
    revision: str
    at: datetime
    claim: str
    names: tuple[str, ...] = ()  # repo ids that were declared or taken back
    after_alert: bool | None = None


def read_history(
    revisions: Sequence[Revision],
    alert_at: datetime | None = None,
    names: Mapping[str, str] | None = None,
    own: str = "",
    *,
    complete: bool = True,
) -> tuple[Event, ...]:
    """Return what changed, oldest first. `names` and `own`: as in read_card; times must all have a zone.

    `revisions`: oldest first, in the repository's own order: the times are what authors' clocks said.
    `complete`: they begin with the repository's first commit.
    """
    kept = revisions[-MAX_REVISIONS:]
    complete = complete and len(revisions) <= MAX_REVISIONS
    events = [
        *_declared(kept, alert_at, names or {}, own, complete=complete),
        *_configs(kept, alert_at),
        *_titles(kept, alert_at),
    ]
    place = {r.revision: i for i, r in enumerate(kept)}
    return tuple(sorted(events, key=lambda e: place[e.revision])[:MAX_EVENTS])


def first_declared(events: Sequence[Event]) -> dict[str, Event]:
    """Return the first event that declared each parent, by its repo id."""
    found: dict[str, Event] = {}
    for event in events:
        for name in event.names if event.kind == "declared" else ():
            found.setdefault(name, event)
    return found


def _declared(
    revisions: Sequence[Revision], alert_at: datetime | None, names: Mapping[str, str], own: str, *, complete: bool
) -> Iterator[Event]:
    before: dict[str, str] | None = None  # repo id in lower case -> as written; None: no card was read yet
    sure = complete  # every revision since the last card that was read had its card read
    for place, one in enumerate(revisions):
        if one.card is None:
            sure = False
            continue
        said = read_card(one.card, (), names, own).disclosure(one.revision).parents
        full = {n.rpartition("/")[2].lower() for n in said if "/" in n}
        now = {n.lower(): n for n in said if "/" in n or n.lower() not in full}
        come = tuple(n for low, n in now.items() if low not in (before or {}))
        gone = tuple(n for low, n in (before or {}).items() if low not in now)
        since = "since" if sure else "first seen at"
        if come:
            how = "from the first commit on" if place == 0 and complete else f"{since} {_when(one)}"
            yield _event(
                "declared", one, f"The card declares {listed(come)} {how}{_after(one, alert_at)}.", alert_at, come
            )
        if gone:
            claim = f"The card no longer declares {listed(gone)}, {since} {_when(one)}{_after(one, alert_at)}."
            yield _event("withdrawn", one, claim, alert_at, gone)
        before, sure = now, True


def _configs(revisions: Sequence[Revision], alert_at: datetime | None) -> Iterator[Event]:
    read = [r for r in revisions if r.config is not None]
    for old, new in pairwise(read):
        a, b = old.config or {}, new.config or {}
        changed = sorted(k for k in {*a, *b} - _UNSAID if a.get(k) != b.get(k))
        if changed:
            claim = f"The config's {listed(changed, MAX_CHANGED)} changed at {_when(new)}{_after(new, alert_at)}."
            yield _event("config", new, claim, alert_at)


def _titles(revisions: Sequence[Revision], alert_at: datetime | None) -> Iterator[Event]:
    for one in revisions:
        if _TELLING.search(one.title[:500]):
            yield _event("commit", one, f"A commit is titled “{one_line(one.title, 120)}”, at {_when(one)}.", alert_at)


def _event(kind: EventKind, one: Revision, claim: str, alert_at: datetime | None, names: tuple[str, ...] = ()) -> Event:
    after = None if alert_at is None else one.at > alert_at
    return Event(kind, one.revision, one.at, one_line(claim, 400), names, after)


def _when(one: Revision) -> str:
    return f"revision {one.revision[:12]} of {one.at:%Y-%m-%d %H:%M} UTC"


def _after(one: Revision, alert_at: datetime | None) -> str:
    """Say how long after the alert it was, if it was."""
    if alert_at is None or one.at <= alert_at:
        return ""
    minutes = int((one.at - alert_at).total_seconds() // 60)
    span = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"
    return f", {span} after the alert"
