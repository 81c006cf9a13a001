"""Posting in channels and threads: each row of the outbox becomes one message there, whatever is killed in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import discord

from bot.alerts.delivery import LEASE_SECONDS, TryLater, Undeliverable, Unsent
from bot.alerts.sinks import as_delivery_errors
from bot.chat.dedupe import bears, marker_of, nonce_of
from bot.chat.messages import Draft, Drafts
from state.cases.messages import guild_and_channel
from state.cases.subscriptions import Subscriptions
from state.records import OutboxRow

PATIENCE_SECONDS: Final = LEASE_SECONDS * 0.6  # of one row, with all the waits of Discord's client
CLOCKS_APART: Final = timedelta(minutes=10)  # between Discord's and ours
HISTORY: Final = 1000  # messages that are looked through for one that may have arrived
WEEK_MINUTES: Final = 10080
THREAD_THERE, UNKNOWN_CHANNEL, UNKNOWN_MESSAGE = 160004, 10003, 10008
HINTS: Final = {
    401: "; the bot's token is not valid",
    403: "; the bot may not post there",
    404: "; the channel is gone",
}

Client = Callable[[], discord.Client | None]


@dataclass(frozen=True, slots=True)
class ChannelSink:
    """Channels and threads, posted to by the bot. `client` is None as long as the bot is not logged in."""

    client: Client
    drafts: Drafts
    subscriptions: Subscriptions

    async def post(self, row: OutboxRow) -> str:
        """Make sure that a row's message is there once, in its present state; returns the message's id."""
        client = self.client()
        if client is None:
            raise TryLater("The bot is not logged in to Discord yet.")
        draft = await asyncio.to_thread(self.drafts.of, row)
        _, channel_id = guild_and_channel(row.destination)
        channel = client.get_partial_messageable(int(channel_id))
        try:
            with as_delivery_errors(client.http.token or "", HINTS):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    return await _post(client, channel, row, draft)
        except Undeliverable as error:
            if error.code == UNKNOWN_CHANNEL:  # nothing will ever arrive there
                await asyncio.to_thread(self.subscriptions.drop, channel_id)
            raise


async def _post(client: discord.Client, channel: discord.PartialMessageable, row: OutboxRow, draft: Draft) -> str:
    if draft.head_id is not None:
        channel = await _under(client, channel, draft)
    for message_id in draft.shown:
        view = draft.head_view() if draft.head_view is not None else None
        await _edit(channel.get_partial_message(int(message_id)), embeds=list(draft.head_embeds), view=view)
    message = await _sent_before(client, channel, row) if row.attempts > 1 else None
    if draft.unsent:
        if message is None:
            raise Unsent(draft.unsent)
        await _edit(message, embeds=list(draft.embeds))
    elif message is None:
        message = await _send(channel, row, draft)
    if draft.announce and not message.flags.crossposted:
        await message.publish()
    return str(message.id)


async def _sent_before(
    client: discord.Client, channel: discord.PartialMessageable, row: OutboxRow
) -> discord.Message | None:
    """The row's message, if an attempt whose end nobody saw has posted it."""
    me, marker = client.user.id if client.user else 0, marker_of(row.payload)
    earliest = row.created_at - CLOCKS_APART
    async for message in channel.history(limit=HISTORY, after=earliest, oldest_first=False):
        if message.author.id == me and any(bears(embed.footer.text, marker) for embed in message.embeds):
            return message
    return None


async def _send(channel: discord.PartialMessageable, row: OutboxRow, draft: Draft) -> discord.Message:
    roles = [discord.Object(int(draft.role_id))] if draft.role_id else []
    return await channel.send(
        content=f"<@&{draft.role_id}>" if draft.role_id else None,
        embeds=list(draft.embeds),
        files=draft.files(),
        view=draft.view() if draft.view is not None else discord.utils.MISSING,
        nonce=nonce_of(row.dedupe_key),
        allowed_mentions=discord.AllowedMentions(everyone=False, users=False, roles=roles, replied_user=False),
    )


async def _under(
    client: discord.Client, channel: discord.PartialMessageable, draft: Draft
) -> discord.PartialMessageable:
    """Bring the case's message up to date, and return where a note on it goes: its thread, or else its channel."""
    head = channel.get_partial_message(int(draft.head_id or 0))
    view = draft.head_view() if draft.head_view is not None else None
    if not await _edit(head, embeds=list(draft.head_embeds), view=view):
        return channel
    try:
        # not head.create_thread, which asks the gateway's cache for the server: posting needs no gateway
        await client.http.start_thread_with_message(
            channel.id, head.id, name=draft.thread_name, auto_archive_duration=WEEK_MINUTES
        )
    except discord.HTTPException as error:
        if error.status >= 500 or error.status == 429:
            raise
        if error.code != THREAD_THERE:
            return channel  # a thread has no threads, and a bot may be kept from making them: then beside the message
    return client.get_partial_messageable(head.id)  # a thread has the number of the message it is under


async def _edit(message: discord.PartialMessage | discord.Message, **changes: Any) -> bool:
    """Bring a message up to date; False if it was deleted there and needs it no more."""
    try:
        await message.edit(**changes)
    except discord.NotFound as error:
        if error.code != UNKNOWN_MESSAGE:
            raise
        return False
    return True
