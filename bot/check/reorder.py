"""An upload whose neurons, heads, experts or residual dimensions were put in another order, or scaled, put back.

A few adjacent rows of a known model's matrices, and of the upload's, tell which column is which: of the embeddings for
the residual stream, of down for neurons, of o for heads. A router's rows tell experts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from analyzers.numbers.rounding import Floats
from analyzers.records import Reference, Sample, SliceKey
from analyzers.relayout.candidates import Matrices
from analyzers.relayout.column_match import ROWS, is_as_it_was, match
from analyzers.relayout.held import Axis, Held
from analyzers.relayout.neuron_order import ATTENTION, FEEDS, of_heads, of_neurons, placed
from analyzers.relayout.restored import is_alike, is_near
from analyzers.sketch.coordinates import Window, windows_of
from analyzers.sketch.second_look_plan import Groups
from bot.check.gather import Purse
from bot.sources.interface import Source

FEWER = ROWS // 2  # rows that lie apart, where residual dimensions are in another order: each costs a request
ENOUGH = 12  # matrices found, all roles among them: more say no more, and each search takes seconds
ENDS = (SliceKey("embed_tokens"), SliceKey("lm_head"))
ROUTER = "layers.mlp.gate"
Unit = tuple[str, int, int, str]  # of a matrix that others feed: how its role begins, layer, expert, how it ends


@dataclass(slots=True)
class Reorder:
    """Finds the order in which an upload holds one known model's matrices, as far as the purse goes."""

    source: Source
    own: Matrices
    reference: Reference
    its: Source
    groups: Groups  # of the known model
    head: int  # rows of q that are one head; 0: unknown
    purse: Purse
    held: dict[SliceKey, Held] = field(default_factory=dict)
    samples: dict[SliceKey, Sample] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)  # what was undone, for readers
    residual: Axis | None = None
    experts: dict[int, Axis | None] = field(default_factory=dict)  # of each layer

    def run(self) -> bool:
        """Look at the residual stream, then at layers; tell whether the upload is the known model in another order."""
        end = next((key for key in ENDS if (key.role, -1) in self.groups and self._options(key)), None)
        found = self._columns(end) if end else None
        if end is None or found is None:
            return False
        held, self.residual = found
        self._note(self.residual, "residual dimensions")
        if self.residual is not None and is_as_it_was(self.residual, held.shape[1]):
            self.residual = None
        ends = [key for key in ENDS if (key.role, -1) in self.groups]
        self._take({key: [replace(option, cols=self.residual) for option in self._options(key)] for key in ends})
        wanted = {key.role for key in self.reference.sketch.samples if key.layer >= 0}
        for unit in self._units():
            self._unit(*unit)
            if len(self.samples) >= ENOUGH and {key.role for key in self.samples} >= wanted:
                break
        return True

    def _units(self) -> list[Unit]:
        """Return what was sampled of the known model, those first that add most roles, then those with most samples."""
        roles: dict[Unit, list[str]] = {}
        for key in self.reference.sketch.samples:
            prefix, _, last = key.role.rpartition(".")
            feed = next((feed for feed, fed in FEEDS.items() if last == feed or last in fed), None)
            if feed and key.layer >= 0:
                roles.setdefault((f"{prefix}.", key.layer, key.expert, feed), []).append(key.role)
        seen: Counter[str] = Counter()
        found = []
        while roles:
            unit = min(roles, key=lambda u: (sum(seen[r] > 0 for r in roles[u]) - len(roles[u]), -len(roles[u]), u))
            least = min(roles, key=lambda u: (min(seen[r] for r in roles[u]), -len(roles[u]), u))
            unit = unit if any(not seen[r] for r in roles[unit]) else least
            seen.update(roles.pop(unit))
            found.append(unit)
        return found

    def _unit(self, prefix: str, layer: int, expert: int, feed: str) -> None:
        key = SliceKey(prefix + feed, layer, expert)
        keys = {last: SliceKey(prefix + last, layer, expert) for last in (feed, *FEEDS[feed])}
        if self.residual is not None and self._is_in_place(keys):
            return
        found = self._columns(key)
        if found is None:
            return
        held, columns = found
        rows = {last: shape[0] for last, key in keys.items() if (shape := self._shape(key))}
        same = is_as_it_was(columns, held.shape[1])
        self._note(columns, "heads" if feed in ATTENTION else "neurons")
        inside = None if same else columns
        axes = {} if same else of_heads(columns, rows, self.head) if feed in ATTENTION else of_neurons(columns)
        ways = {}
        for last, each in keys.items():
            if last in rows and (inside is None or last in axes or last == feed):
                some = [held] if last == feed else self._options(each)
                ways[each] = [placed(h, last, axes.get(last), inside, self.residual) for h in some]
        self._take(ways)

    def _is_in_place(self, keys: Mapping[str, SliceKey]) -> bool:
        """Tell whether neurons or heads are where they were, and keep the matrices: that costs fewest requests.

        One matrix tells, first one whose rows lie close together and would be scaled.
        """
        sampled, inner = self.reference.sketch.samples, reversed(list(keys.items()))
        some = {key: (last, self._options(key)[:1]) for last, key in inner if key in sampled}
        ways = {k: placed(held, last, None, None, self.residual) for k, (last, each) in some.items() for held in each}
        first = dict(list(ways.items())[:1])
        if not self._near(first):
            return False
        for key, found in self._near(ways).items():
            self.held[key], self.samples[key] = found
        return True

    def _near(self, ways: Mapping[SliceKey, Held]) -> dict[SliceKey, tuple[Held, Sample]]:
        sampled = self.reference.sketch.samples
        return {key: found for key, found in self._alike(ways).items() if is_near(found[1], sampled[key])}

    def _take(self, ways: Mapping[SliceKey, Sequence[Held]]) -> None:
        """Keep the way in which each matrix is the known model's at the coordinates that were sampled of that."""
        sampled = self.reference.sketch.samples
        self.held |= {key: some[0] for key, some in ways.items() if key not in sampled and len(some) == 1}
        for turn in range(max(map(len, ways.values()), default=0)):
            left = {k: some[turn] for k, some in ways.items() if k in sampled and k not in self.samples and some[turn:]}
            for key, found in self._alike(left).items():
                self.held[key], self.samples[key] = found

    def _alike(self, ways: Mapping[SliceKey, Held]) -> dict[SliceKey, tuple[Held, Sample]]:
        """Read matrices at the coordinates that were sampled of the known model; return those that are its."""
        each = [(key, held, self._windows(key)) for key, held in ways.items()]
        wanted = [self.purse.elements(held, windows) for _, held, windows in each]
        chosen = list(self.purse.affordable(self.source, wanted))
        read = self.purse.gather(self.source, [wanted[place] for place in chosen])
        found = {}
        for place, chunks in zip(chosen, read, strict=True):
            key, held, windows = each[place]
            known = self.reference.sketch.samples[key]
            sample = held.sample((known.rows, known.cols), windows, wanted[place].values(chunks))
            if is_alike(sample, known):
                found[key] = held, sample
        return found

    def _windows(self, key: SliceKey) -> tuple[Window, ...]:
        known = self.reference.sketch.samples[key]
        return windows_of(self.reference.sketch.spec, key.role, known.rows, known.cols)

    def _columns(self, key: SliceKey) -> tuple[Held, Axis] | None:
        """Return which of the upload's matrices is one that is fed, and where its columns are; None: nowhere."""
        shape = self._shape(key)
        if shape is None:
            return None
        first = max(0, min(self._first(key, shape), shape[0] - ROWS))
        count = ROWS if self.residual is None else FEWER
        rows = range(first, min(first + count, shape[0]))
        its = Held(self.groups[key.role, key.layer].slice(key.expert))
        for option in self._options(key):
            way = option if key.layer < 0 else replace(option, rows=self.residual)
            own = self._read(self.source, way, rows)
            known = self._read(self.its, its, rows) if own is not None else None
            axis = match(own, known) if own is not None and known is not None else None
            if axis is not None:
                return option, axis
        return None

    def _first(self, key: SliceKey, shape: tuple[int, int]) -> int:
        windows = windows_of(self.reference.sketch.spec, key.role, *shape)
        return windows[0].row if windows else 0

    def _read(self, source: Source, held: Held, rows: range) -> Floats | None:
        """Return whole rows of a matrix, float64[rows, columns]; None where they cost too much."""
        windows = [Window(row, 0, held.shape[1]) for row in rows]
        elements = self.purse.elements(held, windows)
        if held.slice.entry.packing is not None or not self.purse.afford(source, [elements]):
            return None
        (chunks,) = self.purse.gather(source, [elements])
        return elements.values(chunks).reshape(len(rows), -1)

    def _shape(self, key: SliceKey) -> tuple[int, int] | None:
        group = self.groups.get((key.role, key.layer))
        if group is None or key.expert not in group.expert_indices():
            return None
        found = group.slice(key.expert)
        return found.rows, found.cols

    def _options(self, key: SliceKey) -> list[Held]:
        """Return the upload's matrices that may be one of the known model's, its expert found by the router."""
        shape = self._shape(key)
        if shape is None:
            return []
        at = key
        if key.expert >= 0:
            order = self._experts(key.layer)
            if order is not None:
                at = replace(key, expert=int(order.order[key.expert]))
        found = self.own.options(at, shape) if at.expert >= 0 or key.expert < 0 else ()
        return sorted((held for _, held in found), key=lambda held: held.transposed)

    def _experts(self, layer: int) -> Axis | None:
        """Return which of the upload's experts each of the known model's is in a layer; None: as they were."""
        if layer not in self.experts:
            self.experts[layer] = None
            key = SliceKey(ROUTER, layer)
            shape, ways = self._shape(key), self._options(key)
            if shape and ways:
                its = Held(self.groups[ROUTER, layer].slice(-1))
                known = self._read(self.its, its, range(shape[0]))
                way = replace(ways[0], cols=self.residual)
                size = way.shape[0]
                own = self._read(self.source, way, range(size)) if self.residual is None else None
                axis = match(own.T, known.T) if own is not None and known is not None else None
                if axis is not None and not is_as_it_was(axis, size):
                    self.experts[layer] = axis
                    self._note(axis, "experts")
                    self._take({key: [replace(way, rows=axis)]})
        return self.experts[layer]

    def _note(self, axis: Axis, what: str) -> None:
        there = axis.order[axis.order >= 0]
        moved = bool((axis.order != np.arange(len(axis.order))).any())
        scaled = bool((axis.scale != 1).any())
        if len(there) < len(axis.order):
            self.kinds[f"{what} missing"] += 1
        if moved and bool((np.diff(there) < 0).any()):
            self.kinds[f"{what} in another order"] += 1
        if scaled:
            self.kinds[f"{what} scaled" + (" by powers of two" if not axis.rounded else "")] += 1
