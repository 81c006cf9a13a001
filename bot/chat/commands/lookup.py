"""/case, /why and /bases: what is stored about a case, a repository or the known models."""

from __future__ import annotations

from typing import Any, Final

import discord
from discord import app_commands

from bot.alerts.compose import QUIET_COLOUR
from bot.chat.commands.autocomplete import cases, models, repos
from bot.chat.context import Desk
from bot.chat.replies import Interaction, aside, guarded, said, say, words_of
from bot.text.sanitize import code, harmless, joined
from bot.text.words import Words
from state.case_records import Case
from state.records import Upload

NAME: Final = 200
SHOWN: Final = 3  # uploads of one repository
BASES: Final = 20
OPEN: Final = ("published", "kept", "retracted")  # cases that everybody may see
Tree = app_commands.CommandTree[Any]
Name = app_commands.Range[str, 1, NAME]


def add(tree: Tree, desk: Desk) -> None:
    """Put the commands on a tree."""

    @tree.command(name="case", description=said("command.case"))
    @app_commands.describe(case=said("option.case"))
    @app_commands.autocomplete(case=cases(desk))
    async def case_(interaction: Interaction, case: app_commands.Range[str, 4, 64]) -> None:
        await guarded(interaction, _case(desk, interaction, case))

    @tree.command(name="why", description=said("command.why"))
    @app_commands.describe(repo=said("option.repo"))
    @app_commands.autocomplete(repo=repos(desk))
    async def why(interaction: Interaction, repo: Name) -> None:
        await guarded(interaction, _why(desk, interaction, repo))

    @tree.command(name="bases", description=said("command.bases"))
    @app_commands.describe(search=said("option.search"))
    @app_commands.autocomplete(search=models(desk))
    async def bases(interaction: Interaction, search: Name = "") -> None:
        await guarded(interaction, _bases(desk, interaction, search))


async def _case(desk: Desk, interaction: Interaction, case_id: str) -> None:
    words = words_of(interaction)
    case = await aside(desk.cases.get, case_id.strip().lower())
    if case is None:
        await say(interaction, words("case.none", case=code(case_id, 64)))
        return
    state = _state(case, words)
    if case.state not in OPEN:
        await say(interaction, state)
        return
    draft = await aside(desk.drafts.head, case, str(interaction.guild_id or ""), words)
    view = draft.view() if draft.view is not None else None
    await say(interaction, state, embed=draft.embeds[0], view=view, files=draft.files())


def _state(case: Case, words: Words) -> str:
    return words(f"case.state_{case.state}", reason=harmless(case.reason, 300) or words("standing.no_reason"))


async def _why(desk: Desk, interaction: Interaction, repo: str) -> None:
    words = words_of(interaction)
    uploads = await aside(desk.store.history, repo.strip())
    if not uploads:
        await say(interaction, words("why.never", repo=code(repo, NAME)))
        return
    embed = discord.Embed(title=harmless(uploads[0].repo_id, NAME), colour=QUIET_COLOUR)
    hidden = {c.case_id for c in await aside(desk.cases.of_repo, repo.strip()) if c.state not in OPEN}
    for upload in uploads[:SHOWN]:
        name = words("why.upload", revision=(upload.revision or words("why.unknown"))[:12])
        embed.add_field(name=name, value=_upload(upload, hidden, words), inline=False)
    if len(uploads) > SHOWN:
        embed.set_footer(text=words("alert.more", count=len(uploads) - SHOWN))
    await say(interaction, embed=embed)


def _upload(upload: Upload, hidden: set[str], words: Words) -> str:
    """Return what became of one upload, except for findings that reviewers have or have rejected."""
    report = upload.report or {}
    if report.get("case") in hidden:
        return words("why.reviewed")
    lines = [words(f"why.{upload.state}", reason=harmless(upload.reason, 600) or words("standing.no_reason"))]
    if upload.settled_at:
        lines.append(words("why.settled", at=f"{upload.settled_at:%Y-%m-%d %H:%M}"))
    if report.get("alert") is True:
        lines.append(words("why.case", case=code(str(report.get("case")), 40)))
    return joined(lines, 1000)


async def _bases(desk: Desk, interaction: Interaction, search: str) -> None:
    words = words_of(interaction)
    found = desk.find_models(search.strip(), len(desk.models))
    lines = [words(f"bases.{model.role}", model=code(model.repo_id, NAME)) for model in found[:BASES]]
    if len(found) > BASES:
        lines.append(words("alert.more", count=len(found) - BASES))
    head = words("bases.found", count=f"{len(found):,}", total=f"{len(desk.models):,}")
    await say(interaction, joined([head, *lines], 1900))
