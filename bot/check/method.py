"""Identify the method of verdicts: a hash of the code and thresholds that this process has loaded."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import analyzers


def method_of(sources: Path) -> str:
    """Return 12 hex digits that change when any source in this folder does."""
    digest = hashlib.sha256()
    for path in sorted(sources.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(sources).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]


# hashed at the start, before an upgrade replaces files under a running process; a release number would not do, because
# an install from git keeps the same one for long
_LOADED: Final = method_of(Path(analyzers.__file__).parent)


def method() -> str:
    """Return the hash of this process's method. A case that another method judged is worth a replay."""
    return _LOADED
