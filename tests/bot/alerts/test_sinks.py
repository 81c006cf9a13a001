"""Discord's own client posts over real sockets, and whatever comes back is one of three things."""

from __future__ import annotations

import asyncio
import io
import logging
import time
from collections.abc import Iterator

import pytest

from bot.alerts import compose
from bot.alerts.compose import embed_text
from bot.alerts.console import ConsoleSink
from bot.alerts.delivery import TryLater, Undeliverable
from bot.alerts.evidence import evidence_text, plain
from bot.alerts.sinks import WebhookSink
from bot.text.words import words_for
from demo.discord.server import CHANNEL_ID, TOKEN, WEBHOOK_ID, LoopbackDiscord, over_limit
from tests.bot.alerts.test_embeds import report
from tests.bot.text.test_sanitize import ACTIVE, invisible


@pytest.fixture
def loopback() -> Iterator[LoopbackDiscord]:
    """A Discord of our own, closed after the test."""
    with LoopbackDiscord() as server:
        yield server


def sink_for(server: LoopbackDiscord, timeout: float = 5.0, patience: float = 20.0) -> WebhookSink:
    """A sink that posts to the loopback."""
    return WebhookSink(server.webhook_url, server.api_base, timeout_seconds=timeout, patience_seconds=patience)


def test_an_alert_arrives_as_one_embed_and_pings_nobody(loopback: LoopbackDiscord) -> None:
    """The message holds the embed under our name, its id comes back, and Discord is told to notify no one."""
    message_id = asyncio.run(sink_for(loopback).send(report()))
    (message,) = loopback.messages
    assert message["id"] == message_id
    assert message["username"] == "Blendwatch"
    assert message["allowed_mentions"] == {"parse": []}
    assert not message.get("content")
    (embed,) = message["embeds"]
    assert embed_text(embed) == embed_text(compose.message(report(), "channel").to_dict())


def test_the_evidence_comes_along_as_a_file(loopback: LoopbackDiscord) -> None:
    """A webhook has no button to ask for it: nothing that was measured is missing."""
    asyncio.run(sink_for(loopback).send(report()))
    (file,) = loopback.messages[0]["attachments"]
    assert file["filename"] == "evidence.txt"
    kept = loopback.world.files[file["url"]].decode()
    assert kept == evidence_text(report(), words_for("en"))
    for part in ("One set of coefficients explains all layers.", "0.565 tidepool-ai/Borealis-Coder", "812 kB read"):
        assert part in kept


def test_a_profile_is_sent_as_a_picture(loopback: LoopbackDiscord) -> None:
    """With a text for those who cannot see it, and as often as a retry needs it."""
    loopback.faults.server_errors = 1
    profile = [{"layer": 0, "module": "q", "shares": {"a/x": [0.5, 0.4, 0.6], "b/y": [0.5, 0.4, 0.6]}}]
    asyncio.run(sink_for(loopback).send(report(profile=profile)))
    (message,) = loopback.messages
    picture, evidence = message["attachments"]
    assert evidence["filename"] == "evidence.txt"
    assert message["embeds"][0]["image"] == {"url": f"attachment://{picture['filename']}"}
    assert picture["description"].startswith("A chart of 1 readings")
    assert picture["size"] > 1000


def test_a_rate_limit_is_waited_for(loopback: LoopbackDiscord) -> None:
    """Discord's "too many" is answered by waiting as long as it says, and the message arrives once."""
    loopback.faults.rate_limits = 2
    started = time.monotonic()
    asyncio.run(sink_for(loopback).send(report()))
    assert time.monotonic() - started >= 2 * loopback.faults.retry_after
    assert (len(loopback.messages), loopback.requests) == (1, 3)


def test_a_server_error_is_tried_again(loopback: LoopbackDiscord) -> None:
    """One failure on Discord's side costs a second try and no message."""
    loopback.faults.server_errors = 1
    asyncio.run(sink_for(loopback).send(report()))
    assert (len(loopback.messages), loopback.requests) == (1, 2)


def test_a_limit_beyond_patience_is_for_later(loopback: LoopbackDiscord) -> None:
    """A limit that the network in front of Discord sets comes back as TryLater, with the time it names."""
    loopback.faults.bans, loopback.faults.retry_after = 1, 42.5
    with pytest.raises(TryLater, match=r"answered 429: You are being rate limited\.$") as caught:
        asyncio.run(sink_for(loopback).send(report()))
    assert caught.value.retry_after == 42.5


def test_patience_is_bounded(loopback: LoopbackDiscord) -> None:
    """However long a wait Discord asks for, a send ends within its patience."""
    loopback.faults.rate_limits, loopback.faults.retry_after = 1, 3600.0
    started = time.monotonic()
    with pytest.raises(TryLater):
        asyncio.run(sink_for(loopback, patience=0.3).send(report()))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("fault", ["stalled", "drops", "html"])
def test_an_answer_that_never_comes_is_for_later(loopback: LoopbackDiscord, fault: str) -> None:
    """Silence, a cut connection and another program's page are all TryLater, in a sentence without the token."""
    setattr(loopback.faults, fault, 1)
    with pytest.raises(TryLater) as caught:
        asyncio.run(sink_for(loopback, timeout=0.3).send(report()))
    assert TOKEN not in str(caught.value)


def test_a_closed_door_is_for_later() -> None:
    """Where nobody listens, the alert waits."""
    with LoopbackDiscord() as server:
        sink = sink_for(server)
    with pytest.raises(TryLater, match="could not be reached"):
        asyncio.run(sink.send(report()))


def test_a_deleted_webhook_is_undeliverable(loopback: LoopbackDiscord, caplog: pytest.LogCaptureFixture) -> None:
    """A webhook that Discord does not know is given up in a sentence that says why and keeps the token secret."""
    loopback.faults.unknown_webhook = True
    sink = sink_for(loopback)
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(Undeliverable, match="404, code 10015: Unknown Webhook") as caught,
    ):
        asyncio.run(sink.send(report()))
    for text in (str(caught.value), repr(caught.value), repr(sink), caplog.text):
        assert TOKEN not in text
    assert WEBHOOK_ID in repr(sink)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense-secret",
        f"http://discord.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}",
        f"https://discord.com.evil.example/api/webhooks/{WEBHOOK_ID}/{TOKEN}",
        f"https://evil.example/discord.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}",
        f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}?wait=true",
        f"https://discord.com/api/webhooks/{WEBHOOK_ID}/short-secret",
        f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}/slack",
    ],
)
def test_a_wrong_url_is_refused_without_being_shown(url: str) -> None:
    """What is no webhook URL is refused at once, and the sentence shows the form and not the value."""
    with pytest.raises(Undeliverable, match=r"https://discord\.com/api/webhooks/<id>/<token>") as caught:
        WebhookSink(url)
    assert TOKEN not in str(caught.value)
    assert "secret)" in str(caught.value).replace("short-secret", "").replace("nonsense-secret", "?")


@pytest.mark.parametrize("host", ["discord.com/api", "discordapp.com/api", "ptb.discord.com/api/v10"])
def test_every_form_of_url_that_discord_gives_is_taken(host: str) -> None:
    """Old and preview addresses, and a line break from a secrets file, are no obstacle."""
    assert WEBHOOK_ID in repr(WebhookSink(f"https://{host}/webhooks/{WEBHOOK_ID}/{TOKEN}\n"))


def test_hostile_names_arrive_harmless(loopback: LoopbackDiscord) -> None:
    """A name that would ping, link and turn the text around arrives as letters."""
    name = "@everyone <@1> [free](https://evil.example) \u202e\u200b```"
    parents = [{"repo_id": name, "coefficient": 0.5, "declared": False}] * 30
    hostile = report(suspect={"repo_id": name, "revision": name}, parents=parents, why=name * 300, case=name)
    asyncio.run(sink_for(loopback).send(hostile))
    (embed,) = loopback.messages[0]["embeds"]
    for text in (embed["title"], embed["description"], embed["footer"]["text"]):
        assert not ACTIVE.search(text)
        assert not invisible(text.replace("\n", ""))


def test_the_loopback_refuses_what_discord_refuses(loopback: LoopbackDiscord) -> None:
    """An embed over a limit is answered as Discord answers it, so that a passing test means something."""
    fields = [{"name": "n", "value": "v" * 1025}, *[{"name": "n", "value": " "}] * 25]
    assert over_limit({"title": "t" * 257, "fields": fields}) == ["title", "fields", "value"]
    assert over_limit({"description": "d" * 4000, "footer": {"text": "f" * 2001}}) == ["total"]
    assert over_limit({"title": "t" * 256, "description": "d" * 4096}) == []
    assert CHANNEL_ID


def test_a_console_shows_the_alert_in_any_encoding() -> None:
    """The alert is printed as text, with a question mark where the terminal has no such sign."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    assert asyncio.run(ConsoleSink(stream).send(report(why="naïve …"))) == "console"
    assert b"na?ve ?" in raw.getvalue()


def test_a_console_is_standard_output_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a stream, alerts go where everyone looks."""
    asyncio.run(ConsoleSink().send(report()))
    assert plain(report()) in capsys.readouterr().out
