"""Discussions: opened once with a token of their own, found again, and never another account's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.hub import Hub
from bot.hub.http.errors import Transient
from bot.sources.interface import Missing, SourceError
from demo.hub.discussions import A_PAGE, Discussion
from demo.hub.faults import Fault, times
from demo.hub.server import LoopbackHub
from tests.bot.hub.makers import TOKEN, model

WRITES = "hf_write"
NAME, TITLE = "org/model", "A question about the card"


def test_a_discussion_is_opened_with_the_token_that_writes_and_found_again(hub: Hub, site: LoopbackHub) -> None:
    """The token that reads is not sent with it, and the token that writes with nothing else."""
    discussions = hub.discussions(WRITES)
    assert discussions.own(NAME, TITLE) is None
    assert discussions.open(NAME, TITLE, "text") == 1
    assert discussions.own(NAME, TITLE) == 1
    hub.repo(NAME).facts()
    (opened,) = site.discussions[NAME]
    assert (opened.title, opened.comments) == (TITLE, [("operator", "text")])
    sent = {(s.path.rpartition("/")[2], s.authorization) for s in site.seen()}
    assert {who for what, who in sent if what in ("discussions", "whoami-v2")} == {f"Bearer {WRITES}"}
    assert {who for what, who in sent if what not in ("discussions", "whoami-v2")} == {f"Bearer {TOKEN}"}


def test_only_an_own_discussion_is_found_on_whatever_page(hub: Hub, site: LoopbackHub) -> None:
    """Somebody else may have given his the same title."""
    mine = [Discussion(n, f"{TITLE} {n}", "operator", []) for n in range(1, A_PAGE + 3)]
    site.discussions[NAME] = [*mine, Discussion(99, TITLE, "else", [])]
    discussions = hub.discussions(WRITES)
    assert discussions.own(NAME, TITLE) is None
    assert discussions.own(NAME, f"{TITLE} 1") == 1


def test_an_answer_is_a_comment_of_somebody_else_or_the_end(hub: Hub, site: LoopbackHub) -> None:
    """What the account itself adds is none."""
    discussions = hub.discussions(WRITES)
    number = discussions.open(NAME, TITLE, "text")
    (opened,) = site.discussions[NAME]
    opened.comments.append(("operator", "more"))
    assert not discussions.is_answered(NAME, number)
    opened.comments.append(("author", "no"))
    assert discussions.is_answered(NAME, number)
    opened.comments.pop()
    opened.status = "closed"
    assert discussions.is_answered(NAME, number)
    with pytest.raises(Missing):
        discussions.is_answered(NAME, 7)


def test_what_may_have_arrived_is_not_sent_again(hub: Hub, site: LoopbackHub) -> None:
    """A connection that breaks before the answer leaves one discussion at most, and one request."""
    site.fault = times(1, Fault(cut=1), "/discussions")
    with pytest.raises(Transient):
        hub.discussions(WRITES).open(NAME, TITLE, "text")
    assert len(site.discussions[NAME]) == len(site.seen("/discussions", "POST")) == 1


@pytest.mark.parametrize(("token", "open_to_all", "says"), [("hf_read", True, "403"), (WRITES, False, "disabled for")])
def test_a_refusal_names_its_cause(hub: Hub, site: LoopbackHub, token: str, open_to_all: bool, says: str) -> None:
    """A token that may not write, and a repository without discussions."""
    site.add(replace(model(), discusses=open_to_all))
    with pytest.raises(SourceError, match=says):
        hub.discussions(token).open(NAME, TITLE, "text")
