"""The cost of a piece of work."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from analyzers.records import Cost
from bot.hub import Hub
from bot.sources.interface import Span
from demo.hub.faults import Fault, times
from demo.hub.server import LoopbackHub
from tests.bot.hub.makers import FILE, model, shard_paths

PATHS = shard_paths(model())


def test_every_request_counts(hub: Hub, site: LoopbackHub) -> None:
    """Redirects, retries and the workers' requests are in the count: it is what the Hub has seen."""
    site.fault = times(2, Fault(status=503), "/resolve/")
    with hub.metered() as meter:
        repo = hub.repo("org/model")
        repo.file(FILE, 100)
        repo.headers(60)
        repo.read([Span(p, 0, 100) for p in PATHS])
    assert meter.requests == len(site.log) == 2 + 4 + 1 + 3 + 3
    assert meter.cost(1.5) == Cost(meter.requests, meter.bytes_read, 1.5)
    assert meter.bytes_read > 3 * 100


def test_two_pieces_of_work_at_once_are_counted_apart(hub: Hub, site: LoopbackHub) -> None:
    """Each meter counts its own work, though the workers are shared."""

    def work(spans: int) -> int:
        repo = hub.repo("org/model")
        repo.facts()
        with hub.metered() as meter:
            repo.read([Span(PATHS[0], i, i + 1) for i in range(spans)])
        return meter.requests

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, [5, 20, 50, 100])) == [6, 21, 51, 101]


def test_meters_nest(hub: Hub, site: LoopbackHub) -> None:
    """A part's cost is in the whole's."""
    with hub.metered() as whole:
        repo = hub.repo("org/model")
        repo.facts()
        with hub.metered() as part:
            repo.file(FILE, 100)
    repo.headers(60)
    assert (part.requests, whole.requests) == (2, 4)
