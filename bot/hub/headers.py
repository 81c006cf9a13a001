"""Read the headers of all safetensors shards in one answer, where the Hub offers that."""

from __future__ import annotations

import json
from collections.abc import Sequence

from analyzers.records import RepoFile, RepoRef, ShardHeader
from analyzers.sketch.layout import MAX_HEADER_BYTES
from bot.hub.http.errors import NoSuchAddress
from bot.hub.http.session import HttpSession, HubRequest
from bot.hub.json_fields import table
from bot.sources.interface import Disabled, Gated, SourceError
from bot.sources.safetensors_header import PREFIX
from bot.sources.weight_files import is_whole, shard_name


class HeaderEndpoint:
    """The Hub's endpoint for the headers of all shards at once. `offered`: False once this Hub lacked it."""

    def __init__(self, session: HttpSession) -> None:
        self._session = session
        self.offered = True

    def headers(self, ref: RepoRef, index: RepoFile, shards: Sequence[RepoFile]) -> dict[str, ShardHeader] | None:
        """Return headers by path; None where they have to be read by range.

        The answer describes the current main, not `ref`. It counts only if its shards are among those of `ref` and
        each header fits the size of its shard.
        """
        url = self._session.address("api", "models", ref.repo_id, "safetensors-metadata", index.path)
        try:
            content, _ = self._session.json(HubRequest(url, "the headers of all shards", ref.repo_id))
        except (Gated, Disabled):
            raise
        except SourceError as error:
            # Reading by range gives a clearer error if the repository is broken.
            self.offered = self.offered and not isinstance(error, NoSuchAddress)
            return None
        found = table(table(content).get("headers"))
        names = {shard_name(name, f"The Hub's list of headers of {ref.repo_id}") for name in found}
        if not names <= {s.path for s in shards} or not is_whole(shards, names):
            return None
        shards = [s for s in shards if s.path in names]  # the others are left over from earlier weights
        headers = {s.path: _fitting(found[s.path], s) for s in shards}
        return {path: h for path, h in headers.items() if h} if all(headers.values()) else None


def _fitting(entries: object, shard: RepoFile) -> ShardHeader | None:
    """Return the header if its text fits into the shard's size; None for the header of another file."""
    if not isinstance(entries, dict):
        return None
    ends = [0]
    for entry in entries.values():
        offsets = table(entry).get("data_offsets")
        if isinstance(offsets, list) and len(offsets) == 2 and isinstance(offsets[1], int):
            ends.append(offsets[1])
    text_bytes = shard.size - PREFIX - max(ends)
    # A truncated file would shift every tensor unnoticed. So the text must have room for its content, and the format's
    # writers pad it to a multiple of eight bytes; else the file itself is read. JSON may hold half a character (a lone
    # surrogate); the error for such a name is raised where names are read.
    least = len(json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass"))
    fits = least <= text_bytes <= MAX_HEADER_BYTES and text_bytes % 8 == 0
    return ShardHeader(entries, shard.size) if fits else None
