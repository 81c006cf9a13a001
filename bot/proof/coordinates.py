"""Where the sampled bytes of a case lie in their repositories."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from analyzers.errors import Unreadable
from analyzers.records import Evidence, Place, RepoRef, Sample, Sketch, SliceKey
from analyzers.sketch.layout import layout_of
from analyzers.sketch.places import place_of, spans_of
from analyzers.sketch.tensor_roles import Group, groups_of
from bot.sources.interface import Source, SourceError

HEADER_REQUESTS = 40  # for one model
LOOKS = {"1": "first", "2": "second"}


@dataclass(frozen=True, slots=True)
class Opened:
    """A model as the Hub shows it now. `groups`: its matrices by role and layer; {} where headers cannot be read."""

    gated: bool
    groups: Mapping[tuple[str, int], Group]


def opener(open_: Callable[[str, str], Source]) -> Callable[[RepoRef], Opened | None]:
    """Return a function that asks for a model at a revision."""

    def ask(ref: RepoRef) -> Opened | None:
        source = open_(ref.repo_id, ref.revision)
        try:
            gated = source.facts().gated
        except SourceError:
            return None
        try:
            return Opened(gated, groups_of(layout_of(source.headers(HEADER_REQUESTS))))
        except (SourceError, Unreadable):
            return Opened(gated, {})

    return ask


def sketches_of(evidence: Evidence) -> dict[str, Sketch]:
    """Return every sketch by the prefix of its arrays' names in the evidence's file."""
    looks = {"1": evidence.first, "2": evidence.second}
    looks |= {f"part {i}": p.seen for i, p in enumerate(evidence.parts)}
    found: dict[str, Sketch] = {}
    for name, seen in looks.items():
        if seen is not None:
            found[f"{name}.suspect"] = seen.suspect
            found |= {f"{name}.{i}": r.sketch for i, r in enumerate(seen.references)}
    return found


def models_of(evidence: Evidence) -> list[RepoRef]:
    """Return every model whose bytes the evidence holds, the upload first."""
    return [*dict.fromkeys(s.ref for s in sketches_of(evidence).values())]


def arrays_of(evidence: Evidence, opened: Mapping[RepoRef, Opened | None]) -> list[dict[str, Any]]:
    """Return for each array of the evidence's file where its bytes lie; `spans` is [] where nobody knows."""
    rows = []
    for name, sketch in sketches_of(evidence).items():
        for i, (key, sample) in enumerate(sorted(sketch.samples.items())):
            found = _placed(sketch, key, sample, opened.get(sketch.ref))
            rows.append(
                {
                    "array": f"{name}.{i}",
                    "repo_id": sketch.ref.repo_id,
                    "revision": sketch.ref.revision,
                    "shard": found.place.shard if found.place else None,
                    "tensor": found.place.tensor if found.place else None,
                    "spans": spans_of(sketch.spec, key, found),
                }
            )
    return rows


def _placed(sketch: Sketch, key: SliceKey, sample: Sample, opened: Opened | None) -> Sample:
    """Return a sample with its place: as it was kept, else as the headers of that revision say."""
    known = sample.place is not None or sketch.undone or sample.quantized is not None
    group = opened.groups.get((key.role, key.layer)) if opened and not known else None
    if group is None or key.expert not in group.expert_indices():
        return sample
    found = group.slice(key.expert)
    fits = (found.rows, found.cols) == (sample.rows, sample.cols)
    place: Place | None = place_of(found) if fits else None
    return replace(sample, place=place)
