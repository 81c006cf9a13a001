"""blendwatch why: what became of a repository."""

from __future__ import annotations

from typing import Annotated

import typer

from bot import build, story
from bot.commands.common import NOTHING, Data, one_line_errors, out, settings_from
from bot.settings import SettingsError
from bot.text import harmless
from state.evidence import Blobs
from state.store import Store


def why(repo: Annotated[str, typer.Argument(help="org/name")], data: Data = None) -> None:
    """Say what became of a repository: found, skipped or failed, why, and what was sent."""
    with one_line_errors():
        settings = settings_from(None, data)
        if not settings.database.exists():
            raise SettingsError(f"there is no database in {settings.data}; it is made by blendwatch watch")
        with build.store(settings) as store:
            known = _tell(store, build.blobs(settings), repo)
    raise typer.Exit(0 if known else NOTHING)


def _tell(store: Store, blobs: Blobs, repo: str) -> bool:
    uploads = store.history(repo)
    if not uploads:
        out.print(f"{harmless(repo, 200)} was never seen")
    for upload in uploads:
        settled = upload.settled_at.isoformat(timespec="seconds") if upload.settled_at else "not yet"
        again = f", asked again after {upload.retry_at.isoformat(timespec='seconds')}" if upload.retry_at else ""
        out.print(f"{harmless(upload.repo_id, 200)} at {(upload.revision or 'unknown')[:12]}: {upload.state}{again}")
        out.print(f"  settled {settled}; why: {harmless(upload.reason or 'waiting to be judged', 2000)}")
        if upload.report:
            case = store.cases.get(upload.report["case"]) if upload.report.get("case") else None
            notes = store.cases.notes(case.case_id) if case is not None else ()
            out.print(story.shown(upload.report, story.identity_of(store.cases.files(upload.id), blobs), notes))
        for row in store.messages_of(upload.id):
            when = f" at {row.sent_at.isoformat(timespec='seconds')}" if row.sent_at else ""
            state = "settled" if row.state == "sent" and row.sent_at is None else row.state  # it has arrived nowhere
            trouble = f": {row.last_error}" if row.last_error and state != "sent" else ""
            out.print(f"  alert to {row.destination}: {state}{when}{trouble}")
    return bool(uploads)
