"""Whatever a stranger wrote may be shown, and none of it may act."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.sanitize import code, decimal, harmless, joined, moment, number, unmarked, visible, width

TRICKS = [
    "@everyone",
    "@here",
    "<@123456789012345678>",
    "<@&123>",
    "<#123>",
    "<:emoji:1>",
    "<t:1:R>",
    "</check:1>",
    "[x](https://evil.example)",
    "https://evil.example/a_b",
    "discord://x",
    ":skull:",
    "```",
    "`",
    "||",
    "**",
    "__",
    "~~",
    "\\",
    "\n# ",
    "> ",
    "- ",
    "1. ",
    "\u202e",
    "\u2066",
    "\u200b",
    "\u2060",
    "\ufeff",
    "\u3164",
    "\x1b[2J",
    "\x00",
    "\r\n",
    "\u2028",
    "\U000e0041",
    "\ud800",
    "e\u0301\u0301\u0301\u0301",
    "\ufe0f",
    "😀",
    "%",
    "org/name",
]
hostile = st.lists(st.sampled_from(TRICKS) | st.text(max_size=6), max_size=12).map("".join)

ACTIVE = re.compile(r"@(?:everyone|here)|<(?:@|#|a?:|/|t:)[^>\\]*>|://|\]\(")
UNESCAPED = re.compile(r"(?<!\\)(?:\\\\)*[*_~`|<>\[\]()#]")


def invisible(text: str) -> list[str]:
    """The characters that nobody sees although they do something."""
    hidden = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
    return [c for c in text if c in hidden or unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}]


@given(text=hostile, limit=st.integers(0, 120))
def test_harmless_text_is_short_plain_and_visible(text: str, limit: int) -> None:
    """No limit is passed, no mention, link, formatting or invisible sign survives, and no escape is split."""
    shown = harmless(text, limit)
    assert width(shown) <= limit
    assert not invisible(shown)
    assert not ACTIVE.search(shown)
    assert not UNESCAPED.search(shown)
    assert len(shown) - len(shown.rstrip("\\")) in range(0, 99, 2)


@given(text=hostile, limit=st.integers(0, 120))
def test_text_for_a_terminal_is_visible_too(text: str, limit: int) -> None:
    """Nothing that moves a cursor or turns the reading direction reaches a terminal."""
    assert not invisible(visible(text, limit))
    assert width(visible(text, limit)) <= limit


@given(text=hostile)
def test_escapes_add_signs_and_change_nothing_else(text: str) -> None:
    """What Discord draws of the escaped text is what a terminal shows of it, but for mentions and links."""
    drawn = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", harmless(text, 10_000))
    assert active(drawn) == active(visible(text, 10_000))


def active(text: str) -> str:
    """Return a text with mentions and links as they were before they were made harmless."""
    return text.replace("＠", "@").replace("[:]//", "://")


@given(text=hostile, limit=st.integers(3, 80))
def test_code_holds_ordinary_ids_only(text: str, limit: int) -> None:
    """Inline code is one pair of ticks around an id's own letters; all else is made harmless."""
    shown = code(text, limit)
    assert width(shown) <= limit
    assert re.fullmatch(r"`[A-Za-z0-9._/…-]+`", shown) or not UNESCAPED.search(shown)
    assert not invisible(shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tidepool-ai/Borealis_2", r"tidepool-ai/Borealis\_2"),
        ("a\u202eb", r"a\[U+202E\]b"),
        ("@everyone", "＠everyone"),
        ("https://x.example", r"https\[:\]//x.example"),
        ("discord.gg/abc", r"discord\[.\]gg/abc"),
        ("see Discord.com/invite/abc", r"see Discord\[.\]com/invite/abc"),
        ("discord.py 2.7", "discord.py 2.7"),
        ("a \n\t b", "a b"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        (":skull:", r"\:skull:"),
        ("why: 0.5", "why: 0.5"),
    ],
)
def test_what_is_shown_can_be_read(text: str, shown: str) -> None:
    """An honest name stays as it is but for an escape, and a hostile one shows what it holds."""
    assert harmless(text, 100) == shown


def test_a_cut_says_so_and_splits_nothing() -> None:
    """Where text is cut stands "…", and an escape or a numbered sign is there whole or not at all."""
    assert harmless("****", 6) == r"\*\*…"
    assert harmless("a\u202e", 9) == "a…"
    assert harmless("😀😀😀", 5) == "😀😀…"
    assert code("a/" + "b" * 99, 12) == "`a/bbbbbbb…`"


def test_a_cut_comes_after_a_whole_word_where_half_of_the_text_stays() -> None:
    """A sentence ends before the name that does not fit; a long name alone is cut where it must be."""
    assert visible("made of Meridian-Coder and more", 20) == "made of Meridian-Co…"
    assert visible("it is made of Meridian-Coder", 20) == "it is made of…"
    assert visible("it is made of Meridian-Coder", 14) == "it is made of…"
    assert visible("a Meridian-Coder", 10) == "a Meridia…"


def test_a_list_that_is_too_long_says_how_many_are_missing() -> None:
    """Lines are kept whole, and the last one counts those that did not fit."""
    assert joined(["one", "two", "three", "four"], 16) == "one\n… and 3 more"
    assert joined(["one", "two"], 100) == "one\ntwo"


def test_values_of_the_wrong_kind_are_missing_values() -> None:
    """What is no number or no time is read as none, however large or strange it is."""
    assert [number(v) for v in (True, "1", None, float("nan"), float("inf"), 10**400, [1])] == [None] * 7
    assert number(2) == 2.0
    assert [moment(v) for v in ("soon", 5, "0001-01-01T00:00:00+14:00")] == [None] * 3
    assert str(moment("2026-11-23T14:05:00Z")) == "2026-11-23 14:05:00+00:00"


def test_numbers_stay_short() -> None:
    """A number has the places asked for where that is readable, and an exponent where it is not."""
    assert [decimal(v) for v in (0.565, -0.1, 0.0, 1e-5, 1e300)] == ["0.565", "−0.100", "0.000", "1e−05", "1e+300"]


def test_marks_are_taken_off_for_a_console() -> None:
    """Bold and code marks go, escaped signs stay."""
    assert unmarked(r"**Measured:** `a/b` \*\_\\") == r"Measured: a/b *_" + "\\"
