"""Read the sampled bytes of an archive again, from the Hub or from a folder, and compare them."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from analyzers.errors import Unreadable
from bot.proof.container import CASE, EVIDENCE, FILES, json_of
from bot.proof.signing import ProofError
from bot.proof.verification import Step
from bot.sources.interface import Source, SourceError, Span
from state.evidence.blobs import raw_arrays

Row = Mapping[str, Any]
PIECE = 1 << 20  # bytes


def against_hub(files: Mapping[str, bytes], open_: Callable[[str, str], Source]) -> Iterator[Step]:
    """Yield a step for each model: whether the Hub serves the same bytes at that revision."""
    for (repo_id, revision), rows in _models(files).items():
        source = open_(repo_id, revision)

        def read(shard: str, spans: Sequence[tuple[int, int]], source: Source = source) -> list[bytes]:
            return source.read([Span(shard, begin, end) for begin, end in spans])

        yield _compared(f"{repo_id} at the Hub", rows, files, read)


def against_folder(files: Mapping[str, bytes], folder: Path) -> Iterator[Step]:
    """Yield a step for each model in the folder, as org/name/file, and for each whole file whose hash the Hub gave."""
    listed = json.loads(files[FILES]) if FILES in files else {"files": {}}
    for (repo_id, _), rows in _models(files).items():
        here = folder / repo_id
        if not here.is_dir():
            yield Step("open", f"{repo_id} is not in {folder}")
            continue

        def read(shard: str, spans: Sequence[tuple[int, int]], here: Path = here) -> list[bytes]:
            with _inside(here, shard).open("rb") as file:
                return [_piece(file, begin, end) for begin, end in spans]

        yield _compared(f"{repo_id} in {folder}", rows, files, read)
        if listed.get("repo_id") == repo_id:
            yield from _whole(here, listed["files"], sorted({str(r["shard"]) for r in rows}))


def _models(files: Mapping[str, bytes]) -> dict[tuple[str, str], list[Row]]:
    if EVIDENCE not in files:
        raise ProofError("the sampled weights are not in this archive, so nothing can be compared")
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in json_of(files, CASE)["arrays"]:
        found[row["repo_id"], row["revision"]].append(row)
    return found


def _compared(where: str, rows: Sequence[Row], files: Mapping[str, bytes], read: Callable[..., list[bytes]]) -> Step:
    placed = [row for row in rows if row["spans"]]
    if not placed:
        return Step("open", f"{where}: where its {len(rows)} slices lie is not known")
    kept, other = raw_arrays(files[EVIDENCE]), 0
    try:
        for shard in dict.fromkeys(row["shard"] for row in placed):
            mine = [row for row in placed if row["shard"] == shard]
            chunks = iter(read(shard, [(b, e) for row in mine for b, e in row["spans"]]))
            other += sum(b"".join(next(chunks) for _ in row["spans"]) != kept[row["array"]] for row in mine)
    except (SourceError, Unreadable, OSError) as error:
        return Step("open", f"{where} cannot be read again: {error}")
    size = sum(e - b for row in placed for b, e in row["spans"])
    said = f"{other} of {len(placed)} slices hold other bytes" if other else f"the same {size:,} bytes"
    unknown = f"; where {len(rows) - len(placed)} more lie is not known" if len(rows) > len(placed) else ""
    return Step("wrong" if other else "ok", f"{where}: {said} in {len(placed)} slices{unknown}")


def _whole(folder: Path, listed: Mapping[str, Row], shards: Sequence[str]) -> Iterator[Step]:
    """Compare whole files with the hashes that the Hub gave at first sight: only that binds samples to a file."""
    for shard in shards:
        digest, path = hashlib.sha256(), _inside(folder, shard)
        if not path.is_file() or not listed.get(shard, {}).get("sha256"):
            continue
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
        same = digest.hexdigest() == listed[shard]["sha256"]
        said = "has the hash" if same else "has not the hash"
        yield Step("ok" if same else "wrong", f"{shard} {said} that the Hub gave at first sight")


def _inside(folder: Path, name: str) -> Path:
    """Return a file of a folder; ProofError for a name that leads out of it."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ProofError(f"{name!r} is not a file of a repository")
    return path


def _piece(file: Any, begin: int, end: int) -> bytes:
    file.seek(begin)
    return bytes(file.read(end - begin))
