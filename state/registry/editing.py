"""Machine edits of one registry file: an entry added or removed, every other byte unchanged.

The new text is parsed before it replaces the old one, at once and whole. If it differs by more than
the one entry, nothing is changed.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from state.data_folder import PART, sync_folder
from state.errors import Problem, RegistryError, StateError
from state.registry.editing_text import with_entry, without_entry
from state.registry.models import Registry, load
from state.registry.yaml_positions import read


def add_entry(file: Path, entry: Mapping[str, str]) -> None:
    """Add a model after the last one; `entry` has the keys of a registry file, `repo_id` among them.

    A missing file is created. RegistryError if the file or the entry has a mistake, or the model is listed
    already; StateError if the disk refuses.
    """
    name = entry["repo_id"]
    before = load([file]) if file.exists() else Registry()
    if before.find(name):
        raise _refusal(file, f"{name} is there already")
    old = _text(file) if file.exists() else ""
    _replace(file, old, with_entry(read(file), old, entry) if old else with_entry(None, "", entry), before, name)


def remove_entry(file: Path, repo_id: str) -> None:
    """Remove a model, ignoring case; errors as for `add_entry`."""
    before = load([file])
    old = _text(file)
    new = without_entry(read(file), old, repo_id)
    if new is None:
        raise _refusal(file, f"{repo_id} is not there")
    _replace(file, old, new, before, repo_id)


def _refusal(file: Path, message: str) -> RegistryError:
    return RegistryError([Problem(file, 1, 1, message)])


def _text(file: Path) -> str:
    """Return the file's text with its own line ends, and its byte order mark if any."""
    try:
        return file.read_bytes().decode()
    except OSError as error:
        raise StateError(f"{file} cannot be read: {error.strerror}") from error


def _replace(file: Path, old: str, new: str | None, before: Registry, name: str) -> None:
    """Write the new text beside the file, parse it, and replace the file."""
    if new is None:
        raise _refusal(file, "its list of models is written in a way that only its owner can edit")
    target = file.resolve()  # a link stays one
    part: Path | None = None
    try:
        about = target.stat() if target.exists() else None
        if about and not about.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
            raise StateError(f"{file} is read-only: nothing was changed")  # else root would replace it all the same
        with tempfile.NamedTemporaryFile("wb", dir=target.parent, suffix=PART, delete=False) as stream:
            part = Path(stream.name)
            stream.write(new.encode())
            stream.flush()
            os.fsync(stream.fileno())
        part.chmod(stat.S_IMODE(about.st_mode) if about else 0o666 & ~_umask())
        if about:
            with suppress(OSError):  # only root may give files away
                os.chown(part, about.st_uid, about.st_gid)
        _compare(file, part, before, name)
        if (_text(file) if about else "") != old:
            raise StateError(f"{file} was changed by another program meanwhile: nothing was changed")
        part.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise StateError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        if part:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def _compare(file: Path, part: Path, before: Registry, name: str) -> None:
    """Parse the new text; RegistryError unless it equals the old one except for this model."""
    try:
        after = load([part])
    except RegistryError as error:
        raise RegistryError([replace(p, file=file) if p.file == part else p for p in error.problems]) from None
    added = before.find(name) is None
    if (after.find(name) is not None) != added or _others(after, name) != _others(before, name):
        raise _refusal(file, "its list of models is written in a way that only its owner can edit")


def _others(registry: Registry, name: str) -> Registry:
    return replace(registry, models=tuple(m for m in registry.models if m.repo_id.lower() != name.lower()))


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
