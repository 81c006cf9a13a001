"""The author first: a click posts one discussion, alerts wait, and a mended card ends it without any."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.alerts.author_notice import closing, title
from bot.chat.notices import MOST_A_DAY
from bot.chat.publisher import Policy
from bot.hub import Hub
from demo.discord.world import Json
from demo.hub.discussions import Discussion
from demo.hub.faults import Fault, always
from demo.hub.repository import BytesBlob, LoopbackRepo
from demo.hub.server import LoopbackHub
from state.records import Note
from tests.bot.alerts.test_embeds import A, B
from tests.bot.chat.stage import ADDRESS, Theatre, found, labels, theatre, utc_now
from tests.bot.chat.test_cases import ALICE, BOB, CASE, standing
from tests.state.events import case_of

NAME = "quick-fox/Aurora_Turbo"
CARD = f"---\nbase_model: {A}\n---\n# A model\n"
MENDED = f"---\nbase_model: [{A}, {B}]\n---\n# A model\n"
HOURS = 48


def repo(revision: str = "a", card: str = CARD, **changes: Any) -> LoopbackRepo:
    """Return the upload at a revision of which one hex digit is given."""
    files = {"README.md": BytesBlob(card.encode()), "model.safetensors": BytesBlob(b"weights")}
    about: dict[str, Any] = {"repo_id": NAME, "hub_id": CASE * 2, "revision": revision * 40, "files": files}
    return LoopbackRepo(**about | changes)


@dataclass
class Asked:
    """A finding before reviewers. `ahead`: how far the clock is."""

    at: Theatre
    site: LoopbackHub
    ahead: timedelta = timedelta(0)

    @property
    def review(self) -> Json:
        """The message that shows the case to reviewers."""
        return self.at.reviewers.messages[0]

    @property
    def said(self) -> str:
        """How that message begins."""
        return str(self.review["embeds"][0]["description"]).partition("\n\n")[0]

    @property
    def discussions(self) -> list[Discussion]:
        """What was opened on the Hub."""
        return self.site.discussions.get(NAME, [])

    @property
    def kinds(self) -> list[str]:
        """The notes on the case."""
        return [note.kind for note in self.at.store.cases.notes(CASE)]

    def ask(self, who: Any = ALICE) -> str:
        """Let a reviewer click, and return the answer."""
        answer = self.at.discord.members.click(self.review, "Ask its author first", self.at.reviewers, who).text
        return str(answer)

    def noted(self, kind: str) -> None:
        """Wait until a note is there and everything is sent."""
        self.at.wait(lambda: kind in self.kinds)
        self.at.idle()

    def state(self) -> str:
        """Return where the case stands."""
        case = self.at.cases.get(CASE)
        assert case is not None
        return case.state


@contextmanager
def asked(folder: Path, *, gated: bool = False, reviewers: int = 1, **changes: Any) -> Iterator[Asked]:
    """A finding for reviewers who may ask authors, on a Hub."""
    with LoopbackHub([repo()]) as site, Hub(site.url, timeout=2.0, sleep=lambda _: None) as hub, theatre(folder) as at:
        stage = Asked(at, site)
        at.hub, at.clock = hub, lambda: utc_now() + stage.ahead
        wait = timedelta(hours=24)
        at.policy = Policy(at.reviewers.id, "inexact", reviewers, wait, notice=timedelta(hours=HOURS))
        at.subscribe(at.channel)
        at.find(found(**changes), card=CARD.encode(), gated=gated)
        yield stage


def test_a_click_posts_one_discussion_and_alerts_wait(tmp_path: Path) -> None:
    """Then they go out by themselves, with a link to it; reviewers see each state."""
    with asked(tmp_path) as stage:
        at = stage.at
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 1))
            at.idle()
            assert labels(stage.review) == ["Publish", "Ask its author first", "Reject", "Evidence"]
            text = str(stage.review["embeds"][2]["description"]).strip("`\n")
            assert stage.discussions == []
            stage.ask()
            stage.noted("notice_posted")
            (opened,) = stage.discussions
            assert (opened.title, opened.comments) == (title(CASE), [("operator", text)])
            link = f"{ADDRESS}/{NAME}/discussions/1"
            assert link in stage.said
            assert labels(stage.review) == ["Publish", "Reject", "Evidence"]
            assert stage.state() == "asked"
            assert "It waits for review." in at.discord.members.slash("case", at.other, case=CASE).text
        stage.ahead = timedelta(hours=HOURS - 1)
        with at.bot():
            at.idle()
        assert at.channel.messages == []
        stage.ahead = timedelta(hours=HOURS + 1)
        with at.bot():
            at.wait(partial(at.posted, at.channel, 1))
            at.idle()
        assert stage.said == f"Published by <@{ALICE.id}>."
        assert labels(stage.review) == ["Retract", "Evidence"]
        assert "Its author was asked" in standing(at.channel.messages[0])
        assert "asked for" not in standing(at.channel.messages[0])
        assert stage.kinds == ["notice_asked", "notice_posted", "notice_over"]
        assert len(stage.discussions) == 1


def test_a_mended_card_ends_it_quietly(tmp_path: Path) -> None:
    """The card is read when the hours are over, whenever it was looked at last; nobody is alerted."""
    with asked(tmp_path) as stage:
        at = stage.at
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 1))
            stage.ask()
            stage.noted("notice_posted")
        stage.site.add(repo("b", MENDED))
        stage.ahead = timedelta(hours=HOURS + 1)
        with at.bot():
            stage.noted("declared")
        assert stage.state() == "closed"
        assert stage.said.startswith("**Closed:**")
        assert stage.review["components"] == []
        stage.site.add(repo("c"))  # what hides it again is for reviewers
        stage.ahead = timedelta(hours=HOURS + 30)
        case = at.store.cases.get(CASE)
        assert case is not None
        assert at.hub is not None
        with at.bot() as chat:
            assert chat.notices is not None
            chat.notices.followups.again(case)
            stage.noted("withdrawn")
        assert stage.state() == "review"
        assert labels(stage.review) == ["Publish", "Reject", "Evidence"]
        assert at.channel.messages == []


@pytest.mark.parametrize("end", ["retracted", "declared", "deleted"])
def test_a_discussion_gets_one_comment_when_its_case_is_settled(tmp_path: Path, end: str) -> None:
    """Taken back, or declared after the alert; a discussion that is gone gets none, and no second try."""
    with asked(tmp_path) as stage:
        at = stage.at
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 1))
            stage.ask()
            stage.noted("notice_posted")
        stage.ahead = timedelta(hours=HOURS + 1)
        with at.bot() as chat:
            at.wait(partial(at.posted, at.channel, 1))
            at.idle()
            assert len(stage.discussions[0].comments) == 1
            if end == "deleted":
                stage.discussions.clear()
            if end == "declared":
                stage.site.add(repo("b", MENDED))
                case = at.store.cases.get(CASE)
                assert case is not None
                assert chat.notices is not None
                chat.notices.followups.again(case)
            else:
                form = at.discord.members.click(stage.review, "Retract", at.reviewers, ALICE)
                at.discord.members.submit(form, {"reason": "we erred"}, at.reviewers, ALICE)
        for _ in range(2):  # a start looks at once; the second finds nothing more to say
            with at.bot():
                stage.noted("notice_closed")
        said = [text for each in stage.discussions for _, text in each.comments[1:]]
        assert said == ([] if end == "deleted" else [closing(CASE, retracted=end == "retracted")])
        assert stage.kinds.count("notice_closed") == 1


def test_a_last_comment_whose_note_was_lost_is_not_made_again(tmp_path: Path) -> None:
    """A process that died between the two finds its own words in the discussion."""
    with asked(tmp_path) as stage:
        at = stage.at
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 1))
            stage.ask()
            stage.noted("notice_posted")
        stage.ahead = timedelta(hours=HOURS + 1)
        with at.bot() as chat:
            at.wait(partial(at.posted, at.channel, 1))
            at.idle()
            case = at.store.cases.get(CASE)
            assert case is not None
            assert chat.notices is not None
        chat.notices.publisher.casework.retract(case, "we erred")
        stage.discussions[0].comments.append(("operator", closing(CASE, retracted=True)))
        with at.bot():
            stage.noted("notice_closed")
        assert len(stage.discussions[0].comments) == 2


def test_a_card_that_was_mended_before_the_post_leaves_nothing_to_ask(tmp_path: Path) -> None:
    """It is read right before."""
    with asked(tmp_path) as stage:
        stage.site.add(repo("b", MENDED))
        with stage.at.bot():
            stage.at.wait(partial(stage.at.posted, stage.at.reviewers, 1))
            stage.ask()
            stage.noted("declared")
        assert stage.discussions == []
        assert stage.state() == "closed"


@pytest.mark.parametrize("end", ["answered", "deleted", "gone"])
def test_what_the_author_does_leaves_it_to_reviewers(tmp_path: Path, end: str) -> None:
    """An answer, a discussion that is gone and a repository that is: no alert goes out by itself."""
    with asked(tmp_path) as stage:
        at = stage.at
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 1))
            stage.ask()
            stage.noted("notice_posted")
        if end == "answered":
            stage.discussions[0].comments.append(("quick-fox", "It is not so."))
        elif end == "deleted":
            stage.discussions.clear()
        else:
            del stage.site.repos[NAME]
        stage.ahead = timedelta(hours=HOURS + 1)
        with at.bot():
            stage.noted("gone" if end == "gone" else "notice_answered")
        assert stage.state() == "review"
        assert stage.said.startswith("**For review.**")
        assert labels(stage.review) == ["Publish", "Reject", "Evidence"]
        assert at.channel.messages == []


def test_two_reviewers_must_agree_before_the_author_is_asked(tmp_path: Path) -> None:
    """One click posts nothing; a rejection ends the wait."""
    with asked(tmp_path, reviewers=2) as stage:
        at = stage.at
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 1))
            stage.ask()
            assert stage.said == "1 of 2 reviewers have agreed to publish."
            at.idle()
            assert stage.discussions == []
            stage.ask(BOB)
            stage.noted("notice_posted")
            form = at.discord.members.click(stage.review, "Reject", at.reviewers, BOB)
            at.discord.members.submit(form, {"reason": "they wrote to us"}, at.reviewers, BOB)
            at.idle()
        stage.ahead = timedelta(hours=HOURS + 1)
        with at.bot():
            at.idle()
        assert stage.state() == "rejected"
        assert at.channel.messages == []


def test_a_reviewer_may_publish_at_once(tmp_path: Path) -> None:
    """With the author asked or not."""
    with asked(tmp_path) as stage:
        at = stage.at
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 1))
            stage.ask()
            stage.noted("notice_posted")
            at.discord.members.click(stage.review, "Publish", at.reviewers, BOB)
            at.wait(partial(at.posted, at.channel, 1))
        assert stage.state() == "published"


@pytest.mark.parametrize("changes", [{"gated": True}, {"audience": "reviewers", "alert": False}])
def test_what_may_not_be_said_in_public_is_not_offered(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Gated repositories, and findings that a person must see first."""
    with asked(tmp_path, **changes) as stage:
        at = stage.at
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 1))
        assert labels(stage.review) == ["Publish", "Reject", "Evidence"]
        assert len(stage.review["embeds"]) == 2


@pytest.mark.parametrize(
    ("state", "says"), [({"gated": "auto"}, "is gated"), ({"discusses": False}, "Discussions are disabled")]
)
def test_a_refusal_is_noted_and_leaves_it_to_reviewers(tmp_path: Path, state: dict[str, Any], says: str) -> None:
    """A repository that is gated by now, and one whose owner wants no discussions. It may be tried again."""
    with asked(tmp_path) as stage:
        at = stage.at
        stage.site.add(repo(**state))
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 1))
            stage.ask()
            stage.noted("notice_failed")
            assert says in str(stage.review)
            assert stage.discussions == []
            assert labels(stage.review) == ["Publish", "Ask its author first", "Reject", "Evidence"]
            stage.site.add(repo())
            stage.ask()
            stage.noted("notice_posted")
        assert len(stage.discussions) == 1


def test_a_hub_that_does_not_answer_delays_it(tmp_path: Path) -> None:
    """Nothing is published on what was known before, and reviewers are reminded."""
    with asked(tmp_path) as stage:
        at = stage.at
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 1))
            stage.ask()
            stage.noted("notice_posted")
        stage.site.fault = always(Fault(status=503), "/api/models")
        stage.ahead = timedelta(hours=HOURS + 25)
        before = len(at.reviewers.messages)
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, before + 1))
            at.idle()
        assert stage.state() == "asked"
        assert at.channel.messages == []
        stage.site.fault = None
        with at.bot():
            at.wait(partial(at.posted, at.channel, 1))


def test_an_answer_that_got_lost_is_looked_for(tmp_path: Path) -> None:
    """The discussion was opened and the connection broke: it is found, and no second one opened."""
    with asked(tmp_path) as stage:
        at = stage.at
        stage.site.fault = lambda seen: (
            Fault(cut=1) if (seen.method, seen.path[-12:]) == ("POST", "/discussions") else None
        )
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 1))
            stage.ask()
            at.wait(lambda: len(stage.discussions) == 1)
            at.idle()
        assert stage.kinds == ["notice_asked"]
        assert "being opened" in stage.said
        with at.bot():
            stage.noted("notice_posted")
        assert len(stage.discussions) == 1
        assert len(stage.site.seen("/discussions", "POST")) == 1


def test_so_many_authors_are_asked_in_a_day(tmp_path: Path) -> None:
    """One more is asked on the next day."""
    with asked(tmp_path) as stage:
        at = stage.at
        for number in range(MOST_A_DAY):
            other = f"{number:012x}"
            case_of(at.store, found(other), at.clock())
            note = Note(other, "notice_posted", "", f"{other}:notice_posted:1", at.clock() + timedelta(minutes=number))
            at.store.cases.note(note, [])
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 1))
            stage.ask()
            at.idle()
            assert stage.state() == "asked"
        assert stage.discussions == []
        stage.ahead = timedelta(hours=24, minutes=1)
        with at.bot():
            stage.noted("notice_posted")
        assert len(stage.discussions) == 1


def test_in_the_trial_and_without_the_setting_nobody_is_asked(tmp_path: Path) -> None:
    """Neither button nor text is there."""
    with asked(tmp_path) as stage:
        at = stage.at
        until = utc_now() + timedelta(days=3)
        at.policy = Policy(at.reviewers.id, trial=lambda: until, notice=timedelta(hours=HOURS))
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 1))
        assert labels(stage.review) == ["Right", "Wrong", "Evidence"]
        at.policy = Policy(at.reviewers.id)
        at.find(found("ffff00000000"))
        with at.bot():
            at.wait(partial(at.posted, at.reviewers, 2))
        assert labels(at.reviewers.messages[1]) == ["Publish", "Reject", "Evidence"]
        assert len(at.reviewers.messages[1]["embeds"]) == 2
