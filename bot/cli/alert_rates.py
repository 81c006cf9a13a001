"""How often alerts were right, by what people found of them, and what became of uploads; and what nobody measured.

A shape is what the weights of an alert are, as far as its report and the kept listing of its files tell.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.table import Table

from analyzers.fit.binomial import upper_bound
from analyzers.model_ids import same_model
from bot.sources.weight_files import ADAPTER, PIPELINE
from bot.text.sanitize import entries, section, string, visible
from state.errors import StateError
from state.evidence.blobs import Blobs
from state.records import Judged, Outcomes
from state.store import Store

SHAPES: Final = ("text", "pipeline", "VL", "quantized", "adapter", "mirror")
LOOKING: Final = frozenset({"image-text-to-text", "video-text-to-text", "audio-text-to-text", "any-to-any"})
QUANTIZED: Final = frozenset({"4-bit", "8-bit", "fp8", "awq", "gptq", "bitsandbytes", "compressed-tensors", "mxfp4"})
ROOT: Final = "the root"  # what the weights beside all folders are called in a report
SAFETENSORS, UNSEEN = "safetensors", "not looked at"
REASONS: Final = (  # what a reason has in it, and what that is called; the first that fits
    ("fewer than", "too small"),
    ("no safetensors weights", "another format"),
    ("before the watch began", "older than the watch"),
    ("the same weights as", "judged before"),
    ("is stored as", "a type that is not read"),
    ("could be sampled", "nothing could be sampled"),
    ("no weights yet", "no weights yet"),
    ("are not all there yet", "not whole yet"),
    ("are waited for", "waits for its card"),
    ("is waited for", "waits for its card"),
    ("is gated", "gated"),
    ("is deleted, private", "gone or private"),
    ("internal error", "a fault of Blendwatch"),
    ("the process ended", "the process ended"),
)
UNMEASURED: Final = (
    "findings that a person must see first: they are no alerts, and are not counted",
    "what was missed: nobody looks for blends among the uploads that were not alerted",
    "whether decisions are independent: uploads of one author or base are counted one by one",
)


def rates_of(store: Store, blobs: Blobs) -> dict[str, Any]:
    """Return the numbers; only what JSON can hold."""
    counted: dict[str, Counter[str]] = {shape: Counter() for shape in SHAPES}
    for one in store.cases.judged():
        counted[shape_of(one.report, _listing(store, blobs, one))][one.judged] += 1
    uploads = formats_of(store.outcomes())
    unread = [kind for kind, states in uploads.items() if kind not in (SAFETENSORS, UNSEEN) and "found" not in states]
    return {
        "alerts": {shape: _precision(counts) for shape, counts in counted.items()},
        "uploads": uploads,
        "not_measured": [
            *(f"alerts of shape {shape}" for shape, counts in counted.items() if not _decided(counts)),
            *(f"uploads with {kind} alone, which are not read" for kind in unread),
            *UNMEASURED,
        ],
    }


def shape_of(report: Mapping[str, Any], listing: Mapping[str, Any]) -> str:
    """Return the shape of an alert. `listing`: of its repository's files, as it was kept; empty where none was."""
    files, tags = list(section(listing.get("files"))), {string(tag).lower() for tag in entries(listing.get("tags"))}
    parts = [string(section(part).get("name")) for part in entries(report.get("components"))]
    relation = string(section(report.get("declared")).get("relation"))
    folders = {ROOT, *(path.rpartition("/")[0] for path in files)}
    if PIPELINE in files or "diffusers" in tags or not folders.isdisjoint(parts):
        return "pipeline"
    if parts or not LOOKING.isdisjoint(tags):
        return "VL"
    if relation == "adapter" or any(path.rpartition("/")[2] == ADAPTER for path in files):
        return "adapter"
    gguf = section(report.get("suspect")).get("format") == "gguf"
    if gguf or relation == "quantized" or not QUANTIZED.isdisjoint(tags):
        return "quantized"
    return "mirror" if _is_mirror(report) else "text"


def formats_of(outcomes: Sequence[Outcomes]) -> dict[str, dict[str, dict[str, int]]]:
    """Count uploads by format, by what became of them and by why: {"safetensors": {"found": {"blend": 2}}}."""
    found: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for one in outcomes:
        found[_format(one)][one.state][_why(one)] += one.count
    return {
        kind: {state: dict(sorted(why.items())) for state, why in sorted(found[kind].items())} for kind in sorted(found)
    }


def rates_table(facts: Mapping[str, Any]) -> Table:
    """Return the numbers as a table for a terminal."""
    out = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    out.add_row("alerts", "judged by reviewers or the operator; at least: Clopper-Pearson, one-sided, 95 %")
    for shape, one in facts["alerts"].items():
        counts = f"{one['right']:,} right, {one['wrong']:,} wrong, {one['undecided']:,} undecided"
        rate = "not measured yet"
        if one["precision"] is not None:
            rate = f"precision {one['precision']:.3f}, at least {one['at_least']:.3f}"
        out.add_row(f"  {shape}", f"{counts}: {rate}")
    out.add_row("uploads", "settled ones, by the format of their weights" if facts["uploads"] else "none is settled")
    for kind, states in facts["uploads"].items():
        said = [f"{sum(why.values()):,} {state} ({_listed(why)})" for state, why in states.items()]
        out.add_row(f"  {visible(kind, 60)}", ", ".join(said))
    for number, said in enumerate(facts["not_measured"]):
        out.add_row("" if number else "not measured", said)
    return out


def _precision(counts: Mapping[str, int]) -> dict[str, Any]:
    right, wrong, decided = counts.get("right", 0), counts.get("wrong", 0), _decided(counts)
    return {
        "right": right,
        "wrong": wrong,
        "undecided": counts.get("undecided", 0),
        "precision": right / decided if decided else None,
        "at_least": 1.0 - upper_bound(wrong, decided) if decided else None,
    }


def _decided(counts: Mapping[str, int]) -> int:
    return counts.get("right", 0) + counts.get("wrong", 0)


def _listing(store: Store, blobs: Blobs, one: Judged) -> Mapping[str, Any]:
    """Return the newest listing of an upload's files that can be read."""
    kept = [file.digest for file in store.cases.files(one.upload_id) if file.kind == "files"]
    for digest in reversed(kept):
        try:
            return section(json.loads(blobs.get(digest)))
        except (StateError, ValueError):  # what is damaged is told by whoever needs it for a verdict
            continue
    return {}


def _is_mirror(report: Mapping[str, Any]) -> bool:
    """Tell whether it is a copy under the name of what it copies."""
    name = string(section(report.get("suspect")).get("repo_id"))
    parents = [string(section(parent).get("repo_id")) for parent in entries(report.get("parents"))]
    return report.get("finding") == "copy" and any(same_model(name, parent) for parent in parents)


def _format(one: Outcomes) -> str:
    """Return the format of the weights; those that were left out by their count alone were not looked at."""
    if other := re.search("no safetensors weights, only (.+)", one.reason):
        return other[1]
    if one.format:
        return one.format
    looked = one.read or one.state == "found" or (one.state == "skipped" and " parameters, " not in one.reason)
    return SAFETENSORS if looked else UNSEEN


def _why(one: Outcomes) -> str:
    known = next((name for part, name in REASONS if part in one.reason), "")
    return ": ".join(filter(None, (one.finding, known))) or "could not be read"


def _listed(why: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in why.items())
