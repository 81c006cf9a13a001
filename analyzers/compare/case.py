"""One suspect and the known models that may be its parents: what every analyzer is given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from analyzers.compare.aligned import Aligned, align
from analyzers.compare.kinship import Kinship, kinship
from analyzers.records import Disclosure, Reference, Sketch
from analyzers.sketch.coordinates import dense_role
from analyzers.sketch.towers import part_of, towers_of
from analyzers.thresholds import MIN_OVERLAP, MOVED, RELATED_CORRELATION, RELATED_TENSORS


@dataclass(frozen=True, slots=True, eq=False)  # compared by identity, so that what is measured of one can be kept
class Case:
    """A suspect, its kin (related models that may be its parents, nearest first) and what its card declares."""

    suspect: Sketch
    disclosure: Disclosure
    weights_at: datetime | None  # UTC, of the suspect; None: unknown
    kin: tuple[Kinship, ...]
    compared: int  # references that share coordinates with the suspect, related or not
    unsampled: str = ""  # why nothing or little could be sampled, if so
    aligned: Aligned | None = None  # the suspect beside those of its kin that share most of its coordinates
    screened: int = 0  # among how many models the references were chosen
    maker: str = ""  # the organisation that answers for the suspect, aliases resolved; "": that of its repository
    new_since: datetime | None = None  # UTC: when its repository was made, or was last seen without these weights

    @property
    def quantized(self) -> bool:
        """Tell whether any of the suspect's weights are quantized."""
        return any(sample.quantized for sample in self.suspect.samples.values())

    @property
    def unquantized(self) -> Case:
        """The case of what is not quantized, against the same models; itself where nothing is."""
        if not self.quantized:
            return self
        plain = self.suspect.plain
        references = self.aligned.references if self.aligned is not None else ()
        return replace(self, suspect=plain, aligned=align(plain, references))

    def came_after(self, reference: Reference) -> bool:
        """Tell whether a model's weights are known to have been public first.

        Of a model that nobody put into the registry, the watch has seen them before the suspect's could be there.
        """
        if self.weights_at is None or reference.weights_at is None or reference.weights_at >= self.weights_at:
            return False
        seen, since = reference.seen_at, self.new_since
        return not reference.automatic or (seen is not None and since is not None and seen < since)

    def own(self, reference: Reference) -> bool:
        """Tell whether a model is of the suspect's own maker."""
        return (self.maker or self.suspect.ref.organisation).lower() == reference.maker.lower()

    def made_of_own(self, reference: Reference) -> bool:
        """Tell whether a model's card names one of the suspect's own maker as a parent."""
        own = {(self.maker or self.suspect.ref.organisation).lower(), self.suspect.ref.organisation.lower()}
        return any(name.partition("/")[0].lower() in own for name in reference.declares)

    def declares(self, repo_id: str) -> bool:
        """Tell whether the suspect declares a model, or a quantization, mirror or other form of it."""
        return self.disclosure.of(repo_id) is not None


def compared(case: Case, parents: Iterable[str]) -> tuple[float | None, str]:
    """Return the share of the suspect's elements whose role and columns every parent was sampled with; None: unknown.

    No parents: the share whose role was sampled at all. A dense model's matrix may be any expert's. With it comes the
    largest role that was not sampled so, "" where all were.
    """
    elements = case.suspect.elements
    total = sum(elements.values())
    if not total:
        return None, ""
    held = {(dense_role(k.role), s.cols) for k, s in case.suspect.samples.items()}
    for name in parents:
        sketches = [k.reference.sketch for k in case.kin if k.reference.repo_id == name]
        held &= {(dense_role(k.role), s.cols) for sketch in sketches for k, s in sketch.samples.items()}
    roles = {_anywhere(role) for role, _ in held}  # a number that is no layer's by its name is one all the same
    rest = [role for role in elements if _anywhere(dense_role(role)) not in roles]
    share = 1 - sum(elements[role] for role in rest) / total
    return share, max(sorted(rest), key=elements.__getitem__, default="")


def _anywhere(role: str) -> str:
    return re.sub(r"(?<![^.])[0-9]+(?![^.])", "#", role)


def case_of(
    suspect: Sketch,
    references: Iterable[Reference],
    disclosure: Disclosure,
    weights_at: datetime | None,
    screened: int = 0,
    maker: str = "",
    new_since: datetime | None = None,
) -> Case:
    """Compare `suspect` with every reference that can be its parent; `screened`: among how many they were chosen.

    A model can be a parent only if its weights were public before the suspect's (a blend known as a reference makes
    its own parents look like blends of it). Later ones are left out, unless the suspect itself declares them. So are
    models whose cards name one of the suspect's maker as a parent: a partner may publish hours before the maker.
    Of a language model with towers beside it, the case is the language model's.
    """
    whole, suspect = suspect, part_of(suspect)
    case = Case(suspect, disclosure, weights_at, (), 0, maker=maker)
    possible = [
        r
        for r in references
        if r.sketch.ref != suspect.ref
        and r.repo_id.lower() != suspect.ref.repo_id.lower()
        and (not (later(r.weights_at, weights_at) or case.made_of_own(r)) or case.declares(r.repo_id))
    ]
    measured = [k for r in possible if (k := kinship(suspect, r, suspect.spec.windows))]
    related = [k for k in measured if len(k.keys) >= RELATED_TENSORS and _related(k)]
    related.sort(key=lambda k: (k.distance, k.reference.repo_id))
    kin = tuple(_without_doubles(case, related))
    suspect = replace(suspect, aside=_aside(whole, suspect, kin))
    beside = align(suspect, [k.reference for k in _comparable(kin)])
    case = replace(case, suspect=suspect, kin=kin, compared=len(measured), aligned=beside, screened=screened)
    return replace(case, new_since=new_since)


def _aside(whole: Sketch, main: Sketch, kin: Sequence[Kinship]) -> float:
    """Return the share of an upload that is not its main component, but for towers that its nearest kin has, too."""
    total = sum(whole.elements.values())
    inside = sum(main.elements.values())
    for tower in towers_of(whole.elements):
        part = part_of(whole, tower)
        same = kinship(part, kin[0].reference, whole.spec.windows) if kin else None
        if same is not None and same.equal == 1.0:
            inside += sum(part.elements.values())
    return 1 - (1 - whole.aside) * (inside / total if total else 1.0)  # unknown, where not all headers were read


def ancestors(case: Case) -> set[str]:
    """Return all that declared parents declare in turn, in lower case."""
    references = {k.reference.repo_id.lower(): k.reference for k in case.kin}
    found: set[str] = set()
    waiting = [p.lower() for p in case.disclosure.parents]
    while waiting:
        reference = references.get(waiting.pop())
        for ancestor in reference.declares if reference else ():
            if ancestor.lower() not in found:
                found.add(ancestor.lower())
                waiting.append(ancestor.lower())
    return found


def among_declared(case: Case) -> Case | None:
    """Return a case with declared kin, and the bases of these, alone; None if that is all or nothing of it."""
    bases = ancestors(case)
    kin = tuple(
        k
        for k in case.kin
        if case.declares(k.reference.repo_id) or (k.reference.role == "base" and k.reference.repo_id.lower() in bases)
    )
    # a quantization of one of them has a few matrices only, which would be all that is looked at
    most = max((len(k.keys) for k in kin), default=0)
    kin = tuple(k for k in kin if len(k.keys) >= MIN_OVERLAP * most)
    if len(kin) in (0, len(case.kin)):
        return None
    return replace(case, kin=kin, aligned=align(case.suspect, [k.reference for k in _comparable(kin)]))


def _comparable(kin: Sequence[Kinship]) -> list[Kinship]:
    """Return kin, nearest first, that share most of the coordinates the nearest shares."""
    if not kin:
        return []
    nearest = set(kin[0].keys)
    return _that_moved([k for k in kin if len(nearest & set(k.keys)) >= MIN_OVERLAP * len(nearest)])


def _that_moved(kin: Sequence[Kinship]) -> list[Kinship]:
    """Leave out models that hardly differ from a base among them: they would stand in for it, and explain nothing."""
    bases = [k for k in kin if k.reference.role == "base"]
    return [k for k in kin if k.reference.role == "base" or not any(_still(k, base) for base in bases)]


def _still(one: Kinship, base: Kinship) -> bool:
    shared = sorted(set(one.keys) & set(base.keys))
    pairs = [(one.reference.sketch.samples[k].values, base.reference.sketch.samples[k].values) for k in shared]
    same = sum(int((a == b).sum()) for a, b in pairs)
    return same > (1.0 - MOVED) * sum(a.size for a, _ in pairs)


def _related(one: Kinship) -> bool:
    """Tell kin: most tensors correlate, or some do by far, as where layers were moved or taken from elsewhere."""
    return one.correlation >= RELATED_CORRELATION or one.alike >= RELATED_TENSORS


def later(reference: datetime | None, suspect: datetime | None) -> bool:
    """Tell whether the reference's weights are known to have come after the suspect's."""
    return reference is not None and suspect is not None and reference > suspect


def _without_doubles(case: Case, kin: Sequence[Kinship]) -> list[Kinship]:
    """Keep one of several references with equal weights: the declared one, else a base, else the first published.

    A mirror or renamed copy must not be named in place of the model it copies.
    """
    kept: list[Kinship] = []
    for one in kin:
        twin = next((i for i, k in enumerate(kept) if _twins(k, one)), None)
        if twin is None:
            kept.append(one)
        elif _claim(case, one) < _claim(case, kept[twin]):
            kept[twin] = one
    return kept


def _twins(a: Kinship, b: Kinship) -> bool:
    """Tell whether two references hold the same weights wherever both were sampled; equal distances come first."""
    if a.keys != b.keys or abs(a.distance - b.distance) > 1e-9:
        return False
    pair = ((a.reference.sketch.samples[k].values, b.reference.sketch.samples[k].values) for k in a.keys)
    return all(x.astype("f8").tobytes() == y.astype("f8").tobytes() for x, y in pair)


def _claim(case: Case, one: Kinship) -> tuple[bool, bool, float]:
    """Order of precedence among equal weights; smaller goes first."""
    when = one.reference.weights_at
    return (
        not case.declares(one.reference.repo_id),
        one.reference.role != "base",
        when.timestamp() if when else float("inf"),
    )
