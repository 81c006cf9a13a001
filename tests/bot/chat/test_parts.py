"""Small parts: filters, budget, nonces, pictures, comparing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analyzers.records import RepoRef, Sample, SampleSpec, Sketch, SliceKey
from bot.alerts.depth_chart import draw
from bot.alerts.filters import Filters
from bot.chat.dedupe import NONCE_LENGTH, bears, marker_of, nonce_of
from bot.chat.quota import A_DAY, AT_ONCE, PER_SERVER_SECONDS, PER_USER_SECONDS, Budget
from bot.check.compare import Comparer, NotSampled
from bot.text.words import words_for
from tests.bot.chat.stage import found

WORDS = words_for("en")


@pytest.mark.parametrize(
    ("filters", "matches"),
    [
        (Filters(), True),
        (Filters(billions=7.6), True),
        (Filters(billions=7.7), False),
        (Filters(kind="blend"), True),
        (Filters(kind="copy"), False),
        (Filters(base="BOREALIS-1"), True),
        (Filters(base="qwen"), False),
        (Filters(organisation="Quick-Fox"), True),
        (Filters(organisation="quick"), False),
        (Filters(strength="strong"), True),
        (Filters(strength="exact"), True),
    ],
)
def test_filters(filters: Filters, matches: bool) -> None:
    """Each asks for one thing, and what is stored reads back."""
    assert Filters.read(filters.stored()) == filters
    assert filters.match(found()) is matches


def test_a_weak_finding_does_not_match_a_strong_wish() -> None:
    """Each strength holds those above it."""
    assert not Filters(strength="exact").match(found(strength="strong"))
    assert Filters(strength="strong").match(found(strength="strong"))
    assert not Filters(strength="indicative").match(found(strength=None))


@pytest.mark.parametrize("stored", [{"billions": "many", "kind": 3, "base": None}, {"billions": float("nan")}])
def test_filters_from_elsewhere(stored: dict[str, Any]) -> None:
    """What is not of the kind it should be asks for nothing."""
    assert Filters.read(stored) == Filters()


def test_budget() -> None:
    """One check a minute for each user, a few seconds between two in a server, a few at once, some hundred a day."""
    now = [0.0]
    budget = Budget(lambda: now[0])
    assert budget.take("a", "s") == 0.0
    assert budget.take("a", "other") == PER_USER_SECONDS
    assert budget.take("b", "s") == PER_SERVER_SECONDS
    for user in "cde":
        assert budget.take(user, "") == 0.0
    assert budget.running == AT_ONCE
    assert budget.take("f", "") > 0
    budget.give_back()
    assert budget.take("f", "") == 0.0
    for number in range(A_DAY):
        budget.give_back()
        now[0] += PER_USER_SECONDS
        if budget.take(str(number), "") > 0:
            break
    assert number == A_DAY - 5
    now[0] += 86_400.0
    assert budget.take("a", "s") == 0.0


def test_nonces_and_markers() -> None:
    """Equal for equal keys, different for different ones; a marker is a whole word of its footer."""
    assert len(nonce_of("k")) == NONCE_LENGTH
    assert nonce_of("k") == nonce_of("k") != nonce_of("l")
    marker = marker_of({"kind": "remark", "remark": 1, "case": "ab"})
    assert bears(f"{marker} · blendwatch", marker)
    assert bears(marker, marker)
    assert not bears("remark 1 on abc · blendwatch", marker)
    assert not bears(None, marker)


def test_honest_models_are_drawn_for_scale() -> None:
    """In grey, their share of the parent that is not declared; a broken one changes nothing."""
    share = {"a/x": [0.5, 0.4, 0.6], "b/y": [0.5, 0.4, 0.6]}
    parents = [{"repo_id": "a/x", "declared": True}, {"repo_id": "b/y", "declared": False}]
    honest = {"a/x": [0.9, 0.8, 1.0], "b/y": [0.1, 0.0, 0.2]}
    scale = [{"repo_id": "c/z", "profile": [{"layer": 1, "module": "q", "shares": honest}]}, None, {"profile": [7]}]
    report = {"profile": [{"layer": 1, "module": "q", "shares": share}], "parents": parents}
    plain, scaled = draw(report, WORDS), draw(report | {"scale": scale}, WORDS)
    assert plain is not None
    assert scaled is not None
    assert plain.png != scaled.png
    assert draw(report | {"scale": [None, {"profile": [7]}]}, WORDS) == plain


def test_a_picture_of_a_profile() -> None:
    """A PNG with what it shows in words; a report without a profile, or with a broken one, has none."""
    share = {"a/$x$": [0.5, 0.4, 0.6], "b/y": [0.25, 0.2, 0.3]}
    points = [{"layer": layer, "module": "q", "shares": share} for layer in range(-1, 3)]
    broken = [{"layer": "x"}, {"layer": 1, "shares": {"c": ["?"]}}, None, {"layer": 1e9, "shares": share}]
    picture = draw({"profile": points + broken}, WORDS)
    assert picture is not None
    assert picture.png.startswith(b"\x89PNG")
    assert (
        picture.alt
        == "A chart of 4 readings over 4 layers: a/$x$ between 0.500 and 0.500, b/y between 0.250 and 0.250."
    )
    for profile in ([], broken, "profile", None):
        assert draw({"profile": profile}, WORDS) is None


def sketch(values: list[float], row: int = 0) -> Sketch:
    """A sketch of one tensor."""
    sample = Sample(4, 4, row, np.array(values, np.float32))
    return Sketch(RepoRef("a/b", "c" * 40), SampleSpec(), {SliceKey("q", 0): sample})


def test_comparing() -> None:
    """Only what both have at the same coordinates is compared; a model of which nothing is stored is named."""
    stored = {"a": sketch([3.0, 4.0]), "b": sketch([3.0, 0.0]), "moved": sketch([3.0, 4.0], row=1)}
    compare = Comparer(stored.get)
    assert compare("a", "b") == {"weights": 2.0, "equal": 0.5, "apart": 0.8}
    assert compare("a", "moved")["weights"] == 0.0
    with pytest.raises(NotSampled, match="gone was never read"):
        compare("a", "gone")
