"""Describe how weights lie in their files: names and sizes of shards, order of tensors, metadata and types."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Final

from analyzers.records import RepoFile, TensorEntry
from analyzers.records.traces import Trace, listed, trace
from analyzers.sketch.layout import BITS

USUAL: Final = re.compile(r"model(?:-(\d{5})-of-(\d{5}))?\.safetensors")
# names that are not transformers' or mergekit's, and who is known to write them
NAMES: Final = (
    (re.compile(r"model\.safetensors-\d{5}-of-\d{5}\.safetensors"), "as converters of training checkpoints name them"),
    (re.compile(r"model-\d{1,4}-of-\d{1,4}\.safetensors"), "numbered without zeros, as some private stacks do"),
    (re.compile(r"consolidated[\w.-]*\.safetensors"), "as Mistral's own releases name them"),
    (re.compile(r"pytorch_model[\w.-]*\.safetensors"), "as conversions of PyTorch files name them"),
    (re.compile(r"model-\d+\.safetensors"), "without the total that transformers and mergekit write into each name"),
)
SHARD_LIMIT: Final = 5_000_000_000  # bytes; default of transformers 4 and of mergekit
TYPES: Final = {"bfloat16": "BF16", "float16": "F16", "float32": "F32"}
MIN_TENSORS: Final = 4  # fewer are in order by chance


def of_shards(shards: Sequence[RepoFile]) -> Iterator[Trace]:
    """Yield what the names and sizes of the weight files say."""
    names = sorted(f.path.rpartition("/")[2] for f in shards)
    odd = [n for n in names if not USUAL.fullmatch(n)]
    if odd:
        habit = next((who for pattern, who in NAMES if pattern.fullmatch(odd[0])), "in a way of its own")
        yield trace(
            "shard names", "shards", f"{len(odd)} of {len(names)} weight files are named {habit}.", "weak", (), odd[0]
        )
    totals = {int(m[2]) for n in names if (m := USUAL.fullmatch(n)) and m[2]}
    if len(totals) > 1 or (totals and len(names) - len(odd) != next(iter(totals))):
        said = listed(str(t) for t in sorted(totals))
        claim = f"The names of the shards promise {said} files, and {len(names) - len(odd)} are there."
        yield trace("shard names", "shards", claim, "weak", (), names[0])
    sizes = [f.size for f in sorted(shards, key=lambda f: f.path)]
    if len(sizes) >= 3 and all(0.8 * SHARD_LIMIT < s <= SHARD_LIMIT for s in sizes[:-1]) and sizes[-1] <= SHARD_LIMIT:
        claim = "Every shard but the last is filled up to 5 GB, the default of transformers 4 and of mergekit."
        yield trace("shard sizes", "shards", claim, "weak", (), f"{max(sizes):,} bytes at most")


def of_tensors(tensors: Sequence[TensorEntry], config: Mapping[str, object]) -> Iterator[Trace]:
    """Yield what the order of the tensors (as they lie in their shards) and their types say."""
    unordered = [shard for shard, group in groupby(tensors, lambda t: t.shard) if not _ordered(list(group))]
    if unordered:
        claim = (
            f"The tensors of {listed(unordered, 2)} are not in the order in which the safetensors library writes them."
        )
        yield trace("tensor order", unordered[0], claim, "weak")
    kinds = Counter(t.dtype for t in tensors if len(t.shape) > 1)
    usual = kinds.most_common(1)[0][0] if kinds else ""
    said = config.get("dtype") or config.get("torch_dtype")
    if isinstance(said, str) and said in TYPES and usual in TYPES.values() and TYPES[said] != usual:
        claim = f"The config says {said}, and most matrices are stored as {usual}."
        yield trace("stored types", "config.json", claim, "weak", (), said)
    if len(kinds) > 1:
        told = listed(f"{n} as {kind}" for kind, n in kinds.most_common(4))
        yield trace("stored types", "shards", f"The matrices are stored in {len(kinds)} types: {told}.", "weak")


def of_metadata(marks: Mapping[str, Mapping[str, str]]) -> Iterator[Trace]:
    """Yield what is unusual in the shards' `__metadata__`; transformers and mergekit write the format alone."""
    bare = [shard for shard, metadata in marks.items() if "format" not in metadata]
    if bare:
        claim = f"{len(bare)} of {len(marks)} shards do not name their format, as transformers and mergekit do."
        yield trace("header metadata", min(bare), claim, "weak")
    for shard in sorted(marks):
        more = {k: v for k, v in marks[shard].items() if k not in ("format", "mergekit_version")}
        if more:
            said = "; ".join(f"{k[:60]}: {v[:100]}" for k, v in list(more.items())[:4])
            yield trace("header metadata", shard, "A shard's metadata have entries of their own.", "weak", (), said)
            return


def _ordered(tensors: Sequence[TensorEntry]) -> bool:
    """Return True if tensors lie as the library writes them: wider types first, then by name."""
    if len(tensors) < MIN_TENSORS:
        return True
    keys = [(-BITS.get(t.dtype, 0), t.name.encode("utf-8", "surrogatepass")) for t in tensors]
    return all(a <= b for a, b in pairwise(keys))
