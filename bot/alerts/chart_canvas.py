"""Draw a chart of shares over layers as a PNG, with Pillow.

The picture is drawn SCALE times as large and then reduced, which smooths its edges. Its text stays legible where a
phone shows it 300 pixels wide. Pillow's own font has no accents, so letters lose theirs.
"""

from __future__ import annotations

import io
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

WIDTH: Final = 840  # pixels of the picture; so are the other lengths
LEFT, RIGHT, TOP, PLOT = 64, 14, 52, 210
SMALL, LARGE, LINE = 26, 30, 38  # two sizes of letters, and the height of a line
SCALE: Final = 2
TICKS: Final = 8  # at most, along the layers
COLOURS_KEPT: Final = 128  # of the palette
GROUND, INK, GREY, PALE, GRID = "#f2f3f5", "#1e1f22", "#8a8f98", "#a6aab1", "#dcdee1"
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
RADIUS, DOT = 6.5, 3.5
Point = tuple[float, float]
CIRCLE: Final = tuple((math.cos(math.tau * k / 24), math.sin(math.tau * k / 24)) for k in range(24))
PLUS: Final = tuple((x / 2.6, y / 2.6) for x, y in (
    (-1, -3), (1, -3), (1, -1), (3, -1), (3, 1), (1, 1), (1, 3), (-1, 3), (-1, 1), (-3, 1), (-3, -1), (-1, -1),
))  # fmt: skip
SHAPES: Final[tuple[tuple[Point, ...], ...]] = (
    CIRCLE,
    ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    ((0.0, -1.1), (1.05, 0.9), (-1.05, 0.9)),
    ((0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)),
    ((0.0, 1.1), (1.05, -0.9), (-1.05, -0.9)),
    PLUS,
)


@dataclass(frozen=True, slots=True)
class Mark:
    """One share of one tensor: its place over the depth in layers, its value and its interval."""

    place: float
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Titles:
    """The words of a chart: its title, the name of the axis, the label of what belongs to no layer (place -1)."""

    title: str
    depth: str
    outside: str


Series = Sequence[tuple[str, Sequence[Mark]]]  # a label and its marks


@dataclass(frozen=True, slots=True)
class _Axes:
    """The ranges that are drawn, in layers and in shares, and their pixels before the reduction."""

    first: float
    last: float
    bottom: float
    top: float

    def x(self, layer: float) -> float:
        part = (layer - self.first) / (self.last - self.first)
        return SCALE * (LEFT + part * (WIDTH - LEFT - RIGHT))

    def y(self, share: float) -> float:
        part = (self.top - min(max(share, self.bottom), self.top)) / (self.top - self.bottom)
        return SCALE * (TOP + part * PLOT)


def png(shares: Series, honest: Series, titles: Titles) -> bytes:
    """Return the picture: marks with intervals for `shares` (at least one mark), grey dots for `honest`."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - an extra

    axes = _axes(shares)
    labels = [text for text, _ in (*honest, *shares)]
    columns = 1 if any(_font(SMALL).getlength(_plain(text)) > WIDTH / 2 - 60 for text in labels) else 2
    legend = TOP + PLOT + 2 * LINE + 12
    height = legend + -(-len(labels) // columns) * LINE + 10
    image = Image.new("RGB", (SCALE * WIDTH, SCALE * height), GROUND)
    pen = ImageDraw.Draw(image)
    _frame(pen, axes, titles)
    for _, marks in honest:
        for mark in marks:
            _shape(pen, CIRCLE, (axes.x(mark.place), axes.y(mark.value)), DOT, PALE)
    for index, (_, marks) in enumerate(shares):
        _marks(pen, axes, marks, index)
    for row, text in enumerate(labels):
        left, top = 30 + (row % columns) * WIDTH / 2, legend + row // columns * LINE
        index = row - len(honest)
        shape, radius, colour = (SHAPES[index], RADIUS, COLOURS[index]) if index >= 0 else (CIRCLE, DOT, PALE)
        _shape(pen, shape, (SCALE * left, SCALE * (top + LINE / 2)), 1.3 * radius, colour)
        _text(pen, (left + 18, top + LINE / 2), text, SMALL, "lm")
    held = io.BytesIO()
    image.reduce(SCALE).quantize(COLOURS_KEPT).save(held, "PNG", optimize=True)
    return held.getvalue()


def _axes(shares: Series) -> _Axes:
    every = [mark for _, marks in shares for mark in marks]
    places = [mark.place for mark in every]
    ends = [end for mark in every for end in (mark.low, mark.high)]
    margin = max(0.03 * (max(places) - min(places)), 0.5)
    bottom, top = max(min(-0.05, *ends), -2.0), min(max(1.05, *ends), 3.0)
    return _Axes(min(places) - margin, max(places) + margin, bottom, top)


def _frame(pen: ImageDraw, axes: _Axes, titles: Titles) -> None:
    """Draw title, axes, ticks, and a dashed line at 0 and at 1, where each mark of a model with one parent lies."""
    left, right, low = axes.x(axes.first), axes.x(axes.last), axes.y(axes.bottom)
    _text(pen, (LEFT, TOP / 2 - 2), titles.title, LARGE, "lm")
    for half in range(math.ceil(2 * axes.bottom), math.floor(2 * axes.top) + 1):
        y = axes.y(half / 2)
        pen.line((left, y, right, y), GRID, SCALE)
        _text(pen, (LEFT - 12, y / SCALE), f"{half / 2:.1f}".replace("-", "−"), SMALL, "rm")
    for level in (0.0, 1.0):
        for start in range(int(left), int(right), 14 * SCALE):
            pen.line((start, axes.y(level), min(start + 8 * SCALE, right), axes.y(level)), GREY, 2 * SCALE)
    pen.line((left, axes.y(axes.top), left, low, right, low), INK, 2 * SCALE)
    for layer in _ticks(axes):
        x = axes.x(layer)
        pen.line((x, low, x, low + 7 * SCALE), INK, 2 * SCALE)
        text = titles.outside if layer == -1 else f"{layer}"
        _text(pen, (x / SCALE, TOP + PLOT + 10), text, SMALL, "ma")
    _text(pen, ((LEFT + WIDTH) / 2, TOP + PLOT + 12 + LINE), titles.depth, SMALL, "ma")


def _ticks(axes: _Axes) -> list[int]:
    """Return at most TICKS + 1 whole layers, evenly spaced by 1, 2 or 5 times a power of ten."""
    steps = (digit * 10**power for power in range(6) for digit in (1, 2, 5))
    step = next(one for one in steps if (axes.last - axes.first) / one <= TICKS)
    return [step * k for k in range(math.ceil(axes.first / step), math.floor(axes.last / step) + 1)]


def _marks(pen: ImageDraw, axes: _Axes, marks: Sequence[Mark], index: int) -> None:
    for mark in marks:
        x, low, high = axes.x(mark.place), axes.y(mark.low), axes.y(mark.high)
        pen.line((x, low, x, high), COLOURS[index], 2 * SCALE)
        for end in (low, high):
            pen.line((x - 3 * SCALE, end, x + 3 * SCALE, end), COLOURS[index], 2 * SCALE)
        _shape(pen, SHAPES[index], (x, axes.y(mark.value)), RADIUS, COLOURS[index])


def _shape(pen: ImageDraw, shape: Sequence[Point], at: Point, radius: float, colour: str) -> None:
    pen.polygon([(at[0] + SCALE * radius * x, at[1] + SCALE * radius * y) for x, y in shape], colour)


def _text(pen: ImageDraw, at: Point, text: str, size: int, anchor: str) -> None:
    pen.text((SCALE * at[0], SCALE * at[1]), _plain(text), INK, _font(SCALE * size), anchor)


def _font(size: int) -> FreeTypeFont | ImageFont:
    from PIL.ImageFont import load_default  # noqa: PLC0415 - an extra

    return load_default(size)


def _plain(text: str) -> str:
    """Return the text without accents."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
