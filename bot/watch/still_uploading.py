"""Detect an upload under way: its index or its shards' names name weights that are missing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from bot.sources.interface import Source, TooLarge
from bot.sources.untrusted_json import parsed
from bot.sources.weight_files import index_file, named_by

NUMBERED: Final = re.compile(r"(.*)-(\d{1,9})-of-(\d{1,9})\.(?:safetensors|gguf)")
INDEX_BYTES: Final = 4 << 20  # of an index that is read; a larger one is ignored


def is_under_way(source: Source) -> bool:
    """Return True if named shards are missing; raises SourceError.

    The index decides, because models are loaded by it. It is not read where all names are numbered and complete.
    """
    facts = source.facts()
    numbered = [NUMBERED.fullmatch(f.path) for f in facts.shards]
    lacking = _lacks_numbers(numbered)
    index = index_file(facts.files)
    if index is None or (all(numbered) and not lacking):
        return lacking
    try:
        content = parsed(source.file(index.path, INDEX_BYTES) or b"", f"The index of {facts.ref.repo_id}")
    except (TooLarge, ValueError):
        return lacking
    if not isinstance(content, dict) or not isinstance(content.get("weight_map"), dict):
        return lacking
    return not set(named_by(content, index).values()) <= {f.path for f in facts.files}


def _lacks_numbers(numbered: Sequence[re.Match[str] | None]) -> bool:
    """Return True if any numbered set of shards, as in 3-of-94, is incomplete."""
    rows: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
    for name in filter(None, numbered):
        rows[name[1], int(name[3])].add(int(name[2]))
    return any(len(numbers) < total for (_, total), numbers in rows.items())
