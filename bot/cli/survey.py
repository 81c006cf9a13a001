"""blendwatch survey: models that are on the Hub already."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import Annotated, Any

import typer
from rich.table import Table

from bot import build
from bot.cli.common import (
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
from bot.config.settings import Settings, SettingsError
from bot.survey.run import estimate
from bot.survey.run import survey as run_survey
from bot.survey.selection import Selection, listed
from bot.survey.worker import Task
from bot.text.sanitize import visible
from state.survey_results import FAILED, SurveyResults

FOLDER = "surveys"  # in the data folder
CONNECT_SECONDS = 10


def survey(  # noqa: PLR0913, PLR0917 - the signature is the command line
    family: Annotated[str, typer.Option(help="models that declare a known base of this family")] = "",
    organisation: Annotated[str, typer.Option(help="models of this organisation or account")] = "",
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="models created since a day")] = None,
    every: Annotated[bool, typer.Option("--all", help="every model on the Hub")] = False,
    least: Annotated[int | None, typer.Option(min=0, help="parameters; else min_parameters")] = None,
    requests: Annotated[int | None, typer.Option(min=1, help="after which no further model is begun")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="processes; they share the Hub's quota")] = 1,
    cluster: Annotated[str, typer.Option(help="address of a Dask scheduler, such as tcp://host:8786")] = "",
    estimate_only: Annotated[bool, typer.Option("--estimate", help="say what it costs, and stop")] = False,
    as_json: AsJson = False,
    registry: Registry = None,
    data: Data = None,
) -> None:
    """Check models that are on the Hub already, each once. No alert is sent.

    A survey that was cut short goes on where it stopped; what failed is tried again. Models whose size the Hub does
    not state are left out. Results lie in the data folder, under surveys.
    """
    with one_line_errors(), progress_shown() as progress:
        settings = settings_from(registry, data)
        selection = _selection(settings, family, organisation, since, every, least)
        results = SurveyResults(settings.data / FOLDER / selection.file_name)
        with build.service(settings) as service:
            progress(f"listing {selection}")
            events = list(listed(service.hub, service.checker.known.registry, selection))
        left = [e for e in events if not results.settled(e.repo_id, e.revision)]
        err.print(f"blendwatch: {estimate(len(events), len(left), results)}")
        if not estimate_only:
            # a worker elsewhere has settings and data of its own
            given = ("", "") if cluster else (settings.registry, str(settings.data))
            with _executor(cluster, workers) as (executor, count):
                tasks = [Task(e.repo_id, e.revision, *given, count) for e in left]
                for number, row in enumerate(run_survey(tasks, executor, results, requests, count), start=1):
                    progress(f"{number} of {len(left)}: {row['repo_id']}: {row['reason']}")
        wanted = {e.repo_id.lower() for e in events}
    rows = [row for row in results.rows if row["repo_id"].lower() in wanted]
    if as_json:
        print_json({"schema": 1, "models": len(events), "results": rows})
    else:
        display(_table(rows, len(events)))


def _selection(
    settings: Settings, family: str, organisation: str, since: datetime | None, every: bool, least: int | None
) -> Selection:
    chosen = [bool(family), bool(organisation), since is not None and not (family or organisation), every]
    if sum(chosen) != 1:
        raise SettingsError(
            "give one of --family, --organisation, --since and --all; the first two may come with --since"
        )
    return Selection(
        family,
        organisation,
        since.replace(tzinfo=UTC) if since else None,
        settings.min_parameters if least is None else least,
    )


@contextmanager
def _executor(cluster: str, workers: int) -> Iterator[tuple[Executor, int]]:
    """Open a thread for one worker, processes for several, or a cluster's executor; with the number of workers."""
    if cluster:
        from distributed import Client  # noqa: PLC0415 - an extra

        with _connected(Client, cluster) as client, client.get_executor(pure=False) as executor:
            yield executor, max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
    elif workers == 1:
        with ThreadPoolExecutor(1) as threads:
            yield threads, 1
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as processes:
            yield processes, workers


def _connected(client: Any, cluster: str) -> Any:
    try:
        return client(cluster, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise SettingsError(f"--cluster {cluster}: no scheduler answers there: {error}") from None


def _table(rows: list[dict[str, Any]], models: int) -> Table:
    """Return counts, then each finding with an audience; texts of uploads are sanitised."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    failed = [row for row in rows if row["state"] == FAILED]
    reports = [row["report"] for row in rows if "report" in row]
    kinds = sorted({report["finding"] for report in reports})
    counts = [f"{sum(r['finding'] == kind for r in reports):,} {kind}" for kind in kinds]
    table.add_row("models", f"{models:,}: {len(reports):,} checked, {len(failed):,} failed")
    table.add_row("findings", ", ".join(counts) or "none")
    for report in reports:
        if report["audience"] != "none":
            name = f"{visible(report['suspect']['repo_id'], 200)}: {report['finding']}, {report['disclosure']}"
            table.add_row(report["audience"], f"{name}; {visible(report['why'], 500)}")
    for row in failed:
        table.add_row(FAILED, f"{visible(row['repo_id'], 200)}: {visible(row['reason'], 300)}")
    return table
