"""Evidence from first sight, stored by content: equal bytes once, each file named by its hash."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from analyzers.numbers.quantized import Quantized
from analyzers.numbers.rounding import BF16, F16, F32
from analyzers.records import (
    Compared,
    Disclosure,
    Evidence,
    Mention,
    Place,
    Reference,
    RepoRef,
    Sample,
    SampleSpec,
    SeenPart,
    Sketch,
    SliceKey,
)
from state.data_folder import PART
from state.errors import StateError

FORMAT = "blendwatch evidence 1"
TABLE = "table"  # the header's entry that holds the JSON
DTYPES = {"BF16": BF16, "F16": F16, "F32": F32}


class Blobs:
    """Folder of files named by the SHA-256 of their content. Written whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> str:
        """Keep some bytes; return their digest, 64 hex digits."""
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        try:
            if path.exists() and path.stat().st_size == len(content):
                return digest
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f"{digest}.{secrets.token_hex(4)}{PART}")  # a suffix that backups leave out
            with unfinished.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except OSError as error:
            raise StateError(f"evidence cannot be kept in {self._folder}: {error.strerror}") from error
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes with this digest; StateError if they are missing or changed."""
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise StateError(f"{digest!r} is not a digest of evidence")
        try:
            content = self._path(digest).read_bytes()
        except OSError as error:
            raise StateError(f"the evidence {digest[:12]} cannot be read: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise StateError(f"the evidence {digest[:12]} was changed after it was kept")
        return content

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest


def to_bytes(evidence: Evidence) -> bytes:
    """Return evidence as one safetensors file; the bits are those that were read."""
    arrays: dict[str, Any] = {}
    about = {
        "format": FORMAT,
        "disclosure": _disclosure(evidence.disclosure),
        "weights_at": _time(evidence.weights_at),
        "maker": evidence.maker,
        "screened": evidence.screened,
        "new_since": _time(evidence.new_since),
        "gone": list(evidence.gone),
        "first": _seen("1", evidence.first, arrays),
        "second": _seen("2", evidence.second, arrays) if evidence.second else None,
        "parts": [
            {"name": p.name, "parameters": p.parameters, "share": p.share, "seen": _seen(f"part {i}", p.seen, arrays)}
            for i, p in enumerate(evidence.parts)
        ],
    }
    return save(arrays, {TABLE: json.dumps(about)})


def from_bytes(content: bytes) -> Evidence:
    """Return the evidence that to_bytes was given; StateError if `content` is not one of its files."""
    try:
        length = int.from_bytes(content[:8], "little")
        about = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][TABLE])
        if about["format"] != FORMAT:
            raise StateError(f"the evidence has the format {about['format']!r}, unknown to this version")
        arrays = _arrays(content)
        return Evidence(
            _to_disclosure(about["disclosure"]),
            _to_time(about["weights_at"]),
            about["maker"],
            about["screened"],
            _to_seen(about["first"], arrays),
            _to_seen(about["second"], arrays) if about["second"] else None,
            tuple(about["gone"]),
            tuple(
                SeenPart(str(p["name"]), int(p["parameters"]), float(p["share"]), _to_seen(p["seen"], arrays))
                for p in about.get("parts", ())
            ),
            _to_time(about["new_since"] if "new_since" in about else about["weights_at"]),
        )
    except (KeyError, TypeError, ValueError, SafetensorError, RecursionError) as error:
        raise StateError(f"the evidence cannot be read: {type(error).__name__}") from error


def raw_arrays(content: bytes) -> dict[str, bytes]:
    """Return the stored bytes of each array of an evidence file; StateError if `content` is not one."""
    try:
        return {name: bytes(about["data"]) for name, about in deserialize(content)}  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise StateError(f"the evidence cannot be read: {type(error).__name__}") from error


def _arrays(content: bytes) -> dict[str, Any]:
    """Return the tensors as stored; the library's numpy reader has no bfloat16."""
    stored = deserialize(content)  # type: ignore[no-untyped-call]
    return {name: np.frombuffer(about["data"], DTYPES[about["dtype"]]) for name, about in stored}


def _seen(look: str, seen: Compared, arrays: dict[str, Any]) -> dict[str, Any]:
    references = [
        {
            "sketch": _sketch(f"{look}.{i}", r.sketch, arrays),
            "role": r.role,
            "weights_at": _time(r.weights_at),
            "maker": r.maker,
            "declares": list(r.declares),
            "title": r.title,
            "automatic": r.automatic,
            "seen_at": _time(r.seen_at),
        }
        for i, r in enumerate(seen.references)
    ]
    return {"suspect": _sketch(f"{look}.suspect", seen.suspect, arrays), "references": references}


def _to_seen(about: Mapping[str, Any], arrays: Mapping[str, Any]) -> Compared:
    references = tuple(
        Reference(
            _to_sketch(r["sketch"], arrays),
            r["role"],
            _to_time(r["weights_at"]),
            r["maker"],
            tuple(r["declares"]),
            r["title"],
            r["automatic"],
            _to_time(r["seen_at"] if "seen_at" in r else r["weights_at"]),  # earlier versions compared commit times
        )
        for r in about["references"]
    )
    return Compared(_to_sketch(about["suspect"], arrays), references)


def _sketch(name: str, sketch: Sketch, arrays: dict[str, Any]) -> dict[str, Any]:
    slices, places = [], []
    for i, (key, sample) in enumerate(sorted(sketch.samples.items())):
        arrays[f"{name}.{i}"] = sample.values
        quantized = [] if sample.quantized is None else [_quantized(f"{name}.{i}", sample.quantized, arrays)]
        slices.append([key.role, key.layer, key.expert, sample.rows, sample.cols, sample.row, *quantized])
        places.append([sample.place.shard, sample.place.tensor, sample.place.begin] if sample.place else None)
    spec = {"seed": sketch.spec.seed, "windows": sketch.spec.windows, "elements": sketch.spec.elements}
    about: dict[str, Any] = {
        "name": name,
        "ref": [sketch.ref.repo_id, sketch.ref.revision],
        "spec": spec,
        "slices": slices,
    }
    about["places"] = places
    return about | {"elements": dict(sketch.elements), "aside": sketch.aside, "undone": sketch.undone}


def _to_sketch(about: Mapping[str, Any], arrays: Mapping[str, Any]) -> Sketch:
    samples = {
        SliceKey(role, layer, expert): _to_sample((rows, cols, row), f"{about['name']}.{i}", arrays, *quantized)
        for i, (role, layer, expert, rows, cols, row, *quantized) in enumerate(about["slices"])
    }
    for key, place in zip(samples, about.get("places", ()), strict=False):
        samples[key] = replace(samples[key], place=Place(*place) if place else None)
    elements = {str(role): int(n) for role, n in about.get("elements", {}).items()}
    aside, undone = float(about.get("aside", 0)), str(about.get("undone", ""))
    return Sketch(RepoRef(*about["ref"]), SampleSpec(**about["spec"]), samples, elements, aside, undone)


def _quantized(name: str, weights: Quantized, arrays: dict[str, Any]) -> dict[str, Any]:
    arrays[f"{name}.scale"], arrays[f"{name}.zero"] = weights.scale, weights.zero
    return {"levels": weights.levels, "chosen": weights.chosen}


def _to_sample(
    place: tuple[int, int, int], name: str, arrays: Mapping[str, Any], quantized: Mapping[str, Any] | None = None
) -> Sample:
    values = arrays[name]
    if quantized is None:
        return Sample(*place, values)
    scale, zero = arrays[f"{name}.scale"], arrays[f"{name}.zero"]
    return Sample(*place, values, Quantized(values, scale, zero, str(quantized["levels"]), str(quantized["chosen"])))


def _disclosure(disclosure: Disclosure) -> dict[str, Any]:
    return {
        "revision": disclosure.revision,
        "mentions": [[m.repo_id, m.where, m.relation, m.quote] for m in disclosure.mentions],
        "named": [[m.repo_id, m.where, m.relation, m.quote] for m in disclosure.named],
        "relation": disclosure.relation,
        "from_scratch": disclosure.from_scratch,
        "problems": list(disclosure.problems),
    }


def _to_disclosure(about: Mapping[str, Any]) -> Disclosure:
    mentions, named = (tuple(Mention(*m) for m in about.get(kind, ())) for kind in ("mentions", "named"))
    return Disclosure(
        about["revision"], mentions, named, about["relation"], about["from_scratch"], tuple(about["problems"])
    )


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _to_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
