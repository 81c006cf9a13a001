"""A repository that lives in memory: its headers are those of a real layout, its weights are computed when read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import numpy as np

from analyzers.numbers.rounding import BF16, Floats, round_to
from analyzers.records import RepoFacts, RepoFile, RepoRef, ShardHeader, Sketch, TensorEntry
from analyzers.sketch.coordinates import ReadBudget, SliceRead, plan_reads
from analyzers.sketch.layout import layout_of
from analyzers.sketch.shard_order import Wanted
from bench.null.shape import ARCHITECTURES, SPEC, first_reads, groups, headers, sketch
from bench.null.tree import Place, Tree
from bot.sources.interface import Source, Span

KIND, ITEM = "dense", 2
FIRST = Place((0,), len(first_reads(KIND)), SPEC.windows, SPEC.elements)


@lru_cache
def _headers() -> Mapping[str, ShardHeader]:
    return headers(KIND)


@lru_cache
def _tensors() -> tuple[TensorEntry, ...]:
    return layout_of(_headers()).tensors


@lru_cache
def _first_spans() -> Mapping[Span, tuple[SliceRead, ...]]:
    plan = plan_reads(groups(KIND), SPEC, ReadBudget())
    return {Span(*span): reads for span, reads in zip(plan.spans, plan.reads, strict=True)}


def first_sketch(tree: Tree, number: int, repo_id: str) -> Sketch:
    """Return the sketch that the first look at a model gives."""
    return sketch(repo_id, SPEC, first_reads(KIND), round_to(tree.weights(number, FIRST), BF16))


@dataclass(frozen=True, slots=True)
class MemorySource:
    """One model of a tree behind the seam bot/sources/interface.py."""

    tree: Tree
    number: int
    repo_id: str
    weights_at: datetime
    card: str = ""

    def facts(self) -> RepoFacts:
        """See Source.facts."""
        files = tuple(RepoFile(path, header.file_bytes) for path, header in _headers().items())
        ref = RepoRef(self.repo_id, "0" * 40)
        return RepoFacts(ref, files, created_at=self.weights_at, weights_at=self.weights_at)

    def file(self, path: str, limit: int) -> bytes | None:  # noqa: ARG002 - nothing here is large
        """See Source.file."""
        of = ARCHITECTURES[KIND]
        config = {"model_type": "llama", "hidden_size": of.hidden, "num_hidden_layers": of.layers}
        return {"README.md": self.card.encode(), "config.json": json.dumps(config).encode()}.get(path)

    def headers(self, max_requests: int, wanted: Wanted | None = None) -> Mapping[str, ShardHeader]:  # noqa: ARG002 - memory asks for no requests
        """See Source.headers."""
        return _headers()

    def read(self, spans: Sequence[Span]) -> list[bytes]:
        """See Source.read."""
        return [self._first(span) if span in _first_spans() else self._fresh(span) for span in spans]

    def titles(self) -> Sequence[str]:
        """See Source.titles."""
        return ()

    def states(self, before: datetime) -> Sequence[Source] | None:
        """See Source.states."""
        return [self] if self.weights_at < before else []

    def _first(self, span: Span) -> bytes:
        """Return a span of the first look: its windows, and zeros between them, which nobody looks at."""
        order = {r.slice.key: i for i, r in enumerate(first_reads(KIND))}
        weights = round_to(self.tree.weights(self.number, FIRST), BF16)
        data = np.zeros((span.end - span.begin) // ITEM, BF16)
        for read in _first_spans()[span]:
            for window, values in zip(read.windows, weights[order[read.slice.key]], strict=True):
                at = read.slice.begin // ITEM + window.row * read.slice.cols + window.col - span.begin // ITEM
                data[at : at + window.length] = values
        return data.tobytes()

    def _fresh(self, span: Span) -> bytes:
        """Return any other span: the rows that it crosses, in every tensor it touches."""
        data = np.zeros((span.end - span.begin) // ITEM, BF16)
        for index, tensor in enumerate(_tensors()):
            begin, end = max(span.begin, tensor.begin), min(span.end, tensor.end)
            if tensor.shard == span.shard and begin < end:
                values = self._rows(index, (begin - tensor.begin) // ITEM, (end - tensor.begin) // ITEM)
                data[(begin - span.begin) // ITEM : (end - span.begin) // ITEM] = round_to(values, BF16)
        return data.tobytes()

    def _rows(self, index: int, begin: int, end: int) -> Floats:
        """Return elements `begin` to `end` of a tensor."""
        cols = _tensors()[index].shape[-1]
        first, last = begin // cols, (end - 1) // cols
        block = self.tree.weights(self.number, Place((1, index, first), 1, last - first + 1, cols))
        return block.reshape(-1)[begin - first * cols : end - first * cols]
