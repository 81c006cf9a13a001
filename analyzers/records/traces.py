"""Traces that tools leave beside the weights: one value for each.

A trace never decides and never alarms alone. Files can be copied, edited and deleted by anyone; weights cannot be
made to fit a blend by accident. So each kind says what else it may mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Meaning = Literal["strong", "suggestive", "weak"]

MAX_TRACES: Final = 40
MAX_NAMES: Final = 16
MAX_CLAIM: Final = 400  # characters
MAX_QUOTE: Final = 300

# kind -> what else it may mean
KINDS: Final[dict[str, str]] = {
    "merge recipe": "the file may be left from an earlier upload or copied from another repository",
    "merge mark": "mergekit also copies, cuts and re-tokenizes single models",
    "merge words": "tags and card templates are copied along with cards",
    "training words": "training after a merge leaves the same words, and cards are copied",
    "training files": "training after a merge leaves the same files, and files are copied",
    "conversion words": "a conversion changes how weights are stored, and its source may be any model",
    "shard names": "private training stacks and converters have names of their own",
    "shard sizes": "two programs share the limit, and anyone can set it",
    "tensor order": "other writers of the format are honest, too",
    "header metadata": "the metadata is optional and free text",
    "stored types": "some layers are kept in a wider type on purpose, and a file can be cast at any time",
    "config path": "the folder or repository that training started from is written there as well",
    "config code": "custom code is often loaded from the repository that first published it",
    "config version": "a file that was edited by hand or copied keeps its old version",
    "config keys": "conversions between architectures keep settings, and new architectures borrow them",
    "config class": "a conversion or an edit by hand may have left the two apart",
    "equal tokenizer": "every fine-tune keeps its base's tokenizer, and whole families share one",
    "equal template": "every fine-tune may keep its base's chat template, and whole families share one",
    "equal settings": "settings for generation are copied, and defaults are alike",
    "equal config": "models of one architecture and size may have the same config",
    "equal shard": "a shard that nobody trained, such as a frozen vision tower, is equal in honest fine-tunes, "
    "and it does not say who had it first",
    "edited template": "a fine-tune that takes a name of its own edits its base's template in the same way",
    "near settings": "settings for generation are copied, and defaults are alike",
}


@dataclass(frozen=True, slots=True)
class Trace:
    """One thing that a tool or a hand left in a repository's files. `meaning` says how far it carries, as evidence."""

    kind: str  # a key of KINDS
    where: str  # the file, or "tags", "card", "shards"
    claim: str  # one sentence
    meaning: Meaning
    names: tuple[str, ...] = ()  # repo ids it points to
    quote: str = ""  # as it stands there, on one line

    @property
    def otherwise(self) -> str:
        """Return what else the trace may mean."""
        return KINDS[self.kind]


def trace(kind: str, where: str, claim: str, meaning: Meaning, names: Iterable[str] = (), quote: str = "") -> Trace:
    """Return a trace within the limits; texts of strangers become one line that can be encoded."""
    kept = tuple(dict.fromkeys(names))[:MAX_NAMES]
    return Trace(kind, one_line(where, 200), one_line(claim, MAX_CLAIM), meaning, kept, one_line(quote, MAX_QUOTE))


def one_line(text: str, limit: int) -> str:
    """Return at most `limit` characters on one line, without halves of characters."""
    start = text[: 4 * limit]
    line = " ".join(start.encode("utf-8", "replace").decode().split())
    return line if len(line) <= limit and len(start) == len(text) else line[: limit - 1] + "…"


def listed(names: Iterable[str], most: int = 4) -> str:
    """Return names as "a, b and c", the rest counted."""
    found = list(dict.fromkeys(names))
    shown = found[:most] + ([f"{len(found) - most} more"] if len(found) > most else [])
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
