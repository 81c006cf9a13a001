"""The first look at one repository: its headers, and a few kilobytes of weights at fixed coordinates."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from analyzers.errors import MalformedWeights
from analyzers.records import Reference, RepoFacts, SampleSpec, ShardHeader, Sketch, WeightLayout
from analyzers.relayout.restored import Undone
from analyzers.sketch.coordinates import ReadBudget, plan_reads, samples_from
from analyzers.sketch.layout import layout_of
from analyzers.sketch.shard_order import for_a_look
from analyzers.sketch.tensor_roles import ADAPTER, READABLE, Group, elements_of, groups_of
from bot.sources.interface import Source, Span
from bot.sources.weight_files import is_whole, share_aside

FIRST_LOOK_REQUESTS = 60
FIRST_LOOK_BYTES = 1_500_000
SMALL_BYTES = 120_000  # of them for headers and small files
MISCOUNT = 1.1  # times the Hub's count that the headers may have
DEGENERATE = "its weights are degenerate: not a number, infinite, or all of one value"


class Meter(Protocol):
    """Counts the cost of a look."""

    @property
    def requests(self) -> int:
        """Return the HTTP requests sent so far."""
        ...

    @property
    def bytes_read(self) -> int:
        """Return the body bytes received so far."""
        ...


@dataclass(frozen=True, slots=True)
class FirstLook:
    """One repository as it was read. `unsampled`: why nothing could be sampled, "" if something was."""

    facts: RepoFacts
    layout: WeightLayout
    sketch: Sketch
    unsampled: str = ""
    marks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # shard -> its `__metadata__`
    beside: tuple[Reference, ...] = ()  # known models that only this look can be compared with
    undone: Undone | None = None  # the map onto a known model's layout; None: read as it lies

    @property
    def not_finite(self) -> str:
        """Say how many sampled weights are not a number or infinite; "" if none."""
        values = [sample.values.astype(np.float32) for sample in self.sketch.samples.values()]
        count = sum(int((~np.isfinite(v)).sum()) for v in values)
        return f"{count:,} of {self.sketch.weights:,} sampled weights are not a number or infinite" if count else ""

    @property
    def miscounted(self) -> str:
        """Say that the Hub counts fewer parameters than the headers; "" if it does not."""
        counted, found = self.facts.parameters, self.layout.parameters
        if counted is None or found <= MISCOUNT * counted:
            return ""
        return f"the Hub counts {counted:,} parameters, as its uploader may say; its headers have {found:,}"

    @property
    def groups(self) -> dict[tuple[str, int], Group]:
        """Return its matrices by role and layer."""
        return self.undone.groups if self.undone else groups_of(self.layout)


def first_look(source: Source, spec: SampleSpec, requests: int, size: int = FIRST_LOOK_BYTES) -> FirstLook:
    """Read within `requests` HTTP requests and `size` bytes; raises SourceError and MalformedWeights.

    Headers may take half of the requests. If that is too few for all shards, only the most wanted ones are read and
    sampled.
    """
    facts = source.facts()
    headers = source.headers(max(requests // 2, 1), for_a_look(spec))
    layout = layout_of(headers)
    budget = ReadBudget(requests=max(requests - 2, 1), bytes=size - SMALL_BYTES)
    plan = plan_reads(groups_of(layout), spec, budget)
    try:
        samples = samples_from(plan, source.read([Span(*span) for span in plan.spans]))
    except ValueError as error:
        raise MalformedWeights(f"{facts.ref.repo_id}: {error}") from None
    marks = {shard: _mark(header) for shard, header in headers.items()}
    unsampled = "" if samples else DEGENERATE if plan.spans else _why_nothing(layout)
    # without all headers, the total of elements is unknown
    elements = elements_of(layout)
    if not is_whole(facts.files, headers):
        elements = {role: 0 for role in elements if ADAPTER.search(role)}
    sketch = Sketch(facts.ref, spec, samples, elements, share_aside(facts.files))
    return FirstLook(facts, layout, sketch, unsampled, marks)


def _mark(header: ShardHeader) -> Mapping[str, str]:
    """Return a header's `__metadata__`; layout_of has checked that it maps text to text."""
    metadata = header.entries.get("__metadata__")
    return {str(k): str(v) for k, v in metadata.items()} if isinstance(metadata, Mapping) else {}


def _why_nothing(layout: WeightLayout) -> str:
    if not layout.tensors:
        return "it has no safetensors weights"
    kinds = Counter(t.dtype for t in layout.tensors if len(t.shape) > 1)
    stored = ", ".join(f"{n} as {kind}" for kind, n in kinds.most_common(4)) or "none"
    return f"no large enough matrix is stored as {', '.join(sorted(READABLE))} (matrices: {stored})"


def weights_digest(facts: RepoFacts) -> str:
    """Return a digest of the weight files' names and contents; "" where the Hub gives no hash of the contents.

    A commit that changes only the card leaves it as it is.
    """
    if not facts.shards or any(f.sha256 is None for f in facts.shards):
        return ""
    text = "\n".join(f"{f.path} {f.size} {f.sha256}" for f in facts.shards)
    return hashlib.sha256(text.encode()).hexdigest()
