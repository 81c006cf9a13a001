"""Compare two models by their sampled weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from analyzers import explain
from analyzers.compare.case import case_of
from analyzers.compare.kinship import common_keys
from analyzers.errors import BlendwatchError
from analyzers.numbers.rounding import widen
from analyzers.records import Disclosure, Reference, RepoRef, SampleSpec, Sketch
from bot.sources.first_look import FIRST_LOOK_REQUESTS, FirstLook, first_look
from bot.sources.interface import Source

TINY: Final = 1e-30


class NotSampled(BlendwatchError):
    """No sample of a model is stored."""


@dataclass(frozen=True, slots=True)
class Comparer:
    """Compares stored models. `find`: returns a repository's newest sketch, None if it was never read."""

    find: Callable[[str], Sketch | None]

    def __call__(self, first: str, second: str) -> dict[str, float]:
        """Return `weights`: number in both; `equal`: their share equal bit for bit; `apart`: relative distance.

        `apart` is the norm of the difference over the norm of the first model. Raises NotSampled.
        """
        return compare(self._stored(first), self._stored(second))

    def _stored(self, repo_id: str) -> Sketch:
        found = self.find(repo_id)
        if found is None:
            raise NotSampled(f"{repo_id} was never read; /check reads it")
        return found


def compare(a: Sketch, b: Sketch) -> dict[str, float]:
    """Compare two sketches; see Comparer. Samples at other coordinates or of another shape are skipped."""
    weights, equal, square, size = 0, 0, 0.0, 0.0
    for key in a.samples.keys() & b.samples.keys():
        x, y = a.samples[key], b.samples[key]
        if (x.cols, x.row, x.values.size) != (y.cols, y.row, y.values.size):
            continue
        left, right = widen(x.values), widen(y.values)
        weights += left.size
        equal += int(np.count_nonzero(left == right))
        square += float(np.sum((left - right) ** 2))
        size += float(np.sum(left**2))
    if not weights:
        return {"weights": 0.0, "equal": 0.0, "apart": 0.0}
    return {"weights": float(weights), "equal": equal / weights, "apart": float(np.sqrt(square / max(size, TINY)))}


@dataclass(frozen=True, slots=True)
class Side:
    """One of two models as it was read. `problem`: why no usable sample was read, "" if one was."""

    look: FirstLook
    problem: str = ""


def side_of(source: Source) -> Side:
    """Read a model as a first look does. Raises SourceError and Unreadable."""
    look = first_look(source, SampleSpec(), FIRST_LOOK_REQUESTS)
    return Side(look, look.unsampled or look.not_finite)


def side_by_side(first: Side, second: Side) -> dict[str, Any]:
    """Return the relation of two models as JSON, with the numbers of `compare` and the amount compared.

    `relation` has no direction: related, unrelated or inconclusive by the analyzers, given these two alone; equal
    where all compared weights are.
    """
    a, b = first.look.sketch, second.look.sketch
    numbers = compare(a, b)
    # two revisions of one repository count as two models here, too
    one, other = replace(a, ref=RepoRef("first/model", "1")), replace(b, ref=RepoRef("second/model", "2"))
    found = explain(case_of(one, [Reference(other, None, None, "")], Disclosure("1"), None)).kind
    kin = "equal" if numbers["equal"] == 1 else "related"
    relation = found if found in ("unrelated", "inconclusive") else kin
    return {
        "relation": relation if numbers["weights"] else "inconclusive",
        "first": _side(first),
        "second": _side(second),
        "tensors": len(common_keys(a, b)),
        "weights": int(numbers["weights"]),
        "equal": numbers["equal"],
        "apart": numbers["apart"],
    }


def _side(side: Side) -> dict[str, Any]:
    look = side.look
    return {
        "repo_id": look.facts.ref.repo_id,
        "revision": look.facts.ref.revision,
        "parameters": look.layout.parameters,
        "types": sorted({t.dtype for t in look.layout.tensors}),
        "sampled": look.sketch.weights,
        "problem": side.problem,
    }
