"""Where the sampled weights lie in their files, so that the same bytes can be read again by anyone."""

from __future__ import annotations

import hashlib
from typing import Any

from analyzers.records import Place, Sample, SampleSpec, Sketch, SliceKey
from analyzers.sketch.coordinates import windows_of
from analyzers.sketch.tensor_roles import Slice


def place_of(one: Slice) -> Place | None:
    """Return where a slice lies in its file; None where it is packed."""
    return None if one.entry.packing else Place(one.entry.shard, one.entry.name, one.begin)


def spans_of(spec: SampleSpec, key: SliceKey, sample: Sample) -> list[tuple[int, int]]:
    """Return begin and end in the file of each window of a sample; [] without a place.

    The bytes of the spans, one after the other, are those of the sample's values.
    """
    if sample.place is None:
        return []
    item = sample.values.dtype.itemsize
    windows = windows_of(spec, key.role, sample.rows, sample.cols)
    begins = [sample.place.begin + (w.row * sample.cols + w.col) * item for w in windows]
    return [(begin, begin + w.length * item) for begin, w in zip(begins, windows, strict=True)]


def sampled_bytes(sketch: Sketch) -> dict[str, Any]:
    """Return the digests of a sketch's bytes as JSON values, slice by slice with shard, tensor and spans."""
    spec = sketch.spec
    return {
        "format": "blendwatch sampled bytes 1",
        "repo_id": sketch.ref.repo_id,
        "revision": sketch.ref.revision,
        "spec": {"seed": spec.seed, "windows": spec.windows, "elements": spec.elements},
        "slices": [
            {
                "slice": [key.role, key.layer, key.expert],
                "shard": sample.place.shard if sample.place else None,
                "tensor": sample.place.tensor if sample.place else None,
                "spans": spans_of(spec, key, sample),
                "dtype": str(sample.values.dtype),
                "sha256": hashlib.sha256(sample.values.tobytes()).hexdigest(),
            }
            for key, sample in sorted(sketch.samples.items())
        ],
    }
