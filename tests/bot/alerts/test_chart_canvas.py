"""Charts as pixels."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageColor

from bot.alerts.chart_canvas import COLOURS, LEFT, PLOT, TOP, WIDTH, Mark, Titles, _plain, png
from bot.text.words import catalogues, words_for

TITLES = Titles("Share", "layer", "outside")


def near(data: bytes, colour: str, box: tuple[int, int, int, int]) -> int:
    """Return how many pixels of a box have a colour, the palette's rounding aside."""
    image = Image.open(io.BytesIO(data)).convert("RGB").crop(box)
    wanted = ImageColor.getrgb(colour)
    pixels = (image.getpixel((x, y)) for x in range(image.width) for y in range(image.height))
    return sum(max(abs(a - b) for a, b in zip(one, wanted, strict=False)) < 12 for one in pixels if type(one) is tuple)


def test_a_share_lies_at_its_height() -> None:
    """A high share is drawn in the upper half of the plot in the first colour, a low one in the lower half."""
    halves = [(LEFT, TOP, WIDTH, TOP + PLOT // 2), (LEFT, TOP + PLOT // 2, WIDTH, TOP + PLOT)]
    for value, expected in ((0.9, [True, False]), (0.1, [False, True])):
        data = png([("a", [Mark(3.0, value, value - 0.05, value + 0.05)])], [], TITLES)
        assert [near(data, COLOURS[0], half) > 50 for half in halves] == expected


def test_a_share_beyond_the_range_stays_in_the_plot() -> None:
    """Its interval ends at the edge; nothing is drawn over the title."""
    data = png([("a", [Mark(0.0, 50.0, -50.0, 90.0), Mark(1.0, 0.5, 0.4, 0.6)])], [], TITLES)
    assert near(data, COLOURS[0], (LEFT, TOP, WIDTH, TOP + PLOT)) > 50
    assert near(data, COLOURS[0], (0, 0, WIDTH, TOP - 20)) == 0


def test_six_models_have_six_colours_and_a_name_each() -> None:
    """The legend grows by rows; long names stand in one column."""
    shares = [(f"model-{index}", [Mark(index, 0.5, 0.4, 0.6)]) for index in range(6)]
    data = png(shares, [("honest", [Mark(2.0, 0.0, 0.0, 0.0)])], TITLES)
    for colour in COLOURS:
        assert near(data, colour, (0, TOP + PLOT + 80, WIDTH, 1000)) > 20
    longer = png([(name * 4, its) for name, its in shares], [], TITLES)
    assert Image.open(io.BytesIO(longer)).height > Image.open(io.BytesIO(data)).height


@pytest.mark.parametrize("language", sorted(catalogues()))
def test_the_font_has_each_letter_of_a_catalogue(language: str) -> None:
    """Letters beyond ASCII would be drawn as boxes."""
    words = words_for(language)
    texts = [words(f"picture.{key}") for key in ("title", "depth", "outside")] + [words("picture.honest", name="a")]
    assert _plain("".join(texts)).isascii()


def test_letters_lose_their_accents() -> None:
    """The font has none."""
    assert _plain("Ação à você") == "Acao a voce"
