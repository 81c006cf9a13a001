"""Chat templates and settings that are nearly a known model's: which pieces were changed, and whose name went."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from analyzers.records.traces import Trace, one_line, trace

MAX_TEMPLATE_CHARS: Final = 100_000
MAX_JSON_BYTES: Final = 1_000_000
NEAR: Final = 0.6  # of both templates' pieces together
FAR_FROM_EMPTY: Final = 5  # pieces; shorter templates are alike by chance
MIN_SETTINGS: Final = 4
PAIRS: Final = 3  # changed lines quoted

_BREAK: Final = re.compile(r"\n|\\n|(?<=[%}]})|(?<=[.!?。])\s")
_IDENTITY: Final = re.compile(
    r"\b(?:you are|i am|i'm|my name is|(?:created|developed|made|trained|built) by)\s|你是|我是|由.{1,30}开发",
    re.IGNORECASE,
)
_NO_SETTING: Final = frozenset({"transformers_version", "_from_model_config"})


def read_table(data: bytes, name: str) -> tuple[Mapping[str, object], str]:
    """Return (a JSON object, ""), or ({}, the reason why there is none)."""
    if len(data) > MAX_JSON_BYTES:
        return {}, f"{name} is longer than {MAX_JSON_BYTES:,} bytes"
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}, f"{name} is not JSON"
    return (found, "") if isinstance(found, dict) else ({}, f"{name} is no JSON object")


def template_of(path: str, data: bytes) -> str:
    """Return the chat template in a file: the file itself, or the entry of a JSON file; "" where there is none."""
    if path.endswith(".jinja"):
        return data[:MAX_TEMPLATE_CHARS].decode("utf-8", "replace")
    found = read_table(data, path)[0].get("chat_template")
    if isinstance(found, list):  # several templates by name
        texts = [t.get("template") for t in found if isinstance(t, dict)]
        found = next((t for t in texts if isinstance(t, str)), None)
    return found[:MAX_TEMPLATE_CHARS] if isinstance(found, str) else ""


def of_template(own: str, others: Mapping[str, str], expected: Collection[str]) -> Iterator[Trace]:
    """Yield the known template (of `others`, by repo id) that an upload's `own` is nearest to, if near enough."""
    mine = _pieces(own)
    near = [(_alike(mine, _pieces(text)), name) for name, text in sorted(others.items()) if text != own]
    share, name = max(near, key=lambda n: (n[0], n[1].lower() in expected), default=(0.0, ""))
    if share < NEAR or any(text == own for text in others.values()):
        return
    theirs = _pieces(others[name])
    gone, come = _without(theirs, mine), _without(mine, theirs)
    lost, won = ([p for p in pieces if _IDENTITY.search(p)] for pieces in (gone, come))
    declared = name.lower() in expected
    told = "which is declared" if declared else "which is not declared"
    if lost:
        claim = f"The chat template is that of {name}, {told}, with the lines changed that say who the model is."
        quote = "; ".join(f"“{old[:120]}” -> “{new[:120]}”" for old, new in _pairs(lost, won))
        yield trace("edited template", "chat template", claim, "weak" if declared else "suggestive", (name,), quote)
        return
    claim = (
        f"The chat template is that of {name}, {told}, except for {len(gone)} pieces taken out and {len(come)} put in."
    )
    yield trace("edited template", "chat template", claim, "weak", (name,), "; ".join(come[:PAIRS]))


def of_settings(own: Mapping[str, object], others: Mapping[str, Mapping[str, object]]) -> Iterator[Trace]:
    """Yield the known model whose settings for generation an upload has, versions left aside."""
    mine = _settings(own)
    same = [name for name, table in sorted(others.items()) if _settings(table) == mine]
    if len(mine) >= MIN_SETTINGS and same:
        claim = f"The settings for generation are those of {same[0]}, versions left aside."
        yield trace("near settings", "generation_config.json", claim, "weak", same)


def _settings(table: Mapping[str, object]) -> dict[str, str]:
    return {k: json.dumps(v, sort_keys=True) for k, v in table.items() if k not in _NO_SETTING}


def _pieces(text: str) -> list[str]:
    """Return lines, statements and sentences of a template, without blank ones."""
    return [piece for raw in _BREAK.split(text[:MAX_TEMPLATE_CHARS]) if (piece := " ".join(raw.split()))]


def _alike(a: Sequence[str], b: Sequence[str]) -> float:
    """Return the share of both texts' pieces that they have in common, wherever they stand."""
    if min(len(a), len(b)) < FAR_FROM_EMPTY:
        return 0.0
    return 2 * sum((Counter(a) & Counter(b)).values()) / (len(a) + len(b))


def _without(these: Sequence[str], those: Sequence[str]) -> list[str]:
    """Return the pieces that are not among the others, in their order."""
    other = set(those)
    return [one_line(p, 200) for p in dict.fromkeys(these) if p not in other]


def _pairs(old: Sequence[str], new: Sequence[str]) -> list[tuple[str, str]]:
    return [(o, new[i] if i < len(new) else "") for i, o in enumerate(old[:PAIRS])]
