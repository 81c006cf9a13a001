"""blendwatch case: list, show, replay, confirm and retract cases."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot import build, story
from bot.casework import holds as still_shown
from bot.commands.common import NOTHING, Data, err, one_line_errors, out, settings_from
from bot.settings import Settings, SettingsError
from bot.standing import LATER_CARD
from bot.text import harmless
from state.records import CaseFile
from state.store import Store

app = typer.Typer(help="What was told, what it rests on, and what has happened since.", no_args_is_help=True)

CaseId = Annotated[str, typer.Argument(help="12 hex digits, or the first six or more of them")]
SHOWN = 4000  # characters of a card


@app.command("list")
def list_(data: Data = None) -> None:
    """List the newest cases."""
    with one_line_errors(), build.store(_settings(data)) as store:
        for case in store.cases.all():
            repo_id = harmless(case.report["suspect"]["repo_id"], 200)
            out.print(
                f"{case.case_id}  {case.opened_at:%Y-%m-%d %H:%M}  {case.state:9}  {case.report['finding']}  {repo_id}"
            )


@app.command()
def show(case_id: CaseId, data: Data = None, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Show one case: the report as it was told, the evidence that is kept, and what has happened since."""
    settings = _settings(data)
    with one_line_errors(), build.store(settings) as store:
        case = _find(store, case_id)
        kept, blobs = store.cases.files(case.upload_id), build.blobs(settings)
        if as_json:
            told = story.as_json(case.report, story.identity_of(kept, blobs), store.cases.notes(case.case_id))
            sys.stdout.write(json.dumps(_as_json(store, case) | told, indent=1) + "\n")
            return
        out.print(f"case {case.case_id}, {case.state}, opened {case.opened_at.isoformat(timespec='seconds')}")
        notes = store.cases.notes(case.case_id)
        out.print(story.shown(case.report, story.identity_of(kept, blobs), notes))
        for note in notes:
            out.print(f"  {note.noted_at.isoformat(timespec='seconds')} {note.kind}: {harmless(note.text, 1000)}")
        _show_evidence(store, settings, case)


def _show_evidence(store: Store, settings: Settings, case: CaseFile) -> None:
    blobs = build.blobs(settings)
    for kept in store.cases.files(case.upload_id):
        shown = ", of a gated repository: kept and not shown" if kept.gated else ""
        out.print(
            f"  evidence {kept.kind}: {kept.size:,} bytes, sha256 {kept.digest}, {kept.kept_at:%Y-%m-%d %H:%M}{shown}"
        )
        if kept.kind in ("card", LATER_CARD) and not kept.gated:
            text = blobs.get(kept.digest).decode("utf-8", "replace")
            out.print("\n".join(f"    | {harmless(line, 300)}" for line in text[:SHOWN].splitlines()))


def _as_json(store: Store, case: CaseFile) -> dict[str, object]:
    return {
        "case": case.case_id,
        "state": case.state,
        "opened_at": case.opened_at.isoformat(),
        "report": case.report,
        "notes": [
            {"kind": n.kind, "text": n.text, "at": n.noted_at.isoformat()} for n in store.cases.notes(case.case_id)
        ],
        "evidence": [
            {"kind": f.kind, "sha256": f.digest, "size": f.size, "gated": f.gated, "kept_at": f.kept_at.isoformat()}
            for f in store.cases.files(case.upload_id)
        ],
    }


@app.command()
def replay(case_id: CaseId, data: Data = None) -> None:
    """Draw the verdict again from the stored evidence alone, and say whether it still holds."""
    settings = _settings(data)
    with one_line_errors(), build.store(settings) as store:
        keeper = build.casework(settings, store)
        case = _find(store, case_id)
        verdict = keeper.verdict(case)
        told = {p["repo_id"]: p["coefficient"] for p in case.report["parents"]}
        found = {p.ref.repo_id: p.coefficient for p in verdict.finding.parents}
        same = (verdict.finding.kind, set(found)) == (case.report["finding"], set(told))
        holds = same and still_shown(case, verdict)
        out.print(f"from the evidence alone: {harmless(verdict.why, 2000)}")
        out.print(
            "the verdict holds" if holds else f"the verdict does not hold; it was: {harmless(case.report['why'], 2000)}"
        )
    raise typer.Exit(0 if holds else NOTHING)


@app.command()
def confirm(
    case_id: CaseId,
    reason: Annotated[str, typer.Option("--reason", help="what was looked at; it is told")] = "",
    data: Data = None,
) -> None:
    """Say that an alert is right: its messages are edited, and blendwatch rates counts it."""
    settings = _settings(data)
    with one_line_errors(), build.store(settings) as store:
        case = _find(store, case_id)
        if case.state == "retracted":
            raise SettingsError(f"case {case.case_id} was retracted, so it cannot be confirmed")
        new = build.casework(settings, store).confirm(case, reason.strip() or "the operator finds it right")
        out.print(f"case {case.case_id} is confirmed" if new else f"case {case.case_id} was confirmed before")


@app.command()
def retract(
    case_id: CaseId,
    reason: Annotated[str, typer.Option("--reason", help="what was wrong; it is told")],
    data: Data = None,
) -> None:
    """Take an alert back: every message of it is edited, and it stays on record."""
    if not reason.strip():
        err.print("blendwatch: a retraction needs a reason, which is told")
        raise typer.Exit(2)
    settings = _settings(data)
    with one_line_errors(), build.store(settings) as store:
        keeper = build.casework(settings, store)
        case = _find(store, case_id)
        if not keeper.retract(case, reason.strip()):
            out.print(f"case {case.case_id} was retracted before")
            return
        out.print(f"case {case.case_id} is retracted; its messages are edited by the watch's next pass")


def _settings(data: Path | None) -> Settings:
    with one_line_errors():
        settings = settings_from(None, data)
        if not (settings.data / "blendwatch.sqlite").exists():
            raise SettingsError(f"there is no database in {settings.data}; it is made by blendwatch watch")
        return settings


def _find(store: Store, case_id: str) -> CaseFile:
    case = store.cases.get(case_id)
    if case is None:
        raise SettingsError(f"there is no case {harmless(case_id, 40)}; blendwatch case list shows those there are")
    return case
