"""One public case as the values that its page shows: sentences, tables and pictures. Pure, but for kept evidence."""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from markupsafe import Markup

from analyzers.verdict.cell_example import CellExample, cell_example
from bot.alerts import headline, sentences
from bot.cases.snapshot import LATER_CARD
from bot.site.card_diff import Line, diff
from bot.site.drawings import NAME, Series, inside_a_cell, mix_over_depth, series_of
from bot.site.published import OPEN, PublishedCase, PublishedParent
from bot.text.sanitize import decimal, entries, number, section, string, unmarked, visible
from bot.text.words import DEFAULT, words_for
from state.errors import StateError
from state.evidence.blobs import Blobs, from_bytes

LONG: Final = 2000  # characters of a sentence
QUOTE: Final = 400  # characters of an author's words
CLAIMS, COMPONENTS, MODULES, EVENTS = 30, 30, 40, 200  # rows shown
_TERM: Final = re.compile(r"\[([^\]\\]+)\]\(#[a-z-]+\)")  # a term with its anchor, in our own catalogue
log = logging.getLogger("blendwatch")


@dataclass(frozen=True, slots=True)
class Event:
    """Line of a timeline."""

    at: datetime  # UTC
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """Row of a table: its head, then its cells."""

    head: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseView:
    """Everything that the page of one case shows. Plain texts are sanitised and not yet escaped."""

    case: PublishedCase
    name: str
    verdict: str
    fairness: str
    sure: str
    why: str
    mix: Markup
    series: tuple[Series, ...]
    modules: tuple[Row, ...]
    honest: tuple[Row, ...]
    cell: Markup
    example: CellExample | None
    components: tuple[Row, ...]
    claims: tuple[Row, ...]
    card: tuple[Line, ...] | None  # None: the card was never read again, or is not shown
    timeline: tuple[Event, ...]
    command: str


def view(case: PublishedCase, blobs: Blobs) -> CaseView:
    """Return what the page of a case shows. Evidence that cannot be read is left out, with a warning."""
    report, words, state = case.report, words_for(DEFAULT), "" if case.state == OPEN else case.state
    names = [parent.repo_id for parent in case.parents]
    series = series_of(report.get("profile"), names)
    honest = _honest(report, names)
    example = None if case.withdrawn else _example(case, blobs)
    return CaseView(
        case=case,
        name=visible(case.upload.repo_id, NAME * 2),
        verdict=plain(headline.first(report, words, state)),
        fairness=plain(headline.fairness(report, words, state)),
        sure=plain(headline.sure(report, words, state, control=True)),
        why=visible(string(report.get("why")), LONG),
        mix=mix_over_depth(series, [one for _, one in honest]),
        series=tuple(series),
        modules=tuple(_modules(series)),
        honest=tuple(_scale(series, honest)),
        cell=inside_a_cell(example, names) if example else Markup(""),
        example=example,
        components=tuple(_components(report)),
        claims=tuple(_claims(case)),
        card=_card(case, blobs),
        timeline=tuple(_timeline(case)),
        command=sentences.command(report).strip("`"),
    )


def plain(text: str) -> str:
    """Return a sentence of an alert without the marks of its catalogue."""
    return unmarked(_TERM.sub(r"\1", text))


def span(values: Sequence[float]) -> str:
    """Return the least and the greatest of some shares."""
    return f"{decimal(min(values))} to {decimal(max(values))}"


def share_of(parent: PublishedParent) -> str:
    """Return a coefficient with its interval."""
    if parent.coefficient is None:
        return "no single number"
    ends = (
        f" (interval {decimal(parent.interval[0], 4)} to {decimal(parent.interval[1], 4)})" if parent.interval else ""
    )
    return f"{decimal(parent.coefficient, 4)}{ends}"


def _modules(series: Sequence[Series]) -> Iterable[Row]:
    """Yield a row for each module: the range of each parent's interval in it."""
    by_module: defaultdict[str, list[list[float]]] = defaultdict(lambda: [[] for _ in series])
    for place, one in enumerate(series):
        for mark in one.marks:
            by_module[mark.module][place] += [mark.low, mark.high]
    for module in sorted(by_module)[:MODULES]:
        cells = tuple(span(values) if values else "not read" for values in by_module[module])
        yield Row(visible(module, NAME) or "all modules", cells)


def _honest(report: Mapping[str, Any], names: Sequence[str]) -> list[tuple[str, Series]]:
    """Return what honest models of the family have of the first parent that is not declared, or else of the first."""
    hidden = [string(parent.get("repo_id")) for parent in sentences.undeclared(report)]
    wanted = next(iter([*hidden, *names]), "")
    scale = [section(one) for one in entries(report.get("scale"))]
    drawn = [(string(one.get("repo_id")), series_of(one.get("profile"), [wanted])) for one in scale]
    return [(name, its[0]) for name, its in drawn if its]


def _scale(series: Sequence[Series], honest: Sequence[tuple[str, Series]]) -> Iterable[Row]:
    """Yield the shares of the same parent in this upload and in honest models."""
    for one in series:
        if honest and one.name == honest[0][1].name:
            yield Row("this upload", (visible(one.name, NAME), span([m.value for m in one.marks])))
    for name, one in honest:
        yield Row(visible(name, NAME), (visible(one.name, NAME), span([m.value for m in one.marks])))


def _example(case: PublishedCase, blobs: Blobs) -> CellExample | None:
    """Return one weight in its cell, from the kept evidence of a linear mix; None where there is none to show."""
    shares = {p.repo_id: p.coefficient for p in case.parents if p.coefficient is not None}
    kept = [file.digest for file in case.files if file.kind == "verdict"]
    if case.finding != "blend" or len(shares) != len(case.parents) or not kept:
        return None
    try:
        evidence = from_bytes(blobs.get(kept[-1]))
    except StateError as error:
        log.warning("case %s has a page without its cell: %s", case.id, error)
        return None
    return cell_example(evidence.second or evidence.first, shares)


def _components(report: Mapping[str, Any]) -> Iterable[Row]:
    for part in [section(one) for one in entries(report.get("components"))][:COMPONENTS]:
        nearest, size = visible(string(part.get("nearest")), NAME), number(part.get("parameters"))
        cells = (f"{size or 0:,.0f}", visible(string(part.get("finding")), NAME), nearest or "none")
        yield Row(visible(string(part.get("name")), NAME), cells)


def _claims(case: PublishedCase) -> Iterable[Row]:
    """Yield the author's words on origin, with what was measured of each."""
    for parent in case.parents:
        if parent.quote:
            said = f"{parent.said} ({visible(parent.where, NAME)})" if parent.where else parent.said
            yield Row(visible(parent.repo_id, NAME), (visible(parent.quote, QUOTE), said))
    for claim in [section(one) for one in entries(case.report.get("claims"))][:CLAIMS]:
        status, measured = string(claim.get("status")), visible(string(claim.get("measurement")), QUOTE)
        cells = (visible(string(claim.get("quote")), QUOTE), f"{visible(status, NAME)}: {measured}".rstrip(": "))
        yield Row(visible(string(claim.get("kind")), NAME).replace("_", " "), cells)


def _card(case: PublishedCase, blobs: Blobs) -> tuple[Line, ...] | None:
    """Return what differs between the card at first sight and the newest one that was kept."""
    first = [file.digest for file in case.files if file.kind == "card"]
    later = [file.digest for file in case.files if file.kind == LATER_CARD]
    if not later:
        return None
    try:
        return diff(blobs.get(first[0]) if first else b"", blobs.get(later[-1]))
    except StateError as error:
        log.warning("case %s has a page without its card: %s", case.id, error)
        return None


def _timeline(case: PublishedCase) -> list[Event]:
    events = [Event(case.first_seen, "First seen", "The watch saw this state of the repository.")]
    if case.upload.weights_at:
        events.append(Event(case.upload.weights_at, "Weights published", "By the commit that brought them."))
    events.append(Event(case.opened_at, "Alert", "The finding became a case."))
    events += [Event(c.at, c.title, visible(c.text, LONG)) for c in case.changes]
    events += [Event(a.at, "Answer of the author", visible(a.text, LONG)) for a in case.answers]
    return sorted(events, key=lambda event: event.at)[:EVENTS]
