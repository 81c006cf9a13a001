"""The headers of safetensors files: of all shards in one answer where the Hub offers that, else by range."""

from __future__ import annotations

import json
from collections.abc import Sequence

from analyzers.records import RepoFile, RepoRef, ShardHeader
from analyzers.sketch.layout import MAX_HEADER_BYTES
from bot.hub.http.errors import NoSuchAddress
from bot.hub.http.session import Ask, Wire
from bot.hub.json_fields import table
from bot.sources.interface import Disabled, Gated, SourceError
from bot.sources.safetensors_header import PREFIX
from bot.sources.weight_files import is_whole, shard_name


class OneAnswer:
    """The address that gives the headers of all shards at once. Remembers if this Hub has no such thing."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.offered = True

    def headers(self, ref: RepoRef, index: RepoFile, shards: Sequence[RepoFile]) -> dict[str, ShardHeader] | None:
        """Headers by path, or None where they have to be read by range.

        The answer is about main as it is now, not about `ref`: it counts only if its shards are
        among those of `ref`, and each header fits the size of its shard.
        """
        url = self._wire.address("api", "models", ref.repo_id, "safetensors-metadata", index.path)
        try:
            content, _ = self._wire.json(Ask(url, "the headers of all shards", ref.repo_id))
        except (Gated, Disabled):
            raise
        except SourceError as error:
            # Reading by range says better what is wrong with the repository, if anything is.
            self.offered = self.offered and not isinstance(error, NoSuchAddress)
            return None
        found = table(table(content).get("headers"))
        names = {shard_name(name, f"The Hub's list of headers of {ref.repo_id}") for name in found}
        if not names <= {s.path for s in shards} or not is_whole(shards, names):
            return None
        shards = [s for s in shards if s.path in names]  # what its index does not name is left over from before
        headers = {s.path: _fitting(found[s.path], s) for s in shards}
        return {path: h for path, h in headers.items() if h} if all(headers.values()) else None


def _fitting(entries: object, shard: RepoFile) -> ShardHeader | None:
    """A header that leaves room for its own text in the shard's size; None for one of another file."""
    if not isinstance(entries, dict):
        return None
    ends = [0]
    for entry in entries.values():
        offsets = table(entry).get("data_offsets")
        if isinstance(offsets, list) and len(offsets) == 2 and isinstance(offsets[1], int):
            ends.append(offsets[1])
    text_bytes = shard.size - PREFIX - max(ends)
    # A truncated file would shift every tensor unnoticed: the text must have room for what it says, and the format's
    # writers pad it to a multiple of eight bytes. Where that does not hold, the file itself is asked.
    # JSON may hold half of a sign; what is wrong with such a name is said where the names are read.
    least = len(json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass"))
    fits = least <= text_bytes <= MAX_HEADER_BYTES and text_bytes % 8 == 0
    return ShardHeader(entries, shard.size) if fits else None
