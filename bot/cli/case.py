"""blendwatch case: list, show, replay, export, confirm and retract cases."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bot import build
from bot.cases import summary
from bot.cases.casework import holds as still_shown
from bot.cases.snapshot import LATER_CARD
from bot.cli.common import (
    NOTHING,
    AsJson,
    Data,
    answer,
    display,
    err,
    one_line_errors,
    out,
    print_json,
    settings_with_database,
)
from bot.config.settings import Settings, SettingsError
from bot.proof import build as proof_build
from bot.proof.coordinates import opener
from bot.proof.export import Exporter
from bot.text.sanitize import visible
from state.records import CaseFile
from state.store import Store

app = typer.Typer(help="Alerted cases: what they rest on, and what has happened since.", no_args_is_help=True)

CaseId = Annotated[str, typer.Argument(help="12 hex digits, or the first six or more of them")]
EVERY = 1_000_000  # cases that are looked through
SHOWN = 4000  # characters of a card


@app.command("list")
def list_(
    state: Annotated[str | None, typer.Option("--state", help="only those in this state, such as `open`")] = None,
    finding: Annotated[str | None, typer.Option("--finding", help="only these, such as `blend`")] = None,
    repo: Annotated[str | None, typer.Option("--repo", help="only uploads whose name has this in it")] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="how many at most")] = 100,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """List the newest cases. Status 1 where none is as asked."""
    with one_line_errors(), build.store(_settings(data)) as store:
        cases = store.cases.all(EVERY)
    wanted = (("state", state), ("finding", finding))
    rows = [row for row in map(_row, cases) if all(value in (None, row[name]) for name, value in wanted)]
    rows = [row for row in rows if not repo or repo.lower() in row["repo_id"].lower()][:most]
    lines = (f"{r['case']}  {r['opened_at'][:16]}  {r['state']:9}  {r['finding']}  {r['repo_id']}" for r in rows)
    answer({"cases": rows}, *(visible(line, 400) for line in lines), as_json=as_json)
    if not rows:
        err.print(f"blendwatch: there is no such case; of all there are {len(cases):,}")
        raise typer.Exit(NOTHING if state or finding or repo else 0)


def _row(case: CaseFile) -> dict[str, str]:
    opened, repo_id = case.opened_at.isoformat(timespec="seconds"), case.report["suspect"]["repo_id"]
    finding = case.report["finding"]
    return {"case": case.case_id, "opened_at": opened, "state": case.state, "finding": finding, "repo_id": repo_id}


@app.command()
def show(case_id: CaseId, data: Data = None, as_json: AsJson = False) -> None:
    """Show one case: the report as it was sent, the evidence that is kept, and what has happened since."""
    settings = _settings(data)
    with one_line_errors(), build.store(settings) as store:
        case = _find(store, case_id)
        kept, blobs = store.cases.files(case.upload_id), build.blobs(settings)
        if as_json:
            told = summary.as_json(case.report, summary.identity_of(kept, blobs), store.cases.notes(case.case_id))
            print_json(_as_json(store, case) | told)
            return
        out.print(f"case {case.case_id}, {case.state}, opened {case.opened_at.isoformat(timespec='seconds')}")
        notes = store.cases.notes(case.case_id)
        display(summary.shown(case.report, summary.identity_of(kept, blobs), notes))
        for note in notes:
            out.print(f"  {note.noted_at.isoformat(timespec='seconds')} {note.kind}: {visible(note.text, 1000)}")
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
            out.print("\n".join(f"    | {visible(line, 300)}" for line in text[:SHOWN].splitlines()))


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
def replay(case_id: CaseId, as_json: AsJson = False, data: Data = None) -> None:
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
    answer(
        {"case": case.case_id, "holds": holds, "why": verdict.why, "was": case.report["why"]},
        f"from the evidence alone: {visible(verdict.why, 2000)}",
        "the verdict holds" if holds else f"the verdict does not hold; it was: {visible(case.report['why'], 2000)}",
        as_json=as_json,
    )
    raise typer.Exit(0 if holds else NOTHING)


@app.command()
def export(
    case_id: CaseId,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="the archive; else case-ID.zip here")] = None,
    private: Annotated[
        bool, typer.Option("--private", help="with the bytes and words of gated repositories: not to be published")
    ] = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Write a case into one archive that anyone can verify."""
    settings = _settings(data)
    with one_line_errors(), build.store(settings) as store, build.hub(settings) as hub:
        case = _find(store, case_id)
        path = output or Path(f"case-{case.case_id}.zip")
        notary = proof_build.notary(settings, store, build.utc_now)
        exporter = Exporter(store, build.blobs(settings), notary, build.utc_now, opener(hub.repo))
        content, left = asyncio.run(exporter.export(case, private=private))
        try:
            path.write_bytes(content)
        except OSError as error:
            raise SettingsError(f"{path} cannot be written: {error.strerror}") from None
    facts = {"case": case.case_id, "archive": str(path), "bytes": len(content), "left_out": left}
    answer(facts, f"{path}: {len(content):,} bytes", *(f"left out: {each}" for each in left), as_json=as_json)


@app.command()
def confirm(
    case_id: CaseId,
    reason: Annotated[str, typer.Option("--reason", help="what was looked at; readers see it")] = "",
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Say that an alert is right: its messages are edited, and blendwatch rates counts it."""
    settings = _settings(data)
    with one_line_errors(), build.store(settings) as store:
        case = _find(store, case_id)
        if case.state == "retracted":
            raise SettingsError(f"case {case.case_id} was retracted, so it cannot be confirmed")
        new = build.casework(settings, store).confirm(case, reason.strip() or "the operator finds it right")
    said = f"case {case.case_id} is confirmed" if new else f"case {case.case_id} was confirmed before"
    answer({"case": case.case_id, "confirmed": True, "new": new}, said, as_json=as_json)


@app.command()
def retract(
    case_id: CaseId,
    reason: Annotated[str, typer.Option("--reason", help="what was wrong; readers see it")],
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Take an alert back: every message of it is edited, and it stays on record."""
    settings = _settings(data)
    with one_line_errors(), build.store(settings) as store:
        if not reason.strip():
            raise SettingsError("a retraction needs a reason, which readers see")
        case = _find(store, case_id)
        new = build.casework(settings, store).retract(case, reason.strip())
    said = "is retracted; its messages are edited by the watch's next pass" if new else "was retracted before"
    answer({"case": case.case_id, "retracted": True, "new": new}, f"case {case.case_id} {said}", as_json=as_json)


def _settings(data: Path | None) -> Settings:
    with one_line_errors():
        return settings_with_database(None, data)


def _find(store: Store, case_id: str) -> CaseFile:
    case = store.cases.get(case_id)
    if case is None:
        raise SettingsError(f"there is no case {visible(case_id, 40)}; blendwatch case list shows those there are")
    return case
