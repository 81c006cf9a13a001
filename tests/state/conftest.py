"""An empty store for each test, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from state.store import Store
from tests import postgres


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return a URL for a database in a file."""
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest) -> str:
    """Return a URL for an empty database of each kind."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("url"))
    return postgres.new_schema(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(any_url: str) -> Iterator[Store]:
    """Open an empty store."""
    with Store.open(any_url) as opened:
        yield opened
