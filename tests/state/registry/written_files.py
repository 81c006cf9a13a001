"""Registry files for tests, and their mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from state.registry.models import RegistryError, load


def write(folder: Path, text: str | bytes, name: str = "r.yaml") -> Path:
    """Write a registry file."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def mistakes(*paths: Path) -> list[str]:
    """Return the problems of files, as "line:column: message"."""
    with pytest.raises(RegistryError) as caught:
        load(paths)
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    assert all(p.file.is_absolute() for p in caught.value.problems)
    return [f"{p.line}:{p.column}: {p.message}" for p in caught.value.problems]
