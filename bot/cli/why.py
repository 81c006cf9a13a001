"""blendwatch why: what became of a repository."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from bot import build
from bot.cases import summary
from bot.cli.common import NOTHING, AsJson, Data, display, one_line_errors, out, print_json, settings_with_database
from bot.text.sanitize import visible
from state.evidence.blobs import Blobs
from state.records import OutboxRow
from state.store import Store, Upload


def why(repo: Annotated[str, typer.Argument(help="org/name")], as_json: AsJson = False, data: Data = None) -> None:
    """Say what became of a repository: found, skipped or failed, why, and what was sent."""
    with one_line_errors():
        settings = settings_with_database(None, data)
        with build.store(settings) as store:
            uploads = store.history(repo)
            if as_json:
                found = [_as_json(store, upload) for upload in uploads]
                print_json({"schema": 1, "repo_id": repo, "uploads": found})
            else:
                _show(store, build.blobs(settings), repo, uploads)
    raise typer.Exit(0 if uploads else NOTHING)


def _as_json(store: Store, upload: Upload) -> dict[str, Any]:
    messages = [
        {"to": row.destination, "state": _state(row), "sent_at": _time(row.sent_at), "error": row.last_error}
        for row in store.messages_of(upload.id)
    ]
    times = {"settled_at": _time(upload.settled_at), "retry_at": _time(upload.retry_at)}
    said = {"repo_id": upload.repo_id, "revision": upload.revision, "state": upload.state, "reason": upload.reason}
    return {**said, **times, "report": upload.report, "messages": messages}


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


def _state(row: OutboxRow) -> str:
    """Return a message's state; settled, if it has arrived nowhere and never will."""
    return "settled" if row.state == "sent" and row.sent_at is None else row.state


def _show(store: Store, blobs: Blobs, repo: str, uploads: Sequence[Upload]) -> None:
    if not uploads:
        out.print(f"{visible(repo, 200)} was never seen")
    for upload in uploads:
        settled = upload.settled_at.isoformat(timespec="seconds") if upload.settled_at else "not yet"
        again = f", asked again after {upload.retry_at.isoformat(timespec='seconds')}" if upload.retry_at else ""
        out.print(f"{visible(upload.repo_id, 200)} at {(upload.revision or 'unknown')[:12]}: {upload.state}{again}")
        out.print(f"  settled {settled}; why: {visible(upload.reason or 'waiting to be judged', 2000)}")
        if upload.report:
            case = store.cases.get(upload.report["case"]) if upload.report.get("case") else None
            notes = store.cases.notes(case.case_id) if case is not None else ()
            display(summary.shown(upload.report, summary.identity_of(store.cases.files(upload.id), blobs), notes))
        for row in store.messages_of(upload.id):
            when = f" at {row.sent_at.isoformat(timespec='seconds')}" if row.sent_at else ""
            state = _state(row)
            trouble = f": {row.last_error}" if row.last_error and state != "sent" else ""
            out.print(f"  alert to {row.destination}: {state}{when}{trouble}")
