"""Tables of settings, metrics and bounds in the documents, made from the code: `python -m ops.docs.reference`.

A test compares, so that neither the example of a settings file nor docs/ can drift from the code.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from annotated_types import Ge, Gt, Le
from prometheus_client import Metric
from pydantic import BaseModel

from bot.config.settings import Settings
from bot.config.sources import CONFIG_VARIABLE
from bot.health.heartbeat import Heartbeat
from bot.health.metrics import Metrics
from bot.hub import Meter
from bot.sources.purpose import PURPOSES
from ops.docs import bounds
from state.uploads.counts import Feed, Tally

ROOT: Final = Path(__file__).resolve().parents[2]
EXAMPLE: Final = ROOT / "blendwatch.example.toml"
DOCS: Final = ROOT / "docs"
HERE: Final = {
    "data": "~/.local/share/blendwatch",
    "registry": "",
    "hf_token": "",
}  # defaults that differ from machine to machine
HEAD: Final = f"""\
# Settings of Blendwatch. Copy this file to blendwatch.toml in the folder that the watch is started in, to
# ~/.config/blendwatch/ or to /etc/blendwatch/, or name it with {CONFIG_VARIABLE}. Every setting stands here with its
# default; take the # away to change one. The environment goes before this file: BLENDWATCH_POLL_MINUTES=5, say.
# A secret is better kept in a file of its own that only the watch's user may read: discord_webhook_file = "/path".
"""


def example() -> str:
    """Return the example of a settings file."""
    parts = [HEAD]
    for name, field in Settings.model_fields.items():
        about = "\n".join(f"# {line}" for line in textwrap.wrap(f"{field.description}{_limits(name)}", 110))
        parts.append(f"{about}\n# {name} = {_default(name)}\n")
    return "\n".join(parts)


def settings_table() -> str:
    """Return the table of settings."""
    names = Settings.names()
    rows = ["| in the file | in the environment | meaning | default |", "| --- | --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        secret = name in names.secret
        keys = f"`{name}`" + (f", `{name}_file`" if secret else "")
        variables = f"`{names.variables[name]}`" + (", `..._FILE`" if secret else "")
        default = {'""': "none", "data": ""}.get(_default(name), f"`{_default(name)}`")
        default = "what comes with it" if name == "registry" else default
        rows.append(f"| {keys} | {variables} | {field.description}{_limits(name)} | {default} |")
    return "\n".join(rows)


def metrics() -> list[Metric]:
    """Return every metric of ours, as an empty watch exports it."""
    never = datetime.fromtimestamp(0, UTC)
    nothing = Tally((Feed("created_at", never, never),), 0, None, 0, {"found": 0}, {}, {"sent": 0}, None)
    exported = Metrics(lambda: nothing, {name: Meter() for name in PURPOSES}, Heartbeat(Settings()))
    return [metric for metric in exported.registry.collect() if metric.name.startswith("blendwatch_")]


def metrics_table() -> str:
    """Return the table of metrics."""
    rows = ["| metric | labels | meaning |", "| --- | --- | --- |"]
    for metric in metrics():
        ending = {"counter": "_total", "info": "_info"}.get(metric.type, "")
        labels = dict.fromkeys(label for sample in metric.samples for label in sample.labels if label != "le")
        named = ", ".join(f"`{label}`" for label in labels)
        rows.append(f"| `{metric.name}{ending}` | {named} | {metric.documentation} |")
    return "\n".join(rows)


def tables() -> dict[str, tuple[Path, str]]:
    """Return each table by its name, with the page that holds it."""
    return {
        "settings": (DOCS / "settings.md", settings_table()),
        "metrics": (DOCS / "runbook.md", metrics_table()),
        "bounds": (DOCS / "bounds.md", bounds.table()),
    }


def filled(name: str, text: str, table: str) -> str:
    """Return a page with its table made anew."""
    begin, end = f"<!-- {name}: made by python -m ops.docs.reference -->", f"<!-- end of {name} -->"
    span = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    return span.sub(lambda _: f"{begin}\n{table}\n{end}", text)


def _default(name: str) -> str:
    """Return the default as TOML."""
    return _toml(HERE.get(name, Settings.model_fields[name].default))


def _toml(value: Any) -> str:
    """Format a value as TOML."""
    if isinstance(value, BaseModel):
        return f"{{ {', '.join(f'{key} = {_toml(inner)}' for key, inner in value)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, int | float) and value == int(value) and value >= 1e6:
        return f"{int(value):_}"
    return json.dumps("" if value is None else value)


def _limits(name: str) -> str:
    """Format a number's limits in words."""
    return "".join(f"; {words}" for words in _bounds(name))


def _bounds(name: str) -> Iterator[str]:
    for bound in Settings.model_fields[name].metadata:
        match bound:
            case Ge(ge=0):
                pass  # no operator would set a negative one
            case Ge(ge=least):
                yield f"at least {least}"
            case Gt(gt=least):
                yield f"more than {least}"
            case Le(le=most):
                yield f"at most {most}"
            case _:
                pass


def main() -> None:
    """Write the example and the pages anew."""
    EXAMPLE.write_text(example(), encoding="utf-8")
    for name, (page, table) in tables().items():
        page.write_text(filled(name, page.read_text(encoding="utf-8"), table), encoding="utf-8")


if __name__ == "__main__":
    main()
