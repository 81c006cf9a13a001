"""Offer completions where a repository, a case or a known model is asked for."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from discord import app_commands

from bot.chat.context import Desk
from bot.chat.replies import CHOICES, Interaction, aside, choices
from bot.text.sanitize import string, visible

Complete = Callable[[Interaction, str], Coroutine[Any, Any, list[app_commands.Choice[str]]]]


def repos(desk: Desk) -> Complete:
    """Repositories that were seen or are known."""

    async def complete(_: Interaction, current: str) -> list[app_commands.Choice[str]]:
        seen = await aside(desk.cases.repos, current, CHOICES)
        known = [model.repo_id for model in desk.find_models(current, CHOICES)]
        return choices([(visible(name, 100), name) for name in dict.fromkeys([*seen, *known])])

    return complete


def cases(desk: Desk) -> Complete:
    """Cases that everybody may see."""

    async def complete(_: Interaction, current: str) -> list[app_commands.Choice[str]]:
        found = await aside(desk.cases.search, current, CHOICES, ("published", "kept", "retracted"))
        named = [(f"{c.case_id} {string(c.report['suspect']['repo_id'])}", c.case_id) for c in found]
        return choices([(visible(name, 100), case_id) for name, case_id in named])

    return complete


def models(desk: Desk) -> Complete:
    """Known models."""

    async def complete(_: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return choices([(visible(m.repo_id, 100), m.repo_id) for m in desk.find_models(current, CHOICES)])

    return complete
