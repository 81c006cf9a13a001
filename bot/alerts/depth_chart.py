"""Draw the mix over depth and module: one mark for each tensor that was read, with its interval.

The ground reads well in light and dark clients. Colours and shapes differ for people who confuse red and green, too.
Without Pillow, alerts have no picture.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import discord

from bot.alerts.chart_canvas import Mark, Titles, png
from bot.config.extras import installed
from bot.text.sanitize import decimal, entries, number, section, string, visible
from bot.text.words import Words

NAME: Final = "mix.png"
POINTS: Final = 4000  # of a report that are drawn
PARENTS: Final = 6
ALT_LENGTH: Final = 1024  # of the text for those who cannot see it
WITHIN: Final = 0.7  # of a layer's width, over which its tensors are spread


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG, and what it shows in words."""

    png: bytes = field(repr=False)
    alt: str

    def file(self) -> discord.File:
        """Return the attachment of one message; sending uses it up, so each message needs its own."""
        return discord.File(io.BytesIO(self.png), NAME, description=self.alt)


def has_picture(report: Mapping[str, Any]) -> bool:
    """Return True if there is something to draw, without drawing it."""
    return installed("PIL") and bool(_marks(entries(report.get("profile"))[:POINTS]))


def draw(report: Mapping[str, Any], words: Words) -> Picture | None:
    """Return the picture of a report that has a profile; None for one that has none."""
    if not has_picture(report):
        return None
    marks = _marks(entries(report.get("profile"))[:POINTS])
    shares = [(_short(name), its) for name, its in marks.items()]
    honest = [(words("picture.honest", name=_short(name)), its) for name, its in _scale(report, marks).items()]
    titles = Titles(words("picture.title"), words("picture.depth"), words("picture.outside"))
    return Picture(png(shares, honest, titles), _alt(marks, words))


def _short(name: str) -> str:
    """Return a model's name without its organisation: the alert above has it in full."""
    return visible(name.rpartition("/")[2], 24)


def _marks(profile: Sequence[Any]) -> dict[str, list[Mark]]:
    """Return the shares of each model, the one with most marks first; points without numbers are left out."""
    points = [(number(section(p).get("layer")), section(p)) for p in profile]
    modules = sorted({string(point.get("module")) for _, point in points})
    found: dict[str, list[Mark]] = {}
    for layer, point in points:
        if layer is None or abs(layer) > 1e4:
            continue
        offset = (modules.index(string(point.get("module"))) + 0.5) / len(modules) - 0.5
        for name, share in section(point.get("shares")).items():
            ends = [number(value) for value in entries(share)[:3]]
            value, low, high = (ends + [None] * 3)[:3]
            if value is not None and low is not None and high is not None and max(map(abs, (value, low, high))) < 1e3:
                found.setdefault(str(name), []).append(Mark(layer + WITHIN * offset, value, low, high))
    most = sorted(found, key=lambda name: -len(found[name]))[:PARENTS]
    return {name: found[name] for name in most}


def _scale(report: Mapping[str, Any], marks: Mapping[str, Sequence[Mark]]) -> dict[str, list[Mark]]:
    """Return the shares that honest models of the family have of the undeclared parent, or else of the first."""
    hidden = [
        string(section(p).get("repo_id")) for p in entries(report.get("parents")) if section(p).get("declared") is False
    ]
    name = next((one for one in (*hidden, *marks) if one in marks), "")
    points = [point for one in entries(report.get("scale")) for point in entries(section(one).get("profile"))]
    its = _marks(points[:POINTS]).get(name)
    return {name: its} if its else {}


def _alt(marks: Mapping[str, Sequence[Mark]], words: Words) -> str:
    shares = [
        words(
            "picture.alt_share",
            name=visible(name, 100),
            low=decimal(min(mark.value for mark in its)),
            high=decimal(max(mark.value for mark in its)),
        )
        for name, its in marks.items()
    ]
    places = {round(mark.place) for its in marks.values() for mark in its}
    total = max(len(its) for its in marks.values())
    return words("picture.alt", count=f"{total:,}", layers=f"{len(places):,}", shares=", ".join(shares))[:ALT_LENGTH]
