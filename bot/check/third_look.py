"""The third look: an upload that resembles nothing where names lead, read as a known model of its shapes is laid out.

A screen decides whether it is taken: where the first look found no kin, and a known model has matrices of the same
shapes, or where a part of the kin's matrices are alike and the rest are not. Shape, order and depth say what may be
what, and sampled values decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from analyzers.compare.case import Case
from analyzers.errors import Unreadable
from analyzers.records import Finding, Reference, RepoRef, Sample, SliceKey
from analyzers.relayout.candidates import Matrices, Own, extended
from analyzers.relayout.held import Held
from analyzers.relayout.inner_products import same_products
from analyzers.relayout.restored import Undone, elements_as_known, is_alike, is_called_for
from analyzers.sketch.coordinates import group_order, windows_of
from analyzers.sketch.layout import layout_of
from analyzers.sketch.second_look_plan import Groups
from analyzers.sketch.shard_order import for_a_look
from analyzers.sketch.tensor_roles import groups_of
from analyzers.thresholds import MIN_INFORMATIVE_TENSORS
from bot.check.gather import Purse, read_products
from bot.check.reorder import Reorder
from bot.known.models import config_of
from bot.sources.first_look import FirstLook, Meter
from bot.sources.interface import Source, SourceError, Unavailable
from bot.sources.purpose import spent_on

REQUESTS = 60  # headers of known models included
BYTES = 24_000_000
FOR_HEADERS = 4  # one part in so many of the requests that are left may go for one known model's headers
EMBEDDINGS = SliceKey("embed_tokens")
ENDS = frozenset({"embed_tokens", "lm_head"})
ROTATED = "compared by the inner products of embeddings, which a rotation of the residual stream keeps"
TRIED = 3  # known models of the upload's shapes that it is held against
Fitting = Mapping[SliceKey, list[tuple[Own, Held]]]
Chosen = dict[SliceKey, tuple[Own, Held]]


@dataclass(frozen=True, slots=True)
class ThirdLooker:
    """Takes third looks at uploads.

    `references`: known models not later than a time, a few of each class. `open_reference`: one at its revision.
    """

    references: Callable[[datetime | None], Iterable[Reference]]
    open_reference: Callable[[str, str], Source]
    metered: Callable[[], AbstractContextManager[Meter]]

    @spent_on("third look")
    def look(self, source: Source, look: FirstLook, case: Case, finding: Finding) -> FirstLook | None:
        """Return the look as the known model is laid out; None where none is called for or it finds nothing.

        Raises Unavailable where asking later may help.
        """
        if finding.kind in ("blend", "copy") or not look.sketch.samples or not is_called_for(case):
            return None
        own = Matrices.of(look.groups.values())
        purse = Purse(REQUESTS, BYTES)
        known = _Known(self.open_reference, self.metered, purse)
        for reference in [k.reference for k in case.kin[:1]] or islice(self._fitting(own, case), TRIED):
            shapes = {key: (s.rows, s.cols) for key, s in reference.sketch.samples.items()}
            fitting = {key: some for key, shape in shapes.items() if (some := own.options(key, shape))}
            found = None if _as_they_are(fitting) else _Laid(source, reference, purse).chosen(fitting)
            if found is not None:
                return _as_known(look, found, own, reference)
            again = _reordered(source, look, own, reference, known)
            if again is not None:
                return again
        return None if case.kin else self._rotated(source, look, own, case, known)

    def _fitting(self, own: Matrices, case: Case) -> Iterator[Reference]:
        """Yield known models most of whose sampled matrices have the shape of one of the upload's."""
        for reference in self.references(case.weights_at):
            if own.fit({key: (s.rows, s.cols) for key, s in reference.sketch.samples.items()}):
                yield reference

    def _rotated(self, source: Source, look: FirstLook, own: Matrices, case: Case, known: _Known) -> FirstLook | None:
        """Return the look as inner products of embeddings, with the known models that have the same; None: none has."""
        mine: dict[SliceKey, Sample] | None = None
        kin = []
        for reference in islice(self._fitting(own, case), TRIED):
            sample = reference.sketch.samples.get(EMBEDDINGS)
            ways = own.options(EMBEDDINGS, (sample.rows, sample.cols)) if sample else None
            opened = known.open(reference) if ways else None
            if sample is None or not ways or opened is None or (EMBEDDINGS.role, -1) not in opened[1]:
                continue
            mine = mine or read_products(source, ways[0][1], sample.rows, known.purse)
            its = read_products(opened[0], Held(opened[1][EMBEDDINGS.role, -1].slice(-1)), sample.rows, known.purse)
            if mine and its and same_products(mine, its):
                kin.append(replace(reference, sketch=replace(reference.sketch, samples=its)))
        if not mine or not kin:
            return None
        sketch = replace(look.sketch, samples=mine, undone=ROTATED)
        return replace(look, sketch=sketch, beside=tuple(kin), undone=Undone({}, {}, ROTATED))


@dataclass(slots=True)
class _Known:
    """The known models that one look opens, each once, its headers paid from the purse."""

    open_reference: Callable[[str, str], Source]
    metered: Callable[[], AbstractContextManager[Meter]]
    purse: Purse
    opened: dict[RepoRef, tuple[Source, Groups] | None] = field(default_factory=dict)

    def open(self, reference: Reference) -> tuple[Source, Groups] | None:
        """Open a known model at the revision that was sketched; None where it cannot be read."""
        ref = reference.sketch.ref
        if ref not in self.opened:
            with self.metered() as meter:
                self.opened[ref] = self._read(reference)
            self.purse.requests -= meter.requests
            self.purse.size -= meter.bytes_read
        return self.opened[ref]

    def _read(self, reference: Reference) -> tuple[Source, Groups] | None:
        ref, spec = reference.sketch.ref, reference.sketch.spec
        most = self.purse.requests // FOR_HEADERS
        if most < 1:
            return None
        try:
            its = self.open_reference(ref.repo_id, ref.revision)
            return its, groups_of(layout_of(its.headers(most, for_a_look(spec))))
        except Unavailable:
            raise
        except (SourceError, Unreadable):
            return None


def _reordered(source: Source, look: FirstLook, own: Matrices, reference: Reference, known: _Known) -> FirstLook | None:
    """Read the known model, too, and put the upload in its order; None where that cannot be."""
    opened = known.open(reference)
    if opened is None:
        return None
    its, groups = opened
    found = Reorder(source, own, reference, its, groups, _head_of(its, groups), known.purse)
    if not found.run() or len(found.samples) < MIN_INFORMATIVE_TENSORS or not found.kinds:
        return None
    shapes = {key: (s.rows, s.cols) for key in found.held if (s := groups[key.role, key.layer].slice(key.expert))}
    alike = extended({key: (own.by_key[h.slice.key], h) for key, h in found.held.items()}, own.own)
    return _laid_out(look, Undone(found.held, shapes, _said(found, reference)), found.samples, alike)


def _said(found: Reorder, reference: Reference) -> str:
    """Say what was undone."""
    named = ["other names"] * any(h.slice.key != k for k, h in found.held.items() if k.expert < 0)
    turned = ["transposed"] * any(h.transposed for h in found.held.values())
    return said_of(reference, [*named, *turned, *sorted(found.kinds)])


def said_of(reference: Reference, kinds: Sequence[str]) -> str:
    """Return the words before a finding: whose layout an upload was read in, and how its own differs."""
    return f"read as {reference.repo_id} is laid out ({', '.join(kinds)})"


def _head_of(its: Source, groups: Groups) -> int:
    """Return how many rows of q are one head, as the known model's config says; 0: it does not."""
    try:
        fields = dict(config_of(its)[0].fields)
    except Unreadable:
        return 0
    size, heads = fields.get("head_dim", ""), fields.get("heads", "")
    if size.isdecimal():
        return int(size)
    rows = next((g.slice(g.expert_indices()[0]).rows for (role, _), g in groups.items() if role.endswith("q_proj")), 0)
    return rows // int(heads) if heads.isdecimal() and int(heads) else 0


def _as_they_are(fitting: Fitting) -> bool:
    """Tell whether names and shapes lead where the first look was: every matrix has its name in the known model."""
    return all(o.slice.key == key and not held.transposed for key, some in fitting.items() for o, held in some[:1])


@dataclass(slots=True)
class _Laid:
    """Finds out which of an upload's matrices are which of one known model's."""

    source: Source
    reference: Reference
    purse: Purse

    def chosen(self, fitting: Fitting) -> tuple[Chosen, dict[SliceKey, Sample]] | None:
        """Choose by sampled values: every role in one layer first, then the other layers by what was chosen.

        Nothing is read as transposed, which costs most, where the vocabulary's matrices are not the known model's.
        """
        chosen: Chosen = {}
        samples: dict[SliceKey, Sample] = {}
        missed: set[str] = set()
        for key in self._ordered(fitting):
            kinds = {(o.kind, held.transposed) for k, (o, held) in chosen.items() if k.role == key.role}
            some = [(o, h) for o, h in fitting[key] if not kinds or (o.kind, h.transposed) in kinds or o.layer < 0]
            as_stored, turned = [w for w in some if not w[1].transposed], [w for w in some if w[1].transposed]
            if key.role in missed or not some:
                continue
            if len(missed) >= MIN_INFORMATIVE_TENSORS and not chosen:
                return None
            best = self._best(key, as_stored)
            if best is None and missed.isdisjoint(ENDS):
                best = self._best(key, turned)
            if best is None:
                if not kinds:
                    missed.add(key.role)
                continue
            chosen[key], samples[key] = best
        enough = len(chosen) >= MIN_INFORMATIVE_TENSORS and len({k.role for k in chosen}) > len(missed)
        return (chosen, samples) if enough else None

    def _ordered(self, fitting: Fitting) -> list[SliceKey]:
        keys = {(key.role, key.layer): key for key in fitting}
        return [keys[where] for where in group_order(keys, self.reference.sketch.spec)]

    def _best(self, key: SliceKey, some: Sequence[tuple[Own, Held]]) -> tuple[tuple[Own, Held], Sample] | None:
        known = self.reference.sketch.samples[key]
        windows = windows_of(self.reference.sketch.spec, key.role, known.rows, known.cols)
        elements = [self.purse.elements(held, windows) for _, held in some]
        chosen = list(self.purse.affordable(self.source, elements))
        read = self.purse.gather(self.source, [elements[place] for place in chosen])
        for place, chunks in zip(chosen, read, strict=True):
            own, held = some[place]
            sample = held.sample((known.rows, known.cols), windows, elements[place].values(chunks))
            if is_alike(sample, known):
                return (own, held), sample
        return None


def _as_known(look: FirstLook, found: tuple[Chosen, dict[SliceKey, Sample]], own: Matrices, of: Reference) -> FirstLook:
    chosen, samples = found
    held = extended(chosen, own.own)
    shapes = {key: one.shape for key, one in held.items()}
    named = ["other names"] * any(one.slice.key != key for key, one in held.items())
    turned = ["transposed"] * any(one.transposed for one in held.values())
    said = said_of(of, [*named, *turned])
    return _laid_out(look, Undone(held, shapes, said), samples, held)


def _laid_out(
    look: FirstLook, undone: Undone, samples: Mapping[SliceKey, Sample], alike: Mapping[SliceKey, Held]
) -> FirstLook:
    """Return the look with its samples. `alike`: matrices of the same names, in all layers, which count as compared."""
    elements = elements_as_known(look.sketch.elements, alike)
    sketch = replace(look.sketch, samples=dict(samples), elements=elements, undone=undone.said)
    return replace(look, sketch=sketch, undone=undone)
