"""One case, one story: the findings of weights, words and files in one order, those that carry furthest first.

The weights' finding is the verdict's and stands first. The others stand beside it: they name what they contradict, and
none of them changes the verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from analyzers.identity.evidence import MISNAMED, Asked, IdentityEvidence, Tally, unprompted
from analyzers.records import Verdict
from analyzers.records.claims import Assessed
from analyzers.records.points import Carries, Point
from analyzers.records.traces import Trace, listed, one_line

MAX_SAYS: Final = 700  # characters
MAX_WHY: Final = 2000
MAX_PLANTED_QUOTE: Final = 200
NAMES_TOLD: Final = 4  # of those that a model claims
RATE: Final = f"{MISNAMED[0]} of {MISNAMED[1]} models in a survey misnamed themselves, so a name alone shows nothing"
_RANK: Final[Sequence[Carries]] = ("exact", "strong", "suggestive", "weak")


def points(verdict: Verdict, claims: Iterable[Assessed], traces: Iterable[Trace]) -> tuple[Point, ...]:
    """Return what a check found: the weights' finding, then claims that could be tested and traces, strongest first."""
    carries = _of_weights(verdict)
    first = Point("weights", verdict.finding.kind, carries, one_line(verdict.why, MAX_WHY), verdict.finding.kind)
    rest = [_of_claim(c, carries, verdict.finding.claim) for c in _once(claims)]
    rest += [Point("files", t.kind, t.meaning, t.claim, f"{t.kind} ({t.where})") for t in traces]
    return (first, *ordered(rest))


def of_identity(
    evidence: IdentityEvidence, hidden: Mapping[str, str], parents: Mapping[str, Asked] = MappingProxyType({})
) -> tuple[Point, ...]:
    """Return what a model said of itself, and what its template plants.

    `hidden`: {name: repo id} of the parents that the card does not declare; `parents`: {repo id: answers} of those that
    were asked the same. Words never carry further than suggestive: many models call themselves by another's name.
    """
    found: list[Point] = []
    heard = unprompted(evidence)
    claimed = [t for t in heard.tallies if t.claims] if heard else []
    planted = evidence.planted
    if heard is not None:
        told = ", ".join(_counted(t, heard.answered) for t in _told_names(heard))
        called = [f"{t.name} is what {hidden[t.name]} is called" for t in claimed if t.name in hidden]
        also = f"; {' and '.join(called)}, which the card does not declare" if called else ""
        same = [f"{repo_id} calls itself {_times(asked)}" for repo_id, asked in parents.items()]
        asked_too = f"; asked the same, {' and '.join(same)}" if same else ""
        says = (
            f"Asked its name with {heard.way} prompt ({heard.road}), it calls itself {told}{also}{asked_too}. {RATE}."
        )
        against = "the name that the chat template plants" if planted and _differs(claimed, planted.names) else ""
        brief = f"it calls itself {_times(heard)} ({RATE}){asked_too}"
        carries: Carries = "suggestive" if claimed else "weak"
        found.append(Point("words", "identity", carries, one_line(says, MAX_SAYS), brief, against))
    if planted is not None:
        stays = ", also above a system prompt of the caller's" if planted.with_system else ""
        names = f", which makes it {listed(planted.names)}" if planted.names else ""
        says = f"The chat template plants “{one_line(planted.text, MAX_PLANTED_QUOTE)}”{names}{stays}."
        brief = f"the chat template plants the name {listed(planted.names)}" if planted.names else "a planted prompt"
        found.append(Point("words", "planted prompt", "suggestive", one_line(says, MAX_SAYS), brief))
    return ordered(found)


def ordered(found: Iterable[Point]) -> tuple[Point, ...]:
    """Return findings strongest first; of equals, what contradicts something first."""
    return tuple(sorted(found, key=lambda p: (_RANK.index(p.carries), not p.contradicts)))


def summed_up(why: str, found: Iterable[Point]) -> str:
    """Return a verdict's sentence with what stands beside it: claims that are contradicted, words, and strong traces.

    The author's own text is not quoted in it.
    """
    beside = [p for p in found if p.origin != "weights"]
    against = list(dict.fromkeys(p.brief for p in beside if p.contradicts and p.kind != "identity"))
    words = [p.brief for p in beside if p.kind in ("identity", "planted prompt") and p.carries != "weak"]
    files = list(dict.fromkeys(p.brief for p in beside if p.origin == "files" and p.carries == "strong"))
    parts = [why]
    if against:
        parts.append(f"contradicted: the card's claim of {listed(against)}")
    parts += words
    if files:
        parts.append(f"left beside the weights: {listed(files)}")
    return "; ".join(parts)


def _of_weights(verdict: Verdict) -> Carries:
    """Return how far a verdict carries; one without a strength is worth a look and no more."""
    return verdict.strength if verdict.strength in ("exact", "strong") else "suggestive"


def _of_claim(assessed: Assessed, carries: Carries, measured: str) -> Point:
    """Return a claim as a finding; what was `measured` of the weights is said by theirs and left out here."""
    claim, contradicted = assessed.claim, assessed.status == "contradicted"
    name = f"{claim.kind} ({claim.subject})" if claim.subject else claim.kind
    # the subject of training is a method of our own list, any other is a stranger's text
    brief = name if claim.kind == "post-training" else claim.kind
    why = assessed.measurement.replace(f" ({measured})", "").replace(measured, "it is part of what was measured")
    says = one_line(f"The card's claim of {name} is {assessed.status}: {why}.", MAX_SAYS)
    return Point("words", claim.kind, carries if contradicted else "weak", says, brief, claim.quote * contradicted)


def _once(claims: Iterable[Assessed]) -> list[Assessed]:
    """Leave out what could not be tested, and what the same words say more precisely in another claim.

    That a declared parent was found is said with the weights' finding.
    """
    tested = [c for c in claims if c.status == "contradicted" or (c.status == "supported" and c.claim.kind != "parent")]
    precise = {(c.claim.kind, c.claim.quote) for c in tested if c.claim.subject}
    return [c for c in tested if c.claim.subject or (c.claim.kind, c.claim.quote) not in precise]


def _told_names(heard: Asked) -> list[Tally]:
    """Return the names that are told: those claimed, and those listed although nobody claims or mentions them."""
    claimed = [t for t in heard.tallies if t.claims]
    return [*claimed[:NAMES_TOLD], *(t for t in heard.tallies if not t.claims + t.mentions + t.denials)]


def _times(heard: Asked) -> str:
    counts = [f"{t.name} {t.claims} of {heard.answered}" for t in _told_names(heard)]
    return ", ".join(counts) or f"nothing that is known in {heard.answered} answers"


def _counted(each: Tally, answered: int) -> str:
    low, high = each.interval
    return f"{each.name} in {each.claims} of {answered} answers [{low:.2f}, {high:.2f}]"


def _differs(claimed: Sequence[Tally], planted: Sequence[str]) -> bool:
    return bool(claimed) and bool(planted) and not {t.name for t in claimed} & set(planted)
