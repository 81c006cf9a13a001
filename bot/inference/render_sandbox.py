"""Render an untrusted chat template in a process that can do nothing else.

bot/inference/rendering.py runs it as a script: it may import nothing of ours. The template runs in Jinja's immutable
sandbox. The process has few seconds and little memory. It cannot open files or sockets or start processes. It writes
at most a bounded file, its standard output.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    """{% generation %}: marks the model's words for training; here it changes nothing."""

    tags = {"generation"}  # noqa: RUF012  # as Jinja declares it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Return the nodes between the tags."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


# Rendered first: modules that Python and Jinja load on demand must be loaded before files are out of reach.
WARM_UP = (
    "{{ 'a\\u00e9' }}{{ {'a': 1} | tojson }}{{ strftime_now('%d %B %Y') }}{% set a = namespace(b=1) %}",
    "{% for a in [1] %}{% break %}{% endfor %}{{ raise_exception('a') }}",
    "{% if %}",
)


def confine(seconds: int, memory: int, output: int) -> None:
    """Give up for good all rights that a template does not need. Limits: seconds of CPU, bytes of memory and output."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (output, output))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    for kind, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_NPROC, 0)):
        with contextlib.suppress(ValueError, OSError):  # some systems lack these two
            resource.setrlimit(kind, (most, most))


def _refuse(message: str) -> None:
    raise TemplateError(str(message)[:200])


def _now(pattern: str) -> str:
    return time.strftime(str(pattern)[:40])


def _to_json(value: object, indent: int | None = None, ensure_ascii: bool = False, **_: object) -> str:
    return json.dumps(value, ensure_ascii=bool(ensure_ascii), indent=min(int(indent), 8) if indent else None)


def environment() -> ImmutableSandboxedEnvironment:
    """Return an environment like the one that chat templates are written for."""
    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    made.filters["tojson"] = _to_json
    made.globals["raise_exception"] = _refuse
    made.globals["strftime_now"] = _now
    return made


def render(parts: Callable[[], Iterator[str]], most: int) -> dict[str, str]:
    """Return {"text": ...}, at most `most` characters, or {"error": ...}."""
    kept: list[str] = []
    try:
        for part in parts():
            kept.append(part[:most])
            most -= len(part)
            if most <= 0:
                return {"error": "it is too long"}
    except Exception as error:  # noqa: BLE001  # any error that an untrusted template causes
        return {"error": type(error).__name__}
    return {"text": "".join(kept)}


def answer(text: str, values: list[dict[str, Any]], most: int) -> list[dict[str, str]]:
    """Render one template with each set of values; a single error if it is not a template."""
    try:
        template = environment().from_string(text)
    except Exception as error:  # noqa: BLE001
        return [{"error": type(error).__name__}]
    return [render(partial(template.generate, **given), most) for given in values]


def main() -> None:
    """Read one job from standard input, write one answer to standard output."""
    job: dict[str, Any] = json.load(sys.stdin)
    for text in WARM_UP:
        answer(text, [{}], 1_000)
    confine(job["seconds"], job["memory"], job["output"])
    sys.stdout.write(json.dumps(answer(job["template"], job["values"], job["most"])))


if __name__ == "__main__":
    main()
