"""Anybody understands an alert in five seconds: every kind of finding, in every state that a case comes into."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest

from analyzers.card.reader import read_card
from bot.alerts import compose
from bot.alerts.compose import embed_text
from bot.alerts.embeds import alert_embed, evidence_embed
from bot.alerts.evidence import plain
from bot.alerts.glossary import linked
from bot.alerts.outcome import HOLDS_AGAIN, STATES, Outcome, note_line, state_of
from bot.text.sanitize import unmarked, width
from bot.text.words import catalogues, words_for
from tests import ROOT
from tests.bot.alerts.kinds import KINDS, SUSPECT
from tests.bot.alerts.test_embeds import ANSWERS, B, report, seen

LOCALES = sorted(catalogues())
LINES = re.compile(r"^base_model:\n(?:- .*\n)+(?:base_model_relation: .*)?", re.MULTILINE)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", sorted(KINDS))
@pytest.mark.parametrize("answer", ANSWERS)
def test_every_kind_answers_the_five_questions_first(locale: str, name: str, answer: Any) -> None:
    """Which upload, made of what, what its card says, how sure, what its author can do: in 350 characters of 700."""
    words, one = words_for(locale), KINDS[name]
    text = seen(dict(alert_embed(one, words, answer=answer).to_dict()))
    assert len(text) <= 700
    first = text[:350]
    assert SUSPECT in text.partition("\n")[0]
    assert all(p["repo_id"] in first for p in one["parents"])
    assert not one["strength"] or "order" in name or linked(words(f"alert.sure.{one['strength']}"), "") in first
    accused = one["alert"] or "named" in name
    assert (linked(words(f"alert.mend.{answer}"), "") in first) is accused
    assert ("base_model:" in text) is accused
    assert not re.search(r"stol|steal|theft|fake|fraud|guilty|without permission|roub|furt|%", text.lower())


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("length", [20, 193])
def test_the_five_answers_come_first_whatever_the_names(locale: str, length: int) -> None:
    """Names of up to what the Hub allows, and more models than have a line, in each state: 350 characters of 700."""
    words, happened = words_for(locale), [note_line("2026-11-23T14:05", "x" * 300, "y" * 300)] * 3
    for one, answer, state in product(KINDS.values(), ANSWERS[:1], ("", "withdrawn")):
        for more in (4,) if one["parents"] else (0,):
            outcome = Outcome(state, happened if state else ())
            text = seen(dict(alert_embed(renamed(one, length, more), words, outcome, answer).to_dict()))
            assert width(text) <= 700
            ends = [unmarked(linked(words(f"alert.mend.{key}"), "")) for key in (answer, "long")]
            assert all(text.index(end) + len(end) <= 350 for end in ends if end in text)


def renamed(one: dict[str, Any], length: int, more: int) -> dict[str, Any]:
    """A report whose names have so many characters, with `more` models."""
    extra = [{"repo_id": f"x{n}", "coefficient": 0.01, "declared": False, "said": "absent"} for n in range(more)]
    found = [*one["parents"], *extra]
    names = [f"o{n}".ljust(length // 2, "r") + "/".ljust(length - length // 2, "m") for n in range(len(found) + 1)]
    parents = [each | {"repo_id": name} for each, name in zip(found, names[1:], strict=True)]
    return one | {"parents": parents, "suspect": {"repo_id": names[0], "revision": "a" * 40}}


def test_the_lines_for_the_card_are_read_as_declarations() -> None:
    """Whoever copies them declares every model that was found, to our own reader of cards."""
    found = 0
    for one in KINDS.values():
        lines = LINES.search(seen(dict(alert_embed(one).to_dict())))
        if lines is not None:
            card = read_card(f"---\n{lines[0].strip()}\n---\n# A model\n", (), {}, SUSPECT)
            assert set(card.disclosure("").parents) == {p["repo_id"] for p in one["parents"]}
            found += 1
    assert found > 10


def test_what_the_card_declares_stays_in_its_lines() -> None:
    """A blend's lines keep a declared model that was not found; a copy's name what it is a copy of, and that alone."""
    card = {"parents": ["a/Declared-1"], "where": {"a/Declared-1": "front matter"}}
    assert "base_model:\n- a/Declared-1\n- " in plain(report(declared=card))
    one = [report()["parents"][1] | {"coefficient": 1.0}]
    copy = seen(dict(alert_embed(report(finding="copy", parents=one, declared=card)).to_dict()))
    assert f"base_model:\n- {B}\n" in copy
    assert "a/Declared-1" not in copy


def test_lines_that_do_not_fit_are_in_the_evidence() -> None:
    """Names are never cut in them."""
    found = [{"repo_id": f"org{i}/" + "n" * 90, "coefficient": 0.2, "declared": False} for i in range(5)]
    text, _, evidence = plain(report(parents=found)).partition("\nEvidence: ")
    assert "base_model" not in text
    assert "the lines are in the evidence" in text
    assert all(f"- {one['repo_id']}\n" in evidence for one in found)


@pytest.mark.parametrize("name", ["a/b/c", "a/b: {x", "- a/b", "a/b\nlicense: mit", "a--b/c"])
def test_only_a_well_formed_name_gets_into_lines_for_the_card(name: str) -> None:
    """An author is never asked to copy a stranger's text."""
    found = [*report()["parents"], {"repo_id": name, "coefficient": None, "declared": False}]
    assert "base_model" not in plain(report(parents=found))


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("state", STATES)
def test_title_colour_and_first_sentence_follow_the_case(state: str, locale: str) -> None:
    """Whatever has become of it stands first; what its card declares now is held against nobody."""
    words = words_for(locale)
    embed: dict[str, Any] = dict(alert_embed(report(), words, Outcome(state), "channel").to_dict())
    text = seen(embed)
    assert embed["title"].startswith(words(f"alert.headline.{state}"))
    assert text.split("\n")[1] == linked(words(f"alert.first.{state}"), "")
    loud = state == "withdrawn"
    assert (embed["color"] == compose.COLOURS["blend"]) is loud
    assert ("base_model" in text) is loud
    assert (words("alert.fairness.nothing") in text) is not loud
    assert (words(f"alert.mend.{'closed' if state == 'declared' else 'nothing'}") in text) is not loud
    assert (f": {words('alert.parent.absent')}" in text) is (state not in ("declared", "retracted"))
    if state == "declared":
        assert (embed["color"], words("alert.parent.since") in text) == (compose.DECLARED_COLOUR, True)


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        ("", ""),
        ("identity confirmed moved card", ""),
        ("declared card", "declared"),
        ("declared withdrawn", "withdrawn"),
        ("declared withdrawn declared gone", "declared"),
        ("weights judged", "weights"),
        ("weights restored", ""),
        ("weights emptied gone", "gone"),
        ("gone returned", ""),
        ("declared retracted", "retracted"),
        ("corrected weights", "corrected"),
    ],
)
def test_the_state_is_what_the_notes_say_last(kinds: str, state: str) -> None:
    """Of each thing its last note, and of several things what is best for the author."""
    assert state_of([(kind, "text") for kind in kinds.split()]) == state


def test_people_bring_a_case_into_a_state_too() -> None:
    """Moderators dismiss it, we take it back, and a correction that is taken back is none."""
    assert state_of([], dismissed=True) == "dismissed"
    assert state_of([("declared", "")], dismissed=True) == "declared"
    assert state_of([("declared", "")], retracted=True) == "retracted"
    assert state_of([("corrected", "x"), ("corrected", f"{HOLDS_AGAIN} by the method of today")]) == ""


def test_what_happened_loses_the_codes_of_commits_before_words() -> None:
    """A code, then the last sentences go; a line below the newest is shown whole or not at all."""
    note = f"declared since revision bebae86f6fee, after the alert: {B}. Before, the card named a/A. By the commits: x"
    line = note_line("2026-11-23T14:05:00Z", "The card", note)
    assert "revision bebae86f6fee" in line(300)
    assert line(110).endswith(f"declared, after the alert: {B}. Before, the card named a/A")
    assert line(85).endswith(f"declared, after the alert: {B}")
    later = [note_line("2026-11-23T14:05:00Z", "The card", "changed"), *[line] * 9]
    fields = alert_embed(report(), outcome=Outcome("declared", later)).to_dict()["fields"]
    assert "…" not in fields[0]["value"]


@pytest.mark.parametrize("locale", LOCALES)
def test_a_finding_on_former_weights_says_of_which_day(locale: str) -> None:
    """Neither the finding nor what the card said is told of what is there now."""
    words = words_for(locale)
    for state in ("weights", "emptied", "gone", "taken", "corrected"):
        text = seen(dict(alert_embed(report(), words, Outcome(state)).to_dict()))
        what = linked(words("alert.what.blend"), "")
        assert words("alert.then", at="2026-11-23", what=what) in text
        assert f": {words('alert.parent.then')}\n" in text


def test_an_unknown_order_accuses_nobody() -> None:
    """Neither in the title nor in a line nor by its colour; the verdict's own sentence says so."""
    embed: dict[str, Any] = dict(alert_embed(KINDS["linear, order unknown"]).to_dict())
    assert embed["title"].startswith("Alike, unknown which came first: ")
    assert "declare" not in seen(embed)
    assert embed["color"] == compose.QUIET_COLOUR


@pytest.mark.parametrize("finding", ["blend", "copy", "derivative"])
def test_a_report_without_an_order_accuses_nobody(finding: str) -> None:
    """What an older version or a truncated report does not say is taken as unknown."""
    one = {key: value for key, value in report(finding=finding).items() if key != "order_known"}
    embed: dict[str, Any] = dict(alert_embed(one).to_dict())
    assert embed["title"].startswith("Alike, unknown which came first: ")
    assert "declare" not in seen(embed)
    assert embed["color"] == compose.QUIET_COLOUR
    nothing = {key: value for key, value in KINDS["unrelated"].items() if key != "order_known"}
    assert str(alert_embed(nothing).title).startswith("No known model found: ")


@pytest.mark.parametrize("locale", LOCALES)
def test_every_term_links_to_the_glossary(locale: str) -> None:
    """Where it is published; its address is nothing that a reader counts, and no stranger's text becomes a link."""
    words, page = words_for(locale), "https://docs.example/glossary"
    one = report(suspect={"repo_id": "a/[strong](#strong)", "revision": "a" * 40})
    embed: dict[str, Any] = dict(alert_embed(one, words, glossary=page).to_dict())
    terms = re.findall(r"\]\(https://docs\.example/glossary#([a-z-]+)\)", embed["description"])
    assert {"blend", "declared", "exact", "tell-tale-weight", "card"} <= set(terms)
    assert "strong" not in terms
    assert seen(embed) == seen(dict(alert_embed(one, words).to_dict()))


def test_the_bar_has_a_part_for_each_model() -> None:
    """Shares are hundredths that make a whole; what lies outside of 0 and 1 has none."""
    assert "███████▒▒▒▒▒ 56 / 44\n█ " in seen(dict(alert_embed(report()).to_dict()))
    noise = [
        parent | {"coefficient": parent["coefficient"] + off}
        for parent, off in zip(report()["parents"], (3e-9, -3e-9), strict=True)
    ]
    assert "56 / 44" in seen(dict(alert_embed(report(parents=noise)).to_dict()))
    four = [{"repo_id": f"a/{i}", "coefficient": c, "declared": False} for i, c in enumerate((0.4, 0.3, 0.2, 0.1))]
    text = seen(dict(alert_embed(report(parents=four)).to_dict()))
    assert "█████▒▒▒░░░▓ 40 / 30 / 20 / 10" in text
    assert "\n1 more\n" in text
    assert "62 / 38" in seen(dict(alert_embed(KINDS["stack"]).to_dict()))


@pytest.mark.parametrize("locale", LOCALES)
def test_every_term_has_its_sentence_in_the_evidence(locale: str) -> None:
    """Those of an alert alone, in the reader's language; a stranger's text is no term."""
    words = words_for(locale)
    used = {term for text in words.texts.values() for term in ANCHOR.findall(text)}
    assert used == {key.removeprefix("term.") for key in words.texts if key.startswith("term.")}
    one = report(suspect={"repo_id": "a/[strong](#strong)"})
    shown = embed_text(evidence_embed(one, words).to_dict())
    assert all(unmarked(words(f"term.{term}")) in shown for term in ("blend", "declared", "exact", "tell-tale-weight"))
    assert unmarked(words("term.strong")) not in shown
    assert "](" not in str(alert_embed(one, words).description)


def test_the_sentences_are_those_of_the_glossary() -> None:
    """docs/glossary.md has each first, under the term's heading."""
    page = (ROOT / "docs" / "glossary.md").read_text()
    begins = {head.lower().replace(" ", "-"): text for head, text in re.findall(r"^## (.+)\n(.+)$", page, re.MULTILINE)}
    own = {k.removeprefix("term."): v for k, v in words_for("en").texts.items() if k.startswith("term.")}
    assert len(own) > 10
    assert [term for term, text in own.items() if not begins[term].startswith(text)] == []


ANCHOR = re.compile(r"\]\(#([a-z-]+)\)")
