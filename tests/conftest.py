"""Slow tests: `make test` leaves them out, `make test-slow` runs them. tests/slow.txt names them.

`pytest -m "not online" --measure-slow` runs all of them and writes that file anew.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web_app

from tests import ROOT, postgres
from tests.bot import forks

SLOW: Final = ROOT / "tests" / "slow.txt"
SECONDS: Final = 1.5  # of processor time, child processes included, from which a test function is slow


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --measure-slow."""
    parser.addoption("--measure-slow", action="store_true", help="write tests/slow.txt anew; with -n 0")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that tests/slow.txt names."""
    slow = set(SLOW.read_text(encoding="utf-8").splitlines())
    for item in items:
        if _function(item) in slow:
            item.add_marker(pytest.mark.slow)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin an empty list where one is measured."""
    if session.config.getoption("--measure-slow"):
        SLOW.write_text("", encoding="utf-8")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Write down a test that took long where that is measured; free what its servers held."""
    before = _seconds()
    result = yield
    web_app._cached_build_middleware.cache_clear()  # it keeps each loopback server, and with that its models
    if item.config.getoption("--measure-slow") and _seconds() - before >= SECONDS:
        _add(SLOW, _function(item))
    return result


def _add(file: Path, name: str) -> None:
    names = {*file.read_text(encoding="utf-8").splitlines(), name}
    file.write_text("".join(f"{one}\n" for one in sorted(names)), encoding="utf-8")


def _function(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


def _seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used) + forks.seconds()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Run a PostgreSQL server while the tests need it; return its URL."""
    if why := postgres.missing():
        pytest.skip(why)
    with postgres.server() as url:
        yield url
