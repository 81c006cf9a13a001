"""Read the two ends of a long index file: its metadata stand at its head, or after the map of weights."""

from __future__ import annotations

import json
import re
from typing import Final

END_BYTES: Final = 4_096  # of each end; the metadata of an index have some hundred

_METADATA: Final = re.compile(r'"metadata"[ \t\r\n]*:[ \t\r\n]*(?=\{)')


def metadata_in(end: bytes) -> dict[str, object] | None:
    """Return the metadata that stand whole in an end of an index; None if there are none. Names map to texts there."""
    text = end.decode("utf-8", errors="replace")
    for found in _METADATA.finditer(text):
        try:
            value, _ = json.JSONDecoder().raw_decode(text, found.end())
        except (ValueError, RecursionError):
            continue
        return {str(k): v for k, v in value.items()}
    return None
