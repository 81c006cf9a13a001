"""What has happened to a case since, and what an operator has to know, told by the bot."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from pathlib import Path

import pytest

from bot.alerts.compose import DECLARED_COLOUR
from bot.alerts.operator import News
from bot.alerts.sinks import WebhookSink
from bot.build import operators
from bot.chat.publisher import Policy
from bot.config.settings import Settings
from demo.discord.server import BOT_TOKEN
from tests.bot.chat.stage import Theatre, found, labels, theatre, utc_now
from tests.bot.chat.test_cases import ALICE, standing

CASE = "0123456789ab"


def follow(at: Theatre, kind: str, text: str, what: str) -> bool:
    """Let the watch note what has happened to the case."""
    case = at.store.cases.get(CASE)
    assert case is not None
    return at.casework.note(case, kind, text, what)


def test_news_of_a_case_goes_into_its_thread_and_onto_its_message(tmp_path: Path) -> None:
    """Once, however often it is noted; in the language of the channel."""
    with theatre(tmp_path) as at:
        at.subscribe(at.channel, locale="pt-BR")
        at.find(found())
        with at.bot():
            at.wait(lambda: at.posted(at.channel, 1))
            message = at.channel.messages[0]
            news = ("declared", "declared since revision bbb: a/B", "a/B")
            assert [follow(at, *news) for _ in range(2)] == [True, False]
            at.wait(lambda: "bbb: a/B" in str(message["embeds"][0].get("fields")))
            at.idle()
        (under,) = at.discord.world.channels[message["id"]].messages
        title, text = under["embeds"][0]["title"], under["embeds"][0]["description"]
        assert title.startswith("O cartão agora declara os modelos: ")
        assert text == "declared since revision bbb: a/B"
        assert len(at.channel.messages) == 1


def test_a_retraction_by_the_operator_is_told_by_bot_and_webhook(tmp_path: Path) -> None:
    """Both messages are edited and keep their picture, and the case says why."""
    shares = {"a/x": [0.5, 0.5, 0.5], "b/y": [0.5, 0.5, 0.5]}
    profile = [{"layer": layer, "module": "q", "shares": shares} for layer in range(3)]
    with theatre(tmp_path) as at:
        at.sinks = {"discord": WebhookSink(at.discord.webhook_url, at.discord.api_base)}
        at.subscribe(at.channel)
        at.find(found(profile=profile))
        with at.bot():
            at.wait(lambda: at.posted(at.channel, 1) and len(at.discord.messages) == 1)
            at.idle()
            case = at.store.cases.get(CASE)
            assert case is not None
            assert at.casework.retract(case, "our threshold was wrong")
            at.wait(lambda: "Retracted" in standing(at.channel.messages[0]) and len(at.discord.messages) == 2)
            at.idle()
            told = at.discord.members.slash("case", at.other, case=CASE).text
        assert "It was retracted: our threshold was wrong" in told
        assert at.discord.messages[0]["embeds"][0]["title"].startswith("Retracted: ")
        assert at.channel.messages[0]["embeds"][0]["color"] == 0x999999
        for message in (at.discord.messages[0], at.channel.messages[0]):
            assert message["embeds"][0]["image"] == {"url": "attachment://mix.png"}
            assert message["attachments"][0]["filename"] == "mix.png"


def test_reviewers_hear_what_becomes_of_a_case_they_have_not_decided(tmp_path: Path) -> None:
    """Nobody else does."""
    with theatre(tmp_path) as at:
        at.policy = Policy(at.reviewers.id)
        at.subscribe(at.channel)
        at.find(found())
        with at.bot():
            at.wait(lambda: at.posted(at.reviewers, 1))
            assert follow(at, "gone", "org/name is not on the Hub", "0")
            at.wait(lambda: at.posted(at.reviewers, 2))
            at.idle()
        assert "org/name is not on the Hub" in at.reviewers.messages[1]["embeds"][0]["description"]
        assert at.channel.messages == []


def test_a_card_of_a_gated_repository_is_not_shown(tmp_path: Path) -> None:
    """It is kept as evidence, and that is all."""
    with theatre(tmp_path) as at:
        at.subscribe(at.channel)
        at.find(found(), card=b"secret words", gated=True)
        with at.bot():
            at.wait(lambda: at.posted(at.channel, 1))
            shown = at.discord.members.click(at.channel.messages[0], "Evidence", at.channel)
            assert shown.text.startswith("Its card at first sight was not kept, or belongs to a gated repository.")
            assert "secret words" not in shown.text


def test_without_a_webhook_an_operators_news_goes_to_the_reviewers(tmp_path: Path) -> None:
    """A webhook has it before them, and a bot without reviewers leaves it to the console."""
    token = {"discord_token": BOT_TOKEN}
    with theatre(tmp_path) as at:
        at.policy = Policy(at.reviewers.id)
        where = operators(Settings(**token, review_channel=int(at.reviewers.id)))  # type: ignore[arg-type]
        assert operators(Settings(**token)) == "console"  # type: ignore[arg-type]
        assert operators(Settings(**token, discord_webhook=at.discord.webhook_url)) == "discord"  # type: ignore[arg-type]
        news = News(at.store, at.clock, where)
        with at.bot():
            news.set("disk", "1 MB left")
            at.wait(lambda: at.posted(at.reviewers, 1))
            news.set("disk", None)
            at.wait(lambda: at.posted(at.reviewers, 2))
            at.idle()
        titles = [m["embeds"][0]["title"] for m in at.reviewers.messages]
        assert titles == ["Operator: disk", "Operator: disk, ended"]


def retract(at: Theatre) -> None:
    """Let the operator take the case back."""
    case = at.store.cases.get(CASE)
    assert case is not None
    assert at.casework.retract(case, "we were wrong")


def test_a_channel_that_unsubscribed_hears_of_a_retraction(tmp_path: Path) -> None:
    """It still shows the accusation, so it is told like every other; of new cases it hears nothing."""
    with theatre(tmp_path) as at:
        at.subscribe(at.channel, at.other)
        at.find(found())
        with at.bot() as chat:
            at.wait(lambda: at.posted(at.channel, 1) and at.posted(at.other, 1))
            at.idle()
            at.subscriptions.drop(at.other.id)
            retract(at)
            chat.kick()
            at.wait(lambda: all("Retracted" in standing(c.messages[0]) for c in (at.channel, at.other)))
            at.idle()
        titles = [c.messages[0]["embeds"][0]["title"] for c in (at.channel, at.other)]
        assert all(title.startswith("Retracted: quick-fox/") for title in titles)
        assert at.store.counts()["alerts.dead"] == 0


@pytest.mark.parametrize("published", [False, True])
def test_reviewers_hear_of_a_retraction(tmp_path: Path, published: bool) -> None:
    """Whatever they decided, what they were shown says so and has no buttons to publish or retract it any more."""
    with theatre(tmp_path) as at:
        at.policy = Policy(at.reviewers.id)
        at.subscribe(at.channel)
        at.find(found())
        with at.bot() as chat:
            at.wait(lambda: at.posted(at.reviewers, 1))
            at.idle()
            if published:
                at.discord.members.click(at.reviewers.messages[0], "Publish", at.reviewers, ALICE)
                at.wait(lambda: at.posted(at.channel, 1))
                at.idle()
            retract(at)
            chat.kick()
            at.wait(lambda: at.posted(at.reviewers, 2))
            at.idle()
        asked, told = at.reviewers.messages
        assert asked["components"] == []
        assert asked["embeds"][0]["title"].startswith("Retracted: quick-fox/")
        assert asked["embeds"][0]["description"].startswith("**Retracted:** we were wrong")
        assert told["embeds"][0]["title"].startswith("Retracted: quick-fox/")
        titles = [m["embeds"][0]["title"] for m in at.channel.messages]
        assert [t.startswith("Retracted: quick-fox/") for t in titles] == [True] * published


def test_a_case_that_was_retracted_before_the_bot_told_it_is_told_nowhere(tmp_path: Path) -> None:
    """Not even to reviewers: found, or published, while nobody was connected."""
    with theatre(tmp_path) as at:
        at.subscribe(at.channel)
        at.find(found())
        retract(at)
        at.find(found("ffff00000000"))
        with at.bot():
            at.wait(lambda: at.posted(at.channel, 1))
            at.idle()
        assert "case ffff00000000" in at.channel.messages[0]["embeds"][0]["footer"]["text"]
        case = at.cases.get(CASE)
        assert case is not None
        assert case.state == "retracted"
        assert at.store.counts()["alerts.dead"] == 0


def test_a_case_that_was_retracted_while_discord_was_down_is_not_told_after_it(tmp_path: Path) -> None:
    """The bot looks whether an attempt has told it, and finds nothing."""
    ahead = [timedelta(0)]
    with theatre(tmp_path, clock=lambda: utc_now() + ahead[0]) as at:
        at.subscribe(at.channel)
        with at.bot() as chat:
            at.discord.faults.html = 1
            at.find(found())
            chat.kick()
            at.wait(lambda: at.store.counts()["alerts.pending"] == 1 and at.discord.faults.html == 0)
        retract(at)
        ahead[0] = timedelta(hours=1)  # between two bots: no row is under way while the time jumps
        with at.bot():
            at.wait(lambda: at.store.counts()["alerts.sent"] >= 3)
        ahead[0] = timedelta(hours=2)
        with at.bot():
            at.idle()
        assert at.channel.messages == []
        assert at.store.counts()["alerts.dead"] == 0


def test_a_message_that_nobody_saw_arrive_says_that_it_was_retracted(tmp_path: Path) -> None:
    """The connection broke after the alert had arrived, then the case was taken back: it is found and brought up
    to date."""
    ahead = [timedelta(0)]
    with theatre(tmp_path, clock=lambda: utc_now() + ahead[0]) as at:
        at.discord.world.nonce_seconds = 0.0
        at.subscribe(at.channel)
        at.find(found())
        at.discord.faults.drops = 1
        with at.bot():
            at.wait(lambda: at.store.counts()["alerts.pending"] == 1 and at.discord.faults.drops == 0)
        retract(at)
        ahead[0] = timedelta(hours=1)  # between two bots: no row is under way while the time jumps
        with at.bot():
            at.wait(lambda: "Retracted" in standing(at.channel.messages[0]))
        ahead[0] = timedelta(hours=2)
        with at.bot():
            at.idle()
        assert at.channel.messages[0]["embeds"][0]["title"].startswith("Retracted: quick-fox/")
        assert at.store.counts()["alerts.dead"] == 0


def test_a_webhook_beside_the_bot_is_told_what_happened_before_it_was_published(tmp_path: Path) -> None:
    """The alert says that the repository has another name since."""
    with theatre(tmp_path) as at:
        at.policy = Policy(at.reviewers.id)
        at.sinks = {"discord": WebhookSink(at.discord.webhook_url, at.discord.api_base)}
        at.find(found())
        with at.bot() as chat:
            at.wait(lambda: at.posted(at.reviewers, 1))
            assert follow(at, "moved", "a/B is a/C now", "a/C")
            at.wait(lambda: at.posted(at.reviewers, 2))
            case = at.cases.get(CASE)
            assert case is not None
            chat.desk.publisher.decide(case, "publish", "1", "")
            chat.kick()
            at.wait(lambda: bool(at.discord.messages))
            at.idle()
        (message,) = at.discord.messages
        assert "a/B is a/C now" in standing(message)


def test_a_corrected_card_ends_the_accusation_everywhere(tmp_path: Path) -> None:
    """By bot, webhook and in the reviewers' channel: title, colour and lines; and the other way round if it goes."""
    with theatre(tmp_path) as at:
        at.policy = Policy(at.reviewers.id)
        at.sinks = {"discord": WebhookSink(at.discord.webhook_url, at.discord.api_base)}
        at.subscribe(at.channel)
        at.find(found())
        with at.bot():
            at.wait(lambda: at.posted(at.reviewers, 1))
            at.discord.members.click(at.reviewers.messages[0], "Publish", at.reviewers, ALICE)
            at.wait(lambda: at.posted(at.channel, 1) and len(at.discord.messages) == 1)
            at.idle()
            heads = [at.channel.messages[0], at.discord.messages[0], at.reviewers.messages[0]]
            assert follow(at, "declared", "declared since revision bbb: a/B", "a/B")
            at.wait(lambda: at.posted(at.reviewers, 2))
            at.idle()
            for head in heads:
                embed = head["embeds"][0]
                assert embed["title"] == "Now declared: quick-fox/Aurora\\_Turbo"
                assert embed["color"] == DECLARED_COLOUR
                assert "not declared" not in embed["description"]
                assert "base_model" not in embed["description"]
            assert heads[2]["embeds"][0]["description"].startswith(f"Published by <@{ALICE.id}>.")
            assert labels(heads[2]) == ["Retract", "Evidence"]
            assert follow(at, "withdrawn", "no longer declared: a/B", "a/B")
            at.wait(lambda: at.posted(at.reviewers, 3))
            at.idle()
        for head in heads:
            assert head["embeds"][0]["title"].startswith("Not declared any more: ")
            assert "not declared" in head["embeds"][0]["description"]


def test_a_case_whose_card_is_corrected_is_closed_to_reviewers(tmp_path: Path) -> None:
    """There is nothing to publish and nobody is reminded; a card that no longer declares it opens it again."""
    with theatre(tmp_path) as at:
        at.policy = Policy(at.reviewers.id)
        at.subscribe(at.channel)
        at.find(found())
        with at.bot():
            at.wait(lambda: at.posted(at.reviewers, 1))
            asked, members = at.reviewers.messages[0], at.discord.members
            before = deepcopy(asked)
            assert follow(at, "declared", "declared since revision bbb: a/B", "a/B")
            at.wait(lambda: at.posted(at.reviewers, 2))
            at.idle()
            assert asked["embeds"][0]["description"].startswith("**Closed:** ")
            assert asked["components"] == []
            assert at.cases.waiting() == 0
            assert "decided already: closed" in members.click(before, "Publish", at.reviewers, ALICE).text
            assert members.slash("case", at.other, case=CASE).text.startswith("It is closed.")
            assert follow(at, "withdrawn", "no longer declared: a/B", "a/B")
            at.wait(lambda: at.posted(at.reviewers, 3))
            at.idle()
            assert labels(asked) == ["Publish", "Reject", "Evidence"]
            assert at.cases.waiting() == 1
        assert at.channel.messages == []
