"""The bot in simcord, which holds members' rights against each command as Discord does, and lets time pass."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import discord
import pytest
import simcord

from bot.alerts.delivery import deliver
from bot.chat.channel_sink import ChannelSink
from bot.chat.client import ChatClient
from tests.bot.chat.stage import Theatre, found, theatre

CASE = "0123456789ab"
Play = Callable[[Theatre, simcord.Env, ChatClient], Awaitable[None]]


def played(folder: Path, play: Play) -> None:
    """Play with a bot that is connected to nothing but simcord; what it raises unasked fails the test."""

    async def whole(at: Theatre) -> None:
        client = ChatClient(at.chat().desk)
        async with simcord.run(client) as env:
            await play(at, env, client)

    with theatre(folder) as at:
        at.check = lambda repo, progress: found(suspect=found()["suspect"] | {"repo_id": repo})
        asyncio.run(whole(at))


def test_a_moderator_subscribes_and_a_member_may_not(tmp_path: Path) -> None:
    """Discord itself keeps the command from whoever lacks the right; `/unsubscribe` ends it."""

    async def play(at: Theatre, env: simcord.Env, _: ChatClient) -> None:
        guild = env.create_guild()
        alerts = guild.create_text_channel("alerts")
        rights = guild.create_role("Mods", permissions=discord.Permissions(manage_channels=True))
        mod = guild.add_member(env.create_user("mod"), roles=[rights])
        member = guild.add_member(env.create_user("member"))
        with pytest.raises(simcord.SetupError, match="default-member-permissions"):
            await member.slash(alerts, "subscribe")
        assert at.subscriptions.all() == []
        told = await mod.slash(alerts, "subscribe", kind="blend")
        assert told.ephemeral
        (wish,) = at.subscriptions.all()
        assert (wish.guild_id, wish.channel_id) == (str(guild.id), str(alerts.id))
        await mod.slash(alerts, "unsubscribe")
        assert at.subscriptions.all() == []

    played(tmp_path, play)


def test_an_alert_is_acknowledged_by_a_moderator_alone_and_after_a_restart(tmp_path: Path) -> None:
    """The button is found by its id; a member without the right is told so and changes nothing."""

    async def play(at: Theatre, env: simcord.Env, client: ChatClient) -> None:
        guild = env.create_guild()
        alerts = guild.create_text_channel("alerts")
        rights = guild.create_role("Mods", permissions=discord.Permissions(manage_messages=True, manage_channels=True))
        mod = guild.add_member(env.create_user("mod"), roles=[rights])
        member = guild.add_member(env.create_user("member"))
        await mod.slash(alerts, "subscribe")
        at.find(found())
        sink = ChannelSink(lambda: client, client.desk.drafts, at.subscriptions)
        for _ in range(2):
            await deliver(at.store, {"rooms": client.desk.publisher, "room": sink}, at.clock)
        message = alerts.last_message
        assert message is not None
        assert (await member.click(message, label="Acknowledge")).ephemeral
        assert at.cases.remarks(CASE, str(guild.id)) == []
        await env.restart_bot(ChatClient(client.desk))
        await mod.click(message, label="Acknowledge")
        assert [remark.kind for remark in at.cases.remarks(CASE, str(guild.id))] == ["acknowledge"]

    played(tmp_path, play)


def test_checks_cool_down_for_each_member(tmp_path: Path) -> None:
    """A second one at once is put off, in words that only the asker sees."""

    async def play(_: Theatre, env: simcord.Env, __: ChatClient) -> None:
        guild = env.create_guild()
        room = guild.create_text_channel("general")
        member = guild.add_member(env.create_user("member"))
        first = await member.slash(room, "check", repo="org/Model-7B")
        assert first.response is not None
        assert "org/Model-7B" in str(first.response.embeds[0].title)
        again = await member.slash(room, "check", repo="org/Model-7B")
        assert again.ephemeral
        assert again.response is not None
        assert not again.response.embeds

    played(tmp_path, play)
