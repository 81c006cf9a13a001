"""blendwatch check: one upload against the known models."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from bot import build
from bot.check.on_demand import BLIND, Checking
from bot.check.report import table, to_json
from bot.cli.common import (
    ALERT,
    NOTHING,
    REVIEW,
    SUBJECT,
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
from bot.config import logs
from bot.config.settings import SettingsError
from bot.sources.subject import open_local
from bot.text.sanitize import visible

STATUS: Final = {"public": ALERT, "reviewers": REVIEW}  # by audience


def check(
    suspect: Annotated[str, typer.Argument(help=SUBJECT)],
    as_json: AsJson = False,
    registry: Registry = None,
    data: Data = None,
    offline: Annotated[bool, typer.Option("--offline", help="use what is stored; ask nothing of the Hub")] = False,
) -> None:
    """Check one upload against the known models; the same check that an alert rests on."""
    with (
        one_line_errors(),
        progress_shown() as progress,
        build.service(settings_from(registry, data), offline=offline) as service,
    ):
        known = service.checker.known
        if not known.registry.models:
            raise SettingsError(f"there are no known models in {service.settings.registry}: nothing could be found")
        known.absences.forget(model.repo_id for model in known.registry.models)
        checking = Checking(service.hub, service.checker)
        if source := open_local(suspect):
            result = checking.source(source, progress)
        else:
            result = checking.repo(suspect, progress, lambda moved: err.print(f"blendwatch: {moved}"))
        report = to_json(result, build.utc_now())
    if as_json:
        print_json(report)
    else:
        display(table(report))
    finding = result.verdict.finding
    if finding.kind == "inconclusive" and finding.analyzer == BLIND:
        err.print(f"blendwatch: {visible(logs.redacted(finding.claim), 300)}")
        raise typer.Exit(NOTHING)
    raise typer.Exit(STATUS.get(report["audience"], 0))
