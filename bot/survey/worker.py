"""Check one model in a worker, which may be a thread, a process, or a process on another machine."""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from analyzers.errors import BlendwatchError
from bot import build
from bot.check.on_demand import Checking
from bot.check.report import to_json
from bot.config import logs
from bot.config.settings import load_settings
from state.survey_results import FAILED


@dataclass(frozen=True, slots=True)
class Task:
    """One model to check. `registry` and `data`: as in the settings, "" for the worker's own."""

    repo_id: str
    revision: str | None
    registry: str
    data: str
    workers: int  # that share the Hub's quota


_ALONE = Lock()  # a service is not safe in threads, and a cluster's worker may have several


def run(task: Task) -> dict[str, Any]:
    """Return the result of one model as JSON values; an error is a result, too."""
    row: dict[str, Any] = {"repo_id": task.repo_id, "revision": task.revision}
    try:
        with _ALONE:
            service = _service(task.registry, task.data, task.workers)
            name = f"{task.repo_id}@{task.revision}" if task.revision else task.repo_id
            result = Checking(service.hub, service.checker).repo(name, lambda _: None)
    except BlendwatchError as error:
        return row | {"state": FAILED, "reason": logs.redacted(str(error))}
    except Exception as error:  # noqa: BLE001 - a fault of ours costs one model, never the survey
        reason = f"internal error: {type(error).__name__}: {logs.redacted(str(error))}"
        return row | {"state": FAILED, "reason": reason}
    report = to_json(result, build.utc_now())
    return row | {"state": "found", "reason": result.verdict.why, "report": report}


@lru_cache(maxsize=1)
def _service(registry: str, data: str, workers: int) -> build.Service:
    """Build the worker's own service once; it is closed when the process ends."""
    changes: dict[str, object] = {}
    if registry:
        changes["registry"] = registry
    if data:
        changes["data"] = Path(data)
    settings = load_settings().model_copy(update=changes)
    stack = ExitStack()
    atexit.register(stack.close)
    service = stack.enter_context(build.service(settings))
    service.hub.share_quota(workers)
    return service
