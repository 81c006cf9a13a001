"""blendwatch registry: look at the known models, edit them, and hold them against the Hub."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from bot import build
from bot.cli import registry_warm
from bot.cli.common import NOTHING, USAGE, AsJson, Data, answer, err, one_line_errors, out, settings_from
from bot.cli.common import Registry as Paths
from bot.config.settings import Settings, SettingsError
from bot.known.registry_diff import differences
from bot.known.verification import Described, describe, utc
from bot.sources.subject import parse_name
from bot.text.sanitize import visible
from state.registry.editing import add_entry, remove_entry
from state.registry.models import SHIPPED, Model, RegistryError, load
from state.registry.verified import Verifications, Verified

app = typer.Typer(help="The known models that uploads are compared with.", no_args_is_help=True)
app.command("warm")(registry_warm.warm)

LOCAL: Final = "local.yaml"  # where `add` puts models unless another file is named

Repo = Annotated[str, typer.Argument(help="org/name; for add also org/name@revision")]
File = Annotated[
    Path | None, typer.Option("--file", help=f"the YAML or JSON file; else {LOCAL} in the first folder of your own")
]


@app.command()
def validate(
    paths: Annotated[list[Path] | None, typer.Argument(help="files and folders; else those of the settings")] = None,
    as_json: AsJson = False,
) -> None:
    """Read registry files and print every mistake, one a line, as FILE:LINE:COLUMN: what is wrong.

    Status 0 if there is none, else 2.
    """
    with one_line_errors():
        where = paths or settings_from(None, None).registry_paths
    try:
        found = load(where)
    except RegistryError as error:
        problems = [visible(str(problem), 2000) for problem in error.problems]
        answer({"problems": problems}, *problems, as_json=as_json)
        raise typer.Exit(USAGE) from None
    bases = sum(model.role == "base" for model in found.models)
    told = f"{len(found.models):,} known models ({bases:,} bases), {len(found.organisations):,} groups of organisations"
    more = f"{len(found.suppressions):,} suppressions, {len(found.declared):,} declared pairs"
    answer(
        {"problems": [], "models": len(found.models), "bases": bases}, f"no mistakes: {told}, {more}", as_json=as_json
    )
    if not found.models:
        err.print("blendwatch: it names no known models; with it alone, nothing is found")


@app.command("list")
def list_(
    family: Annotated[str | None, typer.Option("--family", help="only families whose name begins so")] = None,
    role: Annotated[str | None, typer.Option("--role", help="only `base` or `release`")] = None,
    as_json: AsJson = False,
    registry: Paths = None,
    data: Data = None,
) -> None:
    """List the known models, each with whether and when it was held against the Hub. Status 1 where there is none."""
    with one_line_errors():
        if role not in (None, "base", "release"):
            raise SettingsError(f"--role is base or release, not {visible(str(role), 60)}")
        settings = settings_from(registry, data)
        seen = Verifications(settings.data / registry_warm.FILE)
        models = load(settings.registry_paths).models
    named = [m for m in models if m.family.lower().startswith((family or "").lower())]
    found = [(model, seen.get(model)) for model in named if role in (None, model.role)]
    if not found:
        families = ", ".join(sorted({m.family for m in models if m.family}))
        err.print(f"blendwatch: there is no such known model; the families are {visible(families, 2000) or 'none'}")
    if as_json:
        listed = [{**asdict(m), "hub": asdict(v) if v else None} for m, v in found]
        sys.stdout.write(json.dumps(listed, indent=1, default=_plain) + "\n")
    width = max((len(m.repo_id) for m, _ in found), default=0)
    for model, verified in found if not as_json else ():
        told = visible(model.family, 100) or "-"
        said = visible(_said(verified), 1000)
        out.print(f"{model.repo_id:{width}}  {model.role:7}  {told}  {said}", soft_wrap=True)
    raise typer.Exit(0 if found else NOTHING)


def _plain(value: object) -> str:
    """What JSON has no type for: times and paths."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _said(verified: Verified | None) -> str:
    if verified is None:
        return "never verified"
    told = f": {'; '.join(verified.differs)}" if verified.differs else ""
    return f"{'differs' if told else 'verified'} {verified.at:%Y-%m-%d %H:%M}{told}"


@app.command()
def add(
    repo: Repo,
    role: Annotated[str, typer.Option("--role", help="`base`: a lineage starts from it; else `release`")] = "release",
    family: Annotated[str | None, typer.Option("--family", help="else `model_type` of its config")] = None,
    maker: Annotated[str | None, typer.Option("--maker", help="who made it")] = None,
    file: File = None,
    as_json: AsJson = False,
    registry: Paths = None,
) -> None:
    """Add a model to a registry file, with commit, times, licence and family as the Hub has them.

    Comments and everything else in the file stay as they are. A running watch takes it in at its next pass.
    """
    with one_line_errors():
        settings = settings_from(registry, None)
        target = file or _local(settings)
        name, revision = parse_name(repo, settings.hf_endpoint)
        _refuse_known(settings, name)
        with build.hub(settings) as hub:
            about = describe(hub.repo(name, revision))
        _refuse_known(settings, about.facts.ref.repo_id)
        entry = _entry(about, role, family, maker)
        add_entry(target, entry)
    answer({"file": str(target), "added": entry}, f"{about.facts.ref} is in {target}{_size(about)}", as_json=as_json)


def _size(about: Described) -> str:
    counted = f": {about.facts.parameters:,} parameters" if about.facts.parameters else ""
    return counted + (f"{',' if counted else ':'} gated, so its weights need a token" if about.facts.gated else "")


def _entry(about: Described, role: str, family: str | None, maker: str | None) -> dict[str, str]:
    """Return the entry, without what is not known."""
    facts = about.facts
    entry = {
        "repo_id": facts.ref.repo_id,
        "role": role,
        "revision": facts.ref.revision,
        "weights_at": utc(facts.weights_at) if facts.weights_at else "",
        "created_at": utc(facts.created_at) if facts.created_at else "",
        "maker": maker or "",
        "family": about.family if family is None else family,
        "licence": about.licence,
        "source": f"the Hub, asked on {build.utc_now():%Y-%m-%d}",
    }
    return {key: value for key, value in entry.items() if value}


def _refuse_known(settings: Settings, name: str) -> None:
    model: Model | None = load([path for path in settings.registry_paths if path.exists()]).find(name)
    if model is not None:
        raise SettingsError(f"{model.repo_id} is a known model already")


@app.command()
def remove(repo: Repo, file: File = None, as_json: AsJson = False, registry: Paths = None) -> None:
    """Take a model out of a registry file; everything else in it stays as it is."""
    with one_line_errors():
        target = file or _local(settings_from(registry, None))
        if not target.exists():
            raise SettingsError(f"{target} is not there; --file names another")
        remove_entry(target, repo)
    said = f"{visible(repo, 200)} is no longer in {target}"
    answer({"file": str(target), "removed": repo}, said, as_json=as_json)


def _local(settings: Settings) -> Path:
    """Return the file of the operator's own models."""
    for path in settings.registry_paths:
        if path.is_dir() and path.resolve() != SHIPPED.resolve():
            return path / LOCAL
    raise SettingsError("no folder of your own is among the settings' registry: name a file with --file")


@app.command()
def diff(
    old: Annotated[Path | None, typer.Argument(help="file or folder; else what comes with Blendwatch")] = None,
    new: Annotated[Path | None, typer.Argument(help="file or folder; else those of the settings")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what was added (+), removed (-) and changed (~) between two sets: models and all other entries."""
    with one_line_errors():
        before = load([old or SHIPPED])
        after = load([new] if new else settings_from(None, None).registry_paths)
    lines = differences(before, after)
    answer({"differences": lines}, *(visible(line, 2000) for line in lines), as_json=as_json)
    if not lines:
        err.print("both say the same")
