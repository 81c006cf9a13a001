"""A finding held against the card and the six rules: a table read top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from analyzers.case import Case
from analyzers.records import DisclosureLevel, Finding, Parent, Reference, Strength, Verdict


@dataclass(frozen=True, slots=True)
class Held:
    """A finding with what the rules need to know of its parents."""

    case: Case
    finding: Finding
    disclosure: DisclosureLevel
    undeclared: tuple[Reference, ...]
    strength: Strength | None
    maker: str  # the organisation that answers for the suspect, aliases resolved

    @property
    def names(self) -> str:
        """The undeclared parents' repo ids, and the verb that follows them."""
        return f"{', '.join(r.repo_id for r in self.undeclared)} {'is' if len(self.undeclared) == 1 else 'are'}"


@dataclass(frozen=True, slots=True)
class Rule:
    """Where `quiet` holds, nobody is alerted, and `why` says so."""

    quiet: Callable[[Held], bool]
    why: Callable[[Held], str]


def _order_unknown(held: Held) -> bool:
    """Rule 2: every undeclared parent must be known to have been public first."""
    suspect = held.case.weights_at
    return any(suspect is None or r.weights_at is None or r.weights_at >= suspect for r in held.undeclared)


def _own(held: Held) -> bool:
    """Rule 4: own weights are no secret."""
    return all(r.maker.lower() == held.maker.lower() for r in held.undeclared)


# Rule 1 (bits decide) is how `blend` and `copy_of` come to a finding at all; rule 3 (nobody answers for an ancestor) is
# settled before, where a declared or known single model explains the suspect at least as well as a mix does.
RULES: tuple[Rule, ...] = (
    Rule(lambda h: h.finding.kind not in ("blend", "copy"), lambda h: h.finding.claim),
    Rule(lambda h: h.disclosure == "disclosed", lambda h: f"{h.finding.claim}; every parent is declared"),
    Rule(lambda h: h.strength is None, lambda h: f"{h.finding.claim}; too weak to alert about"),
    Rule(
        _own,
        lambda h: f"{h.finding.claim}; {h.names} not declared, and the uploader's own organisation made it",
    ),
    Rule(
        _order_unknown,
        lambda h: f"{h.finding.claim}; {h.names} not declared, but which weights were public first is not known",
    ),
)


def judge(case: Case, finding: Finding, maker: str) -> Verdict:
    """Return the verdict on one finding. `maker`: who answers for the suspect."""
    references = {k.reference.repo_id.lower(): k.reference for k in case.kin}
    parents = tuple(_held_against_the_card(case, p, references) for p in finding.parents)
    finding = replace(finding, parents=parents)
    undeclared = tuple(references[p.ref.repo_id.lower()] for p in parents if not p.declared)
    held = Held(case, finding, _level(parents), undeclared, _strength(finding), maker)
    for rule in RULES:
        if rule.quiet(held):
            return Verdict(finding, held.disclosure, alert=False, strength=held.strength, why=rule.why(held))
    why = f"{finding.claim}; {held.names} not declared on the card{_automatic(undeclared)}"
    return Verdict(finding, held.disclosure, alert=True, strength=held.strength, why=why)


def _held_against_the_card(case: Case, parent: Parent, references: Mapping[str, Reference]) -> Parent:
    reference = references.get(parent.ref.repo_id.lower())
    declared = _declared(case, parent, references)
    return replace(parent, declared=declared, automatic=reference is not None and reference.automatic)


def _automatic(undeclared: tuple[Reference, ...]) -> str:
    """Say so where an alert rests only on models that nobody put into the registry."""
    if not undeclared or not all(r.automatic for r in undeclared):
        return ""
    when = ", ".join(f"{r.repo_id}, weights of {r.weights_at:%Y-%m-%d}" for r in undeclared if r.weights_at)
    return f"; known only as uploads that were read before ({when})"


def _level(parents: tuple[Parent, ...]) -> DisclosureLevel:
    """Return how much of the parents is declared."""
    if not parents:
        return "none-needed"
    told = sum(p.declared for p in parents)
    return "disclosed" if told == len(parents) else "partial" if told else "undisclosed"


def _strength(finding: Finding) -> Strength | None:
    """Rule 5: exact where bits say so throughout, strong where they do but for noise on top."""
    if finding.kind not in ("blend", "copy"):
        return None
    return "exact" if finding.exact else "strong"


def _declared(case: Case, parent: Parent, references: Mapping[str, Reference]) -> bool:
    """Tell whether the card names a parent, or it is a base reached through a chain of declared parents."""
    repo_id = parent.ref.repo_id.lower()
    if repo_id in case.declared or repo_id.rpartition("/")[2] in case.declared:
        return True
    reference = references.get(repo_id)
    return reference is not None and reference.role == "base" and repo_id in _ancestors(case, references)


def _ancestors(case: Case, references: Mapping[str, Reference]) -> set[str]:
    """Return all that declared parents declare in turn, in lower case."""
    found: set[str] = set()
    waiting = list(case.declared)
    while waiting:
        reference = references.get(waiting.pop())
        for ancestor in reference.declares if reference else ():
            if ancestor.lower() not in found:
                found.add(ancestor.lower())
                waiting.append(ancestor.lower())
    return found
