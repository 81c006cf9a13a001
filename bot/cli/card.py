"""blendwatch card: which parents a card declares, which models it names, and what it claims."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from analyzers.card.reader import Card, read_card
from analyzers.records import Mention
from bot import build
from bot.cli.common import AsJson, Registry, display, err, one_line_errors, print_json, settings_from
from bot.config.settings import Settings
from bot.known.models import MAX_CARD_BYTES
from bot.sources.interface import SourceError
from bot.sources.subject import open_on_hub
from bot.text.sanitize import visible
from state.registry.models import load

README = "README.md"


def card(
    subject: Annotated[str, typer.Argument(help="a README.md, a folder with one, or org/name[@revision] on the Hub")],
    repo: Annotated[str | None, typer.Option("--repo", help="org/name of the card's own model, for a file")] = None,
    as_json: AsJson = False,
    registry: Registry = None,
) -> None:
    """Read a card as a check does, so that its author can test it before it is published."""
    with one_line_errors():
        settings = settings_from(registry, None)
        found, problem = _read(settings, subject, repo)
    problems = [*([problem] if problem else []), *found.problems]
    if as_json:
        print_json(to_json(found, problems))
    else:
        display(table(found, problems))


def _read(settings: Settings, subject: str, repo: str | None) -> tuple[Card, str]:
    """Return the card, and why it was read in part; raises SourceError."""
    path = Path(subject)
    if path.exists():
        text, problem = _text_of(path / README if path.is_dir() else path)
        tags: tuple[str, ...] = ()
        own = repo or ("/".join(path.resolve().parts[-2:]) if path.is_dir() else "")
    else:
        hub = build.hub(settings)
        source = open_on_hub(hub.repo, subject, hub.endpoint, lambda moved: err.print(f"blendwatch: {moved}"))
        data = source.file(README, MAX_CARD_BYTES)
        text, problem = (data or b"").decode("utf-8", "replace"), "" if data is not None else "it has no card"
        tags, own = source.facts().tags, repo or source.facts().ref.repo_id
    names = load(settings.registry_paths).names(own)
    return read_card(text, tags, names, own), problem


def _text_of(path: Path) -> tuple[str, str]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CARD_BYTES + 1)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    more = f"only the first {MAX_CARD_BYTES:,} bytes of {path.name} were read" if len(data) > MAX_CARD_BYTES else ""
    return data[:MAX_CARD_BYTES].decode("utf-8", "replace"), more


def to_json(found: Card, problems: list[str]) -> dict[str, Any]:
    """Return what a card says; only what JSON can hold. Parents stand under "declared", not among the claims."""
    return {
        "declared": [{"repo_id": m.repo_id, "where": m.where, "quote": m.quote} for m in declared_once(found)],
        "named": [{"repo_id": m.repo_id, "where": m.where, "quote": m.quote} for m in found.named],
        "claims": [
            {"kind": c.kind, "subject": c.subject, "quote": c.quote, "where": c.where}
            for c in found.claims
            if c.kind != "parent"
        ],
        "problems": problems,
    }


def declared_once(found: Card) -> list[Mention]:
    """Return where each declared parent is declared first."""
    each: dict[str, Mention] = {}
    for mention in found.declared:
        each.setdefault(mention.repo_id.lower(), mention)
    return list(each.values())


def table(found: Card, problems: list[str]) -> Table:
    """Return the same for a terminal, all texts of strangers made harmless."""
    shown = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for kind, mentions in (("declared", declared_once(found)), ("named", found.named)):
        for m in mentions:
            shown.add_row(kind, visible(m.repo_id, 200), f"{visible(m.where, 40)}: “{visible(m.quote, 160)}”")
    if not found.declared:
        shown.add_row("declared", "no parent", "")
    for claim in found.claims:
        if claim.kind != "parent":
            subject = f"{claim.kind} ({visible(claim.subject, 60)})" if claim.subject else claim.kind
            shown.add_row("claim", subject, f"{visible(claim.where, 40)}: “{visible(claim.quote, 160)}”")
    for problem in problems:
        shown.add_row("note", visible(problem, 300), "")
    return shown
