"""One public clearance as the values that its page shows: sentences and tables. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bot.alerts import sentences
from bot.site.case_view import Row
from bot.site.clearances import Clearance
from bot.site.drawings import NAME
from bot.text.sanitize import decimal, entries, moment, number, section, string, visible

NOT_MEASURED: Final = "not measured"


@dataclass(frozen=True, slots=True)
class ClearanceView:
    """Everything that the page of one clearance shows."""

    id: str
    name: str
    revision: str
    verdict: str
    checked_at: datetime
    sampled: str
    scale: str
    matrices: tuple[Row, ...]
    related: tuple[Row, ...]
    conventions: tuple[Row, ...]
    missing: tuple[str, ...]
    command: str


def clearance_view(one: Clearance) -> ClearanceView:
    """Return what the page of a clearance shows."""
    compared = section(one.report.get("compared"))
    measured = [section(each) for each in entries(compared.get("agreements"))]
    sampled = section(one.report.get("sampled"))
    count, tensors = (number(sampled.get(name)) or 0 for name in ("weights", "tensors"))
    return ClearanceView(
        id=one.id,
        name=visible(one.repo_id, 2 * NAME),
        revision=visible(one.revision, NAME),
        verdict=_verdict(measured),
        checked_at=moment(one.report.get("checked_at")) or one.published_at,
        sampled=f"{count:,.0f} weights of {tensors:,.0f} tensors were read.",
        scale=(
            "A correlation of 1 means the same weights, and 0 means weights drawn apart. "
            "Correlations of independent weights stay inside the chance band in 999 of 1,000 pairs."
        ),
        matrices=tuple(_matrix(each) for each in measured),
        related=tuple(_pair(section(each)) for each in entries(compared.get("related"))),
        conventions=tuple(_convention(each) for each in measured),
        missing=tuple(_missing(one.report, measured)),
        command=sentences.command(one.report).strip("`"),
    )


def _verdict(measured: Sequence[Mapping[str, Any]]) -> str:
    outside = [m for m in measured if abs(number(m.get("matrices")) or 0) > (number(m.get("chance")) or 0)]
    if not outside:
        return "Independent: its raw matrices agree with those of the compared models at chance."
    name = visible(string(outside[0].get("other")), NAME)
    return f"No known model's weights were found in it. Its agreement with {name} is small, and above chance."


def _matrix(one: Mapping[str, Any]) -> Row:
    band = number(one.get("chance")) or 0.0
    cells = (_shown(one.get("matrices")), f"−{decimal(band, 4)} to {decimal(band, 4)}")
    return Row(visible(string(one.get("other")), NAME), (*cells, f"{number(one.get('weights')) or 0:,.0f}"))


def _pair(one: Mapping[str, Any]) -> Row:
    names = (visible(string(one.get(side)), NAME) for side in ("one", "other"))
    return Row(" and ".join(names), (_shown(one.get("matrices")),))


def _convention(one: Mapping[str, Any]) -> Row:
    cells = (_shown(one.get("norms")), _shown(one.get("deviations")), f"{number(one.get('tensors')) or 0:,.0f}")
    return Row(visible(string(one.get("other")), NAME), cells)


def _shown(value: object) -> str:
    found = number(value)
    return NOT_MEASURED if found is None else decimal(found, 4)


def _missing(report: Mapping[str, Any], measured: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """Yield what the check does not say."""
    known = number(section(report.get("compared")).get("known")) or 0
    if known > len(measured):
        yield f"Of {known:,.0f} known models, the {len(measured):,} nearest that share a shape are shown."
    share = number(section(report.get("sampled")).get("compared"))
    if share is not None and share < 1:
        yield f"The share of its parameters in tensors that could be compared is {decimal(share, 2)}."
    if all(number(one.get("norms")) is None for one in measured):
        yield "Norms were not read: a check reads matrices."
    yield "Config files were not compared beyond shapes: equal settings are a convention."
    yield "Models that are not in the registry, and models whose weights are closed, cannot be compared."
    yield "Data, outputs and training recipes are outside this check."
