"""What an author is asked: neutral, complete, and nothing in it is a stranger's text."""

from __future__ import annotations

import re

import pytest

from analyzers.card.reader import read_card
from bot.alerts import author_notice
from tests.bot.alerts.kinds import KINDS, SUSPECT
from tests.bot.alerts.test_embeds import A, B, report

LINES = re.compile(r"declare it:\n\n((?:    .*\n)+)")


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_kind_that_a_card_could_mend_is_asked_about(name: str) -> None:
    """What was measured and declared, lines that our own reader takes as declarations, and how to object."""
    one = KINDS[name]
    text = author_notice.text(one, 48)
    accused = any(p["declared"] is not True for p in one["parents"]) and one["finding"] != "inconclusive"
    assert bool(text) is accused
    if text:
        lines = LINES.search(text)
        assert lines is not None
        card = read_card(f"---\n{lines[1].replace('    ', '')}---\n", (), {}, SUSPECT)
        assert set(card.disclosure("").parents) == {p["repo_id"] for p in one["parents"]}
        assert "If it is wrong" in text
        assert "48 hours after this message" in text
        assert not re.search(r"stol|steal|theft|fake|fraud|guilty|without permission|%|\]\(", text.lower())


def test_each_model_stands_with_its_share_and_what_the_card_says() -> None:
    """As plain Markdown."""
    text = author_notice.text(report(), 0.5)
    assert f"- `{A}` (0.565 of it): declared\n- `{B}` (0.435 of it): not declared\n" in text
    assert "0.5 hours" in text


@pytest.mark.parametrize("bad", ["a/b\n# x", "@everyone", "a/" + "b" * 97, "<script>"])
def test_a_name_that_the_hub_could_not_have_given_yields_no_text(bad: str) -> None:
    """Neither as the upload nor as a parent."""
    parents = [report()["parents"][0], report()["parents"][1] | {"repo_id": bad}]
    assert author_notice.text(report(parents=parents), 48) == ""
    assert author_notice.text(report(suspect=report()["suspect"] | {"repo_id": bad}), 48) == ""


def test_a_text_that_discord_would_not_take_is_none() -> None:
    """Nothing is cut out of it."""
    many = [{"repo_id": f"org{i}/" + "n" * 90, "coefficient": 0.1, "declared": False} for i in range(20)]
    assert author_notice.text(report(parents=many), 48) == ""
