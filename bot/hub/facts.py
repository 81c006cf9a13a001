"""What the Hub says about a repository before any weight is read: two requests, rarely more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

from analyzers.records import RepoFacts, RepoFile, RepoRef
from bot.hub.http.errors import Transient, printable
from bot.hub.http.session import Ask, Wire
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
    """A repository's main at this moment. `hub_id`: the Hub's own id of it, which no other repository ever has."""

    ref: RepoRef
    hub_id: str | None


def repo_facts(wire: Wire, asked: str, at: str | None) -> RepoFacts:
    """Files, times and state of one repository at a branch or commit (None: main); raises SourceError."""
    info = _info(wire, asked, at)
    ref = _usable(info, asked)
    files = _files(wire, ref, info)
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
    return replace(facts, weights_at=_weights_at(wire, facts))


def current_ref(wire: Wire, asked: str) -> Current:
    """Name, commit and id of a repository's main; raises SourceError. One small request, nothing about its files."""
    url = wire.address("api", "models", asked)
    content, _ = wire.json(Ask(url, "the commit", asked, params={"expand": ["sha", "disabled"]}))
    info = table(content)
    return Current(_usable(info, asked), hub_id(info.get("_id")))


def main_has(wire: Wire, facts: RepoFacts) -> bool:
    """Whether main has the very weight files of `facts` now, whatever else has changed; one request, rarely more."""
    name = facts.ref.repo_id
    info = _info(wire, name, None)
    shards = weight_files(facts.files)
    told = all(f.sha256 or f.oid for f in shards)
    return _ref(info, name) == facts.ref or (told and weight_files(_files(wire, _ref(info, name), info)) == shards)


def _info(wire: Wire, name: str, at: str | None) -> dict[str, object]:
    parts = ["api", "models", name]
    url = wire.address(*parts) if at is None else wire.address(*parts, "revision") + "/" + quote(at, safe="")
    content, _ = wire.json(Ask(url, "the description", name, params={"blobs": "True"}))
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


def _files(wire: Wire, ref: RepoRef, info: dict[str, object]) -> tuple[RepoFile, ...]:
    """The files with sizes: from the description, or from the tree if a size is missing there."""
    siblings = rows(info.get("siblings"))
    found = [_file(row, "rfilename", "sha256", "blobId") for row in siblings]
    if not isinstance(info.get("siblings"), list) or any(f is None for f in found):
        found = _tree(wire, ref)
    files = [f for f in found if f is not None]
    # Far more files than a model has: those kept are the ones we might look at.
    files.sort(key=lambda f: (not f.path.endswith(WEIGHTS), "/" in f.path, f.path))
    return tuple(sorted(files[:MAX_FILES], key=lambda f: f.path))


def _file(row: dict[str, object], name: str, digest: str, oid: str) -> RepoFile | None:
    """One file as a row describes it; None where it does not say its name or size."""
    path, size = text(row.get(name)), count(row.get("size"))
    lfs = table(row.get("lfs"))
    if size is None:
        size = count(lfs.get("size"))
    if not path or size is None:
        return None
    # git's name of a file in large storage is that of the pointer to it
    return RepoFile(path, size, text(lfs.get(digest)), None if lfs else revision(row.get(oid)))


def _tree(wire: Wire, ref: RepoRef) -> list[RepoFile | None]:
    found: list[RepoFile | None] = []
    ask = Ask(
        wire.address("api", "models", ref.repo_id, "tree", ref.revision),
        "the file list",
        ref.repo_id,
        params={"recursive": "True"},
    )
    for _ in range(TREE_PAGES):
        content, answer = wire.json(ask)
        found += [_sized(row, ref) for row in rows(content) if row.get("type") == "file"]
        following = wire.next_page(answer)
        if following is None:
            return found
        ask = Ask(following, "the file list", ref.repo_id)
    raise TooLarge(f"{ref.repo_id} has more files than anything honest.")


def _sized(row: dict[str, object], ref: RepoRef) -> RepoFile | None:
    file = _file(row, "path", "oid", "oid")
    if file is None and str(row.get("path")).endswith(WEIGHTS):
        raise Transient(f"The Hub does not say how large {printable(str(row.get('path')))} of {ref.repo_id} is.")
    return file


def _weights_at(wire: Wire, facts: RepoFacts) -> datetime | None:
    """UTC time of the newest commit of a weight file, never before the repository; None: no weights, or unknown.

    A commit's time is what its author's clock said; the Hub's own word on when a repository was made bounds it.
    """
    paths = _spread([f.path for f in weight_files(facts.files)], PATHS_PER_REQUEST * COMMIT_REQUESTS)
    times: list[datetime | None] = []
    try:
        for begin in range(0, len(paths), PATHS_PER_REQUEST):
            times += _commits(wire, facts.ref, paths[begin : begin + PATHS_PER_REQUEST])
    except Gated:
        return None
    known = [t for t in times if t is not None]
    if not known or len(known) < len(paths):
        return None
    return max([*known, *([facts.created_at] if facts.created_at else [])])


def _commits(wire: Wire, ref: RepoRef, paths: list[str]) -> list[datetime | None]:
    url = wire.address("api", "models", ref.repo_id, "paths-info", ref.revision)
    form: dict[str, str | list[str]] = {"paths": paths, "expand": "true"}
    content, _ = wire.json(Ask(url, "the commits of the weights", ref.repo_id, method="POST", form=form))
    return [moment(table(row.get("lastCommit")).get("date")) for row in rows(content)]


def _spread(items: list[str], most: int) -> list[str]:
    """At most so many, evenly spread, first and last among them."""
    if len(items) <= most:
        return items
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]
