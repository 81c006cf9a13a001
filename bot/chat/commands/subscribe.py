"""/subscribe, /subscriptions and /unsubscribe: which channels and threads are alerted about which cases."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, Literal

import discord
from discord import app_commands

from bot.alerts.filters import LARGEST, TEXT_LENGTH, Filters
from bot.alerts.headline import title
from bot.alerts.sentences import NAME_LENGTH
from bot.chat.commands.autocomplete import models
from bot.chat.context import Desk
from bot.chat.replies import Interaction, aside, guarded, said, say, words_of
from bot.text.sanitize import code, decimal, harmless, joined
from bot.text.words import Words, words_for
from state.case_records import Subscription
from state.cases.publications import Publications

PREVIEW: Final = timedelta(days=30)
PREVIEW_SHOWN: Final = 5
MOST: Final = 50  # subscriptions of one server

Kind = Literal["blend", "copy", "derivative"]
Strength = Literal["indicative", "strong", "exact"]
Tree = app_commands.CommandTree[Any]


def add(tree: Tree, desk: Desk) -> None:
    """Put the commands on a tree."""

    @tree.command(name="subscribe", description=said("command.subscribe"))
    @app_commands.describe(
        role=said("option.role"),
        size=said("option.size"),
        kind=said("option.kind"),
        base=said("option.base"),
        organisation=said("option.organisation"),
        strength=said("option.strength"),
    )
    @app_commands.autocomplete(base=models(desk))
    @app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
    @app_commands.allowed_installs(guilds=True, users=False)
    @app_commands.default_permissions(manage_channels=True)
    async def subscribe(
        interaction: Interaction,
        role: discord.Role | None = None,
        size: app_commands.Range[float, 0.0, LARGEST] = 0.0,
        kind: Kind | None = None,
        base: app_commands.Range[str, 1, TEXT_LENGTH] | None = None,
        organisation: app_commands.Range[str, 1, TEXT_LENGTH] | None = None,
        strength: Strength | None = None,
    ) -> None:
        filters = Filters(size, kind or "", base or "", organisation or "", strength or "")
        await guarded(interaction, _subscribe(desk, interaction, filters, role))

    @tree.command(name="subscriptions", description=said("command.subscriptions"))
    @app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
    @app_commands.allowed_installs(guilds=True, users=False)
    async def subscriptions(interaction: Interaction) -> None:
        await guarded(interaction, _list(desk, interaction))

    @tree.command(name="unsubscribe", description=said("command.unsubscribe"))
    @app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
    @app_commands.allowed_installs(guilds=True, users=False)
    @app_commands.default_permissions(manage_channels=True)
    async def unsubscribe(interaction: Interaction) -> None:
        await guarded(interaction, _unsubscribe(desk, interaction))


async def _subscribe(desk: Desk, interaction: Interaction, filters: Filters, role: discord.Role | None) -> None:
    words = words_of(interaction)
    guild_id, channel_id = str(interaction.guild_id), str(interaction.channel_id)
    known = await aside(desk.subscriptions.of_guild, guild_id)
    if len(known) >= MOST and channel_id not in {wish.channel_id for wish in known}:
        await say(interaction, words("subscribe.too_many", count=MOST))
        return
    permissions = interaction.app_permissions
    if not (permissions.send_messages and permissions.embed_links and permissions.view_channel):
        await say(interaction, words("subscribe.no_access"))
        return
    wish = Subscription(
        guild_id,
        channel_id,
        filters.stored(),
        str(role.id) if role is not None and not role.is_default() else None,
        words_for(str(interaction.guild_locale or interaction.locale)).locale,
        announce=interaction.channel is not None and interaction.channel.type is discord.ChannelType.news,
        created_by=str(interaction.user.id),
    )
    await aside(desk.subscriptions.put, wish, desk.clock())
    answer = words("subscribe.done", filters=described(filters, words))
    answer += "\n" + (
        words("subscribe.role", role=f"<@&{wish.role_id}>") if wish.role_id else words("subscribe.no_role")
    )
    await say(interaction, f"{answer}\n\n{await aside(preview, desk.cases, desk.clock(), filters, words)}")


def preview(cases: Publications, now: datetime, filters: Filters, words: Words) -> str:
    """Return what the last 30 days would have sent to a channel with these filters."""
    past = [case for case in cases.published_since(now - PREVIEW) if filters.match(case.report)]
    if not past:
        return words("subscribe.preview_none", days=PREVIEW.days)
    newest = [
        f"- {title(case.report, words, '', NAME_LENGTH)} ({case.opened_at:%Y-%m-%d})"
        for case in reversed(past[-PREVIEW_SHOWN:])
    ]
    return joined([words("subscribe.preview", days=PREVIEW.days, count=len(past)), *newest], 1500)


def described(filters: Filters, words: Words) -> str:
    """The filters in words."""
    parts = [words("filter.size", size=decimal(filters.billions, 1))] if filters.billions else []
    parts += [words(f"filter.kind_{filters.kind}")] if filters.kind else []
    parts += [words("filter.base", base=code(filters.base, TEXT_LENGTH))] if filters.base else []
    if filters.organisation:
        parts.append(words("filter.organisation", organisation=code(filters.organisation, TEXT_LENGTH)))
    parts += [words(f"filter.strength_{filters.strength}")] if filters.strength else []
    return "; ".join(parts) or words("filter.none")


async def _list(desk: Desk, interaction: Interaction) -> None:
    words = words_of(interaction)
    found = await aside(desk.subscriptions.of_guild, str(interaction.guild_id))
    lines = [
        words(
            "subscribe.line",
            channel=f"<#{wish.channel_id}>",
            filters=described(Filters.read(wish.filters), words),
            role=f" <@&{wish.role_id}>" if wish.role_id else "",
        )
        for wish in found
    ]
    await say(interaction, joined(lines, 1900) or words("subscribe.none"))


async def _unsubscribe(desk: Desk, interaction: Interaction) -> None:
    gone = await aside(desk.subscriptions.drop, str(interaction.channel_id))
    await say(interaction, harmless(words_of(interaction)("subscribe.gone" if gone else "subscribe.was_not"), 500))
