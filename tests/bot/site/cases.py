"""Published cases of every kind, and an API on a loopback socket that answers for them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from bot.site.api import Api, Source, routes
from bot.site.badge import Agrees, nobody
from bot.site.published import PublishedCase, made_public
from state.cases.public import CaseOnRecord
from state.records import CaseState, Note
from tests.bot.alerts.test_embeds import A, report

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
FAMILIES = {A.lower(): "Borealis"}


def case_id(number: int) -> str:
    """An id."""
    return f"{number:012x}"


def shown(
    number: int,
    report: Mapping[str, Any],
    notes: Sequence[tuple[str, str, datetime]] = (),
    *,
    gated: bool = False,
    families: Mapping[str, str] = FAMILIES,
) -> PublishedCase:
    """Return a case as it is published, with notes: kind, text and time."""
    kept = tuple(Note(case_id(number), kind, text, f"{kind}:{at}", at) for kind, text, at in notes)
    state: CaseState = "retracted" if any(kind == "retracted" for kind, _, _ in notes) else "open"
    opened, nowhere = START + timedelta(minutes=number), frozenset({"discord"})
    stored = CaseOnRecord(case_id(number), state, None, dict(report), opened, opened, gated, nowhere, kept, (), ())
    return made_public(stored, families)


def published_case(number: int = 1, *notes: tuple[str, str, datetime], **changes: Any) -> PublishedCase:
    """A case of its own upload; every third is another organisation's."""
    organisation = "slow-fox" if number % 3 == 0 else "Quick-Fox"
    suspect = {"repo_id": f"{organisation}/m{number}", "revision": "a" * 40, "parameters": 7_615_616_512}
    return shown(number, report(suspect=suspect, case=case_id(number), audience="public"), notes, **changes)


def withdrawn(number: int = 2, reason: str = "we were wrong") -> PublishedCase:
    """A case that was taken back an hour after it was opened."""
    return published_case(number, ("retracted", reason, START + timedelta(minutes=number + 60)))


def declared(number: int = 4) -> PublishedCase:
    """A case whose card names every parent by now."""
    return published_case(number, ("declared", "declared since revision 1234", START + timedelta(minutes=number + 5)))


@contextmanager
def served(source: Api | Source | Sequence[PublishedCase], agrees: Agrees = nobody) -> Iterator[str]:
    """Serve on a free port, in a thread of its own; the address."""
    started, stop = threading.Event(), threading.Event()
    held: list[str] = []

    async def live() -> None:
        app = web.Application()
        if isinstance(source, Api):
            source.mount(app)
        else:
            routes(app, source if callable(source) else lambda: source, agrees=agrees)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        held.append(f"http://{host}:{port}")
        started.set()
        await asyncio.to_thread(stop.wait)
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(live()), name="api")
    thread.start()
    try:
        assert started.wait(30)
        yield held[0]
    finally:
        stop.set()
        thread.join(30)
