"""List pages of the newest repositories. An unreadable entry is skipped, never its page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from analyzers.records import HubEvent
from bot.hub.http.errors import Transient
from bot.hub.http.session import HttpSession, HubRequest
from bot.hub.json_fields import born, hub_id, moment, parameters_in, repo_id, revision

Sort = Literal["created_at", "last_modified", "trending_score"]

KEYS = {"created_at": "createdAt", "last_modified": "lastModified", "trending_score": "trendingScore"}
EXPAND = ["createdAt", "lastModified", "sha", "gated", "disabled", "private", "safetensors", "usedStorage"]
LISTING = "the newest models"
MOST_PAGES, EVERY_PAGE = 3, 100_000
LARGEST = 1 << 50  # parameters


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the listing, newest first.

    `problems`: a sentence for each unreadable entry. `reached`: the oldest sort time on the page (UTC); None without
    one. `complete`: by its order, the listing has no newer entry after it than was asked for; by trending score
    every page is complete. A last page that is not complete is a gap.
    """

    events: tuple[HubEvent, ...]
    problems: tuple[str, ...]
    reached: datetime | None
    complete: bool


def pages(session: HttpSession, since: datetime, sort: Sort, max_pages: int, page_size: int) -> Iterator[Page]:
    """Yield pages until one reaches back to `since`, the listing ends, or `max_pages` are read; raises Unavailable."""
    params: dict[str, str | list[str]] = {
        "sort": KEYS[sort],
        "direction": "-1",
        "limit": str(page_size),
        "expand": EXPAND,
    }
    ask = HubRequest(session.address("api", "models"), LISTING, params=params)
    for _ in range(max_pages):
        content, answer = session.json(ask)
        if not isinstance(content, list):
            raise Transient("The Hub's answer for the newest models is not a list.")
        following = session.next_page(answer)
        page = _page(content, KEYS[sort], since, last=following is None)
        yield page
        if page.complete or following is None:
            return
        ask = HubRequest(following, LISTING)


def of_base(session: HttpSession, base: str, least: int, most: int, page_size: int) -> Iterator[HubEvent]:
    """Yield models that declare a base, newest first; raises Unavailable."""
    return _listed(session, f"the models of {base}", {"filter": f"base_model:finetune:{base}"}, least, most, page_size)


def of_owner(session: HttpSession, owner: str, least: int, most: int, page_size: int) -> Iterator[HubEvent]:
    """Yield models of an organisation or account, newest first; raises Unavailable."""
    return _listed(session, f"the models of {owner}", {"author": owner}, least, most, page_size)


def every(session: HttpSession, what: str, filters: Mapping[str, str], least: int) -> Iterator[HubEvent]:
    """Yield all models with these filters and `least` parameters, newest first; raises Unavailable."""
    return _listed(session, what, filters, least, LARGEST, 500, EVERY_PAGE)


def _listed(
    session: HttpSession,
    what: str,
    which: Mapping[str, str],
    least: int,
    most: int,
    page_size: int,
    most_pages: int = MOST_PAGES,
) -> Iterator[HubEvent]:
    """Yield models of `least` to `most` parameters; each page is requested when it is needed."""
    params: dict[str, str | list[str]] = {
        **which,
        "num_parameters": f"min:{least},max:{most}",
        "sort": KEYS["created_at"],
        "direction": "-1",
        "limit": str(page_size),
        "expand": EXPAND,
    }
    ask = HubRequest(session.address("api", "models"), what, params=params)
    for _ in range(most_pages):
        content, answer = session.json(ask)
        if not isinstance(content, list):
            raise Transient(f"The Hub's answer for {what} is not a list.")
        found = [_event(entry) for entry in content if isinstance(entry, dict) and entry.get("private") is not True]
        yield from (event for event in found if not isinstance(event, str))
        following = session.next_page(answer)
        if following is None:
            return
        ask = HubRequest(following, what)


def _page(content: list[object], key: str, since: datetime, *, last: bool) -> Page:
    events: list[HubEvent] = []
    problems: list[str] = []
    times: list[datetime] = []
    for entry in content:
        if not isinstance(entry, dict):
            problems.append("An entry of the Hub's listing is not an object.")
            continue
        when = moment(entry.get(key))
        if when is not None:
            times.append(when)
        if entry.get("private") is True:  # our own, listed because of our token
            continue
        event = _event(entry)
        if isinstance(event, str):
            problems.append(event)
        else:
            events.append(event)
    reached = min(times) if times else None
    complete = last or key == KEYS["trending_score"] or (reached is not None and reached < since)
    return Page(tuple(events), tuple(problems), reached, complete)


def _event(entry: dict[str, object]) -> HubEvent | str:
    """Return an entry as an event, or a sentence about why it cannot be one."""
    name = repo_id(entry.get("id"))
    if name is None:
        return f"An entry of the Hub's listing has no usable id: {ascii(entry.get('id'))[:120]}."
    created = moment(entry.get("createdAt")) or born(entry.get("_id"))
    if created is None:
        return f"The Hub's listing does not say when {name} was created."
    return HubEvent(
        repo_id=name,
        hub_id=hub_id(entry.get("_id")),
        revision=revision(entry.get("sha")),
        created_at=created,
        parameters=parameters_in(entry.get("safetensors"), entry.get("usedStorage")),
        gated=entry.get("gated") not in (False, None),
        modified_at=moment(entry.get("lastModified")),
    )
