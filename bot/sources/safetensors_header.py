"""Read the header at the front of a safetensors file, from the Hub or a folder."""

from __future__ import annotations

from analyzers.errors import MalformedWeights
from analyzers.records import RepoFile, ShardHeader
from analyzers.sketch.layout import MAX_HEADER_BYTES
from bot.sources.interface import TooLarge
from bot.sources.untrusted_json import parsed

PREFIX = 8  # bytes that hold the header's length
READ_BYTES = 25 << 20  # longest header read; the format allows MAX_HEADER_BYTES


def header_length(prefix: bytes, shard: RepoFile, name: str) -> int:
    """Return the length of the header's text in bytes; MalformedWeights if impossible, TooLarge over READ_BYTES."""
    length = int.from_bytes(prefix[:PREFIX], "little")
    if length > min(MAX_HEADER_BYTES, shard.size - PREFIX):
        raise MalformedWeights(f"{name} says its header has {length:,} bytes, which it cannot have.")
    if length > READ_BYTES:
        raise TooLarge(f"{name} has a header of {length:,} bytes; no more than {READ_BYTES:,} are read.")
    return length


def parse_header(body: bytes, shard: RepoFile, name: str) -> ShardHeader:
    """Return the header's entries; MalformedWeights if it is not JSON, TooLarge for too many values.

    The last of repeated keys counts.
    """
    try:
        entries = parsed(body, f"The header of {name}")
    except ValueError as error:
        raise MalformedWeights(f"The header of {name} is not JSON in UTF-8.") from error
    if not isinstance(entries, dict):
        raise MalformedWeights(f"The header of {name} is not a JSON object.")
    return ShardHeader(entries, shard.size, len(body))
