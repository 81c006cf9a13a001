"""The pages over a real socket: read-only, hardened, and only what was made."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator

import pytest

from bot.config.settings import Settings, SettingsError
from bot.site.api import Api
from bot.site.pages import policy
from bot.site.server import PublicSite
from state.errors import StateError
from tests.bot.health.test_health import free_port

PAGES = {"index.html": b"<p>all", "cases/a.html": b"<p>one", "cases/a.json": b"{}"}


async def ask(port: int, *asked: tuple[str, str]) -> list[tuple[int, bytes, dict[str, str]]]:
    """Send raw requests, so that no client tidies a path; return status, body and headers of each."""
    found = []
    for method, path in asked:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        first, *lines = head.decode().split("\r\n")
        found.append((int(first.split()[1]), body, dict(line.split(": ", 1) for line in lines)))
    return found


def answers(site: PublicSite, *asked: tuple[str, str]) -> list[tuple[int, bytes, dict[str, str]]]:
    """Serve a site and ask it."""
    settings = Settings(site_port=free_port())

    async def both() -> list[tuple[int, bytes, dict[str, str]]]:
        async with site.served(settings):
            return await ask(settings.site_port, *asked)

    return asyncio.run(both())


def test_pages_come_with_their_headers() -> None:
    """A sniffing browser, a frame and a foreign style have no chance."""
    site = PublicSite(PAGES.items)
    index, case, report, head = answers(
        site, ("GET", "/"), ("GET", "/cases/a.html"), ("GET", "/cases/a.json"), ("HEAD", "/index.html")
    )
    assert [(s, b) for s, b, _ in (index, case, report)] == [(200, body) for body in PAGES.values()]
    assert (head[0], head[1]) == (200, b"")
    assert index[2]["X-Content-Type-Options"] == "nosniff"
    assert index[2]["Content-Security-Policy"] == f"{policy()}; frame-ancestors 'none'"
    assert report[2]["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/cases", "/cases/"])
def test_no_path_leads_out_of_the_pages(path: str) -> None:
    """A path is a key, never a file."""
    ((status, body, headers),) = answers(PublicSite(PAGES.items), ("GET", path))
    assert (status, b"There is no such page" in body, headers["X-Content-Type-Options"]) == (404, True, "nosniff")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_but_reading_is_answered(method: str) -> None:
    """A request never changes anything."""
    assert answers(PublicSite(PAGES.items), (method, "/index.html"))[0][0] == 405


def test_a_failure_leaves_an_empty_site_that_still_answers() -> None:
    """The database may be out of reach; then there is no page."""

    def refused() -> Iterator[tuple[str, bytes]]:
        raise StateError("the disk is full")

    assert answers(PublicSite(refused), ("GET", "/"))[0][0] == 404


def test_pages_are_made_once_while_they_are_young() -> None:
    """Many readers cost one making."""
    made: list[int] = []

    def make() -> list[tuple[str, bytes]]:
        made.append(1)
        return [*PAGES.items()]

    answers(PublicSite(make), ("GET", "/"), ("GET", "/"), ("GET", "/nothing"))
    assert made == [1]


def test_feeds_and_the_api_go_before_the_pages() -> None:
    """One server answers for all of them; what neither knows is no page."""
    site = PublicSite(PAGES.items, Api(list).mount)
    feed, cases, page = answers(site, ("GET", "/feeds/all.atom"), ("GET", "/api/v1/cases"), ("GET", "/index.html"))
    assert (feed[0], feed[2]["Content-Type"]) == (200, "application/atom+xml; charset=utf-8")
    assert (cases[0], json.loads(cases[1])["cases"]) == (200, [])
    assert page[:2] == (200, b"<p>all")
    assert answers(site, ("GET", "/api/v1/none"))[0][0] == 404


def test_no_port_serves_nothing_and_a_taken_one_is_named() -> None:
    """0 is the default."""

    async def off() -> None:
        async with PublicSite(PAGES.items).served(Settings()):
            pass

    async def taken(port: int) -> None:
        async with PublicSite(PAGES.items).served(Settings(site_port=port)):
            pass

    asyncio.run(off())
    with socket.create_server(("127.0.0.1", 0)) as held, pytest.raises(SettingsError, match="BLENDWATCH_SITE_PORT"):
        asyncio.run(taken(held.getsockname()[1]))
