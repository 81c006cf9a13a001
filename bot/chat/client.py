"""The bot's connection to Discord: least intents, commands registered only when they changed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from typing import Any, Final

import discord
from discord import app_commands

from bot.chat.commands import ADD
from bot.chat.context import Desk
from bot.chat.controls import CaseButton
from bot.chat.interactions import Presses
from bot.chat.replies import CatalogueTranslator, Interaction, guarded
from bot.text.words import catalogues

COMMANDS_MARK: Final = "discord.commands"
LONGEST_WAIT: Final = 60.0  # seconds that a rate limit may hold a request; a longer one comes back as an error
log = logging.getLogger("blendwatch")


class ChatClient(discord.Client):
    """One connection. It hears of servers and their channels, of no message and no member."""

    def __init__(self, desk: Desk) -> None:
        intents = discord.Intents.none()
        intents.guilds = True
        super().__init__(
            intents=intents,
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            allowed_mentions=discord.AllowedMentions.none(),
            max_ratelimit_timeout=LONGEST_WAIT,
        )
        self.desk = desk
        self.presses = Presses(desk)
        self.busy: set[asyncio.Task[Any]] = set()
        self.tree: app_commands.CommandTree[ChatClient] = app_commands.CommandTree(
            self,
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
        )
        for add in ADD:
            add(self.tree, desk)

    async def setup_hook(self) -> None:
        """Done once, logged in and not yet connected."""
        self.add_dynamic_items(CaseButton)
        await self.tree.set_translator(CatalogueTranslator())
        await self._sync()

    async def press(self, interaction: Interaction, action: str, about: str) -> None:
        """Answer whoever pressed a button."""
        await self._tracked(guarded(interaction, self.presses.press(interaction, action, about)))

    async def on_interaction(self, interaction: Interaction) -> None:
        """Answer whoever sent a form; commands and buttons are answered elsewhere."""
        if interaction.type is discord.InteractionType.modal_submit:
            await self._tracked(guarded(interaction, self.presses.submitted(interaction)))

    async def _tracked(self, work: Any) -> None:
        """Let a stop wait for this."""
        task = asyncio.current_task()
        if task is not None:
            self.busy.add(task)
            task.add_done_callback(self.busy.discard)
        await work

    async def _sync(self) -> None:
        """Register the commands with Discord, unless it has the same."""
        digest = f"{self.application_id}:{commands_digest(self.tree)}"
        if await asyncio.to_thread(self.desk.subscriptions.value, COMMANDS_MARK) == digest:
            return
        synced = await self.tree.sync()
        await asyncio.to_thread(self.desk.subscriptions.set_value, COMMANDS_MARK, digest, self.desk.clock())
        log.info("registered %d commands with Discord", len(synced))


def commands_digest(tree: app_commands.CommandTree[Any]) -> str:
    """Changes with the commands and with what they are called in any language."""
    commands = [command.to_dict(tree) for command in tree.get_commands()]
    spoken = {
        name: {k: v for k, v in words.texts.items() if k.startswith(("command.", "option."))}
        for name, words in catalogues().items()
    }
    return hashlib.sha256(json.dumps([commands, spoken], sort_keys=True, default=str).encode()).hexdigest()
