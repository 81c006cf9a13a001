"""A store and its folder of evidence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from state.evidence.blobs import Blobs
from state.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return an empty store."""
    with Store.open(f"sqlite:///{tmp_path / 'blendwatch.sqlite'}") as opened:
        yield opened


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    """Return an empty folder of evidence."""
    return Blobs(tmp_path / "evidence")
