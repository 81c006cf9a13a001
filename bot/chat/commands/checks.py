"""/check and /compare: work that takes time, so the answer is put off and shows how far it is."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Final

import discord
from discord import app_commands

from analyzers.errors import BlendwatchError
from bot.alerts.compose import QUIET_COLOUR
from bot.alerts.depth_chart import NAME, draw
from bot.alerts.embeds import alert_embed, evidence_embed, fitted
from bot.chat.commands.autocomplete import repos
from bot.chat.context import Desk
from bot.chat.messages import EVIDENCE_LIMIT
from bot.chat.quota import Budget
from bot.chat.replies import Interaction, aside, guarded, said, say, words_of
from bot.text.sanitize import code, count, decimal, harmless
from bot.text.words import Words

REPO: Final = 200
EDIT_SECONDS: Final = 2.0  # between two states of one answer
LONGEST_SECONDS: Final = 780.0  # Discord takes an answer for 15 minutes
Tree = app_commands.CommandTree[Any]
Repo = app_commands.Range[str, 3, REPO]


def add(tree: Tree, desk: Desk) -> None:
    """Put the commands on a tree."""
    budget = Budget(time.monotonic)
    one_by_one = asyncio.Semaphore(1)

    @tree.command(name="check", description=said("command.check"))
    @app_commands.describe(repo=said("option.repo"))
    @app_commands.autocomplete(repo=repos(desk))
    async def check(interaction: Interaction, repo: Repo) -> None:
        await guarded(interaction, _check(desk, interaction, repo.strip(), budget, one_by_one))

    @tree.command(name="compare", description=said("command.compare"))
    @app_commands.describe(first=said("option.first"), second=said("option.second"))
    @app_commands.autocomplete(first=repos(desk), second=repos(desk))
    async def compare(interaction: Interaction, first: Repo, second: Repo) -> None:
        await guarded(interaction, _compare(desk, interaction, first.strip(), second.strip()))


@dataclass(slots=True)
class Progress:
    """The answer to one check, edited as the check goes on."""

    interaction: Interaction
    words: Words
    latest: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, text: str) -> None:
        """Take what the check says of itself; called from any thread."""
        self.interaction.client.loop.call_soon_threadsafe(self._hear, text)

    def _hear(self, text: str) -> None:
        self.latest = text
        self.changed.set()

    async def show(self) -> None:
        """Edit the answer whenever there is something new, but not too often; runs until it is cancelled."""
        while True:
            await self.changed.wait()
            self.changed.clear()
            text = self.words("check.progress", what=harmless(self.latest, 200))
            await self.interaction.edit_original_response(content=text)
            await asyncio.sleep(EDIT_SECONDS)


async def _check(
    desk: Desk, interaction: Interaction, repo: str, budget: Budget, one_by_one: asyncio.Semaphore
) -> None:
    words = words_of(interaction)
    wait = budget.take(str(interaction.user.id), str(interaction.guild_id or ""))
    if wait:
        await say(interaction, words("check.wait", seconds=f"{wait:.0f}"))
        return
    try:
        # where reviewers decide, and in the trial, only the member sees what his check found
        policy = desk.publisher.policy
        alone = bool(policy.channel) or await aside(policy.trial) is not None
        await interaction.response.defer(thinking=True, ephemeral=alone)
        async with asyncio.timeout(LONGEST_SECONDS):
            await _checked(desk, interaction, repo, one_by_one)
    except TimeoutError:
        await interaction.edit_original_response(content=words("check.long", repo=code(repo, REPO)))
    finally:
        budget.give_back()


async def _checked(desk: Desk, interaction: Interaction, repo: str, one_by_one: asyncio.Semaphore) -> None:
    words, progress = words_of(interaction), Progress(interaction, words_of(interaction))
    showing = asyncio.create_task(progress.show())
    try:
        async with one_by_one:
            report = await aside(desk.check, repo, progress.hear)
    except BlendwatchError as error:
        await _quiet(showing)
        await interaction.edit_original_response(content=words("check.failed", why=harmless(str(error), 800)))
        return
    finally:
        await _quiet(showing)
    embed, picture = alert_embed(report, words, glossary=desk.drafts.glossary), await aside(draw, report, words)
    files = []
    if picture is not None:
        embed.set_image(url=f"attachment://{NAME}")
        files = [picture.file()]
    embeds = [embed, fitted(evidence_embed(report, words), EVIDENCE_LIMIT)]
    await interaction.edit_original_response(content=None, embeds=embeds, attachments=files)


async def _quiet(task: asyncio.Task[None]) -> None:
    """End the showing of progress, so that none of it comes after the result."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _compare(desk: Desk, interaction: Interaction, first: str, second: str) -> None:
    words = words_of(interaction)
    await interaction.response.defer(thinking=True)
    names = {"first": code(first, REPO), "second": code(second, REPO)}
    try:
        found = await aside(desk.compare, first, second)
    except BlendwatchError as error:
        await interaction.edit_original_response(content=harmless(str(error), 800))
        return
    embed = discord.Embed(title=words("compare.title"), colour=QUIET_COLOUR)
    embed.description = words("compare.models", **names)
    shared = count(found["weights"])
    embed.add_field(name=words("compare.shared"), value=words("compare.weights", weights=shared), inline=False)
    if found["weights"]:
        embed.add_field(name=words("compare.equal"), value=decimal(found["equal"], 4), inline=True)
        embed.add_field(name=words("compare.apart"), value=decimal(found["apart"], 4), inline=True)
        embed.set_footer(text=words("compare.note"))
    await interaction.edit_original_response(embed=embed)
