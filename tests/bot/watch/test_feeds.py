"""The feeds over real sockets: nothing missed, gaps told and refilled, the past remembered without a word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from analyzers.records import HubEvent
from bot.alerts.operator import News
from bot.config.settings import Settings
from bot.health.watchdog import Watchdog
from bot.hub import Hub
from bot.sources.interface import SourceError
from bot.watch.feeds import FEEDS, GAP_PATIENCE, NEW, Feed, Feeds
from demo.hub.answers import model
from demo.hub.faults import Fault, LoggedRequest, always
from demo.hub.repository import BytesBlob, LoopbackRepo
from demo.hub.server import LoopbackHub
from state.store import Store

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BIG = 70_000_000_000


def repo(name: str, created: timedelta, modified: timedelta | None = None, **values: Any) -> LoopbackRepo:
    """A repository made, and changed, so long before now."""
    files = {"README.md": BytesBlob(name.encode())}
    changed = NOW - (modified if modified is not None else created)
    values = {"counted": BIG} | values
    return LoopbackRepo(repo_id=name, files=files, created_at=NOW - created, last_modified=changed, **values)


@dataclass
class World:
    """A Hub, a store, and a clock that is moved by hand."""

    hub: LoopbackHub
    store: Store
    real: Hub
    settings: Settings
    now: datetime = NOW

    def poll(self, later: timedelta = timedelta(0)) -> int:
        """Read every feed, so much later than the last time."""
        self.now += later
        return Feeds(self.real, self.store, self.settings, lambda: self.now, self.news).poll(lambda _: None)

    @property
    def news(self) -> News:
        """What tells the operator."""
        return News(self.store, lambda: self.now, "operator")

    def kinds(self, name: str) -> list[str]:
        """What happened to a repository."""
        return [h.kind for h in self.store.repo_events(name)]

    def told(self) -> list[tuple[str, bool]]:
        """The operator's news so far: titles, and whether it is the end of them."""
        rows = self.store.claim(self.now + timedelta(days=9), 1.0, 99)
        return [(r.payload["operator"]["title"], bool(r.payload["operator"]["ended_at"])) for r in rows]


@contextmanager
def world(tmp_path: Path, *repos: LoopbackRepo, **settings: Any) -> Iterator[World]:
    """Open one."""
    with (
        LoopbackHub(repos) as hub,
        Store.open(f"sqlite:///{tmp_path / 'db.sqlite'}") as store,
        Hub(hub.url, sleep=lambda _: None) as real,
    ):
        yield World(hub, store, real, Settings(data=tmp_path, **settings))


def test_a_repository_is_seen_whichever_way_it_comes(tmp_path: Path) -> None:
    """New, made public late, changed though old, and talked about though neither: each is an upload with its event."""
    old = repo("o/old", 900 * HOUR, 800 * HOUR)
    with world(tmp_path, repo("o/new", HOUR), old) as at:
        assert at.poll() == 2  # the old one is seen because it is talked about
        assert at.store.due(NOW, 9)[0].repo_id == "o/new"
        at.hub.add(repo("o/next", -3 * HOUR))
        at.hub.add(replace(repo("o/flipped", -0.1 * HOUR, -5.5 * HOUR), hub_id=""))
        at.hub.repos["o/flipped"] = replace(at.hub.repos["o/flipped"], private=True)
        assert at.poll(5 * HOUR) == 1
        at.hub.repos["o/flipped"] = replace(at.hub.repos["o/flipped"], private=False)
        at.hub.add(replace(old, last_modified=NOW + 5 * HOUR, revision="b" * 40))
        assert at.poll(HOUR) == 2
        assert at.poll(HOUR) == 0
        assert at.kinds("o/new") == at.kinds("o/next") == ["created"]
        assert at.kinds("o/flipped") == ["public"]
        assert at.kinds("o/old") == ["changed", "revision"]


def test_small_ones_are_kept_only_when_they_are_new(tmp_path: Path) -> None:
    """The listing of changed repositories shows thousands of small ones a day; they could not become a case."""
    small = repo("o/small", 99 * HOUR, HOUR, counted=1000)
    with world(tmp_path, small, repo("o/tiny", HOUR, counted=10)) as at:
        assert at.poll() == 1
        assert [u.repo_id for u in at.store.due(NOW, 9)] == ["o/tiny"]


def test_the_past_is_remembered_and_not_told(tmp_path: Path) -> None:
    """What lies between the seed's date and the look back is silent; what comes later is not, a stop included."""
    seed = NOW - 240 * HOUR
    with world(tmp_path, repo("o/past", 100 * HOUR), repo("o/recent", 3 * HOUR), seed_since=seed) as at:
        assert at.poll() == 2
        at.hub.add(repo("o/meanwhile", -20 * HOUR))
        assert at.poll(100 * HOUR) == 1
        silent = {u.repo_id: u.silent for u in at.store.due(NOW, 9)}
    assert silent == {"o/past": True, "o/recent": False, "o/meanwhile": False}


def test_a_gap_is_told_once_and_refilled(tmp_path: Path) -> None:
    """A listing that ends too early moves no cursor; when it is whole again nothing is missing, and that is told."""
    first = [repo(f"o/n{i}", (i + 1) * 0.1 * HOUR) for i in range(5)]
    with world(tmp_path, *first) as at:
        at.poll()
        cursor = at.store.cursor("created_at")
        hidden = dict(at.hub.repos)
        at.hub.repos.clear()
        at.hub.add(repo("o/top", -3 * HOUR))
        at.poll(4 * HOUR)
        at.poll(HOUR)
        assert at.store.cursor("created_at") == cursor
        at.hub.repos.update(hidden)
        at.hub.add(repo("o/between", -1 * HOUR))
        at.poll(HOUR)
        assert at.store.cursor("created_at") == NOW + 3 * HOUR
        assert {"o/top", "o/between"} <= {u.repo_id for u in at.store.due(at.now, 99)}
        gaps = [
            (f"gap in {what}", ended)
            for ended in (False, True)
            for what in ("new repositories", "changed repositories")
        ]
        assert at.told() == gaps
        assert at.kinds("created_at") == ["gap", "refilled"]


def test_a_gap_that_cannot_be_filled_is_left(tmp_path: Path) -> None:
    """Else one deleted stretch would hold the cursor for ever."""
    with world(tmp_path, repo("o/a", HOUR)) as at:
        at.poll()
        at.hub.repos.clear()
        at.hub.add(repo("o/b", -HOUR))
        at.poll(2 * HOUR)
        at.poll(GAP_PATIENCE + HOUR)
        assert at.store.cursor("created_at") == NOW + HOUR
        at.hub.add(repo("o/c", -9 * HOUR))
        at.poll(2 * HOUR)
        assert at.kinds("created_at") == ["gap", "left"]
        new = [t for t in at.told() if "new repositories" in t[0]]
    assert new == [
        ("gap in new repositories", False),
        ("gap in new repositories, left", False),
        ("gap in new repositories", True),
    ]


def test_a_list_of_changes_that_is_cut_off_is_a_gap(tmp_path: Path) -> None:
    """It ends before it reaches what was read, and there are older ones: the cursor waits."""
    old = repo("o/old", 900 * HOUR, HOUR)
    with world(tmp_path, old) as at:
        at.poll()
        at.hub.add(repo("o/late", 900 * HOUR, -HOUR))
        newest = repo("o/top", 900 * HOUR, -4 * HOUR)
        body = json.dumps([model(newest, [])]).encode()
        at.hub.fault = lambda seen: Fault(body=b"[]" if "trending" in seen.query else body)
        at.poll(5 * HOUR)
        assert not at.store.history("o/late")
        at.hub.fault = None
        at.poll(HOUR)
        assert at.store.history("o/late")
        assert ("gap in changed repositories", True) in at.told()


def test_a_listing_that_takes_too_long_ends_as_a_gap(tmp_path: Path) -> None:
    """What it has shown is kept, the cursor waits, and the uploads of this pass do not; then it is read whole."""
    many = [repo(f"o/{i}", i * timedelta(seconds=1)) for i in range(1_250)]
    with world(tmp_path, *many) as at:

        def slow(seen: LoggedRequest) -> None:
            at.now += timedelta(minutes=8) * ("trending" not in seen.query)

        at.hub.fault = slow
        assert at.poll() == 1_000
        assert at.store.cursor("created_at") is None
        assert at.poll() == 250
        what = ("new repositories", "changed repositories")
        assert at.told() == [(f"gap in {one}", ended) for ended in (False, True) for one in what]


def test_one_feed_that_fails_holds_no_other_back(tmp_path: Path) -> None:
    """Blindness is told after an hour, once, and once more when it ends; all blind is an error of the pass."""
    with world(tmp_path, repo("o/a", HOUR)) as at:
        at.poll()
        at.hub.fault = lambda seen: Fault(status=400) if "sort=createdAt" in seen.query else None
        at.hub.add(repo("o/b", -HOUR))
        assert at.poll(2 * HOUR) == 1
        assert at.poll(HOUR) == 0
        at.hub.fault = always(Fault(status=400))
        with pytest.raises(SourceError):
            at.poll(2 * HOUR)
        at.hub.fault = None
        at.poll(timedelta(minutes=1))
        # told of all three, each once; the feed that began to fail first is told first
        begun = [t for t, ended in at.told() if not ended]
    assert begun[0] == "stale new repositories"
    assert sorted(begun) == sorted(f"stale {f.what}" for f in FEEDS)


@pytest.mark.parametrize("total", [1 << 62, 1 << 63, 10**40])
def test_a_count_that_no_model_has_hides_no_other_upload(tmp_path: Path, total: int) -> None:
    """Whatever the Hub counts from a header that somebody made up."""
    with world(tmp_path, repo("o/a", HOUR), repo("o/odd", HOUR, counted=total)) as at:
        assert at.poll() == 2
        assert at.poll(HOUR) == 0
        (odd,) = at.store.history("o/odd")
    assert odd.parameters == (total if total < 1 << 63 else None)


def test_an_entry_of_next_year_blinds_no_listing(tmp_path: Path) -> None:
    """The cursor never passes the clock, and one that did comes back."""
    year = timedelta(days=400)
    with world(tmp_path, repo("o/a", HOUR), repo("o/ahead", -year)) as at:
        at.poll()
        assert all(s.read_to <= at.now for s in at.store.feeds())
        at.store.record("created_at", [], NOW + year, NOW)
        at.hub.add(repo("o/b", -HOUR))
        at.hub.add(repo("o/c", timedelta(minutes=-50)))
        at.poll(HOUR)
        assert [len(at.store.history(name)) for name in ("o/b", "o/c")] == [1, 1]
        assert not at.told()


def test_an_entry_that_we_trip_over_hides_no_other_listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of ours in reading one listing is logged, and told like a listing that cannot be read."""
    with world(tmp_path, repo("o/a", HOUR)) as at:
        at.poll()
        wanted = Feeds._wanted

        def trips(self: Feeds, feed: Feed, event: HubEvent, since: datetime) -> bool:
            if feed is NEW:
                raise OverflowError
            return wanted(self, feed, event, since)

        monkeypatch.setattr(Feeds, "_wanted", trips)
        at.hub.add(repo("o/b", -HOUR))
        assert at.poll(2 * HOUR) == 1
        assert at.told() == [("stale new repositories", False)]


def test_the_watchdog_tells_what_is_short(tmp_path: Path) -> None:
    """Backlog and disk begin and end; an alert that cannot be delivered is told once."""
    with world(tmp_path, *[repo(f"o/{i}", HOUR) for i in range(3)], max_backlog=2, min_free_bytes=1 << 60) as at:
        at.poll()
        dog = Watchdog(at.store, at.news, at.settings, at.real)
        for _ in range(2):
            dog.look()
        assert sorted(at.told()) == [("backlog", False), ("disk nearly full", False)]
        enough = at.settings.model_copy(update={"min_free_bytes": 0, "max_backlog": 9})
        Watchdog(at.store, at.news, enough, at.real).look()
        assert at.store.conditions() == []
