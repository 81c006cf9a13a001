"""The header at the front of a safetensors file; the same for the Hub and for a folder."""

from __future__ import annotations

from analyzers.errors import MalformedWeights
from analyzers.records import RepoFile, ShardHeader
from analyzers.sketch.layout import MAX_HEADER_BYTES
from bot.sources.interface import TooLarge
from bot.sources.untrusted_json import parsed

PREFIX = 8  # bytes that say how long the header is
READ_BYTES = 25 << 20  # longest header read; the format allows MAX_HEADER_BYTES


def header_length(prefix: bytes, shard: RepoFile, name: str) -> int:
    """How long the header's text is, in bytes; MalformedWeights if it cannot be, TooLarge if it should not."""
    length = int.from_bytes(prefix[:PREFIX], "little")
    if length > min(MAX_HEADER_BYTES, shard.size - PREFIX):
        raise MalformedWeights(f"{name} says its header has {length:,} bytes, which it cannot have.")
    if length > READ_BYTES:
        raise TooLarge(f"{name} has a header of {length:,} bytes; no more than {READ_BYTES:,} are read.")
    return length


def parse_header(body: bytes, shard: RepoFile, name: str) -> ShardHeader:
    """The header's text as a table; MalformedWeights if it is none, TooLarge for too many values.

    Of a repeated key the last counts.
    """
    try:
        entries = parsed(body, f"The header of {name}")
    except ValueError as error:
        raise MalformedWeights(f"The header of {name} is no JSON in UTF-8.") from error
    if not isinstance(entries, dict):
        raise MalformedWeights(f"The header of {name} is no JSON object.")
    return ShardHeader(entries, shard.size, len(body))
