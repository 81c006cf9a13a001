"""Fuzz the API with Schemathesis, from its own description: `python -m bench.api_fuzz --schemathesis PATH`.

Schemathesis is no dependency: `python -m venv fuzz && fuzz/bin/pip install schemathesis`, then PATH is
fuzz/bin/schemathesis. The API answers on loopback for planted cases of every kind. Prints the requests and their
statuses as the API counted them; exits with 1 where one was answered with 500 or more, or a check failed.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from aiohttp import web

from bot.site.api import routes
from bot.site.openapi import openapi
from bot.site.published import PublishedCase, made_public
from state.cases.public import CaseOnRecord
from state.records import Note

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
PARENTS: Final = ("tidepool-ai/Borealis-Coder", "aurora-labs/Borealis-1", "moonlight-ai/Halcyon-397B")
ODD: Final = ("<script>", "\u202eabc", "a\x00b", "\ud800", "x" * 3000, "")
DESCRIPTION: Final = "openapi.json"
KINDS: Final = ("declared", "withdrawn", "corrected", "weights", "gone", "card")


def planted(seed: int, count: int) -> list[PublishedCase]:
    """Return cases of every state, some with values of a kind that none should have."""
    draw = random.Random(seed)
    return [_case(draw, number) for number in range(count)]


def _case(draw: random.Random, number: int) -> PublishedCase:
    opened, odd = START + timedelta(hours=number), draw.random() < 0.2
    parents: list[dict[str, Any]] = [
        {
            "repo_id": name,
            "revision": "c" * 40,
            "coefficient": draw.choice([0.5, None, float("nan"), "x"]) if odd else 0.5,
            "interval": draw.choice([None, [0.4], [0.4, 0.6], [float("inf"), 1]]) if odd else [0.4, 0.6],
            "declared": draw.choice([True, False]),
            "said": draw.choice(["declared", "absent"]),
            "quote": draw.choice(ODD),
        }
        for name in draw.sample(PARENTS, 2)
    ]
    report = {
        "suspect": {"repo_id": f"org-{number % 7}/m{number}", "revision": "a" * 40, "parameters": 10**10},
        "finding": draw.choice(["blend", "copy", "derivative"]),
        "family": "linear",
        "strength": draw.choice(["exact", "strong", "indicative"]),
        "disclosure": draw.choice(["partial", "undisclosed"]),
        "alert": True,
        "parents": draw.choice([parents, None, "x"]) if odd else parents,
        "measured": {"decisive": 4321, "reproduced": 1.0, "odd": draw.choice([*ODD, None, 10**400, True])},
        "declared": {"parents": draw.choice([[PARENTS[0]], None])},
    }
    back = draw.random() < 0.2
    kinds = [*draw.sample(KINDS, draw.randrange(3)), *(["retracted"] if back else [])]
    case_id, gated = f"{number:012x}", draw.random() < 0.1
    notes = tuple(
        Note(case_id, kind, draw.choice(["a text", *ODD]), f"{n}", opened + timedelta(hours=n))
        for n, kind in enumerate(kinds, 1)
    )
    there = frozenset({"discord"})
    stored = CaseOnRecord(
        case_id, "retracted" if back else "open", None, report, opened, opened, gated, there, notes, (), ()
    )
    return made_public(stored, {PARENTS[0].lower(): "Borealis"})


def description(cases: Sequence[PublishedCase]) -> dict[str, Any]:
    """Return the API's description with names that are there, so that most requests meet a case."""
    whole: dict[str, Any] = json.loads(openapi())
    known = {
        "id": [case.id for case in cases[:20]],
        "org": sorted({case.upload.organisation for case in cases}),
        "name": [case.upload.repo_id.partition("/")[2] for case in cases[:20]],
    }
    for path in whole["paths"].values():
        for parameter in path["get"]["parameters"]:
            if parameter["name"] in known:
                parameter["schema"] = {"anyOf": [{"enum": known[parameter["name"]]}, parameter["schema"]]}
    return whole


async def _served(counted: Counter[int], cases: list[PublishedCase], command: Callable[[str], list[str]]) -> int:
    """Serve while the command runs, and return its status."""

    @web.middleware
    async def count(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        status = 500
        try:
            response = await handler(request)
            status = response.status
        except web.HTTPException as error:
            status = error.status
            raise
        finally:
            counted[status] += 1
        return response

    app = web.Application(middlewares=[count])
    routes(app, lambda: cases)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        with tempfile.TemporaryDirectory() as folder:  # Schemathesis keeps files where it is started
            Path(folder, DESCRIPTION).write_text(json.dumps(description(cases)), encoding="utf-8")
            words = command(f"http://127.0.0.1:{runner.addresses[0][1]}")
            process = await asyncio.create_subprocess_exec(*words, cwd=folder)
            return await process.wait()
    finally:
        await runner.cleanup()


def main(
    schemathesis: Annotated[str, typer.Option(help="path of its command")],
    examples: Annotated[int, typer.Option(help="of each operation and phase")] = 500,
    seed: int = 1,
    cases: int = 300,
) -> None:
    """Fuzz the API; see the module."""

    def command(address: str) -> list[str]:
        options = ["--url", address, "--max-examples", str(examples), "--seed", str(seed), "--checks", "all"]
        return [str(Path(schemathesis).resolve()), "run", DESCRIPTION, *options]

    counted: Counter[int] = Counter()
    status = asyncio.run(_served(counted, planted(seed, cases), command))
    print(f"{sum(counted.values()):,} requests; by status: {dict(sorted(counted.items()))}")
    faults = sum(number for code, number in counted.items() if code >= 500)
    sys.exit(1 if faults or status else 0)


if __name__ == "__main__":
    typer.run(main)
