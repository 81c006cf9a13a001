"""blendwatch prune: what need not be kept any longer."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from bot import build
from bot.cli.common import AsJson, Data, Registry, answer, one_line_errors, settings_with_folder
from bot.config.settings import SettingsError
from bot.text.sanitize import size
from state.backup.retention import Retention
from state.backup.retention import prune as remove
from state.data_folder import refuse_unfinished_restore
from state.registry.models import load

USUAL = Retention()


def prune(  # noqa: PLR0913, PLR0917 - each is an option of its own
    apply: Annotated[bool, typer.Option("--apply", help="do it; without this, only list what would go")] = False,
    report_days: Annotated[
        int, typer.Option(min=1, help="keep reports on uploads that turned out to be nothing, days")
    ] = USUAL.report_days,
    message_days: Annotated[
        int, typer.Option(min=1, help="keep what sent alerts said beside the report itself, days")
    ] = USUAL.message_days,
    sketch_days: Annotated[
        int, typer.Option(min=1, help="keep sketches of models that are not known and were not seen, days")
    ] = USUAL.sketch_days,
    evidence_days: Annotated[
        int, typer.Option(min=1, help="keep evidence of uploads without an alert, days")
    ] = USUAL.evidence_days,
    as_json: AsJson = False,
    registry: Registry = None,
    data: Data = None,
) -> None:
    """Tell what need not be kept any longer, and with --apply remove it."""
    with one_line_errors():
        settings = settings_with_folder(registry, data)
        if settings.database_url is not None:  # without its reports every sketch of an alert would seem unused
            raise SettingsError("BLENDWATCH_DATABASE_URL is set, and prune reads the SQLite file alone")
        refuse_unfinished_restore(settings.data)
        models = load(settings.registry_paths)
        keep = Retention(report_days, message_days, sketch_days, evidence_days=evidence_days)

        def known(repo_id: str) -> bool:
            return models.find(repo_id) is not None

        pruned = remove(settings.data, known, keep, build.utc_now(), apply=apply)
    total = size(sum(one.bytes for one in pruned))
    answer(
        {"applied": apply, "pruned": [asdict(one) for one in pruned]},
        *(f"{one.what:<9} {one.count:>9,} {size(one.bytes):>10}  {one.detail}" for one in pruned),
        f"{total} freed" if apply else f"{total} would be freed; --apply does it",
        as_json=as_json,
    )
