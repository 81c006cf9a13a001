"""Compaction of packs: removes records that no reader can get any more.

The new records are written first, under a new name, then the new lines, whose first one names the records.
Renaming the new lines over the old ones is the one moment at which the pack changes. Killed before it, the old
pack stays; killed after it, the old records are left over, and `leftovers` finds them. Records get new numbers,
so no other process may have the pack open: data_folder.lock_sketches ensures this.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from analyzers.records import RepoRef
from state.data_folder import PART, sync_folder
from state.sketches.packs import BITS, LINES, Entry, Pack, first_line


@dataclass(frozen=True, slots=True)
class Survey:
    """Contents of a folder of sketches. `drop`: records that a compaction removes, by pack."""

    packs: tuple[Pack, ...]
    drop: dict[Pack, frozenset[int]]
    damaged: int = 0
    superseded: int = 0  # older than another sound one of the same model, revision and coordinates
    unwanted: int = 0
    bytes: int = 0  # that a compaction frees

    @property
    def kept(self) -> int:
        """Count the sketches that stay."""
        return sum(len(pack.entries) - len(self.drop[pack]) for pack in self.packs)


def survey(folder: Path, unwanted: Callable[[Entry], bool] = lambda _: False) -> Survey:
    """Read and verify every sketch; OSError if the disk refuses, StateError if a newer version wrote the folder.

    The newest sound sketch of a model, revision and coordinates counts, in any class.
    """
    packs = tuple(pack for path in sorted(folder.glob(f"*{LINES}")) if (pack := Pack.open(path)))
    for pack in packs:
        pack.refresh()
    sound: dict[tuple[RepoRef, str], list[tuple[str, Pack, int]]] = {}
    drop: dict[Pack, set[int]] = {pack: set() for pack in packs}
    damaged = disliked = superseded = 0
    for pack in reversed(packs):  # of equal times, the one that SketchStore takes comes last
        for record, entry in enumerate(list(pack.entries)):
            if entry is None or pack.get(record) is None:
                damaged += 1
                drop[pack].add(record)
            elif unwanted(entry):
                disliked += 1
                drop[pack].add(record)
            else:
                sound.setdefault((entry.ref, pack.of.spec.name), []).append((entry.read_at, pack, record))
    for same in sound.values():
        same.sort(key=lambda place: place[0])
        for _, pack, record in same[:-1]:
            superseded += 1
            drop[pack].add(record)
    freed = sum(pack.of.width + len(pack.raw(record)[0]) for pack in packs for record in drop[pack])
    return Survey(packs, {p: frozenset(r) for p, r in drop.items()}, damaged, superseded, disliked, freed)


def compact(found: Survey) -> None:
    """Rewrite the packs that lose records; on OSError each pack is either old or new."""
    for pack in found.packs:
        if found.drop[pack]:
            _rewrite(pack, [i for i in range(len(pack.entries)) if i not in found.drop[pack]])


def _rewrite(pack: Pack, kept: list[int]) -> None:
    lines, bits = pack.paths
    if not kept:
        lines.unlink()
        sync_folder(lines.parent)
        bits.unlink(missing_ok=True)
        return
    generation = int(match[1]) if (match := re.search(rf"\.(\d+){re.escape(BITS)}$", bits.name)) else 0
    new_bits = lines.with_suffix(f".{generation + 1}{BITS}")
    new_lines = lines.with_suffix(LINES + PART)
    _write(new_bits, (pack.raw(record)[1] for record in kept))
    _write(new_lines, chain([first_line(pack.of, new_bits.name)], (pack.raw(record)[0] for record in kept)))
    sync_folder(lines.parent)
    new_lines.replace(lines)
    sync_folder(lines.parent)
    bits.unlink(missing_ok=True)


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    with path.open("wb") as file:  # replaces the leftover of a killed compaction
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())


def leftovers(folder: Path) -> Iterator[Path]:
    """Yield files of records that no pack names."""
    packs = [pack for path in folder.glob(f"*{LINES}") if (pack := Pack.open(path))]
    named = {path for pack in packs for path in pack.paths}
    open_ones = {path.stem for path in folder.glob(f"*{LINES}")} - {pack.of.digest for pack in packs}
    for path in sorted(folder.glob(f"*{BITS}")):
        if path not in named and path.name.partition(".")[0] not in open_ones:
            yield path
