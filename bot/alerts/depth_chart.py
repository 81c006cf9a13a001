"""The mix over depth and module as a picture: one mark for each tensor that was read, with its interval.

Drawn by matplotlib without a screen, on a ground that reads well in light and dark clients, in colours and shapes
that are told apart by people who confuse red and green. Without matplotlib, alerts have no picture.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import discord

from bot.config.extras import installed
from bot.text.sanitize import decimal, entries, number, section, string, visible
from bot.text.words import Words

NAME: Final = "mix.png"
WIDTH, HEIGHT, DOTS = 4.2, 2.1, 200  # inches, inches, dots an inch: legible where a phone shows it 300 pixels wide
SMALL, LARGE = 9.0, 10.5  # points
POINTS: Final = 4000  # of a report that are drawn
PARENTS: Final = 6
ALT_LENGTH: Final = 1024  # of the text for those who cannot see it
GROUND, INK, GREY = "#f2f3f5", "#1e1f22", "#8a8f98"
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS: Final = ("o", "s", "^", "D", "v", "P")
HONEST: Final[dict[str, Any]] = {"marker": ".", "linestyle": "", "color": GREY, "alpha": 0.7, "markersize": 3.0}
WITHIN: Final = 0.7  # of a layer's width, over which its tensors are spread


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG, and what it shows in words."""

    png: bytes = field(repr=False)
    alt: str

    def file(self) -> discord.File:
        """The picture for one message; made anew for each, because sending uses it up."""
        return discord.File(io.BytesIO(self.png), NAME, description=self.alt)


@dataclass(frozen=True, slots=True)
class Mark:
    """One share of one tensor: where it lies over the depth, its value and its interval."""

    place: float
    value: float
    low: float
    high: float


def has_picture(report: Mapping[str, Any]) -> bool:
    """Tell whether there is anything to draw, without drawing it."""
    return installed("matplotlib") and bool(_marks(entries(report.get("profile"))[:POINTS]))


def draw(report: Mapping[str, Any], words: Words) -> Picture | None:
    """The picture of a report that has a profile; None for one that has none."""
    if not has_picture(report):
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow, and an extra
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    marks = _marks(entries(report.get("profile"))[:POINTS])
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DOTS, facecolor=GROUND, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor=GROUND)
    for level in (0.0, 1.0):  # where every mark of a model with one parent would lie
        axes.axhline(level, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    for place, (name, its) in enumerate(marks.items()):
        _plot(axes, _short(name), its, place % len(COLOURS))
    for name, its in _scale(report, marks).items():
        label = words("picture.honest", name=_short(name))
        axes.plot([m.place for m in its], [m.value for m in its], label=label, zorder=1.5, **HONEST)
    axes.set_title(words("picture.title"), loc="left", color=INK, fontsize=LARGE)
    axes.set_xlabel(words("picture.depth"), color=INK, fontsize=SMALL)
    axes.tick_params(colors=INK, labelsize=SMALL)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    outside = words("picture.outside")  # what belongs to no layer is at -1
    axes.xaxis.set_major_formatter(lambda place, _: outside if place == -1 else f"{place:g}")
    axes.grid(axis="y", color=GREY, alpha=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    ends = [end for its in marks.values() for mark in its for end in (mark.low, mark.high)]
    axes.set_ylim(max(min(-0.05, *ends), -2.0), min(max(1.05, *ends), 3.0))
    legend = figure.legend(
        loc="outside lower left", ncols=2, frameon=False, labelcolor=INK, fontsize=SMALL, handletextpad=0.2
    )
    for text in legend.get_texts():
        text.set_parse_math(False)  # a name may hold dollar signs
    held = io.BytesIO()
    figure.savefig(held, format="png", metadata={"Software": None})
    return Picture(held.getvalue(), _alt(marks, words))


def _short(name: str) -> str:
    """Return a model's name without its organisation: the alert above has it in full."""
    return visible(name.rpartition("/")[2], 24)


def _plot(axes: Any, label: str, its: Sequence[Mark], place: int) -> None:
    values = [mark.value for mark in its]
    spans = [[max(m.value - m.low, 0.0) for m in its], [max(m.high - m.value, 0.0) for m in its]]
    style = {"fmt": MARKERS[place], "color": COLOURS[place], "markersize": 3.5, "elinewidth": 0.8, "capsize": 1.0}
    axes.errorbar([mark.place for mark in its], values, yerr=spans, label=label, zorder=2 + place, **style)


def _marks(profile: Sequence[Any]) -> dict[str, list[Mark]]:
    """The shares of each model, the ones named most often first; what is no number is left out."""
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
    """What honest models of the family have of the parent that is shown as not declared, or else of the first."""
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
