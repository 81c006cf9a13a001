"""blendwatch doctor: is everything that a watch needs as it should be?"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Final

import typer

from bot.cli.common import AsJson, Data, Registry, changed, out
from bot.cli.doctor_checks import Check, Doctor
from bot.config import logs
from bot.config.settings import read_settings

STATUS: Final = {"ok": 0, "warning": 1, "failed": 2}


def doctor(
    as_json: AsJson = False,
    registry: Registry = None,
    data: Data = None,
) -> None:
    """Check settings, Hub, token, clock, disk, database, Discord, registry and sketches; nothing is changed or posted.

    Status 0 if all is well, 1 if something deserves a look, 2 if something is broken.
    """
    settings, given, problems = read_settings()
    settings = changed(settings, registry, data)
    logs.configure(settings.log_format, "error", settings.secrets)
    origin = f"{given.file or 'no file'} and the environment" if given.places else "defaults alone"
    found = []
    for check in Doctor(settings, problems, origin).checks():
        found.append(check)
        if not as_json:
            out.print(_line(check, settings.secrets), soft_wrap=True)
    if as_json:
        plain = json.dumps([asdict(check) for check in found], indent=1)
        sys.stdout.write(logs.redacted(plain, settings.secrets) + "\n")
    raise typer.Exit(max(STATUS[check.state] for check in found))


def _line(check: Check, secrets: tuple[str, ...]) -> str:
    line = f"{check.state:<8} {check.name}: {' '.join(check.said.split())}"
    return logs.redacted(f"{line} -> {check.todo}" if check.todo else line, secrets)
