"""The pictures of the docs: drawn from what Discord got, escaped, whole in themselves."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from demo.pictures.__main__ import (
    BROWSERS,
    CLIENTS,
    DESKTOP,
    ORIGIN,
    PHONE,
    SCALE,
    THEMES,
    browser,
    crop,
    origin,
    shoot,
)
from demo.pictures.markdown import ago, drawn
from demo.pictures.page import page
from demo.pictures.scene import Part, Shots, capture
from demo.scene import HIDDEN, RELEASE

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
NOW = datetime(2026, 7, 2, 9, tzinfo=UTC)
SCREEN = 844  # CSS pixels: the height of a phone that is 390 wide
STATES = (
    "Now declared",
    "Not declared any more",
    "Weights replaced since",
    "Dismissed here",
    "Alike, unknown which came first",
    "Retracted",
)
CASES = ((2, "832d2af9105c", ""), (3, "5279f62fe4f3", ""), (2, "832d2af9105c", ", not declared"))
REASON = "</div><script>alert(1)</script> [a](javascript:b) **told** us"
NAME = '"><img src=https://example.com/x onerror=alert(2)>'


class Read(HTMLParser):
    """A browser's view of a page: its tags, its attributes and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        """See HTMLParser."""
        self.text += data


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Shots:
    """The whole scene, once, with a moderator who means harm."""
    return capture(tmp_path_factory.mktemp("pictures"), REASON)


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Shots:
    """The whole scene as the documents' pictures show it."""
    return capture(tmp_path_factory.mktemp("drawn"))


def hostile(value: Any) -> Any:
    """The same payload with another name wherever the upload's stands."""
    if isinstance(value, dict):
        return {key: hostile(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [hostile(inner) for inner in value]
    return value.replace(HIDDEN, NAME) if isinstance(value, str) else value


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("alert", ["# alerts", f"Partly declared blend: {HIDDEN}", "not declared", "base_model:", "I am its author"]),
        ("review", ["# reviewers", "For review.", RELEASE, "Publish", "Reject", "Evidence"]),
        (
            "case",
            [
                "/case ",
                "It is published.",
                "Since then, newest first",
                "Thread under the alert",
                "The card declares the",
            ],
        ),
        ("states", ["Partly declared blend: ", *(f"{state}: " for state in STATES)]),
        ("status", ["/status", "The Hub was read up to", "4 minutes ago", "Subscriptions here", "Only you can see"]),
    ],
)
def test_each_picture_has_its_parts(shots: Shots, name: str, parts: list[str]) -> None:
    """Its text and its buttons, in both themes; the picture of the mix is held in the page."""
    assert set(shots.parts) == {"alert", "review", "case", "status", "states"}
    assert len(shots.parts["states"]) == 7
    for theme in THEMES:
        html = page(shots, name, theme, PHONE)
        read = Read(html)
        assert [part for part in parts if part not in read.text] == []
        assert ("class", theme) in read.attributes
        assert ("data:image/png;base64,iVBOR" in html) == (name != "status")
    told = Read(page(shots, "case", "dark", DESKTOP)).text
    assert told.count("Dismissed by @marisol") == 2  # on the case, and in the thread


@pytest.mark.parametrize("name", sorted({*CLIENTS} - {"review"}))  # as much evidence as fits: the numbers decide
def test_the_pictures_of_the_documents_show_what_is_said_today(documented: Shots, name: str) -> None:
    """Else python -m demo.pictures draws them anew."""
    for ending in CLIENTS[name]:
        for theme in THEMES:
            with Image.open(PICTURES / f"{name}{ending}-{theme}.png") as picture:
                assert picture.info[ORIGIN] == origin(documented.parts[name])


def test_an_origin_follows_the_words_alone() -> None:
    """Another word is another origin; another time, id or number is not."""
    embeds = [{"description": f"It mixes {count} models, case {case}{more}"} for count, case, more in CASES]
    first, same, other = (origin([Part("alerts", [{"embeds": [embed]}])]) for embed in embeds)
    assert first == same
    assert first != other


def test_what_is_hostile_is_text(shots: Shots) -> None:
    """A reason and a name with tags in them add no tag, no attribute and no address to the page."""
    plain = Read(page(shots, "case", "light", DESKTOP))
    assert "<script>alert(1)</script>" in plain.text
    worse = replace(shots, parts={"case": [_with_name(part) for part in shots.parts["case"]]})
    read = Read(page(worse, "case", "light", DESKTOP))
    assert NAME in read.text
    assert read.tags == plain.tags
    assert "script" not in read.tags
    assert {name for name, _ in read.attributes} == {name for name, _ in plain.attributes}


def _with_name(part: Part) -> Part:
    return replace(part, place=NAME, messages=hostile(list(part.messages)))


def test_a_page_loads_nothing(shots: Shots) -> None:
    """Its only sources are in the page itself, and it forbids all others."""
    for name in shots.parts:
        html = page(shots, name, "light", DESKTOP)
        assert [v for k, v in Read(html).attributes if k in {"src", "srcset"} and not v.startswith("data:")] == []
        assert not re.search(r"url\(|@import", html)
        assert "default-src 'none'; img-src data:" in html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (r"**a\*\*b** `c<d` \(e\)", "<b>a**b</b> <code>c&lt;d</code> (e)"),
        ("[**x**](https://a.example/?b=1&c) [y](javascript:z)", None),
        ("<@12> <@13> <b>", '<span class="mention">@ruth</span> <span class="mention">@somebody</span> &lt;b&gt;'),
        (f"<t:{NOW.timestamp() - 7300:.0f}:R>", '<span class="time">2 hours ago</span>'),
        ("*i* ```py\nx = 1```", "<i>i</i> <pre>x = 1</pre>"),
    ],
)
def test_markdown(text: str, html: str | None) -> None:
    """The bot's markdown is drawn as Discord draws it; text that only looks like a link stays text."""
    link = '<a href="https://a.example/?b=1&amp;c"><b>x</b></a> [y](javascript:z)'
    assert drawn(text, {"12": "ruth"}, NOW) == (html or link)


def test_times_are_shown_in_the_largest_unit() -> None:
    """A time to come is now."""
    at = int(NOW.timestamp())
    assert [ago(at - s, NOW) for s in (-5, 1, 60, 7199, 200_000)] == [
        "now",
        "1 second ago",
        "1 minute ago",
        "1 hour ago",
        "2 days ago",
    ]


def test_a_picture_is_cropped_to_what_is_on_it(tmp_path: Path) -> None:
    """The empty ground below goes, except for a margin."""
    whole = Image.new("RGB", (60, 900), "white")
    whole.paste((0, 0, 0), (5, 5, 40, 100))
    whole.save(tmp_path / "whole.png")
    crop(tmp_path / "whole.png", tmp_path / "cropped.png")
    with Image.open(tmp_path / "cropped.png") as cropped:
        assert cropped.size == (60, 125)


@pytest.mark.skipif(browser() is None, reason=f"no browser here: {', '.join(BROWSERS)}")
def test_a_browser_draws_it(shots: Shots, tmp_path: Path) -> None:
    """An alert with its buttons is one screen of a phone, in two themes that differ."""
    corners = []
    for theme in THEMES:
        target = tmp_path / f"{theme}.png"
        shoot(browser() or "", page(shots, "alert", theme, PHONE), target, PHONE)
        assert target.stat().st_size < 150_000
        with Image.open(target) as picture:
            assert abs(picture.width - PHONE * SCALE) < 1
            assert picture.height < SCREEN * SCALE
            corners.append(picture.convert("L").crop((0, 0, 1, 1)).tobytes()[0])
    light, dark = corners
    assert light > 200
    assert dark < 80
