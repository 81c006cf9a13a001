"""A finding held against the card and the rules: a table read top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from analyzers.compare.case import Case, ancestors
from analyzers.records import (
    NAMED,
    Audience,
    DisclosureLevel,
    Finding,
    Mention,
    Parent,
    Reference,
    Said,
    Strength,
    Verdict,
)
from analyzers.sketch.tensor_roles import ADAPTER
from analyzers.thresholds import MIN_ASIDE

ON_CARD = ("", "front matter", "prose", "recipe", "tag")


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
    """Where `holds`, no alert goes out unattended: the finding is for `audience`, and `why` says so."""

    holds: Callable[[Held], bool]
    why: Callable[[Held], str]
    audience: Audience = "none"
    order_known: bool = True


def _own(held: Held) -> bool:
    """Rule 4: own weights are no secret."""
    return all(r.maker.lower() == held.maker.lower() for r in held.undeclared)


def _all_named(held: Held) -> bool:
    """Rule 7: only a parent that the author's text does not even name can carry an alert, and own weights cannot."""
    others = {r.repo_id.lower() for r in held.undeclared if r.maker.lower() != held.maker.lower()}
    return all(p.said != "absent" for p in held.finding.parents if p.ref.repo_id.lower() in others)


def _order_unknown(held: Held) -> bool:
    """Rules 2 and 9: each undeclared parent must be known to have been public first.

    All of them, because a mix turned round has its parent on one side and an innocent model beside it.
    """
    return not all(held.case.came_after(reference) for reference in held.undeclared)


def _named_why(held: Held) -> str:
    named = (p for p in held.finding.parents if p.said == "named")
    return f"{held.finding.claim}; {', '.join(f'{p.ref.repo_id} is {words_for(p.said, p.where)}' for p in named)}"


def _undeclared_why(held: Held) -> str:
    return f"{held.finding.claim}; {held.names} not declared on the card"


def _of_a_part(held: Held) -> bool:
    """Rule 8: what was copied is not the upload where others or adapters are a part of it."""
    return held.finding.kind == "copy" and (held.case.suspect.aside >= MIN_ASIDE or _has_adapters(held))


def _blend_of_a_part(held: Held) -> bool:
    """Rule 8: reviewers see a part that is a blend, however small it is beside the rest."""
    return held.finding.kind == "inconclusive" and bool(held.undeclared) and not _own(held)


def _has_adapters(held: Held) -> bool:
    return any(ADAPTER.search(role) for role in held.case.suspect.elements)


def _part_why(held: Held) -> str:
    share = f"{held.case.suspect.aside:.0%} of the upload's bytes lie in components that are no copy of it"
    beside = "adapters lie unmerged beside these weights" if _has_adapters(held) else share
    return f"{_undeclared_why(held)}; {beside}"


def words_for(said: Said, where: str) -> str:
    """Return how the author's words stand to a parent: one wording for every place that shows it."""
    if said == "named":
        return f"named {'on the card' if where in ON_CARD else f'in the {where}'}, but not as a parent"
    return "declared" if said == "declared" else "not declared"


# Rule 1 (bits decide) is how `blend` and `copy_of` come to a finding at all; rule 3 (nobody answers for an ancestor) is
# settled before, where a declared or known single model explains the suspect at least as well as a mix does.
RULES: tuple[Rule, ...] = (
    Rule(_blend_of_a_part, _undeclared_why, "reviewers"),
    Rule(lambda h: h.finding.kind not in ("blend", "copy"), lambda h: h.finding.claim),
    Rule(lambda h: h.disclosure == "disclosed", lambda h: f"{h.finding.claim}; every parent is declared"),
    Rule(lambda h: h.strength is None, lambda h: f"{h.finding.claim}; too weak to alert about"),
    Rule(
        _own,
        lambda h: f"{h.finding.claim}; {h.names} not declared, and the uploader's own organisation made it",
    ),
    Rule(_all_named, _named_why, "reviewers"),
    Rule(
        _order_unknown,
        lambda h: f"{h.finding.claim}; {h.names} not declared, but which weights were public first is not known",
        "reviewers",
        order_known=False,
    ),
    # Rule 8: an unattended alert needs a second look that was made.
    Rule(lambda h: bool(h.finding.gone), _undeclared_why, "reviewers"),
    Rule(_of_a_part, _part_why, "reviewers"),
)


def judge(case: Case, finding: Finding, maker: str) -> Verdict:
    """Return the verdict on one finding. `maker`: who answers for the suspect."""
    references = {k.reference.repo_id.lower(): k.reference for k in case.kin}
    parents = tuple(_held_against_the_card(case, p, references) for p in finding.parents)
    finding = replace(finding, parents=parents)
    undeclared = tuple(references[p.ref.repo_id.lower()] for p in parents if not p.declared)
    held = Held(case, finding, _level(finding), undeclared, _strength(finding), maker)
    for rule in RULES:
        if rule.holds(held):
            return Verdict(finding, held.disclosure, rule.audience, held.strength, rule.why(held), rule.order_known)
    why = f"{_undeclared_why(held)}{_automatic(undeclared)}"
    return Verdict(finding, held.disclosure, "public", held.strength, why)


def _held_against_the_card(case: Case, parent: Parent, references: Mapping[str, Reference]) -> Parent:
    repo_id = parent.ref.repo_id
    reference = references.get(repo_id.lower())
    automatic = reference is not None and reference.automatic
    named = next((m for m in case.disclosure.named if m.repo_id.lower() == repo_id.lower()), None)
    if (found := _declared(case, repo_id, references)) is not None:
        return replace(parent, said="declared", quote=found.quote, where=found.where, automatic=automatic)
    if named is None:
        return replace(parent, said="absent", automatic=automatic)
    said: Said = "named" if named.relation == NAMED else "absent"
    return replace(parent, said=said, quote=named.quote, where=named.where, automatic=automatic)


def _automatic(undeclared: tuple[Reference, ...]) -> str:
    """Say so where an alert rests only on models that nobody put into the registry."""
    if not undeclared or not all(r.automatic for r in undeclared):
        return ""
    when = ", ".join(f"{r.repo_id}, weights of {r.weights_at:%Y-%m-%d}" for r in undeclared if r.weights_at)
    return f"; known only as uploads that were read before ({when})"


def _level(finding: Finding) -> DisclosureLevel:
    """Return how much of the parents is declared."""
    if not finding.parents or finding.kind == "inconclusive":
        return "none-needed"
    count = sum(p.declared for p in finding.parents)
    return "disclosed" if count == len(finding.parents) else "partial" if count else "undisclosed"


def _strength(finding: Finding) -> Strength | None:
    """Rule 5: exact where bits say so throughout, strong where they do but for noise on top."""
    if finding.kind not in ("blend", "copy"):
        return None
    return "exact" if finding.exact else "strong"


def _declared(case: Case, repo_id: str, references: Mapping[str, Reference]) -> Mention | None:
    """Return where a parent is declared, or that it is a base reached through a chain of declared parents."""
    if (found := case.disclosure.of(repo_id)) is not None:
        return found
    reference = references.get(repo_id.lower())
    if reference is not None and reference.role == "base" and repo_id.lower() in ancestors(case):
        return Mention(repo_id, "declared parent", "ancestor")
    return None
