"""Evidence of what a model calls itself without a prompt: it stands beside the weights and never alerts alone.

Weights that were trained to be one assistant say so under another one's name, once the system prompt that plants the
name is out of the way. Answers are a stranger's text: here they are counted and cut, never believed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from analyzers.identity.answers import Names, Reading, plain_text, read_answer, spoken
from analyzers.records import RepoRef

MAX_QUOTES = 3
MAX_PLANTED = 4_000  # characters of a planted prompt that are kept
Z95 = 1.959964
MISNAMED = (36, 102)  # models that called themselves another at least once, of so many asked: docs/identity_measured.md

# how a system prompt gives a name that nobody knows yet: with a capital letter
_GIVEN = re.compile(
    r"(?:\b(?:[Yy]ou are|[Yy]our name is|[Nn]amed|[Cc]alled|[Vv]ocê é|[Ee]res|[Tt]u es|[Vv]ous êtes|[Dd]u bist)|"
    r"你是|你叫) ?"
    r"(?:o |a |the )?([A-Z][\w-]{1,40}(?:\.\d+)?(?: [A-Z0-9][\w-]{0,40}(?:\.\d+)?){0,2})"
)
_NO_NAMES = frozenset({"ai", "an", "the", "llm", "assistant", "ai assistant", "artificial intelligence"})

Way = Literal["no system", "empty system", "as templated"]
Road = Literal["chat", "completions", "template override"]


@dataclass(frozen=True, slots=True)
class Tally:
    """In how many answers one name is claimed, denied, or only mentioned; `interval`: 95 % for the share of claims."""

    name: str
    claims: int
    denials: int
    mentions: int
    interval: tuple[float, float]
    quotes: tuple[str, ...] = ()  # a stranger's text


@dataclass(frozen=True, slots=True)
class Asked:
    """The answers to one way of asking. `planted`: whether a planted prompt was there; None where nobody can know."""

    way: Way
    road: Road
    asked: int
    answered: int
    tallies: tuple[Tally, ...]
    planted: bool | None
    trouble: str = ""  # why not all were answered


@dataclass(frozen=True, slots=True)
class PlantedPrompt:
    """Text that a chat template adds by itself; `names`: those that it plants, in their canonical form."""

    text: str  # a stranger's
    names: tuple[str, ...]
    with_empty: bool  # it stays, or comes back, when the caller gives an empty system prompt
    with_system: bool  # it stays when the caller gives one of his own


@dataclass(frozen=True, slots=True)
class Spent:
    """The cost of asking."""

    calls: int = 0
    tokens: int = 0
    dollars: float = 0.0


@dataclass(frozen=True, slots=True)
class IdentityEvidence:
    """Everything one probe found out. `template` says where the chat template came from, or why there is none."""

    ref: RepoRef | None
    model: str  # as the endpoint calls it
    endpoint: str  # its host
    asked_at: datetime
    sets: tuple[Asked, ...]
    planted: PlantedPrompt | None
    template: str
    spent: Spent
    notes: tuple[str, ...] = ()
    spent_up: bool = False  # a limit of the budget ended it


def unprompted(evidence: IdentityEvidence) -> Asked | None:
    """Return the first answers with no planted prompt above them; None if there are none."""
    return next((each for each in evidence.sets if each.answered and not each.planted), None)


def tally(answers: Iterable[str], names: Names | Mapping[str, str], always: Sequence[str] = ()) -> tuple[Tally, ...]:
    """Count the names in answers, most claimed first; those of `always` also where nobody claims them.

    `names`: {as written: canonical}. An answer that says nothing in the end (it was cut while thinking) counts as none.
    """
    known = names if isinstance(names, Names) else Names(names)
    said = [answer for answer in answers if spoken(answer)]
    by_name: dict[str, list[Reading]] = {name: [] for name in always}
    for answer in said:
        for reading in read_answer(answer, known):
            by_name.setdefault(reading.name, []).append(reading)
    tallies = [_tally(name, readings, len(said)) for name, readings in by_name.items()]
    return tuple(sorted(tallies, key=lambda t: (-t.claims, -t.denials, -t.mentions, t.name)))


def _tally(name: str, readings: Sequence[Reading], answers: int) -> Tally:
    of = {kind: [r.quote for r in readings if r.kind == kind] for kind in ("claim", "denial", "mention")}
    quotes = tuple(dict.fromkeys(of["claim"] or of["denial"] or of["mention"]))[:MAX_QUOTES]
    claims = len(of["claim"])
    return Tally(name, claims, len(of["denial"]), len(of["mention"]), wilson(claims, answers), quotes)


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927); (0, 1) of nothing.

    For a fixed list of questions, each asked equally often, it is rather too wide than too narrow.
    """
    if of <= 0:
        return 0.0, 1.0
    share, square = hits / of, Z95**2
    centre = (share + square / (2 * of)) / (1 + square / of)
    reach = Z95 * math.sqrt(share * (1 - share) / of + square / (4 * of**2)) / (1 + square / of)
    return (max(0.0, centre - reach) if hits else 0.0), (min(1.0, centre + reach) if hits < of else 1.0)


def planted_prompt(
    text: str, names: Names | Mapping[str, str], *, with_empty: bool, with_system: bool
) -> PlantedPrompt:
    """Return what a template plants, with the names that it gives or attributes the model to."""
    known = names if isinstance(names, Names) else Names(names)
    bounded = plain_text(text)[:MAX_PLANTED].strip()
    given = (m[1].rstrip("-") for m in _GIVEN.finditer(bounded))
    own = bounded.replace("You are", "I am").replace("you are", "I am").replace("Your name", "My name")
    own = own.replace("你是", "我是").replace("Você é", "Eu sou").replace("Eres", "Soy").replace("Tu es", "Je suis")
    own = own.replace("Vous êtes", "Je suis").replace("Du bist", "Ich bin")
    claimed = [r.name for r in read_answer(own, known) if r.kind == "claim"]
    claimed += [name for name in given if name.casefold() not in _NO_NAMES and next(known.find(name), None) is None]
    return PlantedPrompt(bounded, tuple(dict.fromkeys(claimed)), with_empty, with_system)
