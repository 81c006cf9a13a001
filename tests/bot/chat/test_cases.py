"""From a finding to what people say about it: review, buttons, forms, threads, edits, with restarts in between."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from pathlib import Path

from bot.chat.publisher import Policy
from demo.discord.members import Person
from demo.discord.world import EPHEMERAL, HAS_THREAD, Json
from tests.bot.chat.stage import Theatre, found, labels, theatre, utc_now

CASE = "0123456789ab"
ALICE = Person("100200300400500901", "alice")
BOB = Person("100200300400500902", "bob")
VISITOR = Person("100200300400500903", "visitor", permissions=0)
AUTHOR = Person("100200300400500904", "author", permissions=0)


def standing(message: Json) -> str:
    """What a message says has happened since, without the times."""
    said = next(
        (f["value"] for f in message["embeds"][0].get("fields", []) if f["name"] == "Since then, newest first"), ""
    )
    return re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d ", "", said, flags=re.MULTILINE)


def told(at: Theatre) -> None:
    """Let a finding be told in the room and the thread, by a bot that then stops."""
    at.subscribe(at.channel, at.thread)
    at.find(found(), card=b"# A card\n@everyone")
    with at.bot():
        at.wait(lambda: bool(at.channel.messages and at.thread.messages))
        at.idle()


def test_moderators_speak_after_a_restart(tmp_path: Path) -> None:
    """An acknowledgement and a dismissal change the message, and are told in one thread under it, once each."""
    with theatre(tmp_path) as at:
        told(at)
        (message,) = at.channel.messages
        members = at.discord.members
        with at.bot():
            assert members.click(message, "Acknowledge", at.channel, ALICE).text.startswith("Acknowledged.")
            form = members.click(message, "Dismiss", at.channel, ALICE)
            assert form.kind == 9
            at.wait(lambda: standing(message) != "")
        with at.bot():  # the form was open over a restart
            done = members.submit(form, {"reason": "our own @everyone test"}, at.channel, ALICE)
            assert done.text.startswith("Dismissed here.")
            assert "You have said so before." in members.click(message, "Acknowledge", at.channel, ALICE).text
            at.idle()
        assert standing(message).split("\n") == [
            "Dismissed by <@100200300400500901>: “our own ＠everyone test”",
            "Acknowledged by <@100200300400500901>",
        ]
        labels = [button["label"] for row in message["components"] for button in row["components"]]
        assert (labels[0], "Acknowledge" in labels, "Dismiss" in labels) == ("Evidence", True, False)
        thread = at.discord.world.channels[message["id"]]
        assert message["flags"] & HAS_THREAD
        assert [m["embeds"][0]["title"] for m in thread.messages] == ["Acknowledged", "Dismissed"]
        # a thread has no threads: there the notes follow in place
        assert [m["embeds"][0]["title"] for m in at.thread.messages[1:]] == ["Acknowledged", "Dismissed"]
        assert len(at.channel.messages) == 1


def test_who_may_not(tmp_path: Path) -> None:
    """A visitor reads the evidence, the card and the command, and moderates nothing."""
    with theatre(tmp_path) as at:
        told(at)
        (message,) = at.channel.messages
        members = at.discord.members
        with at.bot():
            for label in ("Acknowledge", "Dismiss", "Mute the organisation"):
                reply = members.click(message, label, at.channel, VISITOR)
                assert "members who may manage messages" in reply.text
            evidence = members.click(message, "Evidence", at.channel, VISITOR)
            assert "reproduced               1" in evidence.text
            assert f"blendwatch check quick-fox/Aurora_Turbo@{'a' * 40}" in evidence.text
            assert [a["filename"] for a in (evidence.message or {})["attachments"]] == ["card.txt"]
        assert standing(message) == ""


def test_an_organisation_is_muted_until_a_date(tmp_path: Path) -> None:
    """A date that is none or long past is refused in a sentence; then no alert on it comes here."""
    with theatre(tmp_path) as at:
        told(at)
        members, (message,) = at.discord.members, at.channel.messages
        with at.bot():
            for wrong in ("tomorrow", "2020-01-01", "2999-01-01"):
                form = members.click(message, "Mute the organisation", at.channel, ALICE)
                assert "is no date" in members.submit(form, {"until": wrong}, at.channel, ALICE).text
            form = members.click(message, "Mute the organisation", at.channel, ALICE)
            until = f"{utc_now() + timedelta(days=30):%Y-%m-%d}"
            reply = members.submit(form, {"until": until}, at.channel, ALICE)
            assert f"No alerts on `quick-fox` here until {until}." in reply.text
            at.find(found("ffff00000000"), found("eeee00000000", suspect={"repo_id": "other/Model"}))
            at.wait(lambda: len(at.channel.messages) == 2)
            at.idle()
        assert "other/Model" in at.channel.messages[1]["embeds"][0]["title"]


def test_two_reviewers_publish(tmp_path: Path) -> None:
    """Nothing is told before the second one agrees; the first cannot agree twice, and nobody elsewhere can."""
    with theatre(tmp_path) as at:
        at.policy = Policy(at.reviewers.id, "all", reviewers=2)
        at.subscribe(at.channel)
        at.find(found())
        members = at.discord.members
        with at.bot():
            at.wait(lambda: bool(at.reviewers.messages))
            (asked,) = at.reviewers.messages
            assert labels(asked) == ["Publish", "Reject", "Evidence"]
            assert asked["embeds"][0]["description"].startswith("**For review.**")
            assert "reviewers' channel" in members.click(asked, "Publish", at.channel, ALICE).text
            assert int(members.slash("check", at.channel, repo="quick-fox/Aurora_Turbo").data["flags"]) & EPHEMERAL
            for _ in range(2):
                members.click(asked, "Publish", at.reviewers, ALICE)
                assert asked["embeds"][0]["description"].startswith("1 of 2 reviewers have agreed")
        assert not at.channel.messages
        with at.bot():
            members.click(asked, "Publish", at.reviewers, BOB)
            at.wait(lambda: bool(at.channel.messages))
        assert asked["embeds"][0]["description"].startswith("Published by <@100200300400500902>.")
        assert "It mixes 2 known models" in asked["embeds"][0]["description"]
        assert asked["embeds"][1]["fields"][0]["name"] == "Measured"
        assert labels(asked) == ["Retract", "Evidence"]
        assert "I am its author" in labels(at.channel.messages[0])


def test_a_rejected_finding_is_never_told(tmp_path: Path) -> None:
    """The reason is asked for and kept; whoever comes late is told so."""
    with theatre(tmp_path) as at:
        at.policy = Policy(at.reviewers.id)
        at.subscribe(at.channel)
        at.find(found())
        members = at.discord.members
        with at.bot():
            at.wait(lambda: bool(at.reviewers.messages))
            (asked,) = at.reviewers.messages
            first, late = (members.click(asked, "Reject", at.reviewers, who) for who in (ALICE, BOB))
            members.submit(first, {"reason": "a house merge"}, at.reviewers, ALICE)
            assert asked["embeds"][0]["description"].startswith("Rejected by <@100200300400500901>: a house merge")
            assert "decided already: rejected" in members.submit(late, {"reason": "x"}, at.reviewers, BOB).text
            at.idle()
        assert not at.channel.messages
        assert labels(asked) == []


def test_an_author_answers_and_a_case_is_retracted(tmp_path: Path) -> None:
    """The answer is shown once a reviewer accepts it; a retraction is told everywhere and stays on record."""
    with theatre(tmp_path) as at:
        at.policy = Policy(at.reviewers.id)
        at.subscribe(at.channel)
        at.find(found())
        members = at.discord.members
        with at.bot():
            at.wait(lambda: bool(at.reviewers.messages))
            asked = at.reviewers.messages[0]
            members.click(asked, "Publish", at.reviewers, ALICE)
            at.wait(lambda: bool(at.channel.messages))
            at.idle()
            (message,) = at.channel.messages
            assert "can answer below" in message["embeds"][0]["description"]
            form = members.click(message, "I am its author", at.channel, AUTHOR)
            assert "Thank you." in members.submit(form, {"text": "We say so [here](x)."}, at.channel, AUTHOR).text
            at.wait(lambda: len(at.reviewers.messages) == 2)
            answer = at.reviewers.messages[1]
            assert standing(message) == ""
            members.click(answer, "Accept", at.reviewers, ALICE)
            at.wait(lambda: "We say so" in standing(message))
            assert labels(answer) == []
            form = members.click(asked, "Retract", at.reviewers, ALICE)
            members.submit(form, {"reason": "we were wrong"}, at.reviewers, ALICE)
            at.wait(lambda: "Retracted" in standing(message))
            at.idle()
            assert "It was retracted: we were wrong" in members.slash("case", at.other, case=CASE).text
        assert standing(message).startswith("**Retracted:** we were wrong")
        assert message["embeds"][0]["color"] == 0x999999


def test_policy(tmp_path: Path) -> None:
    """Short of exact goes to reviewers, or is kept where there are none; exact is told."""
    weak = found("ffff00000000", strength="strong")
    with theatre(tmp_path) as at:
        at.subscribe(at.channel)
        at.find(found(), weak)
        with at.bot():
            at.wait(lambda: bool(at.channel.messages))
            at.idle()
            reply = at.discord.members.slash("case", at.channel, case="ffff00000000")
            assert "falls short of what is published unattended" in reply.text
        assert len(at.channel.messages) == 1
        at.policy = Policy(at.reviewers.id, "inexact")
        at.find(found("eeee00000000"), weak | {"case": "dddd00000000"})
        with at.bot():
            at.wait(lambda: bool(at.reviewers.messages) and len(at.channel.messages) == 2)
            at.idle()
        assert len(at.reviewers.messages) == 1


def test_what_the_author_names_is_for_reviewers_whatever_the_policy(tmp_path: Path) -> None:
    """An exact finding whose missing parents are named is not published unattended: it is reviewed, or kept."""
    with theatre(tmp_path) as at:
        at.subscribe(at.channel)
        at.find(found("ffff00000000", audience="reviewers", alert=False))
        with at.bot():
            at.wait(lambda: at.cases.get("ffff00000000") is not None)
            at.idle()
        assert not at.channel.messages
        at.policy = Policy(at.reviewers.id, "inexact")
        at.find(found("eeee00000000", audience="reviewers", alert=False))
        with at.bot():
            at.wait(lambda: bool(at.reviewers.messages))
            at.idle()
        assert not at.channel.messages


def test_what_reviewers_leave_is_said_again(tmp_path: Path) -> None:
    """After the time that was set, and once for each such time."""
    ahead = [timedelta(0)]
    with theatre(tmp_path, clock=lambda: utc_now() + ahead[0]) as at:
        at.policy = Policy(at.reviewers.id, wait=timedelta(hours=5))
        at.find(found())
        for hours, messages in ((0, 1), (4, 1), (6, 2), (12, 3)):
            ahead[0] = timedelta(hours=hours)
            with at.bot():
                at.wait(partial(at.posted, at.reviewers, messages))
                at.idle()
        told_again = [m["embeds"][0]["description"][:20] for m in at.reviewers.messages]
        assert told_again == ["**For review.** Publ", "**Still for review**", "**Still for review**"]
