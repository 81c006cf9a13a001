"""A badge says that measurement and card agree, or nothing: none accuses, and none is missed by the accused alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest

from bot.site.badge import agreement_of, files, standing_of, svg
from bot.site.published import PublishedCase
from state.records import Upload
from tests.bot.site.cases import START, declared, published_case, served, shown, withdrawn
from tests.bot.site.test_api import ask

NAME = "quick-fox/m4"


def again() -> PublishedCase:
    """A case of which the card no longer declares what it did."""
    return published_case(4, ("declared", "named", START), ("withdrawn", "no longer", START + timedelta(hours=1)))


@pytest.mark.parametrize(
    ("cases", "agrees", "standing"),
    [
        ([], False, None),
        ([], True, "declared"),
        ([published_case(4)], False, None),
        ([published_case(4)], True, None),
        ([declared(4)], False, "declared"),
        ([again()], False, None),
        ([withdrawn(4)], False, "nothing"),
        ([withdrawn(4)], True, "declared"),
        ([declared(4), published_case(4)], True, None),
        ([withdrawn(4), declared(4)], False, "declared"),
        ([published_case(5)], False, None),
    ],
)
def test_what_a_badge_says(cases: list[PublishedCase], agrees: bool, standing: str | None) -> None:
    """One open case about a model, and there is none, whatever an earlier check said."""
    assert standing_of(NAME, cases, lambda _: agrees) == standing


@pytest.mark.parametrize("standing", ["declared", "nothing"])
def test_a_badge_is_one_small_picture_with_words(standing: Any) -> None:
    """It loads nothing, runs nothing, and a screen reader says what it shows."""
    content = svg(standing)
    root = ElementTree.fromstring(content)
    said = {"declared": "parents: declared", "nothing": "blendwatch: no finding"}[standing]
    assert (root.get("role"), root.get("aria-label")) == ("img", said)
    assert root.findtext("{http://www.w3.org/2000/svg}title") == said
    assert [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")] == said.split(": ")
    assert len(content) < 1500
    assert not [word for word in (b"href", b"script", b"style=", b"url(", b"undeclared", b"blend:") if word in content]


def test_the_accused_and_the_unknown_have_the_same_answer() -> None:
    """A missing badge says nothing about anybody."""
    with served([published_case(4), withdrawn(5)], lambda name: name == "org/agrees") as base:
        accused, unknown = (ask(base, f"/badges/{name}.svg") for name in (NAME, "nobody/nothing"))
        assert accused[0] == 404
        assert accused[2] == unknown[2]
        assert ask(base, "/badges/quick-fox/M5.svg")[2] == svg("nothing")
        assert ask(base, "/badges/org/agrees.svg")[2] == svg("declared")


def test_a_static_host_has_the_badges_of_cases() -> None:
    """Of those that have one; an address of a strange name has none."""
    strange = shown(9, {"suspect": {"repo_id": "../x"}}, [("retracted", "", START)])
    written = dict(files([published_case(1), declared(4), withdrawn(5), strange]))
    assert written == {"badges/quick-fox/m4.svg": svg("declared"), "badges/quick-fox/m5.svg": svg("nothing")}


def upload(**changes: Any) -> Upload:
    """A judged upload whose card declares its parents."""
    report = {"finding": "blend", "disclosure": "disclosed"} | changes.pop("report", {})
    whole = Upload(1, NAME, None, "a" * 40, START, 1, False, "found", "", 1, None, START, START, report, None)
    return replace(whole, **changes)


@pytest.mark.parametrize(
    ("history", "agrees"),
    [
        ([], False),
        ([upload()], True),
        ([upload(gated=True)], False),
        ([upload(report={"disclosure": "partial"})], False),
        ([upload(report={"finding": "unrelated", "disclosure": "none-needed"})], False),
        ([upload(state="skipped", report={}), upload()], True),
        ([upload(report={"disclosure": "undisclosed"}), upload()], False),
    ],
)
def test_the_newest_check_decides_whether_a_card_agrees(history: list[Upload], agrees: bool) -> None:
    """An earlier one says nothing about what is there now."""
    assert agreement_of(history) is agrees
