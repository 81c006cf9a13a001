"""blendwatch ask: what a model calls itself when nobody tells it who it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer
from pydantic import ValidationError

from analyzers.identity.evidence import IdentityEvidence
from bot import build
from bot.cli.common import (
    NOTHING,
    AsJson,
    Data,
    Registry,
    display,
    err,
    one_line_errors,
    print_json,
    progress_shown,
    settings_from,
)
from bot.config.errors import in_words
from bot.config.settings import SettingsError
from bot.inference.probe import MAX_SAMPLES, SAMPLES
from bot.inference.report import tables, to_json
from bot.known.models import Progress
from bot.sources.interface import Source
from bot.sources.subject import open_local, open_on_hub


def ask(
    subject: Annotated[str, typer.Argument(help="org/name[@revision], a local folder, or a server's http address")],
    model: Annotated[str | None, typer.Option("--model", help="what the server calls the model")] = None,
    repo: Annotated[
        str | None, typer.Option("--repo", help="repository or folder with its chat template, if SUBJECT is an address")
    ] = None,
    samples: Annotated[int, typer.Option("--samples", min=1, max=MAX_SAMPLES, help="of each question")] = SAMPLES,
    as_json: AsJson = False,
    registry: Registry = None,
    data: Data = None,
) -> None:
    """Ask a model its name, without a system prompt, and count what it says. It may cost money."""
    with one_line_errors(), progress_shown() as progress, build.service(settings_from(registry, data)) as service:
        evidence = _ask(service, subject, model, repo, samples, progress)
    if as_json:
        print_json(to_json(evidence))
    else:
        display(tables(evidence))
    raise typer.Exit(0 if any(each.answered for each in evidence.sets) else NOTHING)


def _ask(
    service: build.Service, subject: str, model: str | None, repo: str | None, samples: int, progress: Progress
) -> IdentityEvidence:
    interview = build.interview(service)
    interview = replace(interview, limits=replace(interview.limits, samples=samples))
    if not subject.startswith(("http://", "https://")):
        source = _open(service, subject)
        if model is not None or repo is not None:
            raise SettingsError("--model and --repo are for a server's address; the endpoints' settings name the rest")
        return interview.probe(source, progress)
    try:
        place = interview.at(subject, model)
    except ValidationError as error:
        raise SettingsError(f"{subject!r}: {in_words(error.errors()[0])}") from None
    return interview.probe_at(place, _open(service, repo) if repo else None, progress)


def _open(service: build.Service, name: str) -> Source:
    hub = service.hub
    return open_local(name) or open_on_hub(
        hub.repo, name, hub.endpoint, lambda moved: err.print(f"blendwatch: {moved}")
    )
