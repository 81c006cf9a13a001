"""An empty store for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from state.store import Store


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return a URL for a database."""
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Open an empty store."""
    with Store.open(url) as opened:
        yield opened
