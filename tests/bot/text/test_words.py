"""Every language says the same things."""

from __future__ import annotations

import string

import pytest

from bot.text.words import DEFAULT, catalogues, words_for
from tests import ROOT

ENGLISH = words_for(DEFAULT)
OTHERS = sorted(set(catalogues()) - {DEFAULT})
CODE = "\n".join(path.read_text() for path in (ROOT / "bot").rglob("*.py"))


def placeholders(text: str) -> list[str]:
    """What a text has filled in."""
    return sorted(str(name) for _, name, _, _ in string.Formatter().parse(text) if name is not None)


@pytest.mark.parametrize("locale", OTHERS)
def test_equal_keys_and_placeholders(locale: str) -> None:
    """A language that lacks a text, or fills in something else, would fail only when that text is needed."""
    other = words_for(locale)
    assert sorted(other.texts) == sorted(ENGLISH.texts)
    for key, text in ENGLISH.texts.items():
        assert placeholders(other.texts[key]) == placeholders(text), key


@pytest.mark.parametrize("locale", [DEFAULT, *OTHERS])
def test_nothing_is_empty_or_too_long(locale: str) -> None:
    """What Discord bounds stays below its bounds in every language."""
    limits = {"command": 100, "option": 100, "button": 80, "form": 45, "evidence.field": 256, "alert.headline": 40}
    for key, text in words_for(locale).texts.items():
        limit = max((n for start, n in limits.items() if key.startswith(f"{start}.")), default=400)
        assert 0 < len(text.strip()) <= limit, key


# keys that are put together from a part in the code and a value
PUT_TOGETHER = (
    *(
        "alert.headline.",
        "alert.first.",
        "alert.parent.",
        "alert.sure.",
        "alert.mend.",
        "alert.fairness.",
        "alert.what.",
    ),
    *("evidence.mix.", "evidence.field.", "evidence.sure.", "evidence.trained.", "standing."),
    *(
        "note.",
        "term.",
        "news.",
        "button.",
        "form.",
        "review.",
        "case.state_",
        "command.",
        "option.",
        "filter.",
        "why.",
        "bases.",
    ),
)


def test_every_text_is_said() -> None:
    """A text that no code asks for is a leftover."""
    assert [key for key in ENGLISH.texts if f'"{key}"' not in CODE and not key.startswith(PUT_TOGETHER)] == []
    assert [start for start in PUT_TOGETHER if f'"{start}{{' not in CODE and f'"{start}' not in CODE] == []


def test_the_nearest_language_is_chosen() -> None:
    """A reader's own, else that of the language, else English."""
    assert words_for("pt-BR").locale == "pt-BR"
    assert words_for("pt-PT").locale == "pt-BR"
    assert words_for("en-US").locale == "en"
    assert words_for("ja").locale == "en"


def test_numbers_are_written_as_the_language_writes_them() -> None:
    """The same digits: a point between thousands in Portuguese; names and times stay as they are."""
    said = {"hits": "4,320", "count": "14,350"}
    assert "4,320 of 14,350 " in words_for("en")("alert.sure.mix", **said)
    assert "4.320 de 14.350 " in words_for("pt-BR")("alert.sure.mix", **said)
    kept = ("a/1,000.5", "2026-01-02 03:04", "0123456789ab", "1.2.3", "7.62 billion")
    assert [words_for("pt-BR").local(text) for text in kept] == list(kept)
    assert [words_for("pt-BR").local(text) for text in ("0.565", "−1.50", "1,234.5", 18)] == [
        "0,565",
        "−1,50",
        "1.234,5",
        "18",
    ]


def test_what_is_said_again_is_counted() -> None:
    """By a number that reads well for every count that is shown: the first time nothing is counted."""
    assert words_for("en")("review.again", times=2) == "**Still for review**, said 2 times."
    assert words_for("pt-BR")("review.again", times=2) == "**Ainda para revisão**, dito pela 2ª vez."
