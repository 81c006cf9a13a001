"""Read headers shard by shard: as many as the requests and bytes allow, evenly spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from analyzers.errors import MalformedWeights
from analyzers.records import RepoFile, RepoRef, ShardHeader
from bot.hub.http.parallel import Parallel
from bot.hub.ranges import Ranges
from bot.sources.safetensors_header import PREFIX, header_length, parse_header

FIRST_BYTES = 8 << 10  # read of each shard at first, which most headers fit into
FIRST_BYTES_MOST = 256 << 10
ROUNDS = 3  # requests for a shard with a long header: its address, its first bytes, the rest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Begun:
    """The first bytes of one shard. `header_end`: the byte after its header."""

    shard: RepoFile
    content: bytes
    header_end: int

    @property
    def missing(self) -> int:
        """Return the number of header bytes still to read."""
        return max(0, self.header_end - len(self.content))


@dataclass(frozen=True, slots=True)
class RangeHeaders:
    """Reads headers of one repository's shards by range: the address, the first bytes, the rest of longer ones."""

    ref: RepoRef
    ranges: Ranges
    parallel: Parallel

    def fits(self, shards: Sequence[RepoFile], index: RepoFile | None, max_requests: int) -> bool:
        """Return True if `max_requests` are enough for the headers of all shards."""
        rounds = 2 if _first_bytes(index, len(shards)) < FIRST_BYTES_MOST else ROUNDS
        return rounds * len(shards) + (rounds < ROUNDS) <= max_requests

    def read(
        self,
        shards: Sequence[RepoFile],
        index: RepoFile | None,
        max_requests: int,
        max_bytes: int,
        first: Sequence[RepoFile] = (),
    ) -> dict[str, ShardHeader]:
        """Return headers by path: of all shards if both limits allow, else of `first`, else of evenly spread ones.

        At least one is read.
        """
        for shard in shards:
            if shard.size < PREFIX:
                raise MalformedWeights(f"{self._name(shard)} is too short for a safetensors file.")
        begun = self._begin_all(shards, _first_bytes(index, len(shards)), max_requests, max_bytes, first)
        whole = [b for b in begun if not b.missing]
        left = max_bytes - sum(len(b.content) for b in begun)
        long = _affordable([b for b in begun if b.missing], max_requests - 2 * len(begun), left, need=not whole)
        whole += self.parallel(self._finish, long)
        read = {
            b.shard.path: parse_header(b.content[PREFIX : b.header_end], b.shard, self._name(b.shard)) for b in whole
        }
        return dict(sorted(read.items()))

    def _begin_all(
        self, shards: Sequence[RepoFile], size: int, max_requests: int, max_bytes: int, first: Sequence[RepoFile]
    ) -> list[_Begun]:
        """Read the beginnings of as many shards as can be finished within the limits, `size` bytes of each or more."""
        if ROUNDS * len(shards) <= max_requests and size * len(shards) <= max_bytes:
            return self._begin_some(shards, size)
        # The limits do not allow three requests for each. One header shows their length, so that two are enough.
        pilot = self._begin_some(first[:1] or shards[:1], size)
        size = min(max(size, pilot[0].header_end * 5 // 4), FIRST_BYTES_MOST)
        each = 2 if size < FIRST_BYTES_MOST else ROUNDS
        most = min(1 + (max_requests - ROUNDS) // each, max_bytes // size)
        chosen = first[:most] if first else spread(shards, most)
        return pilot + self._begin_some(chosen[1:], size)

    def _begin_some(self, shards: Sequence[RepoFile], size: int) -> list[_Begun]:
        self.parallel(self.ranges.resolve, shards)
        return self.parallel(lambda shard: self._begin(shard, size), shards)

    def _begin(self, shard: RepoFile, size: int) -> _Begun:
        content = self.ranges.read(shard, 0, min(size, shard.size))
        return _Begun(shard, content, PREFIX + header_length(content, shard, self._name(shard)))

    def _finish(self, begun: _Begun) -> _Begun:
        rest = self.ranges.read(begun.shard, len(begun.content), begun.header_end)
        return _Begun(begun.shard, begun.content + rest, begun.header_end)

    def _name(self, shard: RepoFile) -> str:
        return f"{shard.path} of {self.ref.repo_id}"


def _first_bytes(index: RepoFile | None, shards: int) -> int:
    """Return the bytes to read first, so that a header of the length that the index suggests is whole."""
    expected = 2 * index.size // shards if index is not None else 0
    return min(max(expected, FIRST_BYTES), FIRST_BYTES_MOST)


def _affordable(long: list[_Begun], requests: int, left: int, *, need: bool) -> list[_Begun]:
    """Return the long headers to finish within the limits; with `need`, at least one."""
    chosen: list[_Begun] = []
    for begun in spread(long, max(int(need), requests)):
        left -= begun.missing
        if left >= 0 or (need and not chosen):
            chosen.append(begun)
    return chosen


def spread(items: Sequence[T], most: int) -> list[T]:
    """Return at most `most` items, evenly spread, with the first and the last where two are allowed."""
    if len(items) <= most:
        return list(items)
    if most <= 1:
        return list(items[: max(0, most)])
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]
