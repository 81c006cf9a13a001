"""The watch with a bot, as an operator starts it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from demo.discord.server import BOT_TOKEN
from demo.scene import BASE, HIDDEN, RELEASE
from state.case_records import Subscription
from state.cases.subscriptions import Subscriptions
from tests.bot.chat.stage import labels, utc_now
from tests.bot.stage import REPOS, Stage, stage

FEW = {name: REPOS[name] for name in (BASE, RELEASE, HIDDEN)}


def with_bot(at: Stage, token: str = BOT_TOKEN) -> dict[str, str]:
    """What an operator sets for a bot; no webhook."""
    return {k: v for k, v in at.env.items() if k != "BLENDWATCH_DISCORD_WEBHOOK"} | {"BLENDWATCH_DISCORD_TOKEN": token}


def once(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """One pass of the watch."""
    command = [sys.executable, "-m", "bot", "watch", "--once"]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=100)


def test_one_pass_tells_subscribed_channels(tmp_path: Path) -> None:
    """The watch finds the hidden blend, and the bot tells it with its picture; nothing goes to the console."""
    with stage(tmp_path, FEW) as at:
        world = at.discord.world
        guild = world.guild("Watchers")
        channel = world.channel(guild, "alerts")
        (at.folder / "data").mkdir()
        with at.store() as store:
            Subscriptions(store.engine).put(Subscription(guild, channel.id), utc_now())
        done = once(with_bot(at))
        assert done.returncode == 0, done.stderr
        assert (done.stdout[:10], done.stdout.count("\n")) == ("one pass: ", 1)
        (message,) = channel.messages
        assert HIDDEN in message["embeds"][0]["title"]
        assert [a["filename"] for a in message["attachments"]] == ["mix.png"]
        assert "Evidence" in labels(message)
        again = once(with_bot(at))
        assert again.returncode == 0
        assert len(channel.messages) == 1
        assert BOT_TOKEN not in done.stderr + again.stderr


def test_members_ask_a_running_watch_and_it_stops_when_told(tmp_path: Path) -> None:
    """A check asked for in Discord is the check of the command line; SIGTERM ends it cleanly."""
    with stage(tmp_path, FEW) as at:
        world, members = at.discord.world, at.discord.members
        channel = world.channel(world.guild("Watchers"), "alerts")
        command = [sys.executable, "-m", "bot", "watch"]
        process = subprocess.Popen(
            command, env=with_bot(at), stderr=subprocess.STDOUT, stdout=subprocess.PIPE, text=True
        )
        try:
            members.wait_ready()
            reply = members.slash("check", channel, repo=HIDDEN)
            assert f"0.565 `{RELEASE}` + 0.435 `{BASE}`" in reply.text
            assert [a["filename"] for a in (reply.message or {})["attachments"]] == ["mix.png"]
            assert f"`{BASE}`, a base" in members.slash("bases", channel, search="meridian").text
            assert "weights that both have" in members.slash("compare", channel, first=BASE, second=RELEASE).text
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        finally:
            process.kill()
            told, _ = process.communicate()
        assert process.returncode == 0, told
        assert "Traceback" not in told
        assert BOT_TOKEN not in told


def test_settings_of_a_bot(tmp_path: Path) -> None:
    """A token that Discord refuses, and reviewers without a bot, are one clear error each."""
    with stage(tmp_path, {}) as at:
        refused = once(with_bot(at, "not-the-token"))
        assert refused.returncode == 2
        assert "BLENDWATCH_DISCORD_TOKEN: Discord does not take this token" in " ".join(refused.stderr.split())
        assert "not-the-token" not in refused.stderr
        alone = at.run("watch", "--once", BLENDWATCH_REVIEW_CHANNEL="123")
        assert alone.returncode == 2
        assert "BLENDWATCH_REVIEW_CHANNEL needs a bot" in alone.stderr


def test_asking_authors_needs_a_bot_reviewers_and_a_token_that_writes(tmp_path: Path) -> None:
    """One sentence names everything that is not set."""
    with stage(tmp_path, FEW) as at:
        alone = at.run("watch", "--once", BLENDWATCH_AUTHOR_NOTICE_HOURS="48")
        assert alone.returncode == 2
        assert alone.stderr.strip() == (
            "blendwatch: BLENDWATCH_AUTHOR_NOTICE_HOURS needs a bot, reviewers and a token that may write; not set: "
            "BLENDWATCH_DISCORD_TOKEN, BLENDWATCH_REVIEW_CHANNEL, BLENDWATCH_AUTHOR_NOTICE_TOKEN"
        )
