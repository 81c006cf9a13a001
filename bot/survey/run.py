"""Check every selected model once, through any executor, within a budget of requests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from typing import Any, Final

from bot.survey.worker import Task, run
from state.survey_results import SurveyResults

REQUESTS: Final = 60  # of a check without a second look, until this survey has measured its own
QUOTA, WINDOW = 5_000, 300  # requests to files in so many seconds that the Hub gives an account without a plan
AT_ONCE = 4  # tasks for each worker that wait at most, so that few are lost where a survey is cut short


@dataclass(frozen=True, slots=True)
class Estimate:
    """Rest of a survey. `hours`: the least that the quota of an account without a plan allows."""

    models: int
    left: int
    requests: int
    hours: float

    def __str__(self) -> str:
        return (
            f"{self.models:,} models, {self.left:,} of them not checked yet: about {self.requests:,} requests,"
            f" {self.hours:.1f} hours or more with a free account's quota"
        )


def estimate(models: int, left: int, results: SurveyResults) -> Estimate:
    """Return what is left, by the median cost of the results so far."""
    costs = sorted(_requests(row) for row in results.rows if "report" in row)
    each = costs[len(costs) // 2] if costs else REQUESTS
    return Estimate(models, left, each * left, each * left / QUOTA * WINDOW / 3600)


def survey(
    tasks: Sequence[Task], executor: Executor, results: SurveyResults, most_requests: int | None, workers: int
) -> Iterator[dict[str, Any]]:
    """Yield the result of each task, as it comes, after it was stored.

    Begins no task once `most_requests` are spent (None: no limit). Where a worker dies, its tasks have no result, and
    the next run checks them.
    """
    waiting = iter(tasks)
    running: set[Future[dict[str, Any]]] = set()
    spent = 0
    while True:
        while len(running) < workers * AT_ONCE and (most_requests is None or spent < most_requests):
            task = next(waiting, None)
            if task is None:
                break
            running.add(executor.submit(run, task))
        if not running:
            return
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            row = future.result()
            results.add(row)
            spent += _requests(row)
            yield row


def _requests(row: dict[str, Any]) -> int:
    return int(row.get("report", {}).get("cost", {}).get("requests", 0))
