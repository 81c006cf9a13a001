"""Whatever uploaders, members and authors write: Discord takes it, and nothing in it pings, links or hides."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.alerts.filters import Filters
from bot.chat.commands.subscribe import described, preview
from bot.chat.embeds import ANSWER_LENGTH, remark_text
from bot.chat.forms import form
from bot.chat.messages import Drafts
from bot.chat.publisher import Policy
from bot.text.words import catalogues
from demo.discord.limits import form_refused, refused
from state.case_records import NewRemark, Remark, Subscription
from state.cases.messages import case_row, channel_destination, news_row, review_row
from state.cases.publications import Publications
from state.cases.subscriptions import Subscriptions
from state.database.rows import as_message
from state.records import Note
from state.store import Store
from tests.bot.alerts.test_embeds import hostile_reports, long_names
from tests.bot.chat.stage import found
from tests.bot.text.test_sanitize import ACTIVE, hostile, invisible
from tests.state.events import case_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LANGUAGES = st.sampled_from(sorted(catalogues()))
texts = hostile | long_names.filter(lambda value: isinstance(value, str))
reports = hostile_reports.map(lambda given_report: given_report | {"profile": []})
MENTION = re.compile(r"<@&?[0-9]+>|<#[0-9]+>|<t:[0-9]+:R>")  # what we write ourselves; embeds ping nobody
slow = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def harmless(payload: dict[str, Any]) -> bool:
    """Would Discord take it, and is nothing in it active or hidden?"""
    assert refused(payload, ["mix.png"]) is None
    drawn: list[str] = [str(payload.get("content") or "")]
    for embed in payload.get("embeds", []):
        drawn += [embed.get("title", ""), embed.get("description", ""), embed.get("footer", {}).get("text", "")]
        drawn += [text for field in embed.get("fields", []) for text in (field["name"], field["value"])]
    for text in drawn:
        plain = MENTION.sub("", text).replace("```", "").replace("\n", "")
        assert not ACTIVE.search(plain), plain
        assert not invisible(plain)
    return True


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """An empty store."""
    with Store.open(f"sqlite:///{tmp_path_factory.mktemp('limits') / 'state.db'}") as opened:
        yield opened


@pytest.fixture(scope="module")
def drafts(store: Store) -> Drafts:
    """What makes drafts, over a store with one subscription."""
    subscriptions = Subscriptions(store.engine)
    subscriptions.put(Subscription("1", "10", role_id="77"), NOW)
    return Drafts(Publications(store.engine), subscriptions, Policy("90", reviewers=1))


@example(given_report={"measured": {"<:sign:1>": "[a](b)"}, "profile": []}, said=["a"] * 4, locale="en", number=0)
@slow
@given(reports, st.lists(texts, min_size=4, max_size=4), LANGUAGES, st.integers(0, 10**11))
def test_any_case_makes_messages_that_discord_takes(
    store: Store, drafts: Drafts, given_report: dict[str, Any], said: list[str], locale: str, number: int
) -> None:
    """The alert with all that was said about it, the reviewers' message, and a note: all within every limit."""
    case_id = f"{number:012x}"
    report = {k: v for k, v in given_report.items() if k != "case"} | {"case": case_id}
    suspect = report.get("suspect")
    report["suspect"] = suspect if isinstance(suspect, dict) and "repo_id" in suspect else {"repo_id": "a/b"}
    if not _storable(report):
        return
    here = channel_destination("1", "10")
    drafts.subscriptions.put(Subscription("1", "10", role_id="77", locale=locale), NOW)
    case_of(store, report)
    drafts.cases.open(case_id, "published", [case_row(case_id, here)], NOW)
    for kind, text in zip(("acknowledge", "dismiss"), said, strict=False):
        drafts.cases.add_remark(NewRemark(case_id, kind, "5", text, "1"), NOW)  # type: ignore[arg-type]
    drafts.cases.answer(NewRemark(case_id, "answer", "6", said[2]), channel_destination("reviewers", "90"), NOW)
    answer = drafts.cases.remarks(case_id)[-1]
    if answer.state == "open":
        drafts.cases.settle_answer(answer.id, "accepted", "7", NOW)
    store.cases.note(Note(case_id, "retracted", said[3], f"{case_id}:retracted:", NOW), [], retract=True)
    news = news_row(case_id, f"{case_id}:retracted:", channel_destination("reviewers", "90"))
    for row in (case_row(case_id, here), review_row(case_id, channel_destination("reviewers", "90"), 3), news):
        draft = drafts.of(_row(row))
        assert harmless({"embeds": [embed.to_dict() for embed in draft.embeds]})
    note = drafts.cases.remarks(case_id, "1")[0]
    case = drafts.cases.get(case_id)
    assert case is not None
    words = catalogues()[locale]
    assert harmless({"content": remark_text(note, words)})
    assert harmless({"embeds": [drafts.evidence(case, "1", words).to_dict()]})


def _storable(report: dict[str, Any]) -> bool:
    """Can JSON hold it, as whatever the watch stores can?"""
    try:
        json.dumps(report, allow_nan=False)
    except (ValueError, TypeError):
        return False
    return "\\u0000" not in json.dumps(report) and "\\ud8" not in json.dumps(report)


def _row(message: Any) -> Any:
    row = dict.fromkeys(("message_id", "last_error", "upload_id", "sent_at"))
    plain = {"id": 1, "dedupe_key": message.dedupe_key, "destination": message.destination, "state": "sending"}
    whole = row | plain | {"payload": message.payload, "attempts": 1, "next_at": NOW, "created_at": NOW}

    class Stored:
        _mapping = whole

    return as_message(Stored())  # type: ignore[arg-type]


@slow
@given(texts, texts, st.sampled_from(["", "blend", "copy"]), LANGUAGES)
def test_filters_are_said_harmlessly(base: str, organisation: str, kind: str, locale: str) -> None:
    """A moderator's own words are hostile text, too."""
    filters = Filters.read(Filters(7.0, kind, base, organisation, "strong").stored())
    assert harmless({"content": described(filters, catalogues()[locale]) + "."})


@slow
@given(texts, st.sampled_from(["answer", "dismiss", "acknowledge"]), LANGUAGES)
def test_notes_are_cut(text: str, kind: Any, locale: str) -> None:
    """The longest answer is shown as far as it is promised."""
    note = Remark(1, "c", kind, "", "5", text, "accepted", NOW, None)
    told = remark_text(note, catalogues()[locale])
    assert harmless({"content": told})
    assert len(told) <= ANSWER_LENGTH + 120


@pytest.mark.parametrize("locale", sorted(catalogues()))
@pytest.mark.parametrize("action", ["dismiss", "reject", "retract", "mute", "answer"])
def test_every_form_is_one_that_discord_shows(locale: str, action: str) -> None:
    """Titles and labels have bounds of their own."""
    assert form_refused(form(catalogues()[locale], action, "0123456789ab").to_dict()) is None


def test_the_longest_preview_fits(tmp_path: Path) -> None:
    """Many cases with long names still fit a message."""
    with Store.open(f"sqlite:///{tmp_path / 'state.db'}") as store:
        cases = Publications(store.engine)
        for number in range(40):
            suspect = {"repo_id": f"{'*' * 90}/{'_' * 90}"}
            case_of(store, found(f"{number:012x}", suspect=suspect), NOW)
            cases.open(f"{number:012x}", "published", [], NOW)
        for words in catalogues().values():
            text = preview(cases, NOW, Filters(), words)
            assert "40" in text
            assert harmless({"content": "x" * 400 + text})
