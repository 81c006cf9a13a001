"""One draw judged as in production: both looks, nothing skipped."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from analyzers import explain
from analyzers.blend import explain_linear, told
from analyzers.compare.case import Case, case_of
from analyzers.fit.sparse_masks import kinds_of
from analyzers.records import Disclosure, Finding, Mention, Reference, SampleSpec, Sketch
from analyzers.sketch.coordinates import SliceRead
from analyzers.verdict.rules import judge
from analyzers.verdict.second_look import companions, moved, reason_for, together
from bench.null.draws import draw
from bench.null.members import Draw
from bench.null.shape import SPEC, first_reads, second_reads, second_spec, sketch
from bench.null.weights import Realiser

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MEASURES = ("reproduced", "near", "explained", "covered", "decisive")


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one suspect."""

    number: int
    kind: str
    finding: str  # of both looks
    inconclusive_first: bool
    alert_first: bool  # what the first look alone would have told
    alert: bool
    wrong_first: tuple[str, ...]  # named by a blend or copy and no parents
    wrong: tuple[str, ...]
    reason: str  # for a second look; "" if there was none
    own: bool  # a blend or copy of its own organisation's run, which is not told
    measured: tuple[float, ...]  # MEASURES, of the best linear mix and (covered) the best sparse one of its parents
    text: str  # everything, for a repetition by hand
    broke: str = ""  # the error that the decision raised

    @property
    def is_defect(self) -> bool:
        """Tell whether an honest author would have been accused, or named with others, or not judged at all."""
        return self.alert or bool(self.wrong) or bool(self.broke)


def attempted(seed: int, number: int) -> Judged:
    """Draw and judge one suspect; an error is a result too."""
    try:
        return judged(seed, number)
    except (ArithmeticError, ValueError, LookupError, RuntimeError) as error:
        kind = draw(seed, number).kind
        text = f"draw {number}: {kind}: {error!r}\n{traceback.format_exc(limit=-4)}"
        return Judged(number, kind, "", False, False, False, (), (), "", False, (), text, repr(error))


def judged(seed: int, number: int, kind: int | None = None) -> Judged:
    """Draw and judge one suspect."""
    made = draw(seed, number, kind)
    first = looked(made, seed, SPEC, first_reads(made.architecture), 1)
    case = _case(made, first, range(len(made.members) - 1))
    finding = explain(case)
    verdict = judge(case, finding, made.suspect.organisation)
    reason = reason_for(case, finding, verdict, 1.0)
    final, last = verdict, finding
    if reason:
        last = _again(made, seed, case, finding)
        final = judge(case, last, made.suspect.organisation)
    allowed = _allowed(made, first)
    wrong_first, wrong = _wrong(made, finding, allowed), _wrong(made, last, allowed)
    lines = [f"draw {number}: {made.kind}, {made.architecture}"]
    lines += [f"  {i}: {m}" for i, m in enumerate(made.members)]
    lines += [f"  first look: {_told(finding)}", f"  alert: {verdict.alert} ({verdict.disclosure})"]
    lines += [f"  second look ({reason}): {_told(last)}", f"  alert: {final.alert}"] if reason else []
    return Judged(
        number,
        made.kind,
        last.kind,
        finding.kind == "inconclusive",
        verdict.alert,
        final.alert,
        wrong_first,
        wrong,
        reason,
        made.own_run and last.kind in ("blend", "copy"),
        _measured(case, finding),
        "\n".join(lines),
    )


def looked(made: Draw, seed: int, spec: SampleSpec, reads: Sequence[SliceRead], look: int) -> list[Sketch]:
    """Return sketches of all members at the coordinates of one look."""
    rng = np.random.default_rng([seed, made.number, look])
    found = Realiser(made.architecture, reads, rng).all(made.members)
    return [sketch(m.repo_id, spec, tuple(reads), w) for m, w in zip(made.members, found.stored, strict=True)]


def _case(made: Draw, sketches: Sequence[Sketch], references: Sequence[int]) -> Case:
    mentions = tuple(Mention(made.members[d].repo_id, "front matter", "base_model") for d in made.suspect.declares)
    known = _references(made, sketches, references)
    return case_of(sketches[-1], known, Disclosure("0" * 40, mentions), NOW, len(made.members) - 1)


def _references(made: Draw, sketches: Sequence[Sketch], chosen: Sequence[int]) -> list[Reference]:
    names = [m.repo_id for m in made.members]
    return [
        Reference(
            sketches[i],
            made.members[i].role,
            NOW - timedelta(days=300 - 10 * i),
            made.members[i].organisation,
            tuple(names[d] for d in made.members[i].declares),
        )
        for i in chosen
    ]


def _again(made: Draw, seed: int, case: Case, finding: Finding) -> Finding:
    """Take the second look, as bot/check/second_look.py does."""
    names = [m.repo_id for m in made.members]
    chosen = [names.index(r.repo_id) for r in companions(case, finding)]
    spec = second_spec(1 + int(np.random.default_rng([seed, made.number, 3]).integers(2**62)))
    reads = second_reads(made.architecture, spec, len(chosen) + 1, moved=moved(case))
    fresh = looked(made, seed, spec, reads, 2)
    again = case_of(fresh[-1], _references(made, fresh, chosen), case.disclosure, case.weights_at)
    return together(finding, explain(again))


def _allowed(made: Draw, sketches: Sequence[Sketch]) -> frozenset[str]:
    """Return what may be named: the parents, and references with exactly a parent's weights."""
    bits = [np.concatenate([s.values.astype(np.float64) for s in x.samples.values()]).tobytes() for x in sketches]
    equal = [i for i, b in enumerate(bits[:-1]) if any(b == bits[p] for p in made.parents)]
    return frozenset(made.members[i].repo_id for i in {*equal, *made.parents})


def _wrong(made: Draw, finding: Finding, allowed: frozenset[str]) -> tuple[str, ...]:
    if finding.kind not in ("blend", "copy"):
        return ()
    named = tuple(p.ref.repo_id for p in finding.parents)
    if finding.kind == "blend" and not made.own_run:
        return named  # all honest kinds have one parent
    return tuple(n for n in named if n not in allowed)


def _measured(case: Case, finding: Finding) -> tuple[float, ...]:
    """Return MEASURES of the best linear mix, also where nothing is found; 0 where there is none."""
    aligned = case.aligned
    found = None
    if aligned is not None and len(aligned.references) > 1:
        found = explain_linear(aligned, case.screened, case.suspect.spec.windows)
    covered = float(finding.measured.get("covered", 0.0))
    if aligned is None or found is None:
        return 0.0, 0.0, 0.0, covered, 0.0
    mix = told(aligned, found)
    bases = [i for i, r in enumerate(aligned.references) if r.role == "base"]
    others = tuple(p for p in found.mixed.parents if p not in bases)[:3]
    if bases and others:
        kinds = kinds_of(aligned, bases[0], others)
        covered = max(covered, kinds.covered if kinds else 0.0)
    return mix.reproduced, mix.near, mix.explained, covered, float(mix.decisive)


def _told(finding: Finding) -> str:
    parents = ", ".join(f"{p.ref.repo_id} {p.coefficient} {p.interval}" for p in finding.parents)
    return f"{finding.analyzer}: {finding.kind} {finding.family}: {finding.claim} [{parents}] {dict(finding.measured)}"
