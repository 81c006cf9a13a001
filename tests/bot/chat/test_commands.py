"""Members ask, and are answered: every command with the real client over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from analyzers.records import HubEvent
from demo.discord.members import Person
from demo.discord.world import EPHEMERAL, Channel
from state.cases.messages import case_row, channel_destination
from state.store import Settlement
from tests.bot.alerts.test_embeds import A, B
from tests.bot.chat.stage import Theatre, found, theatre, utc_now
from tests.state.events import case_of

CASE = "0123456789ab"
BRAZILIAN = Person("100200300400500901", locale="pt-BR")


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """One bot for the tests that only ask."""
    with theatre(tmp_path_factory.mktemp("bot")) as stage:
        for case_id, standing in ((CASE, "published"), ("ffff00000000", "review")):
            case_of(stage.store, found(case_id), utc_now())
            stage.cases.open(case_id, standing, [], utc_now())  # type: ignore[arg-type]
        stage.store.record("created_at", [HubEvent("seen/Model-7B", None, None, utc_now(), 7)], utc_now(), utc_now())
        (upload,) = stage.store.due(utc_now(), 1)
        stage.store.settle(upload.id, Settlement("skipped", "too small"), [], utc_now())
        with stage.bot():
            yield stage


def test_least_intents_and_every_command(at: Theatre) -> None:
    """The bot hears of servers alone; commands can be installed for a server or a user; subscribing needs a right."""
    assert at.discord.gateway.intents == [1]
    commands = {command["name"]: command for command in at.discord.world.commands}
    assert sorted(commands) == sorted(
        ["subscribe", "subscriptions", "unsubscribe", "check", "compare", "case", "why", "bases", "status", "help"]
    )
    assert commands["subscribe"]["default_member_permissions"] == 1 << 4  # manage channels
    assert (commands["subscribe"]["contexts"], commands["subscribe"]["integration_types"]) == ([0], [0])
    assert (commands["check"]["contexts"], commands["check"]["integration_types"]) == ([0, 1, 2], [0, 1])
    assert commands["check"]["description_localizations"].keys() == {"pt-BR"}


def test_subscribe_says_what_it_would_have_sent(at: Theatre) -> None:
    """The answer is for the asker alone; the channel is told from now on, until it is not."""
    reply = at.discord.members.slash("subscribe", at.channel, kind="blend", size=7.0, base="borealis")
    assert "at least 7.0 billion parameters; blends; a parent with `borealis` in its name" in reply.text
    assert "In the last 30 days that would have been 1:" in reply.text
    assert "Nobody is pinged." in reply.text
    assert int(reply.data["flags"]) & EPHEMERAL
    nothing = at.discord.members.slash("subscribe", at.other, kind="copy", role="900000000000000001")
    assert "would have been nothing" in nothing.text
    assert "<@&900000000000000001> is pinged." in nothing.text
    assert nothing.data["allowed_mentions"] == {"parse": []}
    listed = at.discord.members.slash("subscriptions", at.channel)
    assert f"<#{at.channel.id}>: at least 7.0 billion" in listed.text
    assert f"<#{at.other.id}>: copies <@&900000000000000001>" in listed.text
    assert "no more alerts" in at.discord.members.slash("unsubscribe", at.channel).text
    assert "got no alerts" in at.discord.members.slash("unsubscribe", at.channel).text
    assert [wish.channel_id for wish in at.subscriptions.all()] == [at.other.id]


def test_check_answers_in_place(at: Theatre) -> None:
    """The answer is put off, told as it goes, and becomes the finding; asked again at once, it is refused."""
    reply = at.discord.members.slash("check", at.channel, repo="quick-fox/Other")
    assert reply.kind == 5
    assert "Other" in reply.text
    assert "`█` `tidepool-ai/Borealis-Coder`: declared" in reply.text
    assert "0.565 `tidepool-ai/Borealis-Coder`" in reply.text
    again = at.discord.members.slash("check", at.channel, repo="quick-fox/Other")
    assert "Not so fast" in again.text
    assert int(again.data["flags"]) & EPHEMERAL


def test_check_says_why_it_could_not(at: Theatre) -> None:
    """In one sentence, in the same place; in a direct message, too."""
    alone = Channel("900000000000000777", "", "", 1)
    reply = at.discord.members.slash("check", alone, Person("100200300400500777"), repo="gone/model")
    assert "It could not be checked: gone/model is not on the Hub" in reply.text


def test_case(at: Theatre) -> None:
    """A published case is shown with its buttons; one in review is not shown to anybody who asks."""
    shown = at.discord.members.slash("case", at.channel, case="01234")
    assert "It is published." in shown.text
    assert "Borealis-Coder" in shown.text
    hidden = at.discord.members.slash("case", at.channel, case="ffff00000000")
    assert hidden.text.startswith("It waits for review.")
    assert "Borealis" not in hidden.text
    assert "There is no case `beef`." in at.discord.members.slash("case", at.channel, case="beef").text


def test_why(at: Theatre) -> None:
    """What became of an upload, or that it was never seen."""
    assert "Not judged: too small" in at.discord.members.slash("why", at.channel, repo="seen/model-7b").text
    assert "`nobody/Knows` was never seen." in at.discord.members.slash("why", at.channel, repo="nobody/Knows").text


def test_compare_bases_status_help(at: Theatre) -> None:
    """Each has its answer."""
    assert "0.2500" in at.discord.members.slash("compare", at.channel, first=A, second=B).text
    assert "never read" in at.discord.members.slash("compare", at.channel, first=A, second="gone/model").text
    assert f"`{B}`, a base" in at.discord.members.slash("bases", at.channel, search="aurora").text
    assert "2 of 2 known models" in at.discord.members.slash("bases", at.channel).text
    status = at.discord.members.slash("status", at.channel).text
    assert "2 judged, 1 left out, 0 not readable, 0 waiting" in status
    assert "`/check`" in at.discord.members.slash("help", at.channel).text


def test_autocomplete(at: Theatre) -> None:
    """Wherever a repository, a case or a known model is asked for, names are offered."""
    offers = at.discord.members.autocomplete
    assert [c["value"] for c in offers("why", "repo", "MODEL-7", at.channel)] == ["seen/Model-7B"]
    assert [c["value"] for c in offers("check", "repo", "borealis-c", at.channel)] == [A]
    assert [c["value"] for c in offers("case", "case", "quick", at.channel)] == [CASE]
    assert [c["value"] for c in offers("case", "case", "ffff", at.channel)] == []
    assert [c["value"] for c in offers("bases", "search", "aurora", at.channel)] == [B]
    assert [c["value"] for c in offers("subscribe", "base", "coder", at.channel)] == [A]


def test_the_readers_language(at: Theatre) -> None:
    """A Brazilian is answered in Portuguese."""
    assert "nunca" in at.discord.members.slash("why", at.channel, BRAZILIAN, repo="nobody/Knows").text


def test_the_gateway_breaks_and_is_resumed(at: Theatre) -> None:
    """What a member asked meanwhile is answered afterwards; a session that was forgotten begins anew."""
    resumes = at.discord.gateway.resumes
    at.discord.members.drop()
    at.discord.members.wait_ready()
    assert at.discord.gateway.resumes == resumes + 1
    assert "`/check`" in at.discord.members.slash("help", at.channel).text
    at.discord.members.drop(forget=True)
    at.discord.members.wait_ready()
    assert at.discord.gateway.intents == [1, 1]
    assert "`/check`" in at.discord.members.slash("help", at.channel).text


def test_commands_are_told_to_discord_only_when_they_change(tmp_path: Path) -> None:
    """A second start says nothing."""
    with theatre(tmp_path) as stage:
        for _ in range(2):
            with stage.bot():
                pass
        assert stage.discord.world.syncs == 1


def test_an_old_case_is_not_in_the_preview(tmp_path: Path) -> None:
    """The preview is of 30 days."""
    with theatre(tmp_path) as stage:
        long_ago = utc_now() - timedelta(days=31)
        case_of(stage.store, found(), long_ago)
        stage.cases.open(CASE, "published", [case_row(CASE, channel_destination("1", "2"))], long_ago)
        with stage.bot():
            reply = stage.discord.members.slash("subscribe", stage.channel)
        assert "would have been nothing" in reply.text
