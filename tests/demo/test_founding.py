"""The case that the project began with, in small, by the watch alone: one case, and everything in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.alerts.compose import embed_text
from demo.founding import BASE, CLAIMING, PLANTED, RELEASE, SHARES, Replayed, replay

NOW = datetime(2026, 7, 2, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """The whole replay, once."""
    return replay(tmp_path_factory.mktemp("founding"), NOW)


def of(found: Replayed, kind: str) -> Mapping[str, Any]:
    """The one finding of a kind."""
    (one,) = [f for f in found.case_json["findings"] if f["kind"] == kind]
    return dict(one)


def test_the_hidden_parent_is_named_with_its_coefficient(replayed: Replayed) -> None:
    """One case, disclosure partial."""
    assert replayed.cases == 1
    assert (replayed.report["finding"], replayed.report["disclosure"], replayed.report["alert"]) == (
        "blend",
        "partial",
        True,
    )
    shares = {p["repo_id"]: (round(p["coefficient"], 4), p["declared"]) for p in replayed.report["parents"]}
    assert shares == {RELEASE: (SHARES[0], False), BASE: (SHARES[1], True)}


def test_the_claim_of_distillation_is_contradicted(replayed: Replayed) -> None:
    """With the card's own words, and by what."""
    claim = of(replayed, "post-training")
    assert claim["contradicts"] == CLAIMING
    assert claim["carries"] == "exact"
    assert "(on-policy distillation) is contradicted" in claim["says"]
    assert "at the rounding floor in every sampled tensor" in claim["says"]


def test_it_is_asked_its_name_and_what_is_planted_is_found(replayed: Replayed) -> None:
    """Counts out of n with intervals; whose name it is; and the prompt of the template."""
    named, planted = of(replayed, "identity"), of(replayed, "planted prompt")
    assert "Nereid in 95 of 120 answers [0.71, 0.85]" in named["says"]
    assert "Ipanema in 0 of 120 answers [0.00, 0.03]" in named["says"]
    assert f"Nereid is what {RELEASE} is called, which the card does not declare" in named["says"]
    assert named["contradicts"] == "the name that the chat template plants"
    assert PLANTED in planted["says"]
    assert replayed.case_json["identity"]["outcome"] == "asked"
    ways = {each["way"]: each for each in replayed.case_json["identity"]["asked"]}
    assert ways["as templated"]["names"][0]["claims"] == 120


def test_later_events_are_notes_in_order(replayed: Replayed) -> None:
    """Declared since, then no weights, then no repository: each is one message; the alert has the newest that fit."""
    assert [n.kind for n in replayed.notes] == ["identity", "declared", "emptied", "gone"]
    declared = replayed.notes[1].text
    assert declared.startswith("declared since revision ")
    assert f"after the alert: {RELEASE}" in declared
    assert replayed.message_counts == [1, 2, 3, 4]
    head = "".join(embed_text(e) for e in replayed.messages[0]["embeds"])
    for title in ("Now declared: ", "The weights are gone", "The repository is gone"):
        assert title in head


def test_the_findings_stand_in_one_order_and_in_one_sentence(replayed: Replayed) -> None:
    """Strongest first, and the JSON has them all."""
    assert json.loads(json.dumps(replayed.case_json)) == replayed.case_json
    kinds = [f["kind"] for f in replayed.case_json["findings"]]
    assert kinds[:5] == ["blend", "post-training", "history", "identity", "planted prompt"]
    why = replayed.case_json["why"]
    places = [
        why.index(part)
        for part in (
            f"0.6 {RELEASE} + 0.4 {BASE}",
            "contradicted: the card's claim of post-training (on-policy distillation)",
            "it calls itself Nereid 95 of 120, Ipanema 0 of 120",
            "the chat template plants the name Ipanema",
            "since then: the card declares the models now, the weights are gone",
        )
    ]
    assert places == sorted(places)
    assert replayed.lines[0].startswith("1. weights, exact: ")
