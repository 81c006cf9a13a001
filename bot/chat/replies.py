"""Small things that every answer to a member needs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import discord
from discord import app_commands

from analyzers.errors import BlendwatchError
from bot.text.sanitize import harmless
from bot.text.words import DEFAULT, Words, catalogues, words_for

Interaction = discord.Interaction[Any]
CHOICES: Final = 25
CHOICE_LENGTH: Final = 100
_T = TypeVar("_T")
log = logging.getLogger("blendwatch")


def words_of(interaction: Interaction) -> Words:
    """The reader's language."""
    return words_for(str(interaction.locale))


async def aside(work: Callable[..., _T], *args: Any) -> _T:
    """Do something that blocks in a thread of its own."""
    return await asyncio.to_thread(work, *args)


async def say(
    interaction: Interaction,
    text: str | None = None,
    *,
    embed: discord.Embed | None = None,
    view: discord.ui.View | None = None,
    files: Sequence[discord.File] = (),
    hidden: bool = True,
) -> None:
    """Answer, for the asker's eyes alone unless `hidden` is False; in place of what was put off, if anything was."""
    missing = discord.utils.MISSING
    if interaction.response.is_done():
        await interaction.followup.send(
            text or missing, embed=embed or missing, view=view or missing, files=list(files), ephemeral=hidden
        )
        return
    await interaction.response.send_message(
        text, embed=embed or missing, view=view or missing, files=list(files) or missing, ephemeral=hidden
    )


async def guarded(interaction: Interaction, work: Awaitable[None]) -> None:
    """Do what a member asked for; what goes wrong is answered in a sentence, and our own mistakes are logged."""
    try:
        await work
    except BlendwatchError as error:
        await say(interaction, harmless(str(error), 500))
    except discord.HTTPException as error:
        log.warning("Discord refused an answer: %s, code %s", error.status, error.code)
    except Exception:
        log.exception("an answer on Discord failed")
        await say(interaction, words_of(interaction)("case.failed"))


def said(key: str) -> app_commands.locale_str:
    """A text of the catalogues, for a description that Discord shows in the reader's language."""
    return app_commands.locale_str(words_for(DEFAULT)(key), key=key)


class CatalogueTranslator(app_commands.Translator):
    """Gives Discord the descriptions of commands in every language there is."""

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        """The text in `locale`, None where no catalogue has it."""
        del context
        words = catalogues().get(locale.value)
        return words.get(string.extras.get("key", "")) or None if words else None


def choices(values: Sequence[tuple[str, str]]) -> list[app_commands.Choice[str]]:
    """Return completions as (shown, value), at most as many and as long as Discord takes."""
    fitting = [(name, value) for name, value in values if 0 < len(value) <= CHOICE_LENGTH]
    return [app_commands.Choice(name=name[:CHOICE_LENGTH], value=value) for name, value in fitting[:CHOICES]]
