"""The first look at one repository: its headers, and a few kilobytes of weights at agreed coordinates."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from analyzers.errors import MalformedWeights
from analyzers.layout import layout_of
from analyzers.records import RepoFacts, SampleSpec, ShardHeader, Sketch, WeightLayout
from analyzers.roles import READABLE, Group, groups_of
from analyzers.sampling import ReadBudget, plan_reads, samples_from
from analyzers.shard_order import for_a_look
from bot.source import Source, Span

FIRST_LOOK_REQUESTS = 60
FIRST_LOOK_BYTES = 1_500_000


class Meter(Protocol):
    """Counts what a look costs."""

    @property
    def requests(self) -> int:
        """HTTP requests sent so far."""
        ...

    @property
    def bytes_read(self) -> int:
        """Body bytes received so far."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """What was read of one repository. `unsampled` says why nothing could be sampled, if so."""

    facts: RepoFacts
    layout: WeightLayout
    sketch: Sketch
    unsampled: str = ""
    marks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # shard -> its `__metadata__`

    @property
    def groups(self) -> dict[tuple[str, int], Group]:
        """Its matrices by role and layer."""
        return groups_of(self.layout)


def first_look(source: Source, spec: SampleSpec, requests: int, size: int = FIRST_LOOK_BYTES) -> Look:
    """Read within `requests` HTTP requests and `size` bytes; raises SourceError and MalformedWeights.

    Headers may take half of the requests; where that is not enough for all shards, those of the most wanted ones are
    read, and only their tensors are sampled.
    """
    facts = source.facts()
    headers = source.headers(max(requests // 2, 1), for_a_look(spec))
    layout = layout_of(headers)
    budget = ReadBudget(requests=max(requests - 2, 1), bytes=size)
    plan = plan_reads(groups_of(layout), spec, budget)
    try:
        samples = samples_from(plan, source.read([Span(*span) for span in plan.spans]))
    except ValueError as error:
        raise MalformedWeights(f"{facts.ref.repo_id}: {error}") from None
    marks = {shard: _mark(header) for shard, header in headers.items()}
    return Look(facts, layout, Sketch(facts.ref, spec, samples), "" if samples else _why_nothing(layout), marks)


def _mark(header: ShardHeader) -> Mapping[str, str]:
    """Return a header's `__metadata__`, which is text to text once the layout was read."""
    metadata = header.entries.get("__metadata__")
    return {str(k): str(v) for k, v in metadata.items()} if isinstance(metadata, Mapping) else {}


def _why_nothing(layout: WeightLayout) -> str:
    if not layout.tensors:
        return "it has no safetensors weights"
    kinds = Counter(t.dtype for t in layout.tensors if len(t.shape) > 1)
    stored = ", ".join(f"{n} as {kind}" for kind, n in kinds.most_common(4)) or "none"
    return f"no large enough matrix is stored as {', '.join(sorted(READABLE))} (matrices: {stored})"


def weights_digest(facts: RepoFacts) -> str:
    """Return a digest of the weight files' names and contents; "" where the Hub does not tell the contents' hash.

    A commit that changes only the card leaves it as it is.
    """
    if not facts.shards or any(f.sha256 is None for f in facts.shards):
        return ""
    text = "\n".join(f"{f.path} {f.size} {f.sha256}" for f in facts.shards)
    return hashlib.sha256(text.encode()).hexdigest()
