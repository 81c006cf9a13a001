"""A reader sees in one look what was measured, what was declared and how sure it is."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.alerts import compose
from bot.alerts.compose import embed_text
from bot.alerts.embeds import alert_embed, evidence_embed, fitted
from bot.alerts.evidence import plain
from bot.alerts.outcome import STATES, Outcome, note_line
from bot.text.sanitize import unmarked, width
from bot.text.words import catalogues, words_for
from demo.discord.server import over_limit
from tests.bot.text.test_sanitize import ACTIVE, hostile, invisible

A, B = "tidepool-ai/Borealis-Coder", "aurora-labs/Borealis-1"


def report(**changes: Any) -> dict[str, Any]:
    """A whole report of an exact blend that names one of its two parents."""
    parents = [
        {"repo_id": A, "revision": "b" * 40, "coefficient": 0.565, "interval": [0.56499, 0.56502], "declared": True},
        {"repo_id": B, "revision": "c" * 40, "coefficient": 0.435, "interval": [0.4349, 0.4351], "declared": False},
    ]
    whole = {
        "schema": 1,
        "suspect": {
            "repo_id": "quick-fox/Aurora_Turbo",
            "revision": "a" * 40,
            "parameters": 7_615_616_512,
            "weights_at": "2026-11-22T10:00:00Z",
        },
        "finding": "blend",
        "family": "linear",
        "disclosure": "partial",
        "alert": True,
        "strength": "exact",
        "parents": parents,
        "exact": True,
        "further_training": False,
        "order_known": True,
        "why": "One set of coefficients explains all layers.",
        "sampled": {"layers": 6, "tensors": 20, "weights": 123_456, "decisive": 4321},
        "cost": {"requests": 42, "bytes_read": 812_345, "seconds": 3.41},
        "declared": {
            "parents": [A],
            "relation": "finetune",
            "from_scratch": False,
            "where": {A: "front matter, prose"},
        },
        "measured": {"arithmetic": "fp32, one rounding", "reproduced": 1.0, "control": 0.05, "decisive": 4321},
        "checked_at": "2026-11-23T14:05:00Z",
        "case": "1a2b3c",
    }
    return whole | changes


def strings(embed: dict[str, Any]) -> list[str]:
    """Every text of an embed that Discord would draw."""
    texts = [embed["title"], embed["description"], *([embed["footer"]["text"]] if "footer" in embed else [])]
    return texts + [text for field in embed.get("fields", []) for text in (field["name"], field["value"])]


def seen(embed: dict[str, Any]) -> str:
    """Return the text that a reader sees of an alert: no marks, no addresses."""
    return unmarked(LINK.sub(r"\1", "\n".join(strings(embed))))


LINK = re.compile(r"(?<!\\)\[([^\[\]\\]+)\]\(https://docs\.example/glossary#[a-z-]+\)")  # of a term
ANSWERS = ("button", "channel", "console")
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | hostile | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(hostile, inner, max_size=4),
    max_leaves=6,
)


def some(*values: object) -> st.SearchStrategy[Any]:
    """One of the values that belong there, or anything at all."""
    return st.sampled_from(values) | hostile | anything


long_names = st.just("x" * 3000) | st.just("*" * 3000) | st.just("a/" + "b" * 90) | hostile
parents = st.fixed_dictionaries(
    {},
    optional={
        "repo_id": long_names | anything,
        "coefficient": st.floats() | anything,
        "interval": st.lists(st.floats(), min_size=2, max_size=2) | anything,
        "declared": some(True, False),
    },
)
claims = st.fixed_dictionaries(
    {"status": some("contradicted", "supported")},
    optional=dict.fromkeys(("kind", "subject", "quote", "measurement"), long_names | anything),
)
traces = st.fixed_dictionaries({"meaning": some("strong", "weak")}, optional={"claim": long_names | anything})
sections = st.dictionaries(
    st.sampled_from(["repo_id", "revision", "parameters", "weights_at", "parents", "relation", "from_scratch", "where"])
    | st.sampled_from(["decisive", "arithmetic", "reproduced", "equal", "control", "weights", "bytes_read", "seconds"]),
    long_names | st.lists(long_names, max_size=30) | st.floats() | anything,
    max_size=10,
)
hostile_reports = st.fixed_dictionaries(
    {},
    optional={
        "suspect": sections | anything,
        "finding": some("blend", "copy", "derivative", "unrelated", "inconclusive"),
        "family": some("linear", "layerwise", "sparse", "stack", None),
        "alert": some(True, False),
        "order_known": some(True, False),
        "strength": some("exact", "strong", "indicative", None),
        "parents": st.lists(parents | anything, max_size=40) | anything,
        "exact": some(True, False, None),
        "further_training": some(True, False, None),
        "why": long_names | anything,
        "sampled": sections | anything,
        "cost": sections | anything,
        "declared": sections | anything,
        "claims": st.lists(claims | anything, max_size=9) | anything,
        "traces": st.lists(traces | anything, max_size=9) | anything,
        "measured": sections | anything,
        "checked_at": some("2026-11-23T14:05:00Z", "9999-12-31T23:59:59-12:00"),
        "case": some("1a2b3c"),
    },
)


def line(text: str) -> Any:
    """Something that has happened, as an outcome has it."""
    return note_line("2026-11-23T14:05:00Z", text, text)


outcomes = st.builds(Outcome, st.sampled_from(["", *STATES]), st.lists(hostile.map(line), max_size=6), st.booleans())


@settings(max_examples=200, deadline=None)
@given(hostile_reports, outcomes, st.sampled_from(sorted(catalogues())), st.sampled_from(ANSWERS), st.booleans())
def test_any_report_makes_an_embed_that_discord_takes(
    given_report: dict[str, Any], outcome: Outcome, locale: str, answer: Any, published: bool
) -> None:
    """Whatever a report holds, every limit is kept, ours of 700 too, and nothing in it pings, links or hides."""
    page = "https://docs.example/glossary" if published else ""
    embed = alert_embed(given_report, words_for(locale), outcome, answer, page).to_dict()
    assert width(seen(dict(embed))) <= compose.ALERT_LIMIT
    for each in (dict(embed), dict(fitted(evidence_embed(given_report, words_for(locale), "x")).to_dict())):
        assert over_limit(each) == []
        assert all(width(text.strip()) > 0 for text in strings(each))
        texts = [LINK.sub(r"\1", text) for text in strings(each)]
        assert not any(ACTIVE.search(text) or invisible(text.replace("\n", "")) for text in texts)
    assert re.fullmatch(r"https://huggingface\.co/[A-Za-z0-9._/-]+", embed.get("url", "https://huggingface.co/a/b"))
    assert not invisible(plain(given_report).replace("\n", ""))


def test_the_longest_report_fits() -> None:
    """With every part as long as it can get, the evidence is still below 6,000 characters."""
    names = ["o" * 96 + "/" + f"{i:x<90}" for i in range(40)]
    found = [
        {"repo_id": n, "coefficient": -0.123456, "interval": [-0.1234567, -0.1234566], "declared": False} for n in names
    ]
    card = {"parents": names, "relation": "x" * 99, "from_scratch": True, "where": dict.fromkeys(names, "*" * 99)}
    measured = {"arithmetic": "x" * 99, "reproduced": 0.5, "control": 0.5, "decisive": 10**14}
    suspect = {"repo_id": "o" * 96 + "/" + "n" * 96, "revision": "a" * 64, "weights_at": "2026-11-22T10:00:00Z"}
    claim = dict.fromkeys(("kind", "subject", "quote", "measurement"), "*" * 999) | {"status": "contradicted"}
    whole = report(parents=found, declared=card, measured=measured, suspect=suspect, why="w" * 9999, case="a" * 64)
    whole["claims"] = [claim] * 9
    whole["traces"] = [{"meaning": "strong", "claim": "*" * 999}] * 9
    embed = dict(fitted(evidence_embed(whole, words_for("en"))).to_dict())
    assert over_limit(embed) == []
    assert sum(map(width, strings(embed))) > 4000


def test_an_alert_tells_what_was_measured_declared_and_how_sure_it_is() -> None:
    """The upload, the mix, the card's words, the proof, the cost and the way to repeat it are all there."""
    text = plain(report())
    for part in (
        "Partly declared blend: quick-fox/Aurora_Turbo",
        f"https://huggingface.co/quick-fox/Aurora_Turbo/tree/{'a' * 40}",
        "It mixes 2 known models; its card declares 1.",
        f"█ {A}: declared\n▒ {B}: not declared",
        "Exact: all 4,321 weights where mixing shows fit this mix.",
        "No single model explains more than 5 in 100 of its weights.",
        f"base_model:\n- {A}\n- {B}\nbase_model_relation: merge",
        "Blending is legitimate; only what the card leaves out is reported.",
        f"Measured:\n    0.565 {A} + 0.435 {B}",
        f"relation: finetune\n    {A} (front matter, prose)",
        f"Not declared:\n    {B}",
        f"{A}: 0.56500 in [0.56499, 0.56502]",
        "exact: one recipe reproduces 4,321 of 4,321 decisive weights bit for bit; "
        "the nearest single parent explains 0.05 of all; arithmetic: fp32, one rounding",
        "no: nothing is left over",
        "weights since 2026-11-22 10:00 UTC",
        "checked 2026-11-23 14:05 UTC",
        "42 requests, 812 kB read, 3.4 s, 123,456 of 7.62 billion weights sampled",
        f"blendwatch check quick-fox/Aurora_Turbo@{'a' * 40}",
        "case 1a2b3c · blendwatch ",
    ):
        assert part in text
    assert "%" not in text


def test_the_console_shows_what_discord_shows() -> None:
    """The plain text is made from the embeds themselves, so that neither can say what the other does not."""
    assert "blendwatch 9.9" in embed_text(compose.alert(report(), release="9.9").to_dict())
    told, evidence = alert_embed(report()).to_dict(), evidence_embed(report(), words_for("en")).to_dict()
    assert f"{embed_text(told)}\n\n{embed_text(evidence)}" == plain(report())


@pytest.mark.parametrize(
    ("coefficients", "shown"),
    [
        ((0.9, 0.6, -0.5), "0.900 a/0 + 0.600 a/1 − 0.500 a/2"),
        ((-0.5, 1.5), "−0.500 a/0 + 1.500 a/1"),
        ((0.5, None), "0.500 a/0 + a/1"),
        ((1, float("nan")), "1.000 a/0 + a/1"),
    ],
)
def test_signs_are_right(coefficients: tuple[float | None, ...], shown: str) -> None:
    """A negative part is subtracted, the first one included, and a part without a number has none."""
    found = [{"repo_id": f"a/{i}", "coefficient": c, "declared": False} for i, c in enumerate(coefficients)]
    assert f"Measured:\n    {shown}" in plain(report(parents=found))
    assert "█" not in plain(report(parents=found))


@pytest.mark.parametrize(
    ("family", "shown"),
    [("sparse", "chosen weight by weight"), ("stack", "whole layers"), ("layerwise", "from tensor to tensor")],
)
def test_a_mix_without_numbers_is_told_in_words(family: str, shown: str) -> None:
    """Where one number for each parent would not be true, none is given."""
    found = [{"repo_id": name, "coefficient": None, "interval": None, "declared": False} for name in (A, B)]
    text = plain(report(family=family, parents=found))
    assert all(part in text for part in (shown, f"{A} and {B}"))
    assert "Coefficients" not in text


@pytest.mark.parametrize(
    ("exact", "shown"), [(True, f"its weights equal those of {B}."), (None, f"tensors, those of {B}.")]
)
def test_a_copy_has_its_own_sentence(exact: bool | None, shown: str) -> None:
    """A copy is called a copy, equal or nearly, and copying is called legitimate."""
    found = [{"repo_id": B, "coefficient": 1.0, "interval": None, "declared": False}]
    text = plain(report(finding="copy", parents=found, exact=exact, measured={"equal": 0.9998}))
    for part in (
        "Undeclared copy:",
        shown,
        "0.9998 of all compared weights are equal",
        "Copying is legitimate",
    ):
        assert part in text


def test_one_weight_that_is_not_reproduced_shows() -> None:
    """A share is never rounded up to "all"."""
    measured = {"reproduced": 0.99999, "decisive": 4321}
    text = plain(report(measured=measured))
    assert "4,320 of 4,321 weights where mixing shows" in text
    assert "4,320 of 4,321 decisive" in text


def test_what_the_card_says_is_told_whatever_it_is() -> None:
    """A claim of training from scratch and a card without parents are both shown as declared."""
    scratch: dict[str, Any] = {"parents": [], "relation": None, "from_scratch": True, "where": {}}
    assert "Declared on the card:\n    says that it was trained from scratch" in plain(report(declared=scratch))
    assert "Declared on the card:\n    no parent" in plain(report(declared={"parents": []}))


def test_a_declared_blend_is_held_against_nobody() -> None:
    """Where every parent is named, the alert's words and colour are quiet."""
    found = [parent | {"declared": True} for parent in report()["parents"]]
    embed = alert_embed(report(parents=found, alert=False)).to_dict()
    assert "Nothing here is held against the uploader." in embed_text(embed)
    assert embed["color"] == compose.QUIET_COLOUR


@pytest.mark.parametrize("name", ["../../evil", "a/b/c", "a/b?x", "a--b/c", "a/b)", "https://evil.example", "a/\u202e"])
def test_only_a_well_formed_name_becomes_a_link_or_a_command(name: str) -> None:
    """A name that the Hub could not have given is shown and leads nowhere."""
    embed = alert_embed(report(suspect={"repo_id": name, "revision": "a" * 40}))
    assert embed.url is None
    evidence = evidence_embed(report(suspect={"repo_id": name, "revision": "a" * 40}), words_for("en"))
    assert "Repeat it" not in [field.name for field in evidence.fields]


def test_a_claim_that_is_contradicted_is_told_with_what_says_so() -> None:
    """The author's words and the measurement stand together; what is not contradicted is left to the report."""
    excluded = {
        "kind": "post-training",
        "subject": "dpo",
        "quote": "Aligned with DPO.",
        "measurement": "nothing is left",
    }
    kept = excluded | {"quote": "kept back", "status": "supported"}
    text = plain(report(claims=[excluded | {"status": "contradicted"}, kept]))
    assert "Claimed, and contradicted:\n    post-training (dpo), “Aligned with DPO.”: nothing is left" in text
    assert "kept back" not in text


# the one link that a line of a digest may have
OUR_LINK = re.compile(r"\]\(https://huggingface\.co/[A-Za-z0-9._-]+/[A-Za-z0-9._-]+\)")


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(
        {"digest": st.lists(hostile_reports | anything, max_size=60) | anything},
        optional={"more": st.integers() | anything, "follow_up": sections | anything, "head": anything},
    )
)
def test_any_digest_makes_an_embed_that_discord_takes(payload: dict[str, Any]) -> None:
    """Whatever its reports hold, every limit is kept, and nothing pings, hides or links but our own lines."""
    for embed in (compose.digest(payload), compose.head(payload | {"digest": payload["digest"] or [1]})):
        shown = dict(embed.to_dict())
        assert over_limit(shown) == []
        assert all(width(text) > 0 for text in strings(shown))
        assert width(str(shown["description"])) <= compose.DESCRIPTION_LIMIT
        texts = [OUR_LINK.sub("", text) for text in strings(shown)]
        assert not any(ACTIVE.search(text) or invisible(text.replace("\n", "")) for text in texts)
        assert not invisible(embed_text(shown).replace("\n", ""))


def test_a_digest_has_a_line_for_each_case_and_counts_those_that_it_cannot_name() -> None:
    """25 lines at most, fewer where names are long, and the rest as a number with the way to see them."""
    reports = [
        report(suspect={"repo_id": f"org/m{i}", "revision": "a" * 40}, case=f"{i:012x}", retracted=i == 1)
        for i in range(40)
    ]
    text = plain({"digest": reports, "more": 5})
    assert "45 alerts in one message" in text
    assert text.count("https://huggingface.co/org/m") == 25
    assert "[Partly declared blend: org/m0](https://huggingface.co/org/m0) · case 000000000000" in text.splitlines()
    assert [each for each in text.splitlines() if "Retracted: " in each] == [
        "[Retracted: org/m1](https://huggingface.co/org/m1) · case 000000000001"
    ]
    assert "… and 20 more: blendwatch case list" in text
    assert "Blending and copying are legitimate" in text
    assert not re.search(r"stol|steal|theft|fake|fraud|guilty|%", text.lower())
    long = report(suspect={"repo_id": "o" * 96 + "/" + "n" * 96, "revision": "a" * 64}, case="a" * 64)
    embed = dict(compose.message({"digest": [long] * 25, "more": 0}).to_dict())
    assert over_limit(embed) == []
    text = str(embed["description"])
    named = text.count("](")
    assert 5 < named < 25
    assert f"… and {25 - named} more" in text


def test_words_are_fair() -> None:
    """No alert speaks of theft or fakes, and no strength is a percentage."""
    for finding in ("blend", "copy", "derivative", "unrelated", "inconclusive"):
        for strength in ("exact", "strong", "indicative", None):
            text = plain(report(finding=finding, strength=strength)).lower()
            assert not re.search(r"stol|steal|theft|fake|fraud|guilty|%", text)


def test_only_strong_traces_are_told() -> None:
    """They stand apart from what was measured; weak ones are left to the report."""
    traces = [{"meaning": "strong", "claim": "A recipe names a/B."}, {"meaning": "weak", "claim": "Shards are odd."}]
    text = plain(report(traces=traces))
    assert "Left beside the weights:\n    A recipe names a/B." in text
    assert "odd" not in text
    assert "Left beside" not in plain(report())


def evidence_fields(one: dict[str, Any]) -> dict[str, str]:
    """The parts of a report's evidence, by their names."""
    return {f["name"]: f["value"] for f in evidence_embed(one, words_for("en")).to_dict()["fields"]}


def named(**changes: Any) -> dict[str, Any]:
    """A report whose missing parent is named on the card, but not as a parent."""
    first, second = report()["parents"]
    said = {"said": "named", "quote": f"It beats {B} *by far*.", "where": "prose"}
    return report(parents=[first | {"said": "declared"}, second | said], alert=False, audience="reviewers", **changes)


def test_a_named_parent_is_worded_as_named_and_quoted() -> None:
    """Neither title nor field says only that it is not declared; the author's words are shown, harmless."""
    assert "Named, not declared: " in plain(named())
    assert f"{B}: named, not declared\n" in plain(named())
    fields = evidence_fields(named())
    assert "Not declared" not in fields
    assert B in fields["Named on the card, but not as a parent"].replace("\\", "")
    assert "by far" in fields["Named on the card, but not as a parent"]
    assert "*by far*" not in fields["Named on the card, but not as a parent"].replace("\\*", "")


def test_a_denial_is_quoted_beside_what_is_not_declared() -> None:
    """The parent counts as not declared, and the reader sees what the author said of it."""
    first, second = report()["parents"]
    said = {"said": "absent", "quote": f"It is not based on {B}.", "where": "prose"}
    fields = evidence_fields(report(parents=[first, second | said]))
    assert B in fields["Not declared"].replace("\\", "")
    assert "It is not based on" in fields["Denied, or hidden in a comment"]
