"""Stacks: whole layers, modules or experts taken from different models, bit for bit, at the same depth or another.

Frankenmerges and layer shuffles, grafted modules, mixtures of experts made of dense models. Every tensor equals a known
one; where two models hold the same tensor (frozen in training, say) it speaks for neither. An expert of which no tensor
is known may be an unknown model's: it says nothing against where the others are from.
"""

from __future__ import annotations

from collections.abc import Sequence

from analyzers.compare.case import Case
from analyzers.fit.bit_copies import TensorCopy, copied
from analyzers.records import Finding, Parent
from analyzers.thresholds import COPY_TENSORS_EQUAL, MIN_INFORMATIVE_TENSORS

NAME = "stack"
NAMED = 8  # experts in a claim


def analyze(case: Case) -> Finding | None:
    """Name the models that every tensor was copied from; None where too many tensors are nobody's."""
    if not case.kin:
        return None
    references = [k.reference for k in case.kin]
    sampled = [c for c in copied(case) if c.known]
    strange = _strange_experts(sampled)
    found = [c for c in sampled if c.key.expert not in strange]
    from_known = [c for c in found if c.origins]
    if len(from_known) < max(MIN_INFORMATIVE_TENSORS, COPY_TENSORS_EQUAL * len(found)):
        return None
    needed = sources(from_known)
    moved = sum(c.moved for c in from_known)
    refs = [references[m].sketch.ref for m in needed]
    counts = _counts(from_known, needed)
    measured: dict[str, float | int | str] = {
        "tensors": len(sampled),
        "copied": len(from_known),
        "moved": moved,
        "weights": sum(case.suspect.samples[c.key].values.size for c in sampled),
        "decisive": sum(case.suspect.samples[c.key].values.size for c in from_known if c.distinct),
    }
    measured |= {f"from {ref.repo_id}": count for ref, count in zip(refs, counts, strict=True)}
    parents = tuple(Parent(ref, None, None) for ref in refs)
    experts = sum(c.became_expert for c in from_known)
    elsewhere = f", {moved} of them at another depth or in another expert" if moved else ""
    elsewhere += f", {experts} of them as experts" if experts else ""
    if len(needed) == 1:
        if not moved and not experts:
            return None
        claim = f"all tensors are those of {refs[0].repo_id}{elsewhere}: {len(from_known)} of {len(sampled)} sampled"
        whole = (Parent(refs[0], 1.0, None),)
        return Finding(NAME, "copy", claim, whole, exact=True, further_training=False, measured=measured)
    shares = ", ".join(f"{n} from {ref.repo_id}" for n, ref in zip(counts, refs, strict=True))
    claim = f"{len(from_known)} of {len(sampled)} sampled tensors are copied bit for bit: {shares}{elsewhere}"
    if strange:
        claim += f"; {_listed(strange)} of no model that was compared"
    exact = len(from_known) == len(sampled)
    return Finding(NAME, "blend", claim, parents, "stack", exact, False, measured)


def _strange_experts(found: Sequence[TensorCopy]) -> frozenset[int]:
    """Return the experts of which no tensor is copied, in any layer."""
    experts = {c.key.expert for c in found if c.key.expert >= 0}
    return frozenset(experts - {c.key.expert for c in found if c.origins})


def _listed(experts: frozenset[int]) -> str:
    some = ", ".join(map(str, sorted(experts)[:NAMED]))
    more = f" and {len(experts) - NAMED} more" if len(experts) > NAMED else ""
    return f"expert {some} is" if len(experts) == 1 else f"experts {some}{more} are"


def sources(copied: Sequence[TensorCopy]) -> list[int]:
    """Return the models that all tensors together need, the one that gave most first (a greedy cover)."""
    left = [c for c in copied if c.distinct]
    needed: list[int] = []
    while left:
        votes: dict[int, int] = {}
        for one in left:
            for model in one.models:
                votes[model] = votes.get(model, 0) + 1
        best = min(votes, key=lambda m: (-votes[m], m))
        needed.append(best)
        left = [c for c in left if best not in c.models]
    return needed


def _counts(copied: Sequence[TensorCopy], needed: Sequence[int]) -> list[int]:
    """Return how many tensors each model gave; one that several hold counts for the first of them."""
    owners = [next((m for m in needed if m in c.models), -1) for c in copied if c.distinct]
    return [owners.count(m) for m in needed]
