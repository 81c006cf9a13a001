"""The values that the API answers with, from which its description is made, and their making. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.alerts import headline
from bot.alerts.glossary import linked
from bot.site.published import OPEN, PublishedCase, PublishedParent
from bot.text.sanitize import entries, number, section, string, unmarked, visible
from bot.text.words import DEFAULT, words_for

TEXT_LENGTH: Final = 600
NAME_LENGTH: Final = 200
PARENTS: Final = 20
State = Literal["open", "declared", "corrected", "replaced", "gone", "withdrawn"]
FINDINGS: Final = ("blend", "copy", "derivative", "unrelated", "inconclusive")
STRENGTHS: Final = ("exact", "strong", "indicative")
Finding = Literal["blend", "copy", "derivative", "unrelated", "inconclusive"]
Strength = Literal["exact", "strong", "indicative"]
# states of a case as alerts name them; "withdrawn" there is a declaration that its author took back
STATES: Final[Mapping[str, State]] = {
    "retracted": "withdrawn",
    "declared": "declared",
    "corrected": "corrected",
    "weights": "replaced",
    "emptied": "gone",
    "gone": "gone",
    "taken": "gone",
}
EVENTS: Final[Mapping[str, str]] = {"retracted": "withdrawn", "withdrawn": "declaration-removed"}


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class Withdrawal(_Value):
    """Why and when a case was withdrawn. What it said does not hold."""

    at: datetime
    reason: str


class CaseSummary(_Value):
    """One published case. A withdrawn one names no parents and no finding any more."""

    id: str = Field(description="12 hexadecimal digits, for ever the same")
    state: State
    withdrawn: Withdrawal | None = Field(description="null unless the state is withdrawn")
    title: str
    repo_id: str = Field(description="the upload's name on the Hub when it was checked")
    revision: str | None = Field(description="the commit that was checked")
    finding: Finding | None
    blend_family: str | None = Field(description="linear, layerwise, sparse or stack")
    strength: Strength | None
    disclosure: str | None = Field(description="of the parents, on the card at first sight")
    parents: list[str]
    families: list[str] = Field(description="of the parents, as the registry names them")
    opened_at: datetime
    updated_at: datetime = Field(description="of the last event")


class Parent(_Value):
    """A model whose weights are in the upload."""

    repo_id: str
    revision: str | None
    coefficient: float | None = Field(description="of the mix, without unit")
    interval: tuple[float, float] | None
    declared: bool = Field(description="on the card at first sight")
    said: str | None = Field(description="declared, named or absent")
    quote: str | None = Field(description="the author's words on it; null for a gated repository")


class CaseEvent(_Value):
    """Event of a case after its alert."""

    at: datetime
    kind: str
    text: str | None = Field(description="null where it would quote a gated repository")


class Answer(_Value):
    """Answer of the author that a reviewer accepted."""

    at: datetime
    text: str


class CaseDetail(CaseSummary):
    """One published case with what was measured."""

    sentences: list[str] = Field(description="what the weights and the card say, for people")
    mix: list[Parent]
    measured: dict[str, float | str | bool | None]
    declared_parents: list[str] | None = Field(description="on the card at first sight; null for a gated repository")
    parameters: int | None
    gated: bool = Field(description="no text of the repository is shown")
    events: list[CaseEvent]
    answers: list[Answer]


class CasePage(_Value):
    """Some cases, the newest first. `next`: the cursor of the following page, null on the last one."""

    cases: list[CaseSummary]
    next: str | None


class ModelRecord(_Value):
    """The published cases about one model, and those of uploads that are made of it."""

    repo_id: str
    cases: list[CaseSummary]
    parent_of: list[CaseSummary]


class Problem(_Value):
    """Why there is no answer."""

    error: str


def summary_of(case: PublishedCase) -> CaseSummary:
    """Return a case in short."""
    return CaseSummary(**_common(case))


def detail_of(case: PublishedCase) -> CaseDetail:
    """Return a case with what was measured; of a withdrawn one nothing that was said holds."""
    report, told = case.report, not case.withdrawn
    names = [_name(string(name)) for name in entries(section(report.get("declared")).get("parents"))]
    return CaseDetail(
        **_common(case),
        sentences=sentences_of(case),
        mix=[_parent(parent) for parent in case.parents] if told else [],
        measured=_measured(section(report.get("measured"))) if told else {},
        declared_parents=None if case.gated else names,
        parameters=case.upload.parameters or None,
        gated=case.gated,
        events=[CaseEvent(at=c.at, kind=EVENTS.get(c.kind, c.kind), text=_text(c.text)) for c in case.changes],
        answers=[Answer(at=answer.at, text=_text(answer.text) or "") for answer in case.answers],
    )


def state_of(case: PublishedCase) -> State:
    """Return the state of a case."""
    return STATES.get(case.state, "open")


def sentences_of(case: PublishedCase) -> list[str]:
    """Return what an alert says of a case by now, as plain text."""
    words, report, state = words_for(DEFAULT), case.report, "" if case.state == OPEN else case.state
    parts = [
        headline.first(report, words, state),
        headline.made_of(report, words, state, NAME_LENGTH, PARENTS),
        headline.sure(report, words, state, control=True),
        headline.fairness(report, words, state),
    ]
    return [line for part in parts for line in unmarked(linked(part, "")).splitlines() if line]


def _common(case: PublishedCase) -> dict[str, Any]:
    told = not case.withdrawn
    at = max((change.at for change in case.changes if change.kind == "retracted"), default=case.updated_at)
    return {
        "id": case.id,
        "state": state_of(case),
        "withdrawn": None if told else Withdrawal(at=at, reason=_text(case.reason) or ""),
        "title": case.title,
        "repo_id": _name(case.upload.repo_id),
        "revision": _name(case.upload.revision) or None,
        "finding": case.finding if told and case.finding in FINDINGS else None,
        "blend_family": _text(case.report.get("family")) if told else None,
        "strength": case.strength if told and case.strength in STRENGTHS else None,
        "disclosure": _text(case.disclosure) if told else None,
        "parents": [_name(parent.repo_id) for parent in case.parents] if told else [],
        "families": [_name(family) for family in case.families] if told else [],
        "opened_at": case.opened_at,
        "updated_at": case.updated_at,
    }


def _parent(parent: PublishedParent) -> Parent:
    return Parent(
        repo_id=_name(parent.repo_id),
        revision=_name(parent.revision) or None,
        coefficient=parent.coefficient,
        interval=parent.interval,
        declared=parent.declared,
        said=_name(parent.said) or None,
        quote=_text(parent.quote),
    )


def _measured(values: Mapping[str, Any]) -> dict[str, float | str | bool | None]:
    found: dict[str, float | str | bool | None] = {}
    for name, value in values.items():
        shown = value if isinstance(value, bool) else number(value)
        found[_name(string(name))] = _text(value) if shown is None else shown
    return found


@lru_cache(4096)  # the same few names and commits stand in all cases
def _name(text: str) -> str:
    return visible(text, NAME_LENGTH)


def _text(value: object) -> str | None:
    """Return text, harmless; None where there is none."""
    return visible(string(value), TEXT_LENGTH) or None
