"""The command line: check, watch, why.

Exit status: 0 no alert, 3 alert, 2 usage or configuration, 1 nothing could be shown.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from filelock import FileLock, Timeout
from rich.console import Console

from analyzers.errors import BlendwatchError, Unreadable
from analyzers.records import CheckResult, Cost, Disclosure, Finding, RepoFacts, Sampled, Verdict
from bot import build
from bot.deliver import Sink
from bot.known import Progress
from bot.local import LocalSource
from bot.report import table, to_json
from bot.schedule import run_every
from bot.settings import Settings, SettingsError, load_settings
from bot.source import Gated, Renamed, Source
from bot.text import harmless
from bot.watch import Settled, Watcher
from state.errors import RegistryError
from state.store import Store

ALERT, USAGE, NOTHING = 3, 2, 1

log = logging.getLogger("blendwatch")

app = typer.Typer(help="Watches the Hugging Face Hub for undisclosed blends of existing weights.", no_args_is_help=True)
err = Console(stderr=True, highlight=False, markup=False)
out = Console(highlight=False, markup=False)

Registry = Annotated[list[Path] | None, typer.Option("--registry", help="file or folder of known models; repeatable")]
Data = Annotated[Path | None, typer.Option("--data", help="folder for the database and the sketches")]


def _settings(registry: list[Path] | None, data: Path | None) -> Settings:
    changes: dict[str, object] = {}
    if registry:
        changes["registry"] = os.pathsep.join(map(str, registry))
    if data:
        changes["data"] = data
    return load_settings().model_copy(update=changes)


@contextmanager
def _errors() -> Iterator[None]:
    """Turn our errors into one line on standard error and an exit status."""
    try:
        yield
    except (RegistryError, SettingsError) as error:
        err.print(f"blendwatch: {error}")
        raise typer.Exit(USAGE) from None
    except BlendwatchError as error:
        err.print(f"blendwatch: {error}")
        raise typer.Exit(NOTHING) from None


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show what is going on while it does, on standard error, if somebody is looking."""
    if not err.is_terminal:
        yield lambda _: None
        return
    with err.status("starting") as status:
        yield lambda text: status.update(harmless(text, 200))


@app.command()
def check(
    suspect: Annotated[str, typer.Argument(help="org/name[@revision] on the Hub, or a local folder")],
    as_json: Annotated[bool, typer.Option("--json", help="print the report as JSON")] = False,
    registry: Registry = None,
    data: Data = None,
) -> None:
    """Check one upload against the known models; the same check that an alert rests on."""
    with _errors(), _progress() as progress, build.service(_settings(registry, data)) as service:
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


@app.command()
def watch(
    once: Annotated[bool, typer.Option("--once", help="one pass, then stop")] = False,
    registry: Registry = None,
    data: Data = None,
) -> None:
    """Watch the Hub: judge what is new and large, and send alerts."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs every address, signatures and all
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    with _errors():
        settings = _settings(registry, data)
        where = build.sinks(settings)
        settings.data.mkdir(parents=True, exist_ok=True)
        try:
            with (
                FileLock(settings.data / "watch.lock", timeout=0),
                build.store(settings) as store,
                build.service(settings) as service,
                _progress() as progress,
            ):
                watcher = build.watcher(service, store)

                async def one_pass() -> None:
                    await _pass(watcher, store, where, progress)

                asyncio.run(one_pass() if once else run_every(settings.poll_minutes, one_pass))
        except Timeout:
            raise SettingsError(f"another watch is running on {settings.data}") from None


async def _pass(watcher: Watcher, store: Store, where: Mapping[str, Sink], progress: Progress) -> None:
    """Send what a killed pass left, look at the Hub and settle what is due; an alert goes out once it is stored."""
    await _send(store, where)
    new = await asyncio.to_thread(watcher.poll, progress)
    log.info("%d new uploads", new)
    work = watcher.work(progress)
    while (settled := await asyncio.to_thread(next, work, None)) is not None:
        log.info("%s", settled_line(settled))
        if isinstance(settled.outcome, CheckResult) and settled.outcome.verdict.alert:
            await _send(store, where)


async def _send(store: Store, where: Mapping[str, Sink]) -> None:
    sent = await build.send(store, where)
    if sent.failed or sent.dead:
        log.warning("alerts: %d to be tried again, %d undeliverable", sent.failed, sent.dead)


def settled_line(settled: Settled) -> str:
    """Say in one harmless line what became of an upload."""
    match settled.outcome:
        case CheckResult(verdict=verdict):
            what = f"{verdict.finding.kind}, {verdict.disclosure}{', ALERT' if verdict.alert else ''}: {verdict.why}"
        case other:
            what = f"{type(other).__name__.lower()}: {other.reason}"
    return f"{harmless(settled.upload.repo_id, 200)}: {harmless(what, 500)}"


@app.command()
def why(repo: Annotated[str, typer.Argument(help="org/name")], data: Data = None) -> None:
    """Say what became of a repository: found, skipped or failed, why, and what was sent."""
    with _errors():
        settings = _settings(None, data)
        if not (settings.data / "blendwatch.sqlite").exists():
            raise SettingsError(f"there is no database in {settings.data}; it is made by blendwatch watch")
        with build.store(settings) as store:
            known = _tell(store, repo)
    raise typer.Exit(0 if known else NOTHING)


def _tell(store: Store, repo: str) -> bool:
    uploads = store.history(repo)
    if not uploads:
        out.print(f"{harmless(repo, 200)} was never seen")
    for upload in uploads:
        settled = upload.settled_at.isoformat(timespec="seconds") if upload.settled_at else "not yet"
        again = f", asked again after {upload.retry_at.isoformat(timespec='seconds')}" if upload.retry_at else ""
        out.print(f"{harmless(upload.repo_id, 200)} at {(upload.revision or 'unknown')[:12]}: {upload.state}{again}")
        out.print(f"  settled {settled}; why: {harmless(upload.reason or 'waiting to be judged', 2000)}")
        if upload.report:
            out.print(table(upload.report))
        for row in store.messages_of(upload.id):
            when = f" at {row.sent_at.isoformat(timespec='seconds')}" if row.sent_at else ""
            trouble = f": {row.last_error}" if row.last_error and row.state != "sent" else ""
            out.print(f"  alert to {row.destination}: {row.state}{when}{trouble}")
    return bool(uploads)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
