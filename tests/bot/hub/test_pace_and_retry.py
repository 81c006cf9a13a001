"""Asking politely, and asking again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.hub import Hub
from bot.hub.http.errors import retry_after
from bot.hub.http.hub_client import httpx
from bot.hub.http.rate_limit import LONGEST_WAIT, RateLimiter
from bot.sources.interface import Missing, Span, Unavailable
from demo.hub.faults import Fault, RateLimit, always, times
from demo.hub.server import LoopbackHub
from tests.bot.hub.makers import FILE, Watch, model, shard_paths

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PATH = shard_paths(model())[0]
API = httpx.URL("http://127.0.0.1/api/models")
RESOLVE = httpx.URL("http://127.0.0.1/org/model/resolve/main/x")


def said(bucket: str, remaining: int, reset: int, quota: int = 100) -> httpx.Headers:
    """The Hub's two headers."""
    policy = f'"fixed window";"{bucket}";q={quota};w=300'
    return httpx.Headers({"RateLimit": f'"{bucket}";r={remaining};t={reset}', "RateLimit-Policy": policy})


def test_the_headers_slow_us_before_a_429(hub: Hub, site: LoopbackHub, watch: Watch) -> None:
    """When little of the quota is left, requests are spread over the rest of the window, and none is refused."""
    site.rate_limit = RateLimit(api=40, window=100)
    for _ in range(39):
        list(hub.newest(LONG_AGO))
    assert {s.status for s in site.log} == {200}
    slowed = [w for w in watch.waits if w > 0]
    assert len(slowed) == 3
    assert 60 < sum(slowed) < 101


def both(first: tuple[int, int], second: tuple[int, int]) -> httpx.Headers:
    """Return the headers of an answer that tells two windows of one quota, each as remaining and reset."""
    limits = ", ".join(f'"api";r={left};t={reset}' for left, reset in (first, second))
    return httpx.Headers({"RateLimit": limits, "RateLimit-Policy": '"fixed window";"api";q=100;w=300'})


@pytest.mark.parametrize("windows", [((0, 40), (0, 3000)), ((0, 3000), (0, 40)), ((90, 3000), (0, 40))])
def test_of_two_windows_the_nearer_reset_counts(watch: Watch, windows: tuple[tuple[int, int], tuple[int, int]]) -> None:
    """A 429 is asked again after it, and an answer that has some left lifts a longer window."""
    assert retry_after(429, both(*windows)) == 40.0
    rate_limiter = RateLimiter(watch.clock, watch.sleep)
    rate_limiter.note(said("api", 0, 3000))
    rate_limiter.note(both(*windows))
    assert rate_limiter.used_up() == {"api": 40.0}
    rate_limiter.note(said("api", 99, 300))
    assert rate_limiter.used_up() == {}
    rate_limiter.wait(API)
    assert watch.waits == []


def test_plenty_left_means_no_wait(watch: Watch) -> None:
    """Above a tenth of the quota nobody waits, and one quota does not slow the other."""
    rate_limiter = RateLimiter(watch.clock, watch.sleep)
    rate_limiter.note(said("api", 50, 100))
    rate_limiter.note(said("resolvers", 2, 30))
    rate_limiter.wait(API)
    assert watch.waits == []
    rate_limiter.wait(RESOLVE)
    assert watch.waits == [10.0]


def test_the_rest_is_shared_by_all_who_ask(watch: Watch) -> None:
    """Each request takes its own place in what is left of the window."""
    rate_limiter = RateLimiter(watch.clock, watch.waits.append)
    rate_limiter.note(said("api", 4, 50))
    for _ in range(3):
        rate_limiter.wait(API)
    assert watch.waits == sorted(watch.waits)
    assert watch.waits[0] == 10.0
    assert watch.waits[-1] < 50


def test_a_long_wait_is_the_callers(watch: Watch) -> None:
    """Nobody sleeps for minutes: the caller is told in how many seconds to come back."""
    rate_limiter = RateLimiter(watch.clock, watch.sleep)
    rate_limiter.note(said("api", 0, 299))
    with pytest.raises(Unavailable, match="rate limit") as caught:
        rate_limiter.wait(API)
    assert caught.value.retry_after == 299
    assert watch.waits == []
    watch.now = 300
    rate_limiter.wait(API)


def test_retry_after_is_honoured(hub: Hub, site: LoopbackHub, watch: Watch) -> None:
    """After a 429 the next try comes when the Hub says, and not a moment sooner."""
    site.fault = times(1, Fault(status=429, headers={"Retry-After": "7"}))
    hub.repo("org/model").facts()
    assert 7 <= watch.waits[0] <= 8
    site.fault = times(1, Fault(status=429, headers=dict(said("pages", 0, 12))))
    hub.repo("org/model").facts()
    assert 12 <= watch.waits[-1] <= 13


def test_a_429_for_minutes_is_the_callers(hub: Hub, site: LoopbackHub, watch: Watch) -> None:
    """A wait longer than we are ready for is handed over as `retry_after`, without another try."""
    site.fault = always(Fault(status=429, headers={"Retry-After": "200"}))
    with pytest.raises(Unavailable) as caught:
        hub.repo("org/model").facts()
    assert caught.value.retry_after == 200
    assert (len(site.log), watch.waits) == (1, [])
    assert LONGEST_WAIT < 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "99999999"},
        dict(said("pages", 0, 90_000_000)),
        dict(said("pages", 0, 10**14)),
        dict(said("pages", 0, 10**400)),
    ],
    ids=["Retry-After", "years", "beyond any date", "beyond any number"],
)
def test_nobody_is_sent_away_for_longer_than_an_hour(hub: Hub, site: LoopbackHub, headers: dict[str, str]) -> None:
    """One bad answer would put an upload off for years; the Hub's windows are of five minutes."""
    site.fault = always(Fault(status=429, headers=headers))
    with pytest.raises(Unavailable) as caught:
        hub.repo("org/model").facts()
    assert caught.value.retry_after == 3600
    assert max(hub.used_up().values(), default=0) <= 3600


@pytest.mark.parametrize(
    ("remaining", "reset", "quota"),
    [("9" * 5000, "9", "9"), ("9", "9" * 5000, "9"), ("9" * 400, "9", "9"), ("9", "9", "9" * 400)],
)
def test_a_quota_of_no_sensible_number_is_none(
    hub: Hub, site: LoopbackHub, remaining: str, reset: str, quota: str
) -> None:
    """Numbers of hundreds of digits slow nobody and break nothing."""
    policy = f'"fixed window";"api";q={quota};w=300'
    site.fault = always(Fault(headers={"RateLimit": f'"api";r={remaining};t={reset}', "RateLimit-Policy": policy}))
    for _ in range(2):
        assert hub.repo("org/model").facts().shards
    assert hub.used_up() == {}


@pytest.mark.parametrize(
    "where", ["/api/models/org/model", "/paths-info/", "/safetensors-metadata/", "/resolve/", "/xet-bridge/"]
)
@pytest.mark.parametrize("status", [500, 503, 408])
def test_twice_wrong_then_fine(hub: Hub, site: LoopbackHub, watch: Watch, where: str, status: int) -> None:
    """Every call that the client library does not repeat is repeated here: two failures cost two waits."""
    site.fault = times(2, Fault(status=status), where)
    repo = hub.repo("org/model")
    assert repo.facts().weights_at is not None
    assert repo.file(FILE, 100) is not None
    assert len(repo.headers(100)) == 3
    assert len(repo.read([Span(PATH, 0, 8)])[0]) == 8
    assert len(watch.waits) == 2
    assert watch.waits[0] <= 0.5
    assert watch.waits[1] <= 1.0


def test_a_cut_connection_is_tried_again(hub: Hub, site: LoopbackHub, watch: Watch) -> None:
    """A connection that breaks in a body is no answer."""
    site.fault = times(2, Fault(cut=5), "resolve-cache")
    assert hub.repo("org/model").file(FILE, 100) is not None
    assert len(watch.waits) == 2


def test_tries_are_bounded(hub: Hub, site: LoopbackHub, watch: Watch) -> None:
    """Three failures end as Unavailable that names what was asked for."""
    site.fault = always(Fault(status=503))
    with pytest.raises(Unavailable, match="answered 503 when asked for the description of org/model"):
        hub.repo("org/model").facts()
    assert (len(site.log), len(watch.waits)) == (3, 2)


def test_what_cannot_help_is_not_tried_again(hub: Hub, site: LoopbackHub, watch: Watch) -> None:
    """A repository that is not there is asked for once."""
    with pytest.raises(Missing):
        hub.repo("org/absent").facts()
    assert (len(site.log), watch.waits) == (1, [])
