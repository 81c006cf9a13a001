"""Whether an upload is under way: weights that its index or its own shards' names speak of, and that are not there."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from bot.sources.interface import Source, TooLarge
from bot.sources.untrusted_json import parsed
from bot.sources.weight_files import index_file, named_by

NUMBERED: Final = re.compile(r"(.*)-(\d{1,9})-of-(\d{1,9})\.(?:safetensors|gguf)")
INDEX_BYTES: Final = 4 << 20  # of an index that is read for this; what a larger one names is not known


def is_under_way(source: Source) -> bool:
    """Tell whether some of the shards that are spoken of are not there yet; raises SourceError.

    The index has the last word, for it is what a model is loaded by. It is not read where the names leave no question.
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
    """Tell whether of any row of shards, as in 3-of-94, there are fewer than it says."""
    rows: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
    for name in filter(None, numbered):
        rows[name[1], int(name[3])].add(int(name[2]))
    return any(len(numbers) < total for (_, total), numbers in rows.items())
