"""blendwatch check: one upload against the known models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from analyzers.records import CheckResult
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
from bot.site import clearances
from bot.sources.subject import open_local
from bot.text.sanitize import visible

STATUS: Final = {"public": ALERT, "reviewers": REVIEW}  # by audience


def check(
    suspect: Annotated[str, typer.Argument(help=SUBJECT)],
    as_json: AsJson = False,
    registry: Registry = None,
    data: Data = None,
    offline: Annotated[bool, typer.Option("--offline", help="use what is stored; ask nothing of the Hub")] = False,
    publish: Annotated[
        bool, typer.Option("--publish-clearance", help="publish a check that found nothing as a page of the site")
    ] = False,
    withdraw: Annotated[
        bool, typer.Option("--withdraw-clearance", help="take the published clearances of this repository back")
    ] = False,
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
        source = open_local(suspect)
        if source and (publish or withdraw):
            raise SettingsError("only a repository of the Hub is cleared in public, and this is a folder or a file")
        if source:
            result = checking.source(source, progress)
        else:
            result = checking.repo(suspect, progress, lambda moved: err.print(f"blendwatch: {moved}"))
        report = to_json(result, build.utc_now())
        if publish or withdraw:
            _clear(service, result, report, withdraw=withdraw)
    if as_json:
        print_json(report)
    else:
        display(table(report))
    finding = result.verdict.finding
    if finding.kind == "inconclusive" and finding.analyzer == BLIND:
        err.print(f"blendwatch: {visible(logs.redacted(finding.claim), 300)}")
        raise typer.Exit(NOTHING)
    raise typer.Exit(STATUS.get(report["audience"], 0))


def _clear(service: build.Service, result: CheckResult, report: Mapping[str, Any], *, withdraw: bool) -> None:
    """Publish a check as a clearance, or take those of its repository back. Raises NoClearance and StateError."""
    with build.store(service.settings) as store:
        if withdraw:
            taken = clearances.withdraw_all(store, result.suspect.repo_id)
            err.print(f"blendwatch: {taken:,} clearances of {result.suspect.repo_id} were taken back")
            return
        if service.hub.repo(result.suspect.repo_id, result.suspect.revision).facts().gated:
            raise clearances.NoClearance(f"{result.suspect.repo_id} is gated: nothing of it is published")
        if result.evidence is None:
            raise clearances.NoClearance(f"nothing of {result.suspect} was compared")
        suspect = result.evidence.first.suspect
        known = service.checker.known.candidates(suspect, None)
        one = clearances.publish(store, report, suspect, known, build.utc_now())
    err.print(f"blendwatch: clearance {one.id} is public; `blendwatch site` writes its page")
