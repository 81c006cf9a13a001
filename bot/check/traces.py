"""Collect traces of tools from a few small files, within the budget that the first look left.

The listing, tags, card, config and headers were read before. Files are read only where the finding is a blend, a copy
or inconclusive. A known model's files are read only where the upload may have edited them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final

from analyzers.compare.case import Case
from analyzers.errors import Unreadable
from analyzers.records import Disclosure, Finding, Reference, RepoFacts, RepoFile
from analyzers.records.traces import Trace
from analyzers.sketch.gguf import SUFFIX
from analyzers.traces.file_hashes import SETTINGS, digest_of
from analyzers.traces.index_ends import END_BYTES, metadata_in
from analyzers.traces.read import INDEX, TEMPLATE_FILES, Leftovers, read_traces
from analyzers.traces.tool_marks import MAX_RECIPE_BYTES, RECIPE
from bot.known.models import KnownModels
from bot.sources.first_look import FIRST_LOOK_BYTES, FIRST_LOOK_REQUESTS, FirstLook, Meter
from bot.sources.interface import Source, SourceError, Span
from bot.sources.weight_files import weight_files
from state.errors import StateError

WORTH_READING: Final = ("blend", "copy", "inconclusive")
MAX_INDEX_BYTES: Final = 400_000
MAX_TEXT_BYTES: Final = 200_000
PER_FILE: Final = 3  # requests: the file, its redirect, and one retry
PER_MODEL: Final = 2  # requests for a listing
MAX_MODELS: Final = 2  # known models whose texts are read
CHAIN: Final = 64  # models that are followed from declared parents to theirs


@dataclass(frozen=True, slots=True)
class Tracer:
    """Collects the traces of an upload."""

    known: KnownModels
    metered: Callable[[], AbstractContextManager[Meter]]

    def traces(
        self,
        source: Source,
        look: FirstLook,
        card: str,
        config: Mapping[str, object],
        case: Case,
        finding: Finding,
        spent: tuple[int, int],
    ) -> tuple[tuple[Trace, ...], tuple[str, ...]]:
        """Return the traces, and a sentence for each file that could not be read.

        `spent`: requests and bytes of the first look so far; together they stay within its bounds.
        """
        kin = [k.reference for k in case.kin]
        expected = _expected(case.disclosure, kin)
        files = self.known.files
        holders = files.holders(filter(None, map(digest_of, look.facts.files))) if files else {}
        texts: dict[str, bytes] = {}
        known_texts: dict[str, dict[str, bytes]] = {}
        problems: list[str] = []
        if finding.kind in WORTH_READING:
            with self.metered() as meter:
                budget = _Budget(meter, FIRST_LOOK_REQUESTS - spent[0], FIRST_LOOK_BYTES - spent[1], problems)
                texts = budget.read(source, _wanted(look.facts))
                texts |= budget.read_ends(source, [f for f in look.facts.files if f.path == INDEX])
                edited = [p for p in texts if p in (*TEMPLATE_FILES, SETTINGS) and not _held(look.facts, p, holders)]
                for name in self._patterns(finding, expected) if edited else ():
                    known_texts[name] = self._known(name, kin, budget, edited)
        left = Leftovers(
            own=look.facts.ref.repo_id,
            files=look.facts.files,
            shards=[f for f in weight_files(look.facts.files) if not f.path.endswith(SUFFIX)],
            tags=look.facts.tags,
            card=card,
            config=config,
            tensors=[t for t in look.layout.tensors if not t.shard.endswith(SUFFIX)],
            marks={shard: marks for shard, marks in look.marks.items() if not shard.endswith(SUFFIX)},
            texts=texts,
            expected=expected,
            holders=holders,
            known_texts=known_texts,
        )
        found, unreadable = read_traces(left)
        return found, (*problems, *unreadable)

    def _patterns(self, finding: Finding, expected: frozenset[str]) -> list[str]:
        """Return the parents whose texts the upload may have edited, undeclared ones first."""
        parents = [p.ref.repo_id for p in finding.parents]
        return sorted(parents, key=lambda name: name.lower() in expected)[:MAX_MODELS]

    def _known(
        self, name: str, references: Sequence[Reference], budget: _Budget, like: Iterable[str]
    ) -> dict[str, bytes]:
        """Return the texts of a known model at the revision that was compared."""
        ref = next((r.sketch.ref for r in references if r.repo_id == name), None)
        if ref is None or not budget.affords(PER_MODEL + PER_FILE, 0):
            return {}
        try:
            source = self.known.open_at(ref.repo_id, ref.revision)
            facts = source.facts()
            self.known.keep_files(facts)
        except (SourceError, Unreadable, StateError) as error:
            budget.problems.append(f"the files of {name} could not be compared: {error}")
            return {}
        kinds = {path == SETTINGS for path in like}
        return budget.read(source, [f for f in _texts_of(facts) if (f.path == SETTINGS) in kinds])


@dataclass(slots=True)
class _Budget:
    """The remaining budget for small files."""

    meter: Meter
    requests: int
    size: int  # bytes
    problems: list[str] = field(default_factory=list)

    def affords(self, requests: int, size: int) -> bool:
        return self.meter.requests + requests <= self.requests and self.meter.bytes_read + size <= self.size

    def read(self, source: Source, files: Iterable[RepoFile]) -> dict[str, bytes]:
        """Read the files in order; skip those beyond the budget."""
        found: dict[str, bytes] = {}
        for file in files:
            if not self.affords(PER_FILE, file.size):
                continue
            try:
                data = source.file(file.path, file.size)
            except SourceError as error:
                self.problems.append(f"its {file.path} could not be read: {error}")
                continue
            if data is not None:
                found[file.path] = data
        return found

    def read_ends(self, source: Source, indexes: Iterable[RepoFile]) -> dict[str, bytes]:
        """Return the metadata of an index that is too long to be read whole, from its head or else its tail."""
        for file in indexes:
            for begin in (0, file.size - END_BYTES):
                if file.size <= MAX_INDEX_BYTES or not self.affords(PER_FILE, END_BYTES):
                    return {}
                try:
                    (end,) = source.read([Span(file.path, begin, begin + END_BYTES)])
                except (SourceError, Unreadable) as error:
                    self.problems.append(f"its {file.path} could not be read: {error}")
                    return {}
                if (metadata := metadata_in(end)) is not None:
                    return {file.path: json.dumps({"metadata": metadata}).encode()}
        return {}


def _wanted(facts: RepoFacts) -> Iterator[RepoFile]:
    """Yield the small files of an upload that are worth reading, the most informative first."""
    yield from (f for f in facts.files if f.path == RECIPE and f.size <= MAX_RECIPE_BYTES)
    yield from (f for f in facts.files if f.path == INDEX and f.size <= MAX_INDEX_BYTES)
    yield from _texts_of(facts)


def _texts_of(facts: RepoFacts) -> Iterator[RepoFile]:
    """Yield the file with the chat template and the one with the settings for generation."""
    sizes = {f.path: f for f in facts.files if f.size <= MAX_TEXT_BYTES}
    yield from [sizes[p] for p in TEMPLATE_FILES if p in sizes][:1]
    yield from [sizes[SETTINGS]] if SETTINGS in sizes else []


def _held(facts: RepoFacts, path: str, holders: Mapping[str, Sequence[str]]) -> bool:
    """Return True if a known model has the same file."""
    return any(f.path == path and digest_of(f) in holders for f in facts.files)


def _expected(disclosure: Disclosure, references: Sequence[Reference]) -> frozenset[str]:
    """Return the declared parents and their declared ancestors, in lower case."""
    declares = {r.repo_id.lower(): r.declares for r in references}
    found: dict[str, None] = {}
    waiting = [name.lower() for name in disclosure.parents]
    while waiting and len(found) < CHAIN:
        name = waiting.pop(0)
        if name not in found:
            found[name] = None
            waiting += [n.lower() for n in declares.get(name, ())]
    return frozenset(found)
