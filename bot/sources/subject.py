"""Parse the name of an upload: a folder, a file, an address at the Hub, or org/name@revision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from bot.sources.folder import LocalSource
from bot.sources.interface import Renamed, Source, SourceError
from bot.text.sanitize import visible

HOSTS: Final = frozenset({"huggingface.co", "www.huggingface.co", "hf.co", "hub.huggingface.co"})
OTHER_KINDS: Final = frozenset({"datasets", "spaces", "collections", "papers", "docs", "buckets"})
AT_REVISION: Final = frozenset({"tree", "blob", "resolve", "raw", "commit", "commits"})  # a revision follows
WEIGHTS: Final = ".safetensors"


def open_local(text: str) -> LocalSource | None:
    """Return the folder or weight file of this path; None if it can only be on the Hub. SourceError if absent.

    A name such as org/name is a path only where a folder or file of that name is there.
    """
    path = Path(text).expanduser()
    if path.is_dir():
        return LocalSource(path)
    if path.is_file():
        if path.suffix != WEIGHTS:
            raise SourceError(f"{_shown(text)} is a file, but not {WEIGHTS}: name one of these, or the model's folder")
        return LocalSource(path.parent, only=path.name)
    if text.startswith((".", "/", "~")) or path.suffix == WEIGHTS:
        raise SourceError(f"there is no file or folder {_shown(text)}")
    return None


def parse_name(text: str, endpoint: str = "") -> tuple[str, str | None]:
    """Return the repository and the revision (None: the newest) of a name or an address at the Hub.

    `endpoint`: another address of the Hub, whose pages count as well. SourceError if it does not name a model.
    """
    scheme, separator, rest = text.strip().partition("://")
    address = rest if separator and scheme in ("http", "https") else text.strip()
    host, _, path = address.partition("/")
    if host.lower() in HOSTS or (separator and host == urlsplit(endpoint).netloc):
        return _of_page(path.partition("?")[0].partition("#")[0], text)
    if separator:
        raise SourceError(
            f"{_shown(text)} is not an address at the Hub: name org/name, or https://huggingface.co/org/name"
        )
    repo_id, at, revision = address.partition("@")
    if at and not revision:
        raise SourceError(f"{_shown(text)} has no revision behind the @: name a commit, a branch or a tag")
    return repo_id, revision or None


def open_on_hub(
    repo: Callable[[str, str | None], Source], text: str, endpoint: str, moved_to: Callable[[str], None]
) -> Source:
    """Return the repository of a name or address, under its new name if renamed. Raises SourceError."""
    source = repo(*parse_name(text, endpoint))
    try:
        source.facts()
    except Renamed as moved:
        moved_to(str(moved))
        return repo(moved.repo_id, None)
    return source


def _of_page(path: str, text: str) -> tuple[str, str | None]:
    """Parse the path of a page: org/name, org/name/tree/REV, org/name/blob/REV/FILE."""
    parts = [unquote(part) for part in path.split("/") if part]
    if len(parts) < 2 or parts[0] in OTHER_KINDS:
        raise SourceError(f"{_shown(text)} is not a page of a model: that is https://huggingface.co/org/name")
    revision = parts[3] if len(parts) > 3 and parts[2] in AT_REVISION else None
    return "/".join(parts[:2]), revision


def _shown(text: str) -> str:
    return visible(text, 300)
