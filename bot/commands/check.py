"""blendwatch check: one upload against the known models."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from analyzers.errors import Unreadable
from analyzers.records import CheckResult, Cost, Disclosure, Finding, RepoFacts, Sampled, Verdict
from bot import build
from bot.commands.common import ALERT, Data, Registry, err, one_line_errors, out, progress_shown, settings_from
from bot.known import Progress
from bot.local import LocalSource
from bot.report import table, to_json
from bot.source import Gated, Renamed, Source


def check(
    suspect: Annotated[str, typer.Argument(help="org/name[@revision] on the Hub, or a local folder")],
    as_json: Annotated[bool, typer.Option("--json", help="print the report as JSON")] = False,
    registry: Registry = None,
    data: Data = None,
) -> None:
    """Check one upload against the known models; the same check that an alert rests on."""
    with one_line_errors(), progress_shown() as progress, build.service(settings_from(registry, data)) as service:
        try:
            source = _open(service, suspect)
            result = _check(service, source, progress)
        except Renamed as moved:
            err.print(f"blendwatch: {moved}")
            result = _check(service, service.hub.repo(moved.repo_id), progress)
        report = to_json(result, build.utc_now())
    if as_json:
        sys.stdout.write(json.dumps(report, indent=1) + "\n")
    else:
        out.print(table(report))
    raise typer.Exit(ALERT if report["alert"] else 0)


def _open(service: build.Service, suspect: str) -> Source:
    if Path(suspect).is_dir():
        return LocalSource(Path(suspect))
    repo_id, _, revision = suspect.partition("@")
    return service.hub.repo(repo_id, revision or None)


def _check(service: build.Service, source: Source, progress: Progress) -> CheckResult:
    """Check; what cannot be read of an upload that is there makes it inconclusive, with the reason."""
    with service.hub.metered() as meter:
        facts = source.facts()
        try:
            result = service.checker.check(source, progress)
        except (Gated, Unreadable) as error:
            return _inconclusive(facts, str(error), meter.cost())
        return replace(result, cost=meter.cost(result.cost.seconds))


def _inconclusive(facts: RepoFacts, reason: str, cost: Cost) -> CheckResult:
    finding = Finding("look", "inconclusive", f"too little was readable: {reason}")
    verdict = Verdict(finding, "none-needed", alert=False, strength=None, why=finding.claim)
    declared = Disclosure(facts.ref.revision)
    return CheckResult(facts.ref, facts.parameters or 0, verdict, declared, Sampled(), cost, facts.weights_at)
