"""The newest repositories, page by page."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.hub import Hub
from bot.sources.interface import Unavailable
from demo.hub.faults import Fault, always
from demo.hub.repository import LoopbackRepo
from demo.hub.server import LoopbackHub

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def site(site: LoopbackHub) -> LoopbackHub:
    """Twelve repositories, one an hour, the newest org/m11 at 23 o'clock; the oldest was touched last."""
    site.repos.clear()
    for i in range(12):
        site.add(LoopbackRepo(repo_id=f"org/m{i}", files={}, created_at=NOON + i * HOUR, counted=i or None))
    site.add(replace(site.repos["org/m0"], last_modified=NOON + 100 * HOUR, gated="auto"))
    return site


def test_pages_go_back_to_the_time_asked_for(hub: Hub, site: LoopbackHub) -> None:
    """Pages come newest first and stop at the first that reaches back far enough."""
    pages = list(hub.newest(NOON + 5.5 * HOUR, page_size=4))
    assert [[e.repo_id for e in p.events] for p in pages] == [
        [f"org/m{i}" for i in (11, 10, 9, 8)],
        [f"org/m{i}" for i in (7, 6, 5, 4)],
    ]
    assert [(p.reached, p.complete) for p in pages] == [(NOON + 8 * HOUR, False), (NOON + 4 * HOUR, True)]
    assert len(site.log) == 2


def test_an_event_has_what_the_listing_says(hub: Hub, site: LoopbackHub) -> None:
    """Name, ids, times, count and gate are taken over."""
    (page,) = hub.newest(NOON - HOUR)
    first, last = page.events[0], page.events[-1]
    planted = site.repos["org/m11"]
    assert (first.repo_id, first.hub_id, first.revision) == ("org/m11", planted.hub_id, planted.revision)
    assert (first.created_at, first.parameters, first.gated) == (NOON + 11 * HOUR, 11, False)
    assert (last.parameters, last.gated) == (None, True)


def test_the_end_of_the_listing_is_complete(hub: Hub, site: LoopbackHub) -> None:
    """A listing that ends before the time asked for leaves no gap."""
    assert [p.complete for p in hub.newest(NOON - HOUR, page_size=8)] == [False, True]


def test_too_few_pages_leave_a_gap_that_shows(hub: Hub, site: LoopbackHub) -> None:
    """When the pages allowed do not reach back, the last one says so."""
    assert [p.complete for p in hub.newest(NOON, page_size=2, max_pages=3)] == [False] * 3


def test_modified_repositories_come_by_that_time(hub: Hub, site: LoopbackHub) -> None:
    """Sorted by last change, an old repository that was touched comes first."""
    (page,) = hub.newest(NOON, sort="last_modified")
    assert page.events[0].repo_id == "org/m0"
    assert page.events[0].created_at == NOON


def test_a_broken_entry_costs_only_itself(hub: Hub, site: LoopbackHub) -> None:
    """Entries without a name or a time are told in sentences; what can be known of the others is kept."""
    entries = [
        {"id": "org/a", "createdAt": "2026-06-01T12:00:00.000Z", "safetensors": {}, "gated": "manual", "sha": 7},
        {"id": "org/b", "_id": "6a1d744051209d50eb08fa45", "createdAt": "yesterday", "safetensors": {"total": -3}},
        {"id": "org/c", "createdAt": 7},
        {"id": "no-slash", "createdAt": "2026-06-01T12:00:00Z"},
        {"id": "org/x\u202e\ny"},
        {"createdAt": "9999-99-99"},
        "text",
        None,
        {"id": "org/mine", "createdAt": "2026-06-01T11:00:00Z", "private": True},
    ]
    site.fault = always(Fault(body=json.dumps(entries).encode()), "/api/models")
    (page,) = hub.newest(NOON - 9 * HOUR)
    assert [(e.repo_id, e.created_at, e.parameters) for e in page.events] == [
        ("org/a", NOON, None),
        ("org/b", NOON, None),
    ]
    assert (page.events[0].gated, page.events[0].revision) == (True, None)
    assert len(page.problems) == 6
    assert all(p.isprintable() and p.isascii() for p in page.problems)
    assert page.reached == NOON - HOUR


def test_no_list_is_unavailable(hub: Hub, site: LoopbackHub) -> None:
    """An answer that is not a list raises an error with a sentence."""
    site.fault = always(Fault(body=b"{}"), "/api/models")
    with pytest.raises(Unavailable, match="is not a list"):
        list(hub.newest(NOON))


def test_a_listing_that_goes_round_in_circles_ends(hub: Hub, site: LoopbackHub) -> None:
    """A page that names itself as the next one costs no more than the pages allowed."""
    site.fault = always(Fault(headers={"Link": '</api/models?limit=1>; rel="next"'}), "/api/models")
    assert len(list(hub.newest(NOON - HOUR, max_pages=5))) == 5
