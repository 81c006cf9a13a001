"""/status and /help."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from bot.alerts.compose import QUIET_COLOUR
from bot.chat.context import Desk
from bot.chat.replies import Interaction, aside, guarded, said, say, words_of
from bot.config.version import this_release
from bot.text.words import Words

HELPED = ("subscribe", "subscriptions", "unsubscribe", "check", "case", "why", "compare", "bases", "status")
Tree = app_commands.CommandTree[Any]


def add(tree: Tree, desk: Desk) -> None:
    """Put the commands on a tree."""

    @tree.command(name="status", description=said("command.status"))
    async def status(interaction: Interaction) -> None:
        words = words_of(interaction)
        await guarded(interaction, _status(desk, interaction, words))

    @tree.command(name="help", description=said("command.help"))
    async def help_(interaction: Interaction) -> None:
        words = words_of(interaction)
        lines = [f"`/{name}` {words(f'command.{name}')}" for name in HELPED]
        await guarded(
            interaction, say(interaction, "\n".join([words("help.head"), "", *lines, "", words("help.foot")]))
        )


async def _status(desk: Desk, interaction: Interaction, words: Words) -> None:
    await say(interaction, embed=await aside(status_embed, desk, str(interaction.guild_id or ""), words))


def status_embed(desk: Desk, guild_id: str, words: Words) -> discord.Embed:
    """Return the state of the watch, from what is stored."""
    counts, cursor = desk.store.counts(), desk.store.cursor("created_at")
    read_to = f"<t:{cursor.timestamp():.0f}:R>" if cursor else words("status.never")
    seen = {name: f"{counts[f'uploads.{name}']:,}" for name in ("found", "skipped", "failed", "pending")}
    sent = {name: f"{counts[f'alerts.{name}']:,}" for name in ("sent", "pending", "dead")}
    here = len(desk.subscriptions.of_guild(guild_id)) if guild_id else 0
    until = desk.publisher.policy.trial()
    trial = words("status.trial", until=f"<t:{until.timestamp():.0f}:f>") if until else None
    embed = discord.Embed(title=words("status.title"), description=trial, colour=QUIET_COLOUR)
    embed.add_field(name=words("status.read"), value=read_to, inline=False)
    embed.add_field(name=words("status.uploads"), value=words("status.uploads_are", **seen), inline=False)
    embed.add_field(name=words("status.messages"), value=words("status.messages_are", **sent), inline=False)
    embed.add_field(name=words("status.review"), value=f"{desk.cases.waiting():,}")
    embed.add_field(name=words("status.models"), value=f"{len(desk.models):,}")
    embed.add_field(name=words("status.here"), value=f"{here:,}")
    return embed.set_footer(text=f"blendwatch {this_release()}")
