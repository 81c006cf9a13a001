"""Read the facts of a repository before any weight: two requests, rarely more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

from analyzers.records import RepoFacts, RepoFile, RepoRef
from bot.hub.http.errors import Transient, printable
from bot.hub.http.session import HttpSession, HubRequest
from bot.hub.json_fields import born, count, hub_id, moment, parameters_in, repo_id, revision, rows, table, text
from bot.sources.interface import Disabled, Gated, Renamed, TooLarge
from bot.sources.weight_files import WEIGHTS, weight_files

MAX_FILES = 10_000
MAX_TAGS = 1_000
TREE_PAGES = 10  # of 1,000 files each
PATHS_PER_REQUEST = 100
COMMIT_REQUESTS = 3


@dataclass(frozen=True, slots=True)
class Current:
    """A repository's main branch now. `hub_id`: the Hub's own id of it, which no other repository ever has."""

    ref: RepoRef
    hub_id: str | None


def repo_facts(session: HttpSession, asked: str, at: str | None) -> RepoFacts:
    """Return files, times and state of a repository at a branch or commit (None: main); raises SourceError."""
    info = _info(session, asked, at)
    ref = _usable(info, asked)
    files = _files(session, ref, info)
    created = moment(info.get("createdAt")) or born(info.get("_id"))
    facts = RepoFacts(
        ref=ref,
        files=files,
        created_at=created,
        weights_at=None,
        hub_id=hub_id(info.get("_id")),
        parameters=parameters_in(info.get("safetensors")),
        gated=info.get("gated") not in (False, None),
        tags=_tags(info.get("tags")),
        modified_at=moment(info.get("lastModified")),
    )
    return replace(facts, weights_at=_weights_at(session, facts))


def current_ref(session: HttpSession, asked: str) -> Current:
    """Return name, commit and id of a repository's main by one small request without files; raises SourceError."""
    url = session.address("api", "models", asked)
    content, _ = session.json(HubRequest(url, "the commit", asked, params={"expand": ["sha", "disabled"]}))
    info = table(content)
    return Current(_usable(info, asked), hub_id(info.get("_id")))


def main_has(session: HttpSession, facts: RepoFacts) -> bool:
    """Return True if main now has the weight files of `facts`, even if others changed; one request, rarely more."""
    name = facts.ref.repo_id
    info = _info(session, name, None)
    shards = weight_files(facts.files)
    hashed = all(f.sha256 or f.oid for f in shards)
    return _ref(info, name) == facts.ref or (hashed and weight_files(_files(session, _ref(info, name), info)) == shards)


def _info(session: HttpSession, name: str, at: str | None) -> dict[str, object]:
    parts = ["api", "models", name]
    url = session.address(*parts) if at is None else session.address(*parts, "revision") + "/" + quote(at, safe="")
    content, _ = session.json(HubRequest(url, "the description", name, params={"blobs": "True"}))
    return table(content)


def _usable(info: dict[str, object], asked: str) -> RepoRef:
    ref = _ref(info, asked)
    if info.get("disabled") is True:
        raise Disabled(f"{ref.repo_id} has been disabled by the Hub.")
    return ref


def _ref(info: dict[str, object], asked: str) -> RepoRef:
    name, sha = repo_id(info.get("id")), revision(info.get("sha"))
    if name is None or sha is None:
        raise Transient(f"The Hub's description of {asked} has no id or no commit.")
    if name.lower() != asked.lower():
        raise Renamed(f"{asked} is called {name} now.", name)
    return RepoRef(name, sha)


def _tags(value: object) -> tuple[str, ...]:
    return tuple(t for t in value if isinstance(t, str))[:MAX_TAGS] if isinstance(value, list) else ()


def _files(session: HttpSession, ref: RepoRef, info: dict[str, object]) -> tuple[RepoFile, ...]:
    """Return the files with sizes from the description, or from the tree if the description lacks a size."""
    siblings = rows(info.get("siblings"))
    found = [_file(row, "rfilename", "sha256", "blobId") for row in siblings]
    if not isinstance(info.get("siblings"), list) or any(f is None for f in found):
        found = _tree(session, ref)
    files = [f for f in found if f is not None]
    # Of far more files than a model has, those that might be read are kept.
    files.sort(key=lambda f: (not f.path.endswith(WEIGHTS), "/" in f.path, f.path))
    return tuple(sorted(files[:MAX_FILES], key=lambda f: f.path))


def _file(row: dict[str, object], name: str, digest: str, oid: str) -> RepoFile | None:
    """Return the file of a row; None where the row lacks its name or size."""
    path, size = text(row.get(name)), count(row.get("size"))
    lfs = table(row.get("lfs"))
    if size is None:
        size = count(lfs.get("size"))
    if not path or size is None:
        return None
    git = revision(row.get(oid))
    # git's id of a file in large storage is the id of its pointer
    return RepoFile(path, size, text(lfs.get(digest)), None if lfs else git, git if lfs else None)


def _tree(session: HttpSession, ref: RepoRef) -> list[RepoFile | None]:
    found: list[RepoFile | None] = []
    ask = HubRequest(
        session.address("api", "models", ref.repo_id, "tree", ref.revision),
        "the file list",
        ref.repo_id,
        params={"recursive": "True"},
    )
    for _ in range(TREE_PAGES):
        content, answer = session.json(ask)
        found += [_sized(row, ref) for row in rows(content) if row.get("type") == "file"]
        following = session.next_page(answer)
        if following is None:
            return found
        ask = HubRequest(following, "the file list", ref.repo_id)
    raise TooLarge(f"{ref.repo_id} has more files than anything honest.")


def _sized(row: dict[str, object], ref: RepoRef) -> RepoFile | None:
    file = _file(row, "path", "oid", "oid")
    if file is None and str(row.get("path")).endswith(WEIGHTS):
        raise Transient(f"The Hub does not say how large {printable(str(row.get('path')))} of {ref.repo_id} is.")
    return file


def _weights_at(session: HttpSession, facts: RepoFacts) -> datetime | None:
    """Return the UTC time of the newest commit of a weight file; None without weights, or where unknown.

    A commit's time is from its author's clock. The Hub's time of the repository's creation bounds it from below.
    """
    paths = _spread([f.path for f in weight_files(facts.files)], PATHS_PER_REQUEST * COMMIT_REQUESTS)
    times: list[datetime | None] = []
    try:
        for begin in range(0, len(paths), PATHS_PER_REQUEST):
            times += _commits(session, facts.ref, paths[begin : begin + PATHS_PER_REQUEST])
    except Gated:
        return None
    known = [t for t in times if t is not None]
    if not known or len(known) < len(paths):
        return None
    return max([*known, *([facts.created_at] if facts.created_at else [])])


def _commits(session: HttpSession, ref: RepoRef, paths: list[str]) -> list[datetime | None]:
    url = session.address("api", "models", ref.repo_id, "paths-info", ref.revision)
    form: dict[str, str | list[str]] = {"paths": paths, "expand": "true"}
    content, _ = session.json(HubRequest(url, "the commits of the weights", ref.repo_id, method="POST", form=form))
    return [moment(table(row.get("lastCommit")).get("date")) for row in rows(content)]


def _spread(items: list[str], most: int) -> list[str]:
    """Return at most `most` items, evenly spread, with the first and the last."""
    if len(items) <= most:
        return items
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]
