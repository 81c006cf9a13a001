"""blendwatch registry warm: every known model held against the Hub and read once."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from bot import build
from bot.cli.common import NOTHING, AsJson, Data, one_line_errors, out, print_json, progress_shown, settings_from
from bot.cli.common import Registry as Paths
from bot.config.settings import Settings, SettingsError
from bot.known.models import Progress
from bot.known.verification import utc, verify
from bot.sources.interface import Unavailable
from bot.text.sanitize import visible
from state.registry.models import Model
from state.registry.verified import Verifications, Verified

FILE: Final = "verified.json"  # in the data folder
FRESH: Final = timedelta(days=1)  # an entry that was verified so lately is not asked about again


@dataclass(frozen=True, slots=True)
class Warmed:
    """What became of one entry. `state`: ok, differs (from the Hub, or unreadable), unreached or left (no requests)."""

    repo_id: str
    state: str
    said: str
    entry: str = ""  # in YAML, with what the Hub confirmed; "" where it confirmed nothing


def warm(
    only: Annotated[list[str] | None, typer.Option("--only", help="this model alone; repeatable")] = None,
    requests: Annotated[
        int | None, typer.Option("--requests", min=1, help="after which the rest is left; else requests_per_pass")
    ] = None,
    as_json: AsJson = False,
    report: Annotated[
        bool, typer.Option("--report", help="print what the Hub confirmed, as entries of a registry file")
    ] = False,
    registry: Paths = None,
    data: Data = None,
) -> None:
    """Hold every known model against the Hub (there? this name, commit, time, licence?), and read it once.

    One line for each. It may be stopped and run again: what was verified within a day, and is read, is not asked
    about again unless --only names it. Status 0 if all is as the files say, else 1. --report prints a registry file
    with the confirmed entries, which can take the place of those there were; a comment says why another is left out.
    """
    with (
        one_line_errors(),
        progress_shown() as progress,
        build.service(_settings(registry, data, as_json=as_json, report=report)) as service,
    ):
        models = _chosen(service, only)
        most = requests or service.settings.requests_per_pass
        found = []
        for one in _each(service, models, most, again=bool(only), progress=progress):
            found.append(one)
            if not as_json and not report:
                out.print(f"{one.state:9}  {one.repo_id}: {visible(one.said, 2000)}", soft_wrap=True)
    if as_json:
        told = [{"repo_id": one.repo_id, "state": one.state, "said": one.said} for one in found]
        print_json(told)
    if report:
        sys.stdout.write(report_of(found, build.utc_now()))
    raise typer.Exit(0 if all(one.state == "ok" for one in found) else NOTHING)


def _settings(registry: list[Path] | None, data: Path | None, *, as_json: bool, report: bool) -> Settings:
    if as_json and report:
        raise SettingsError("--json and --report cannot be given together: either is the whole output")
    return settings_from(registry, data)


def report_of(found: Sequence[Warmed], now: datetime) -> str:
    """Return a registry file with the entries that the Hub confirmed; the others are comments."""
    confirmed = [one.entry for one in found if one.entry]
    counts = f"{len(confirmed):,} of {len(found):,} entries"
    head = f"# {counts} are as the Hub has them, asked up to {now:%Y-%m-%d %H:%M} UTC.\n"
    rest = [one for one in found if not one.entry]
    others = [f"# {visible(one.repo_id, 200)}: {one.state}: {visible(one.said, 2000)}\n" for one in rest]
    return "".join([head, "models:\n" if confirmed else "models: []\n", *confirmed, *others])


def entry_of(model: Model, verified: Verified) -> str:
    """Return an entry in YAML, with what the Hub says beside what it said; the commit is a comment and binds nobody."""
    own = {f.name: getattr(model, f.name) for f in fields(model) if f.name not in ("path", "automatic", "verified")}
    told = {name: utc(value) if isinstance(value, datetime) else value for name, value in own.items() if value}
    entry = {"repo_id": model.repo_id, "role": model.role, **verified.facts, **told}
    # a text in JSON is one in YAML, whatever stands in it
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in entry.items()]
    lines.append(f"verified: {verified.at:%Y-%m-%d}  # at commit {verified.revision}")
    return "  - " + "\n    ".join(lines) + "\n"


def _chosen(service: build.Service, only: list[str] | None) -> list[Model]:
    known = service.checker.known.registry
    if not only:
        return list(known.models)
    chosen = [(name, known.find(name)) for name in only]
    for name, model in chosen:
        if model is None:
            raise SettingsError(f"{visible(name, 200)} is no known model; blendwatch registry list shows those")
    return [model for _, model in chosen if model is not None]


def _each(
    service: build.Service, models: list[Model], most: int, *, again: bool, progress: Progress
) -> Iterator[Warmed]:
    """Yield what became of each; a model is begun while requests are left, so one may go a look beyond."""
    seen = Verifications(service.settings.data / FILE)
    with service.hub.metered() as meter:
        for number, model in enumerate(models, start=1):
            if meter.requests >= most:
                yield Warmed(model.repo_id, "left", f"{most:,} requests are used up; run it again")
                continue
            progress(f"model {number} of {len(models)}: {model.repo_id}")
            yield _one(service, seen, model, again=again)


def _one(service: build.Service, seen: Verifications, model: Model, *, again: bool) -> Warmed:
    known, now = service.checker.known, build.utc_now()
    verified = seen.get(model)
    if again or verified is None or now - verified.at > FRESH:
        try:
            verified = verify(model, service.hub.repo, now)
        except Unavailable as error:
            return Warmed(model.repo_id, "unreached", str(error))
        seen.put(model, verified)
    there = bool(verified.revision) or model.path is not None
    problems = [*verified.differs, *([known.read_now(model)] if there else [])]
    if any(problems):
        return Warmed(model.repo_id, "differs", "; ".join(filter(None, problems)))
    entry = entry_of(model, verified) if verified.revision else ""
    where = f"commit {verified.revision[:12]}" if verified.revision else f"the folder {model.path}"
    return Warmed(model.repo_id, "ok", f"{where}, verified {verified.at:%Y-%m-%d %H:%M}, read", entry)
