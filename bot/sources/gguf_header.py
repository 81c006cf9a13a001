"""Read the header at the front of a GGUF file piece by piece, from the Hub or a folder."""

from __future__ import annotations

from collections.abc import Callable

from analyzers.errors import MalformedWeights
from analyzers.records import RepoFile, ShardHeader
from analyzers.sketch.gguf import read_header
from bot.sources.interface import TooLarge

FIRST_BYTES = 64 << 10
MOST_AT_ONCE = 1 << 20
GGUF_BYTES = 16 << 20  # of a header that is read; the longest vocabularies take about ten


def gguf_header(read: Callable[[int, int], bytes], file: RepoFile, name: str) -> ShardHeader:
    """Return a file's header. `read`: returns its bytes from one position to another.

    A header does not give its length, and holds the vocabulary. So each piece is as long as all before it, up to
    MOST_AT_ONCE. Raises MalformedWeights if it is not a header, TooLarge beyond GGUF_BYTES.
    """
    content = b""
    while len(content) < min(file.size, GGUF_BYTES):
        more = min(max(FIRST_BYTES, len(content)), MOST_AT_ONCE)
        content += read(len(content), min(len(content) + more, file.size))
        header = read_header(content, file.size, name)
        if header is not None:
            return header
    if len(content) < file.size:
        raise TooLarge(f"{name} has a header of more than {GGUF_BYTES:,} bytes; no more are read.")
    raise MalformedWeights(f"{name} ends before its header does.")
