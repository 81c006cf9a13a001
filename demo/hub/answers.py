"""JSON of the Hub about a repository, in its shapes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from operator import attrgetter

from demo.hub.repository import LoopbackRepo, is_lfs

Row = dict[str, object]


def stamp(moment: datetime) -> str:
    """Format a time like the Hub."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def model(repo: LoopbackRepo, expand: list[str], *, blobs: bool = False, listed: bool = False) -> Row:
    """Return the Hub's description of one repository: everything, or the properties in `expand`."""
    row: Row = {
        "_id": repo.hub_id,
        "id": repo.repo_id,
        "modelId": repo.repo_id,
        "author": repo.repo_id.partition("/")[0],
        "private": repo.private,
        "gated": repo.gated,
        "disabled": repo.disabled,
        "sha": repo.revision,
        "createdAt": stamp(repo.created_at),
        "lastModified": stamp(repo.modified_at),
        "likes": 0,
        "downloads": 0,
        "tags": repo.all_tags(),
        "cardData": repo.card(),
    }
    row["usedStorage"] = sum(blob.size for blob in repo.files.values())
    if repo.counted is not None:
        row["safetensors"] = {"parameters": {"BF16": repo.counted}, "total": repo.counted}
    if not listed:
        row["siblings"] = [_sibling(repo, path, blobs=blobs) for path in sorted(repo.files)]
    if not expand:
        return row
    return {key: row[key] for key in ("_id", "id", "likes", *expand) if key in row}


def _sibling(repo: LoopbackRepo, path: str, *, blobs: bool) -> Row:
    row: Row = {"rfilename": path}
    if blobs:
        size = repo.files[path].size
        row |= {"size": size, "blobId": repo.oid(path)}
        if is_lfs(path):
            row["lfs"] = {"size": size, "sha256": repo.sha256(path), "pointerSize": 135}
    return row


def tree_entry(repo: LoopbackRepo, path: str, *, expand: bool) -> Row:
    """Return one file as in the tree and in paths-info; with its last commit if `expand`."""
    size = repo.files[path].size
    row: Row = {"type": "file", "oid": repo.oid(path), "size": size, "path": path}
    if is_lfs(path):
        row["lfs"] = {"oid": repo.sha256(path), "size": size, "pointerSize": 135}
        row["xetHash"] = repo.sha256(path)
    if expand:
        date = stamp(repo.committed_at(path))
        row["lastCommit"] = {"id": repo.revision, "title": f"Upload {path}", "date": date}
    return row


def commit_rows(repo: LoopbackRepo) -> list[Row]:
    """Return the commits up to a state, newest first; each state that is still there is one."""
    names = repo.committers or (repo.repo_id.partition("/")[0],)
    authors = [{"user": name, "avatar": "/avatars/0.svg"} for name in names]
    return [
        {"id": s.revision, "title": s.title, "message": "", "authors": authors, "date": stamp(s.newest_commit_at)}
        for s in repo.history
    ]


def shard_headers(repo: LoopbackRepo, index: str) -> Row | None:
    """Return the parsed headers of all shards of an index; None if it or a shard cannot be read."""
    blob = repo.files.get(index)
    if blob is None:
        return None
    try:
        content = json.loads(blob.read(0, blob.size))
        shards = sorted(set(content["weight_map"].values())) if "weight_map" in content else [index]
        return {"index": {"metadata": content.get("metadata")}, "headers": {s: _header(repo, s) for s in shards}}
    except (ValueError, KeyError, TypeError, AttributeError):  # a broken upload
        return None


def _header(repo: LoopbackRepo, shard: str) -> object:
    blob = repo.files[shard]
    length = int.from_bytes(blob.read(0, 8), "little")
    return json.loads(blob.read(8, 8 + length))


Place = tuple[datetime, str]


def listing(repos: Iterable[LoopbackRepo], query: Mapping[str, str], expand: list[str]) -> tuple[list[Row], str | None]:
    """Return one page of the listing, newest first, and the next page's cursor (None at the end)."""
    place = attrgetter("modified_at" if query.get("sort") == "lastModified" else "created_at", "hub_id")
    last = read_cursor(query["cursor"]) if "cursor" in query else None
    limit = min(int(query.get("limit", "1000")), 1000)
    within = _sizes(query)
    ordered = sorted(repos, key=place, reverse=True)  # nearly so already, as they came in that order
    shown = (r for r in ordered if (last is None or place(r) < last) and _shown(r, query, within))
    page = list(islice(shown, limit + 1))
    after = write_cursor(place(page[-2])) if len(page) > limit else None
    page = page[:limit]
    return [model(r, expand, listed=True) for r in page], after


def _sizes(query: Mapping[str, str]) -> tuple[int, int] | None:
    """Return the least and the most parameters asked for."""
    bounds = dict(part.split(":") for part in query.get("num_parameters", "").split(",") if part)
    return (int(bounds.get("min", 0)), int(bounds.get("max", 1 << 62))) if bounds else None


def _shown(repo: LoopbackRepo, query: Mapping[str, str], within: tuple[int, int] | None) -> bool:
    """Return True if a listing with these filters shows a repository."""
    if within is not None and (repo.counted is None or not within[0] <= repo.counted <= within[1]):
        return False
    owner = repo.repo_id.partition("/")[0]
    hidden = repo.private or repo.renamed_to or query.get("author", owner) != owner
    return not hidden and ("filter" not in query or query["filter"] in repo.all_tags())


def write_cursor(place: Place) -> str:
    """Encode a place in the listing as an opaque text."""
    return base64.urlsafe_b64encode(json.dumps([place[0].isoformat(), place[1]]).encode()).decode()


def read_cursor(cursor: str) -> Place:
    """Decode a place that write_cursor encoded."""
    moment, hub_id = json.loads(base64.urlsafe_b64decode(cursor))
    return datetime.fromisoformat(moment), hub_id
