"""Hold each claim against the measurement: supported, contradicted, or not testable. Contradicted only where excluded.

Weights show that they were changed, and from what; they do not show by which method, with whose data or on whose
machines. Training is excluded only where one arithmetic on known models reproduces the weights bit for bit. A sentence
about training on the card of a declared merge, copy or quantization may tell how a parent was made, and is left alone
unless it says that the merge itself was trained.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from analyzers.card.licences import fit, fits
from analyzers.records import Finding, Verdict
from analyzers.records.claims import Assessed, Claim, ClaimKind, Status
from analyzers.thresholds import EXACT_REPRODUCED

_SETTLED = ("blend", "copy", "derivative")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The measurement that claims are held against.

    `licences`: of parents, by repo id in lower case; `own`: repo ids, in lower case, of the uploader's own maker.
    """

    verdict: Verdict
    claims: Sequence[Claim]
    licences: Mapping[str, str] = field(default_factory=dict)
    own: Collection[str] = frozenset()

    @property
    def finding(self) -> Finding:
        """The finding that was measured."""
        return self.verdict.finding

    @property
    def parents(self) -> list[str]:
        """The measured parents' repo ids."""
        return [p.ref.repo_id for p in self.finding.parents]

    @property
    def undeclared_strangers(self) -> list[str]:
        """Measured parents that the card does not declare and that another maker answers for."""
        return [p.ref.repo_id for p in self.finding.parents if not p.declared and p.ref.repo_id.lower() not in self.own]

    @property
    def merge_claimed(self) -> bool:
        """Tell whether the card says that the model is a merge, or declares all that was found in one."""
        return self.verdict.disclosure == "disclosed" or any(c.kind == "merge" for c in self.claims)


def assess(
    claims: Sequence[Claim],
    verdict: Verdict,
    licences: Mapping[str, str] | None = None,
    own: Collection[str] = frozenset(),
) -> tuple[Assessed, ...]:
    """Hold each claim against the verdict; see Evidence for `licences` and `own`."""
    evidence = Evidence(verdict, claims, licences or {}, own)
    return tuple(Assessed(claim, *RULES[claim.kind](claim, evidence)) for claim in claims)


def _untouched(finding: Finding) -> bool:
    """Tell whether training of the whole is excluded: an exact linear mix, nothing left over in any sampled tensor."""
    worst = finding.measured.get("worst_tensor", 0.0)
    whole = isinstance(worst, int | float) and worst >= EXACT_REPRODUCED
    return (
        finding.kind == "blend"
        and finding.family == "linear"
        and finding.exact is True
        and finding.further_training is False
        and whole
    )


def _from_scratch(_: Claim, evidence: Evidence) -> tuple[Status, str]:
    strangers = evidence.undeclared_strangers
    if evidence.finding.kind in ("blend", "copy") and strangers:
        return "contradicted", f"weights of {', '.join(strangers)} are in it: {evidence.finding.claim}"
    if evidence.finding.kind == "derivative" and strangers:
        return "contradicted", f"its weights lie along those of {', '.join(strangers)}: {evidence.finding.claim}"
    if evidence.finding.kind in _SETTLED:
        return "not testable", "the parent found is declared or the maker's own, and may be what the sentence is about"
    if evidence.finding.kind == "unrelated":
        return "not testable", f"{evidence.finding.claim}; a model that is not known cannot be excluded"
    return "not testable", evidence.finding.claim


def _trained(claim: Claim, evidence: Evidence) -> tuple[Status, str]:
    finding = evidence.finding
    if _untouched(finding) and (claim.after_merge or not evidence.merge_claimed):
        mix = " and ".join(evidence.parents)
        return (
            "contradicted",
            f"{mix} explain it, and what is left over lies at the rounding floor in every sampled tensor: no training"
            f" came after the mixing ({finding.claim})",
        )
    if _untouched(finding):
        return "not testable", "nothing is left over the mix; the sentence may be about how a parent was trained"
    if finding.kind == "derivative":
        return "supported", f"{finding.claim}; by which method is not seen in weights"
    if finding.kind == "blend" and finding.further_training is True:
        return "supported", "what is left over the mix has the structure of training; by which method is not seen in it"
    if finding.kind == "copy":
        return "not testable", f"{finding.claim}; how that model was trained is not seen in weights"
    return "not testable", "whether training came last cannot be told from what was measured"


def _merge(_: Claim, evidence: Evidence) -> tuple[Status, str]:
    finding = evidence.finding
    named = {c.subject.lower().rpartition("/")[2] for c in evidence.claims if c.kind == "parent"}
    found = [r for r in evidence.parents if r.lower().rpartition("/")[2] in named]
    if finding.kind == "blend" and (found or not named):
        return "supported", finding.claim
    if finding.kind == "blend":
        return "not testable", f"it is a mix, but not of the models named: {finding.claim}"
    return "not testable", finding.claim


def _parent(claim: Claim, evidence: Evidence) -> tuple[Status, str]:
    said = claim.subject.lower()
    same = [
        r for r in evidence.parents if r.lower() == said or ("/" not in said and r.lower().rpartition("/")[2] == said)
    ]
    if same and evidence.finding.kind in _SETTLED:
        return "supported", evidence.finding.claim
    if evidence.finding.kind in _SETTLED:
        return "not testable", "it is not among the parents found; it may lie further back, or not have been read"
    return "not testable", evidence.finding.claim


def _licence(claim: Claim, evidence: Evidence) -> tuple[Status, str]:
    finding = evidence.finding
    sure = finding.kind in ("blend", "copy") or (finding.kind == "derivative" and not evidence.undeclared_strangers)
    if not sure or not finding.parents:
        return "not testable", "no parent was found whose licence it could be held against"
    known = {r: evidence.licences.get(r.lower(), "") for r in evidence.parents}
    told = ", ".join(f"{r} is under {name or 'a licence that is not known'}" for r, name in known.items())
    verdict = fits(claim.subject, known.values())
    if verdict == "not compatible":
        clash = [f"{name} of {r}" for r, name in known.items() if fit(claim.subject, name) == "not compatible"]
        return "contradicted", f"not compatible with {' and '.join(clash)}, as far as the table of licences goes"
    if verdict == "compatible":
        return "supported", f"compatible, as far as the table of licences goes: {told}"
    return "not testable", f"not known: {told}"


def _method(_: Claim, __: Evidence) -> tuple[Status, str]:
    return "not testable", "the sentence names a method and no source for it; weights do not show methods"


def _unseen(_: Claim, __: Evidence) -> tuple[Status, str]:
    return "not testable", "weights do not show whose data or machines were used"


RULES: Mapping[ClaimKind, Callable[[Claim, Evidence], tuple[Status, str]]] = {
    "parent": _parent,
    "from scratch": _from_scratch,
    "post-training": _trained,
    "distillation": _trained,
    "merge": _merge,
    "own data": _unseen,
    "own compute": _unseen,
    "method": _method,
    "licence": _licence,
}
