"""The trial as reviewers see it: two buttons and a reason, and nothing is published before its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from bot.alerts.compose import UNCONFIRMED, digest, embed_text
from bot.chat.publisher import Policy
from demo.discord.world import EPHEMERAL, Json
from tests.bot.chat.stage import Theatre, found, labels, theatre, utc_now
from tests.bot.chat.test_cases import ALICE, BOB, CASE

UNTIL = utc_now() + timedelta(days=3)


@contextmanager
def trial(folder: Path) -> Iterator[tuple[Theatre, list[timedelta]]]:
    """A finding on the first day of a trial of three days, and how far the clock is ahead."""
    ahead = [timedelta(0)]

    def until() -> datetime | None:
        return UNTIL if utc_now() + ahead[0] < UNTIL else None

    with theatre(folder, clock=lambda: utc_now() + ahead[0]) as at:
        at.policy = Policy(at.reviewers.id, "inexact", wait=timedelta(hours=24), trial=until)
        at.subscribe(at.channel)
        at.find(found())
        yield at, ahead


def shown(message: Json) -> str:
    """The text of a message."""
    return str(message["embeds"][0]["description"])


def test_what_is_right_is_shown_again_after_the_trial_and_then_published(tmp_path: Path) -> None:
    """Right tells nobody, said by whomever; the reason is kept with the case."""
    with trial(tmp_path) as (at, ahead):
        members = at.discord.members
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 1))
            (asked,) = at.reviewers.messages
            assert labels(asked) == ["Right", "Wrong", "Evidence"]
            assert "reviewers' channel" in members.click(asked, "Right", at.channel, ALICE).text
            form = members.click(asked, "Right", at.reviewers, ALICE)
            assert form.kind == 9
            members.submit(form, {"reason": "both parents are there"}, at.reviewers, ALICE)
            assert shown(asked).startswith("Right, says <@100200300400500901>: both parents are there.")
            assert labels(asked) == ["Right", "Wrong", "Evidence"]
            at.idle()
            assert "Trial until" in members.slash("status", at.channel).text
        ahead[0] = timedelta(days=2)
        with at.bot():  # nobody is reminded of what was confirmed, before the end
            at.idle()
        assert (len(at.reviewers.messages), at.channel.messages) == (1, [])
        ahead[0] = timedelta(days=4)
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 2))
            assert "Trial until" not in members.slash("status", at.channel).text
            again = at.reviewers.messages[1]
            assert labels(again) == ["Publish", "Reject", "Evidence"]
            late = members.click(asked, "Right", at.reviewers, BOB)
            members.submit(late, {"reason": ""}, at.reviewers, BOB)  # an old button publishes nothing either
            assert not at.channel.messages
            members.click(again, "Publish", at.reviewers, ALICE)
            at.wait(partial(at.posted, at.channel, 1))
        assert [(r.kind, r.text) for r in at.cases.remarks(CASE)] == [
            ("publish", "both parents are there"),
            ("publish", ""),
        ]


def test_what_is_wrong_is_rejected_and_its_reason_kept(tmp_path: Path) -> None:
    """Whoever is late with the other button is told so."""
    with trial(tmp_path) as (at, _):
        members = at.discord.members
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 1))
            (asked,) = at.reviewers.messages
            wrong, late = (
                members.click(asked, "Wrong", at.reviewers, ALICE),
                members.click(asked, "Right", at.reviewers, BOB),
            )
            members.submit(wrong, {"reason": "the card was renamed"}, at.reviewers, ALICE)
            assert "rejected" in members.submit(late, {"reason": ""}, at.reviewers, BOB).text
            at.idle()
        case = at.cases.get(CASE)
        assert case is not None
        assert (case.state, case.reason) == ("rejected", "the card was renamed")
        assert not at.channel.messages


def test_a_publish_button_from_before_confirms_alone(tmp_path: Path) -> None:
    """A trial that was set later holds for messages that were there before."""
    with trial(tmp_path) as (at, ahead):
        ahead[0], members = timedelta(days=4), at.discord.members
        at.policy = Policy(at.reviewers.id, trial=at.policy.trial)
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 1))
            (asked,) = at.reviewers.messages
            assert labels(asked)[:2] == ["Publish", "Reject"]
            ahead[0] = timedelta(0)
            members.click(asked, "Publish", at.reviewers, ALICE)
            assert shown(asked).startswith("Right, says ")
            at.idle()
        assert not at.channel.messages


def test_without_reviewers_a_case_is_hidden_until_there_are_some(tmp_path: Path) -> None:
    """A member's own check is told to him alone; once a channel is set, its members are asked."""
    with trial(tmp_path) as (at, ahead):
        until, members = at.policy.trial, at.discord.members
        at.policy = Policy(trial=until)
        with at.bot():
            at.idle()
            assert "waits for review" in members.slash("case", at.channel, case=CASE).text
            own = members.slash("check", at.channel, repo="quick-fox/Aurora_Turbo")
            assert int(own.data["flags"]) & EPHEMERAL
        assert not at.channel.messages
        ahead[0], at.policy = timedelta(hours=25), Policy(at.reviewers.id, trial=until)
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 1))
        assert labels(at.reviewers.messages[0])[:2] == ["Right", "Wrong"]


def test_a_digest_marks_each_alert() -> None:
    """One that was confirmed has no mark."""
    reports = [found() | {"unconfirmed": True}, found("ffff00000000")]
    assert embed_text(digest({"digest": reports}).to_dict()).count(UNCONFIRMED) == 1
