"""What was declared when: the order of a case that became public, honest ones beside it, and cards of any kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from analyzers.card.history import MAX_EVENTS, Revision, first_declared, read_history

BASE, HIDDEN = "aurora/Meridian-1", "tidepool/Meridian-Coder"
START = datetime(2026, 6, 12, 9, tzinfo=UTC)
TIMES = st.datetimes(timezones=st.just(UTC))
ALERT = START + timedelta(hours=30)
PLAIN = "# Guanabara\nPost-trained by our own team."


def card(*parents: str) -> str:
    """A card whose front matter names parents."""
    return "---\nbase_model:\n" + "".join(f"- {p}\n" for p in parents) + "---\n" + PLAIN


def at(hours: float, text: str | None, title: str = "Update README.md", **more: object) -> Revision:
    """A commit so many hours after the first."""
    return Revision(f"{int(hours * 10):040x}", START + timedelta(hours=hours), title, text, **more)  # type: ignore[arg-type]


def test_a_parent_that_was_added_after_the_alert_is_told_as_such() -> None:
    """The base was declared before it, the other parent an hour after it; the commit's title is told, too."""
    revisions = [
        at(0, PLAIN, "Upload"),
        at(1, card(BASE)),
        at(31, card(HIDDEN, BASE), "Fix: merged base version was uploaded"),
    ]
    events = read_history(revisions, ALERT)
    first = first_declared(events)
    assert {n: e.after_alert for n, e in first.items()} == {BASE: False, HIDDEN: True}
    assert first[HIDDEN].claim.endswith("of 2026-06-13 16:00 UTC, 60 min after the alert.")
    assert "after the alert" not in first[BASE].claim
    assert [e.kind for e in events] == ["declared", "declared", "commit"]


def test_what_was_declared_from_the_first_commit_on() -> None:
    """An honest card has one event, and no word of an alert where there was none."""
    (event,) = read_history([at(0, card(BASE)), at(5, card(BASE) + "\nmore")])
    assert event.claim == f"The card declares {BASE} from the first commit on."
    assert event.after_alert is None


def test_a_name_in_other_letters_and_the_uploads_own_are_no_news() -> None:
    """Only the first spelling counts."""
    events = read_history([at(0, card(BASE)), at(1, card(BASE.lower(), "city/Own"))], own="city/Own")
    assert len(events) == 1


def test_a_declaration_that_was_taken_back() -> None:
    """Both changes are told; the first declaration stays the first."""
    events = read_history([at(0, card(BASE, HIDDEN)), at(2, card(BASE)), at(3, card(BASE, HIDDEN))])
    assert [(e.kind, e.names) for e in events] == [
        ("declared", (BASE, HIDDEN)),
        ("withdrawn", (HIDDEN,)),
        ("declared", (HIDDEN,)),
    ]
    assert first_declared(events)[HIDDEN].at == START


def test_a_card_that_was_not_read_leaves_a_first_sight_only() -> None:
    """Where a card in between is unknown, nobody says "since"."""
    events = read_history([at(0, PLAIN), at(1, None), at(2, card(BASE))])
    assert "first seen at revision" in events[0].claim
    assert "first seen at revision" in read_history([at(0, card(BASE))], complete=False)[0].claim
    assert "since revision" in read_history([at(0, PLAIN), at(2, card(BASE))])[0].claim


def test_changes_of_the_config_and_titles_that_matter() -> None:
    """Settings are named, versions are not; of titles only those that speak of merges, deletions and mistakes."""
    titles = [
        "Update README.md",
        "Merge branch main",
        "slerp v3",
        "Delete model-00001.safetensors",
        "Merge pull request #3",
    ]
    revisions = [at(i, None, title) for i, title in enumerate(titles)]
    revisions[0] = at(0, None, titles[0], config={"hidden_size": 8, "transformers_version": "4"})
    revisions[1] = at(1, None, titles[1], config={"hidden_size": 16, "eos": 1, "transformers_version": "5"})
    events = read_history(revisions)
    assert [e.kind for e in events] == ["config", "commit", "commit"]
    assert "The config's eos and hidden_size changed" in events[0].claim
    assert ["slerp v3" in e.claim or "Delete" in e.claim for e in events[1:]] == [True, True]


@given(
    st.lists(st.tuples(TIMES, st.text(max_size=60), st.none() | st.text(max_size=200)), max_size=6),
    st.none() | TIMES,
)
def test_any_cards_and_titles_give_events(rows: list[tuple[datetime, str, str | None]], alert: datetime | None) -> None:
    """In the order of the history, within the limits, and without an exception."""
    events = read_history([Revision(f"{i:040x}", *row) for i, row in enumerate(rows)], alert)
    assert [e.revision for e in events] == sorted(e.revision for e in events)
    assert len(events) <= MAX_EVENTS
    assert all(len(e.claim) <= 400 and e.claim.encode() for e in events)
