"""A webhook of the Hub makes a pass come sooner, and nothing else comes of it."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from bot.config.settings import Settings, SettingsError
from bot.health.heartbeat import Heartbeat
from bot.health.http_server import Endpoint
from bot.health.metrics import Metrics
from bot.hub.webhook import LARGEST_BODY, PATH, HubWebhook
from bot.watch.schedule import EarlyPass
from demo.scene import BASE, HIDDEN, RELEASE
from state.uploads.counts import Feed, Tally
from tests.bot.health.test_health import free_port, until, watching
from tests.bot.stage import NOW, REPOS, stage

SECRET = "a secret, agreed upon: ü"


def payload(**changes: Any) -> dict[str, Any]:
    """What the Hub sends when weights were pushed; a key with two underscores changes what lies inside."""
    whole: dict[str, Any] = {
        "event": {"action": "update", "scope": "repo.content"},
        "repo": {
            "type": "model",
            "name": "aurora-labs/Borealis-2",
            "id": "6a72f2e302294c7d32dd278e",
            "private": False,
            "url": {"web": "https://huggingface.co/aurora-labs/Borealis-2", "api": "https://huggingface.co/api/models"},
            "headSha": "a" * 40,
            "tags": [],
            "owner": {"id": "62264500294c7d32dd278e00"},
        },
        "webhook": {"id": "64e4a2b1", "version": 3},
        "updatedRefs": [{"ref": "refs/heads/main", "oldSha": "b" * 40, "newSha": "a" * 40}],
    }
    for key, value in changes.items():
        outer, _, inner = key.partition("__")
        whole[outer] = {**whole[outer], inner: value} if inner else value
    return whole


async def posted(port: int, body: bytes, secret: str | None) -> int:
    """The status of the answer."""
    headers = {} if secret is None else {"X-Webhook-Secret": secret}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{port}{PATH}", data=body, headers=headers) as answer,
    ):
        return answer.status


def knocked(*knocks: tuple[bytes, str | None], secret: str | None = SECRET) -> tuple[list[int], int]:
    """What a watch's port answers to each body and secret, one after the other; and how often it was woken."""
    settings = Settings(http_port=free_port())
    woken: list[int] = []
    nothing = Tally((Feed("created_at", NOW, NOW),), 0, None, 0, {}, {}, {}, None)
    heartbeat = Heartbeat(settings)
    webhook = HubWebhook(SecretStr(secret), lambda: woken.append(1)) if secret is not None else None
    endpoint = Endpoint(heartbeat, Metrics(lambda: nothing, {}, heartbeat), lambda: None, lambda: 1, webhook)

    async def knock() -> list[int]:
        async with endpoint.served(settings):
            return [await posted(settings.http_port, body, given) for body, given in knocks]

    return asyncio.run(knock()), len(woken)


def as_body(**changes: Any) -> bytes:
    """A payload as it is sent."""
    return json.dumps(payload(**changes)).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"event__action": "create", "event__scope": "repo"},
        {"event__action": "delete", "event__scope": "repo"},
        {"event__scope": "repo.config"},
        {"event__action": "move", "event__scope": "repo", "movedTo": {"name": "aurora-labs/New", "owner": {"id": "1"}}},
        {"repo__headSha": None},
    ],
)
def test_news_of_a_model_wakes_the_watch(changes: dict[str, Any]) -> None:
    """With the right secret, whatever was done to a public model."""
    assert knocked((as_body(**changes), SECRET)) == ([202], 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"repo__type": "dataset"},
        {"repo__type": "space"},
        {"repo__private": True},
        {"event__scope": "discussion"},
        {"event__scope": "discussion.comment"},
        {"event__scope": "something.new"},
    ],
)
def test_what_no_listing_of_models_would_show_is_ignored(changes: dict[str, Any]) -> None:
    """It is answered well, so that the Hub does not give the webhook up, and wakes nobody."""
    assert knocked((as_body(**changes), SECRET)) == ([200], 0)


@pytest.mark.parametrize("given", [None, "", SECRET[:-1], SECRET + "x", SECRET.upper(), "é" * 40])
def test_without_the_secret_nothing_is_read(given: str | None) -> None:
    """401, even where the body is far too large or no payload at all."""
    knocks = [(body, given) for body in (as_body(), b"x" * (4 * LARGEST_BODY), b"{")]
    assert knocked(*knocks) == ([401] * 3, 0)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b" " * (LARGEST_BODY + 1), 413),
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe\x00", 400),
        (b"[" * LARGEST_BODY, 400),
        (b"null", 400),
        (b"[]", 400),
        (b"{}", 400),
        (as_body(event=None), 400),
        (as_body(repo="aurora-labs/Borealis-2"), 400),
        (as_body(repo__name=["a"]), 400),
        (as_body(repo__name="x" * 513), 400),
        (as_body(repo__headSha="a" * 65), 400),
        (as_body(movedTo="elsewhere"), 400),
    ],
)
def test_what_is_no_payload_is_refused_and_the_next_one_is_taken(body: bytes, status: int) -> None:
    """Too large 413, anything else 400; the server stands."""
    assert knocked((body, SECRET), (as_body(), SECRET)) == ([status, 202], 1)


def test_without_the_setting_there_is_no_such_page() -> None:
    """404, whatever is sent."""
    assert knocked((as_body(), SECRET), (as_body(), None), secret=None) == ([404, 404], 0)


def test_a_name_with_signs_of_its_own_is_harmless_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """What the payload says is shown on one line, without what a terminal would obey, and cut."""
    caplog.set_level("INFO", logger="blendwatch")
    assert knocked((as_body(repo__name="a/\x1b[2J\n" + "b" * 490), SECRET)) == ([202], 1)
    (line,) = [r.getMessage() for r in caplog.records if "the Hub says" in r.getMessage()]
    assert line.isprintable()
    assert len(line) < 250


def test_a_secret_without_a_port_is_one_clear_error() -> None:
    """Nobody would be listening."""
    heartbeat = Heartbeat(Settings())
    metrics = Metrics(lambda: None, {}, heartbeat)  # type: ignore[arg-type,return-value]
    endpoint = Endpoint(heartbeat, metrics, lambda: None, lambda: 1, HubWebhook(SecretStr("s"), lambda: None))

    async def serve() -> None:
        async with endpoint.served(Settings()):
            pass

    with pytest.raises(SettingsError, match="BLENDWATCH_HTTP_PORT"):
        asyncio.run(serve())


def test_a_flood_makes_no_more_passes_than_the_limit() -> None:
    """One at once, one more when the limit's time is over, however often it is asked for; and none unasked."""

    async def flooded() -> tuple[list[int], list[float]]:
        passes: list[int] = []
        waits: list[float] = []
        over = asyncio.Event()

        async def sleep(seconds: float) -> None:
            waits.append(seconds)
            await over.wait()
            over.clear()

        async def turns() -> None:
            for _ in range(20):
                await asyncio.sleep(0)

        early, idle = EarlyPass(30.0, sleep), asyncio.Event()
        granting = asyncio.create_task(early.run(idle, lambda: passes.append(1)))
        counts = []
        early.ask()
        await turns()
        counts.append(len(passes))  # a pass is under way, so the early one waits for its end
        idle.set()
        for asked in (1000, 1000, 0):
            for _ in range(asked):
                early.ask()
                await asyncio.sleep(0)
            await turns()
            counts.append(len(passes))
            over.set()
            await turns()
        counts.append(len(passes))
        granting.cancel()
        return counts, waits

    # asked 1000 times: one; once the wait is over, one for all of them; asked 1000 times more: one; then none
    counts, waits = asyncio.run(flooded())
    assert counts == [0, 1, 2, 3, 3]
    assert waits == [30.0] * 3


def test_a_webhook_brings_the_alert_long_before_the_next_pass(tmp_path: Path) -> None:
    """The whole way: an upload appears, the Hub says so, and it is told; the next pass was a day away."""
    port = free_port()
    with stage(tmp_path, {name: REPOS[name] for name in (BASE, RELEASE)}) as at:
        secret = tmp_path / "secret"
        secret.write_text(SECRET + "\n")
        env = {"BLENDWATCH_POLL_MINUTES": "1440", "BLENDWATCH_HUB_WEBHOOK_SECRET_FILE": str(secret)}
        with watching(at, port, **env):
            until(port, "/readyz", 200)
            assert at.told == []
            at.hub.add(REPOS[HIDDEN])
            assert asyncio.run(posted(port, as_body(), "wrong")) == 401
            assert asyncio.run(posted(port, as_body(), SECRET)) == 202
            end = time.monotonic() + 60
            while not at.told:
                assert time.monotonic() < end, "no alert came"
                time.sleep(0.1)
        assert [HIDDEN in title for title in at.told] == [True]
