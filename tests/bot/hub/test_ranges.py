"""Bytes of weights: exactly what was asked for, or an error."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analyzers.errors import MalformedWeights
from bot.hub import Hub, HubRepo
from bot.sources.interface import Changed, Span, TooLarge, Unavailable
from demo.hub.faults import Fault, always, times
from demo.hub.server import LoopbackHub
from tests.bot.hub.makers import FILE, Watch, model, shard_paths

STORAGE = "/xet-bridge/"
PATHS = shard_paths(model())


def opened(hub: Hub) -> HubRepo:
    """org/model, its facts known."""
    repo = hub.repo("org/model")
    repo.facts()
    return repo


def test_spans_come_in_order_and_exact(site: LoopbackHub, hub: Hub) -> None:
    """Each span gives its own bytes, in the order asked for, whatever the order of the answers."""
    spans = [Span(p, b, b + n) for p in reversed(PATHS) for b, n in ((40, 9), (0, 8), (3, 0), (100, 1))]
    content = site.repos["org/model"].files
    assert opened(hub).read(spans) == [content[s.shard].read(s.begin, s.end) for s in spans]


def test_one_range_a_request_and_one_address_a_shard(site: LoopbackHub, hub: Hub) -> None:
    """Every span is one request with one range, and each shard's signed address is asked for once."""
    repo = opened(hub)
    with hub.metered() as meter:
        repo.read([Span(p, b, b + 4) for p in PATHS for b in range(0, 80, 8)])
        repo.read([Span(PATHS[0], 2, 3)])
    stored = site.seen(STORAGE)
    assert len(stored) == 31
    assert all(s.range is not None and "," not in s.range and s.range.startswith("bytes=") for s in stored)
    assert len(site.seen("/resolve/")) == len(PATHS)
    assert meter.requests == 31 + len(PATHS)
    assert meter.bytes_read == 30 * 4 + 1


def test_an_address_that_has_run_out_is_asked_for_anew(site: LoopbackHub, hub: Hub) -> None:
    """A signed address that answers 403 is replaced, and the bytes come."""
    site.signed.uses = 2
    repo, content = opened(hub), site.repos["org/model"].files[PATHS[0]]
    for begin in range(0, 40, 8):
        assert repo.read([Span(PATHS[0], begin, begin + 8)]) == [content.read(begin, begin + 8)]
    assert [s.status for s in site.seen(STORAGE)] == [206, 206, 403, 206, 206, 403, 206]
    assert len(site.seen("/resolve/")) == 3


def test_an_address_is_replaced_once_for_all_who_wait(hub: Hub, site: LoopbackHub) -> None:
    """When an address has run out under many spans at once, one new one serves them all."""
    repo = opened(hub)
    repo.read([Span(PATHS[0], 0, 8)])
    site.signed.forget()
    assert len(repo.read([Span(PATHS[0], b, b + 8) for b in range(0, 64, 8)])) == 8
    assert len(site.seen("/resolve/")) == 2


def test_a_storage_that_refuses_fresh_addresses_is_unavailable(site: LoopbackHub, hub: Hub) -> None:
    """403 to a fresh address is no reason to ask for ever."""
    site.fault = always(Fault(status=403), STORAGE)
    with hub.metered() as meter, pytest.raises(Unavailable, match="refuses even a fresh address"):
        opened(hub).read([Span(PATHS[0], 0, 4)])
    assert meter.requests < 15


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        (Fault(whole=True), Unavailable, "offers all of"),
        (Fault(shift=1), Unavailable, "other bytes"),
        (Fault(headers={"Content-Range": "bytes 0-7"}), Unavailable, "other bytes"),
        (Fault(headers={"Content-Encoding": "gzip"}), Unavailable, "encoded"),
        (Fault(extra=-1), Unavailable, "fewer than the 8 bytes"),
        (Fault(cut=3), Unavailable, "connection to the Hub failed"),
        (Fault(extra=1), Unavailable, "more than the 8 bytes"),
        (Fault(endless=True), Unavailable, "more than the 8 bytes"),
        (Fault(total=5), Changed, "the Hub had listed"),
        (Fault(status=416), Changed, "shorter than"),
        (Fault(status=400), Unavailable, "answered 400"),
    ],
)
def test_206_and_the_exact_range_or_nothing(
    site: LoopbackHub, hub: Hub, fault: Fault, error: type[Exception], text: str
) -> None:
    """Whole files, other ranges, short, long, cut, encoded and endless bodies give no bytes, and few are read."""
    site.fault = always(fault, STORAGE)
    repo = opened(hub)
    with hub.metered() as meter, pytest.raises(error, match=text):
        repo.read([Span(PATHS[0], 8, 16)])
    assert meter.bytes_read < 1 << 20


@pytest.mark.parametrize("fault", [Fault(whole=True), Fault(shift=1), Fault(cut=3), Fault(extra=1), Fault(status=502)])
def test_a_passing_fault_is_passed_over(site: LoopbackHub, hub: Hub, watch: Watch, fault: Fault) -> None:
    """A range that goes wrong twice and then right is read, after two waits."""
    site.fault = times(2, fault, STORAGE)
    (content,) = opened(hub).read([Span(PATHS[0], 8, 16)])
    assert content == site.repos["org/model"].files[PATHS[0]].read(8, 16)
    assert len(watch.waits) == 2


@pytest.mark.parametrize("fault", [Fault(total=1), Fault(headers={"X-Repo-Commit": "0" * 40})])
def test_another_file_than_the_listed_one_is_refused(site: LoopbackHub, hub: Hub, fault: Fault) -> None:
    """A size or a commit at the address that is not the listing's means that something changed."""
    site.fault = always(fault, "/resolve/")
    with pytest.raises(Changed, match="is not the file that the Hub had listed"):
        opened(hub).read([Span(PATHS[0], 0, 4)])


def test_a_hub_that_serves_weights_itself_is_read_too(site: LoopbackHub, hub: Hub) -> None:
    """Where the Hub does not redirect to a storage, ranges are read from where it does redirect to."""
    repo = opened(hub)
    cached = f"/api/resolve-cache/models/org/model/main/{PATHS[0]}"
    site.fault = always(Fault(status=307, headers={"Location": cached}), "/resolve/")
    assert repo.read([Span(PATHS[0], 0, 4)]) == [site.repos["org/model"].files[PATHS[0]].read(0, 4)]


@pytest.mark.parametrize("span", [Span(PATHS[0], 0, 1 << 40), Span(PATHS[0], 4, 2), Span(PATHS[0], -4, 2)])
def test_bytes_that_are_not_there_are_not_asked_for(site: LoopbackHub, hub: Hub, span: Span) -> None:
    """A span outside its file is refused before a request."""
    with pytest.raises(MalformedWeights, match="has no bytes"):
        opened(hub).read([span])
    assert site.seen("/resolve/") == []


def test_reads_are_of_the_commit_that_the_facts_name(site: LoopbackHub, hub: Hub) -> None:
    """When main moves on after the facts were asked for, the bytes are still those of the old commit."""
    repo, old = opened(hub), site.repos["org/model"]
    moved = model(padding=8)
    site.add(replace(moved, earlier=old))
    assert repo.read([Span(PATHS[0], 0, 8)]) == [old.files[PATHS[0]].read(0, 8)]
    assert hub.repo("org/model").facts().ref.revision == moved.revision


def test_an_endless_body_is_cut_off_while_it_streams(site: LoopbackHub, hub: Hub) -> None:
    """Of a small file that never ends, hardly more than the limit is read."""
    site.fault = always(Fault(endless=True), "resolve-cache")
    repo = opened(hub)
    with hub.metered() as meter, pytest.raises(TooLarge, match=f"{FILE} of org/model is larger than 100,000 bytes"):
        repo.file(FILE, 100_000)
    assert meter.bytes_read < 400_000


def test_a_small_file_is_whole_absent_or_too_large(site: LoopbackHub, hub: Hub) -> None:
    """A file is given whole, None where there is none, TooLarge without a request where the list says so."""
    repo = opened(hub)
    assert repo.file(FILE, 100) == site.repos["org/model"].files[FILE].read(0, 100)
    with hub.metered() as meter:
        assert repo.file("absent.json", 100) is None
        with pytest.raises(TooLarge, match="no more than 3 are read"):
            repo.file(FILE, 3)
    assert meter.requests == 0


def test_a_small_file_that_is_cut_short_is_refused(site: LoopbackHub, hub: Hub) -> None:
    """A file with another length than the list says is asked for again, then Unavailable."""
    site.fault = always(Fault(body=b"{"), "resolve-cache")
    with pytest.raises(Unavailable, match="came with 1 bytes"):
        opened(hub).file(FILE, 100)


def test_weights_far_larger_than_memory_are_read_in_place(tmp_path: Path) -> None:
    """A span at the end of a file of 400 GB costs its own bytes."""

    class Vast:
        size = 400 << 30

        def read(self, begin: int, end: int) -> bytes:
            return bytes(i % 7 for i in range(begin, end))

    repo = replace(model(), files={"model.safetensors": Vast()}, revision="")
    with LoopbackHub([repo]) as site, Hub(site.url) as hub, hub.metered() as meter:
        end = Vast.size
        (content,) = hub.repo("org/model").read([Span("model.safetensors", end - 5, end)])
        assert content == bytes(i % 7 for i in range(end - 5, end))
        assert meter.bytes_read < 2000
