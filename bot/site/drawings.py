"""Pictures of a case as SVG: the mix over depth and module, and one weight inside its rounding cell. Pure.

Colours come from classes of the page's own sheet; shapes differ, too, for who cannot tell the colours apart. Every
text is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from analyzers.verdict.cell_example import CellExample
from bot.text.sanitize import decimal, entries, number, section, string, visible

WIDTH, HEIGHT = 360, 230  # units of a picture, near a phone's CSS pixels
LEFT, RIGHT, TOP, BOTTOM = 34, 8, 10, 26  # margins
PARENTS: Final = 6
MARKS: Final = 1500  # drawn of one parent
LOWEST, HIGHEST = -2.0, 3.0  # share shown at the most
SHAPES: Final = (
    "m-2-2h4v4h-4z",
    "m0-3l3 5h-6z",
    "m0-3l3 3l-3 3l-3-3z",
    "m-3-1h6v2h-6z",
    "m-1-3h2v6h-2z",
    "m0 3l3-5h-6z",
)
REACH: Final = 12.0  # cells on each side of a weight's own that are drawn at most
NAME: Final = 48  # characters of a model's name


@dataclass(frozen=True, slots=True)
class Mark:
    """Share of one parent in one tensor, with its interval. `place`: layer, and where in it the module lies."""

    place: float
    module: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Series:
    """Marks of one parent. `shape`: number of its shape and colour."""

    name: str
    shape: int
    marks: tuple[Mark, ...]

    @property
    def legend(self) -> Markup:
        """Return the shape as a small picture that screen readers pass over."""
        path = f'<path class="p{self.shape}" d="M6 6{SHAPES[self.shape]}"/>'
        return _safe(f'<svg class="key" viewBox="0 0 12 12" aria-hidden="true" focusable="false">{path}</svg>')


def series_of(profile: object, names: Sequence[str]) -> list[Series]:
    """Return the marks of the named parents; a point that is no number is left out."""
    points = [section(point) for point in entries(profile)]
    names_of = sorted({string(point.get("module")) for point in points})
    modules = {name: (place + 0.5) / len(names_of) - 0.5 for place, name in enumerate(names_of)}
    found = []
    for shape, name in enumerate(names[:PARENTS]):
        marks = tuple(mark for point in points if (mark := _mark(point, name, modules)) is not None)
        if marks:
            found.append(Series(name, shape, marks))
    return found


def _mark(point: Mapping[str, object], name: str, modules: Mapping[str, float]) -> Mark | None:
    layer = number(point.get("layer"))
    value, low, high = ([number(v) for v in entries(section(point.get("shares")).get(name))[:3]] + [None] * 3)[:3]
    if layer is None or value is None or low is None or high is None:
        return None
    if abs(layer) > 1e4 or max(map(abs, (value, low, high))) > 1e3:
        return None
    module = string(point.get("module"))
    return Mark(layer + 0.7 * modules[module], module, value, low, high)


def mix_over_depth(series: Sequence[Series], honest: Sequence[Series]) -> Markup:
    """Return the picture of shares by layer. `honest`: other models measured by the same parents."""
    marks = [mark for one in (*series, *honest) for mark in one.marks]
    if not marks:
        return Markup("")
    first, last = min(m.place for m in marks) - 0.5, max(m.place for m in marks) + 0.5
    low = max(min(-0.05, *(m.low for one in series for m in one.marks)), LOWEST)
    high = min(max(1.05, *(m.high for one in series for m in one.marks)), HIGHEST)
    frame = _Frame(first, last, low, high)
    drawn = [*frame.axes(), *(frame.series(one, "honest") for one in honest)]
    drawn += [frame.series(one, f"p{one.shape}") for one in series]
    said = "; ".join(
        f"{visible(one.name, NAME)} from {decimal(min(m.value for m in one.marks))}"
        f" to {decimal(max(m.value for m in one.marks))}"
        for one in series
    )
    return _svg("mix", "The mix over depth", f"Share of each model in each sampled tensor, by layer: {said}.", drawn)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Maps layers and shares onto the picture."""

    first: float
    last: float
    low: float
    high: float

    def x(self, place: float) -> str:
        """Return where a layer lies."""
        return _short(LEFT + (place - self.first) / (self.last - self.first) * (WIDTH - LEFT - RIGHT))

    def y(self, share: float) -> str:
        """Return where a share lies, at the edge if it is beyond it."""
        inside = min(max(share, self.low), self.high)
        return _short(TOP + (self.high - inside) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM))

    def axes(self) -> Iterator[str]:
        """Yield lines at shares of 0, 0.5 and 1, and the numbers of some layers."""
        for share in (0.0, 0.5, 1.0):
            yield f'<path class="grid" d="M{LEFT} {self.y(share)}H{WIDTH - RIGHT}"/>'
            yield f'<text x="{LEFT - 5}" y="{float(self.y(share)) + 4:.0f}" text-anchor="end">{share:g}</text>'
        last = int(self.last)
        for layer in sorted({0, last // 4, last // 2, 3 * last // 4, last}):
            if layer >= self.first:
                yield f'<text x="{self.x(layer)}" y="{HEIGHT - 10}" text-anchor="middle">{layer}</text>'

    def series(self, one: Series, kind: str) -> str:
        """Return the marks of one model, thinned out evenly where there are too many."""
        marks = one.marks[:: -(-len(one.marks) // MARKS)]
        spans = "".join(f"M{self.x(m.place)} {self.y(m.low)}V{self.y(m.high)}" for m in marks)
        dots = "".join(f"M{self.x(m.place)} {self.y(m.value)}{SHAPES[one.shape]}" for m in marks)
        return f'<path class="span {kind}" d="{spans}"/><path class="{kind}" d="{dots}"/>'


def inside_a_cell(example: CellExample, names: Sequence[str]) -> Markup:
    """Return the picture of one weight: its rounding cell, the values of its parents, and the mix."""
    shown = [name for name in names if name in example.parents][:PARENTS]
    reach = min(max(1.5, *(abs(example.parents[name]) + 0.5 for name in shown)), REACH)
    across = (WIDTH - 20) / (2 * reach)
    drawn = [f'<rect class="cell" x="{_short(WIDTH / 2 - across / 2)}" y="40" width="{_short(across)}" height="60"/>']
    edges = "".join(f"M{_short(WIDTH / 2 + (n + 0.5) * across)} 60v40" for n in range(-int(reach) - 1, int(reach) + 1))
    drawn += [f'<path class="grid" d="M10 100H{WIDTH - 10}{edges}"/>']
    for name in shown:
        place = min(max(example.parents[name], -reach), reach)
        x = _short(WIDTH / 2 + place * across)
        drawn.append(f'<path class="p{names.index(name)}" d="M{x} 80{SHAPES[names.index(name)]}"/>')
    middle = _short(WIDTH / 2 + example.mix * across)
    drawn.append(f'<path class="mark" d="M{middle} 30V100"/>')
    drawn.append(f'<text x="{WIDTH / 2:.0f}" y="20" text-anchor="middle">the mix</text>')
    drawn.append(f'<text x="{WIDTH / 2:.0f}" y="120" text-anchor="middle">the cell of the stored weight</text>')
    places = "; ".join(f"{visible(name, NAME)} lies {decimal(example.parents[name], 2)} cells away" for name in shown)
    said = f"The mix lies {decimal(example.mix, 2)} cells from the middle of the weight's cell, inside it; {places}."
    return _svg("cell", "One weight inside its rounding cell", said, drawn, height=130)


def _svg(name: str, title: str, said: str, drawn: Sequence[str], height: int = HEIGHT) -> Markup:
    head = Markup('<title id="{0}-t">{1}</title><desc id="{0}-d">{2}</desc>').format(name, title, said)
    open_ = f'<svg role="img" aria-labelledby="{name}-t {name}-d" viewBox="0 0 {WIDTH} {height}">'
    return _safe(open_) + head + _safe("".join(drawn) + "</svg>")


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _safe(drawn: str) -> Markup:
    return Markup(drawn)  # noqa: S704 - made here of numbers and our own words; names go through Markup.format
