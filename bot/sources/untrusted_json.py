"""Parse untrusted JSON after a count of its values: three bytes of text can become 64 bytes of memory."""

from __future__ import annotations

import json

from bot.sources.interface import TooLarge

# Measured: 25 to 160 bytes a value, so 230 MB at most. A tensor of a header is 8 values.
MOST_VALUES = 1_500_000


def parsed(body: bytes, what: str) -> object:
    """Parse JSON in UTF-8. Raises TooLarge for too many values, ValueError if it is not JSON.

    Commas and brackets inside texts are counted, too: the count is never below the number of values.
    """
    if sum(map(body.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise TooLarge(f"{what} has more than {MOST_VALUES:,} values, which is more than is read.")
    try:
        return json.loads(body.decode("utf-8"))
    except RecursionError as error:
        raise ValueError(f"{what} is nested too deeply") from error
