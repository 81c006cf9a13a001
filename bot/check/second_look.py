"""The second look: fresh random coordinates of the suspect and of the models it may be made of, in every layer."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from contextvars import copy_context
from dataclasses import dataclass, replace

from analyzers import explain
from analyzers.compare.case import Case, case_of
from analyzers.errors import Unreadable
from analyzers.records import (
    Compared,
    Cost,
    Finding,
    Reference,
    RepoRef,
    Sampled,
    SampleSpec,
    SecondLook,
    Sketch,
    WeightLayout,
)
from analyzers.relayout.restored import Undone
from analyzers.sketch.coordinates import ReadBudget, ReadPlan, samples_from
from analyzers.sketch.layout import layout_of
from analyzers.sketch.second_look_plan import Groups, plan_depth
from analyzers.sketch.shard_order import Wanted, for_what_is_in
from analyzers.sketch.shared_names import renamed
from analyzers.sketch.tensor_roles import groups_of
from analyzers.verdict.depth_profile import depth_profile
from analyzers.verdict.replay import of_case
from analyzers.verdict.second_look import companions, moved, together, unread
from analyzers.verdict.yardstick import yardsticks
from bot.check.gather import Purse, read_as_known
from bot.sources.first_look import FirstLook, Meter
from bot.sources.interface import Source, SourceError, Span, Unavailable
from bot.sources.purpose import spent_on

REQUESTS = 300
BYTES = 6_000_000
LEAST = 4  # one part in so many of both is reserved for weights: a long header must not clear an upload
ELEMENTS = 512
FEW = 16  # where matrices are stored transposed: each weight of a row lies in another stored row
HEADER_REQUESTS = 40  # for the headers of one companion
SPARE = 6  # requests reserved for signed addresses that expired


@dataclass(frozen=True, slots=True)
class SecondLookResult:
    """The finding of a first look after a second look, and what the second look read."""

    finding: Finding
    look: SecondLook
    problems: tuple[str, ...]
    compared: Compared | None  # None: nothing could be read
    gone: tuple[str, ...]  # parents that could not be read again


@dataclass(frozen=True, slots=True)
class _Model:
    reference: Reference
    source: Source
    layout: WeightLayout
    groups: Groups


@dataclass(frozen=True, slots=True)
class SecondLooker:
    """Takes second looks. `open_reference`: opens a known model at the sketched revision."""

    open_reference: Callable[[str, str], Source]
    metered: Callable[[], AbstractContextManager[Meter]]

    @spent_on("second look")
    def look(self, source: Source, first: FirstLook, case: Case, finding: Finding, reason: str) -> SecondLookResult:
        """Read fresh coordinates and explain the suspect again; Unavailable where asking later may help."""
        started = time.monotonic()
        undone = first.undone
        spec = SampleSpec(secrets.randbits(62) + 1, elements=FEW if undone and undone.turned else ELEMENTS)
        with self.metered() as meter:
            models, problems = self._open(companions(case, finding), for_what_is_in(first.groups))
            read = {m.reference.repo_id for m in models}
            gone = [p.ref.repo_id for p in finding.parents if p.ref.repo_id not in read]
            sketches = [Sketch(first.facts.ref, spec, {})]
            if models:
                left = _left(meter, parts=2 if undone else 1)
                plans = plan_depth([first.groups, *(m.groups for m in models)], spec, left, moved=moved(case))
                refs = [first.facts.ref, *_refs(models)]
                sketches = _read([source, *(m.source for m in models)], refs, plans, spec, undone, left)
        if not sketches[0].samples:
            nothing = _record(spec, reason, sketches[0], meter, started)
            missing = tuple(gone) or ("what it may be made of",)
            return SecondLookResult(unread(finding, missing), nothing, problems, None, missing)
        fresh = [replace(m.reference, sketch=s) for m, s in zip(models, sketches[1:], strict=True)]
        whole = first.sketch
        suspect = replace(sketches[0], elements=whole.elements, aside=whole.aside, undone=whole.undone)
        again = case_of(suspect, fresh, case.disclosure, case.weights_at, maker=case.maker, new_since=case.new_since)
        found = together(finding, explain(again), gone)
        look = _record(spec, reason, sketches[0], meter, started)
        decisive = int(found.measured.get("decisive", 0))
        sampled = replace(look.sampled, decisive=decisive)
        look = replace(look, sampled=sampled, profile=depth_profile(again, found), scale=yardsticks(case, found))
        return SecondLookResult(found, look, (*problems, *_renamed(first, found, models)), of_case(again), tuple(gone))

    def _open(self, references: Sequence[Reference], wanted: Wanted) -> tuple[list[_Model], tuple[str, ...]]:
        """Return the companions that can be read, and a sentence for each that cannot."""
        models, problems = [], []
        for reference in references:
            ref = reference.sketch.ref
            try:
                source = self.open_reference(ref.repo_id, ref.revision)
                layout = layout_of(source.headers(HEADER_REQUESTS, wanted))
            except Unavailable:
                raise
            except (SourceError, Unreadable) as error:
                problems.append(f"{ref.repo_id} could not be read at fresh coordinates: {error}")
                continue
            models.append(_Model(reference, source, layout, groups_of(layout)))
        return models, tuple(problems)


def _renamed(first: FirstLook, found: Finding, models: Sequence[_Model]) -> list[str]:
    """Return a sentence for the tensor names in which a copy differs from its original."""
    parents = {p.ref for p in found.parents} if found.kind == "copy" else set()
    named = ((m.reference, renamed(_names(first.layout), _names(m.layout))) for m in models)
    return [f"a copy of {r.repo_id} whose {how}" for r, how in named if how and r.sketch.ref in parents]


def _names(layout: WeightLayout) -> list[str]:
    return [tensor.name for tensor in layout.tensors]


def _left(meter: Meter, parts: int) -> ReadBudget:
    """Return one of so many equal `parts` of the budget that is left for weights after the headers."""
    return ReadBudget(
        requests=max(REQUESTS - SPARE - meter.requests, REQUESTS // LEAST) // parts,
        bytes=max(BYTES - meter.bytes_read, BYTES // LEAST) // parts,
    )


def _refs(models: Sequence[_Model]) -> list[RepoRef]:
    return [m.reference.sketch.ref for m in models]


def _read(
    sources: Sequence[Source],
    refs: Sequence[RepoRef],
    plans: Sequence[ReadPlan],
    spec: SampleSpec,
    undone: Undone | None,
    left: ReadBudget,
) -> list[Sketch]:
    """Read all models at once, the suspect first; of the others keep only samples that are not quantized.

    `left`: for the suspect alone, where its layout was undone.
    """

    def one(place: int) -> Sketch:
        plan = plans[place]
        if undone is not None and not place:
            return Sketch(
                refs[place], spec, read_as_known(sources[place], plan, undone, Purse(left.requests, left.bytes))
            )
        data = sources[place].read([Span(*span) for span in plan.spans])
        sketch = Sketch(refs[place], spec, samples_from(plan, data))
        return sketch.plain if place else sketch

    with ThreadPoolExecutor(len(sources)) as pool:
        waiting = [pool.submit(copy_context().run, one, place) for place in range(len(sources))]
        return [w.result() for w in waiting]


def _record(spec: SampleSpec, reason: str, sketch: Sketch, meter: Meter, started: float) -> SecondLook:
    cost = Cost(meter.requests, meter.bytes_read, round(time.monotonic() - started, 3))
    return SecondLook(spec.seed, reason, Sampled(sketch.layers, len(sketch.samples), sketch.weights), cost)
