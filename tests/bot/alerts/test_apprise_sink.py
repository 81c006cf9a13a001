"""Alerts reach services by Apprise over real sockets, and no address is in an error or a log."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("apprise")

from bot import build
from bot.alerts.apprise_sink import KEY_HEADER, SENT, AppriseSink, key_of, text_of
from bot.alerts.delivery import LEASE_SECONDS, Delivered, TryLater, deliver
from bot.alerts.evidence import plain
from bot.alerts.rate_cap import digest_of
from bot.cases.casework import Casework
from bot.cases.rendering import as_they_stand
from bot.config import logs
from bot.config.channels import Channel
from bot.config.settings import Settings, SettingsError
from demo.scene import BASE, HIDDEN, RELEASE
from state.evidence.blobs import Blobs
from state.records import NewCase, Settlement
from state.store import OutboxMessage, Store
from tests.bot.alerts.services import HttpService, http_service, smtp_service
from tests.bot.alerts.test_delivery import START, Clock
from tests.bot.alerts.test_embeds import report
from tests.bot.stage import REPOS, stage
from tests.bot.text.test_sanitize import invisible
from tests.state.events import event

TOPIC, PASSWORD, TOKEN = "a-topic-of-ours", "passw0rd", "tok3n-of-it"
WHERE = "channel:ops"


@pytest.fixture
def service() -> Iterator[HttpService]:
    """A service that speaks HTTP."""
    with http_service() as served:
        yield served


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(f"sqlite:///{tmp_path / 'state.db'}") as opened:
        yield opened


def sink(url: str) -> AppriseSink:
    """A sink of a channel."""
    return AppriseSink(Channel.model_validate({"name": "ops", "url": url}))


def webhook(service: HttpService) -> str:
    """The address of a generic webhook, with every kind of secret in it."""
    return f"json://user:{PASSWORD}@{service.host}/hook/{TOKEN}"


def test_a_webhook_gets_what_a_console_shows(service: HttpService) -> None:
    """The first line as title, the rest as text, and a key by which a receiver knows a repetition."""
    assert asyncio.run(sink(webhook(service)).send(report())) == SENT
    (got,) = service.got
    assert got.path == f"/hook/{TOKEN}"
    assert f"{got.body['title']}\n{got.body['message']}" == plain(report()).rstrip()
    assert got.headers[KEY_HEADER] == key_of(report())


def test_ntfy_gets_an_alert(service: HttpService) -> None:
    """On its topic, with no icon from elsewhere."""
    asyncio.run(sink(f"ntfy://{service.host}/{TOPIC}").send(report()))
    (got,) = service.got
    assert got.body["topic"] == TOPIC
    assert got.body["title"] == "Partly declared blend: quick-fox/Aurora_Turbo"
    assert "aurora-labs/Borealis-1: not declared" in got.body["message"]
    assert "X-Icon" not in got.headers


def test_a_matrix_room_gets_each_alert_under_a_number_of_its_own(service: HttpService) -> None:
    """A server drops a second message of one number: a number used again would lose an alert."""
    for case in ("0123456789ab", "ba9876543210"):
        asyncio.run(sink(f"matrix://{TOKEN}@{service.host}/!room:localhost").send(report(case=case)))
    sent = [got for got in service.got if "/send/m.room.message/" in got.path]
    assert [("0123456789ab" in got.body["body"]) for got in sent] == [True, False]
    assert len({got.path for got in sent}) == 2


def test_a_mail_arrives_as_plain_text() -> None:
    """With the title as subject; the key is a header, by which a filter drops a repetition."""
    with smtp_service() as (port, mails):
        asyncio.run(
            sink(f"mailto://127.0.0.1:{port}?from=bot@example.org&to=ops@example.org&mode=insecure").send(report())
        )
    (mail,) = mails
    assert mail["Subject"] == "Partly declared blend: quick-fox/Aurora_Turbo"
    assert (mail["To"], mail[KEY_HEADER]) == ("ops@example.org", key_of(report()))
    assert mail.get_content_type() == "text/plain"
    assert "aurora-labs/Borealis-1: not declared" in mail.get_content()


def test_no_escape_and_no_active_sign_arrives(service: HttpService) -> None:
    """A name that an uploader chose pings nobody, hides nothing and shows no backslash."""
    name = "evil/@everyone *bold* \u202eabc https://evil.example"
    asyncio.run(sink(webhook(service)).send(report(suspect={"repo_id": name, "revision": "a" * 40})))
    body = service.got[0].body
    told = f"{body['title']}\n{body['message']}"
    assert "evil/＠everyone *bold* [U+202E]abc https[:]//evil.example" in told
    assert not invisible(told.replace("\n", ""))


def test_what_is_too_long_for_a_service_comes_without_evidence() -> None:
    """Never in two messages, of which one could be lost."""
    whole = text_of(report(), 10_000)
    short = text_of(report(), 1000)
    assert len(short) < 1000 < len(whole)
    assert whole.startswith(short)


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_a_refusal_is_tried_later_and_shows_no_secret(
    service: HttpService, status: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Apprise does not say what would never help; the reason is told, the address is not, here and in no log."""
    service.status = status
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(TryLater, match=f"channel ops did not take .*{status}") as caught,
    ):
        asyncio.run(sink(webhook(service)).send(report()))
    told = f"{caught.value}{caplog.text}{capfd.readouterr()}"
    assert not [secret for secret in (PASSWORD, TOKEN) if secret in told]


def test_a_service_that_is_not_there_is_tried_later() -> None:
    """A closed port."""
    with pytest.raises(TryLater, match="channel ops did not take"):
        asyncio.run(sink(f"json://127.0.0.1:1/{TOKEN}").send(report()))


@pytest.mark.parametrize("url", ["nosuch://s3cret-thing/abc", "slack://s3cret-thing", "s3cret-thing"])
def test_an_address_that_apprise_does_not_know_stops_the_start(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The channel is named, the address is shown neither there nor by Apprise's own log."""
    with pytest.raises(SettingsError, match="BLENDWATCH_CHANNELS: the address of channel ops") as caught:
        build.sinks(Settings(channels=(Channel.model_validate({"name": "ops", "url": url}),)))
    assert "s3cret" not in f"{caught.value}{capfd.readouterr()}"


def test_logs_hide_an_address_and_its_parts(service: HttpService) -> None:
    """Whoever logs them, in whatever address a library makes of them."""
    channel = Channel.model_validate({"name": "ops", "url": webhook(service)})
    told = logs.redacted(
        f"{webhook(service)} http://{service.host}/hook/{TOKEN} {PASSWORD}", Settings(channels=(channel,)).secrets
    )
    assert not [secret for secret in (PASSWORD, TOKEN) if secret in told]
    stream = io.StringIO()
    stream.write(f"{AppriseSink(channel)!r} {AppriseSink(channel)}")
    assert service.host not in stream.getvalue()


def test_keys_tell_messages_apart() -> None:
    """The same message has the same key, whatever its words are by then; another case, note or condition has not."""
    news = {"follow_up": {"case": "1a2b3c", "kind": "retracted", "text": "wrong", "at": "2026-11-23T12:00:00+00:00"}}
    operator = {"operator": {"title": "disk nearly full", "began_at": "2026-11-23T12:00:00+00:00", "ended_at": None}}
    ended = {"operator": operator["operator"] | {"ended_at": "2026-11-23T13:00:00+00:00"}}
    others = [
        report(),
        report(case="ffff"),
        news,
        operator,
        ended,
        digest_of([report()]),
        digest_of([report(case="f")]),
    ]
    assert len({key_of(one) for one in others}) == len(others)
    assert key_of(report(why="other words")) == key_of(report())


# -- through the outbox ----------------------------------------------------------------------------------------------


def find(store: Store, case: str = "0123456789ab") -> None:
    """Settle an upload with a case and its alert, as the watch does."""
    store.record("feed", [event("quick-fox/Aurora_Turbo")], None, START)
    (upload,) = store.history("quick-fox/Aurora_Turbo")
    message = OutboxMessage(f"{WHERE}>quick-fox/aurora_turbo@aaaa:{case}", WHERE, report(case=case))
    store.settle(upload.id, Settlement("found", "why", report(case=case)), [message], START, NewCase(case, "method"))


def go(store: Store, url: str, clock: Clock) -> Delivered:
    """One pass of the delivery."""
    return asyncio.run(deliver(store, as_they_stand({WHERE: sink(url)}, store), clock, chance=lambda: 0.0))


class Killed(BaseException):
    """The process ends here, as a kill would end it."""


class DyingSink(AppriseSink):
    """A sink whose process dies after the service took the message and before that is marked."""

    async def send(self, given: Mapping[str, Any]) -> str:
        """Send, then die."""
        await super().send(given)
        raise Killed


def test_a_kill_between_sending_and_marking_repeats_the_message_under_its_key(
    store: Store, service: HttpService
) -> None:
    """Nothing is lost; a receiver that keeps keys sees it once."""
    find(store)
    clock = Clock()
    dying = DyingSink(Channel.model_validate({"name": "ops", "url": webhook(service)}))
    with pytest.raises(Killed):
        asyncio.run(deliver(store, as_they_stand({WHERE: dying}, store), clock))
    assert go(store, webhook(service), clock) == Delivered()  # the lease is the dead process's
    clock.go(LEASE_SECONDS)
    assert go(store, webhook(service), clock) == Delivered(sent=1)
    assert go(store, webhook(service), clock) == Delivered()
    assert len(service.got) == 2
    assert len({got.headers[KEY_HEADER] for got in service.got}) == 1


def test_corrections_and_retractions_follow_as_messages(store: Store, service: HttpService, tmp_path: Path) -> None:
    """In the channel that got the alert, each once and under a key of its own."""
    find(store)
    clock = Clock()
    go(store, webhook(service), clock)
    keeper = Casework(store, Blobs(tmp_path / "evidence"), clock)
    case = store.cases.get("0123456789ab")
    assert case is not None
    assert keeper.follow(case, "corrected", "by the method of today: another claim", "gist")
    clock.go(60)
    go(store, webhook(service), clock)
    assert keeper.retract(case, "we were wrong")
    assert go(store, webhook(service), clock) == Delivered(sent=1)
    assert go(store, webhook(service), clock) == Delivered()
    _, corrected, retracted = (got.body for got in service.got)
    assert corrected["title"] == "Correction: quick-fox/Aurora_Turbo"
    assert "another claim" in corrected["message"]
    assert retracted["title"] == "Retracted: quick-fox/Aurora_Turbo"
    assert "we were wrong" in retracted["message"]
    assert len({got.headers[KEY_HEADER] for got in service.got}) == 3


def test_an_alert_retracted_before_it_was_sent_stays_unsent(store: Store, service: HttpService, tmp_path: Path) -> None:
    """Nothing is said that would have to be taken back."""
    find(store)
    case = store.cases.get("0123456789ab")
    assert case is not None
    Casework(store, Blobs(tmp_path / "evidence"), Clock()).retract(case, "we were wrong")
    go(store, webhook(service), Clock())
    assert not service.got


def test_a_watch_sends_to_the_channels_that_asked(tmp_path: Path, service: HttpService) -> None:
    """The whole way: webhook and one channel get the alert, a channel of another organisation does not."""
    owner = HIDDEN.partition("/")[0]
    channels = [
        {"name": "ops", "url": f"json://{service.host}/ops-{TOKEN}", "organisation": owner},
        {"name": "others", "url": f"json://{service.host}/others-{TOKEN}", "organisation": "somebody-else"},
    ]
    with stage(tmp_path, {name: REPOS[name] for name in (BASE, RELEASE, HIDDEN)}) as at:
        done = at.run("watch", "--once", BLENDWATCH_CHANNELS=json.dumps(channels))
        assert done.returncode == 0, done.stderr
        assert at.told == [f"Partly declared blend: {HIDDEN}"]
        tested = at.run("notify", "--test", "--channel", "others", BLENDWATCH_CHANNELS=json.dumps(channels))
        assert tested.returncode == 0, tested.stderr
    assert [(got.path, got.body["title"]) for got in service.got] == [
        (f"/ops-{TOKEN}", f"Partly declared blend: {HIDDEN}"),
        (f"/others-{TOKEN}", "Operator: a test message"),
    ]
    assert TOKEN not in done.stdout + done.stderr + tested.stdout + tested.stderr
    assert "channel others" in tested.stdout
