"""Sketches: which weights of a model were read, and their values; known models as references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analyzers.numbers.quantized import Quantized
from analyzers.numbers.rounding import Kept
from analyzers.records.repository import RepoRef

Role = Literal["base", "release"]


@dataclass(frozen=True, slots=True, order=True)
class SliceKey:
    """A matrix by its part in the architecture, however it is stored: wrapped, fused or per expert.

    `role` is the tensor's name without wrapper prefixes and indices; `layer` and `expert` are the indices,
    -1 where there is none.
    """

    role: str
    layer: int = -1
    expert: int = -1

    def __str__(self) -> str:
        return f"{self.role}|{self.layer}|{self.expert}"

    @classmethod
    def parse(cls, text: str) -> SliceKey:
        """Read what str() wrote; ValueError for anything else."""
        role, layer, expert = text.split("|")
        return cls(role, int(layer), int(expert))


@dataclass(frozen=True, slots=True)
class SampleSpec:
    """Which coordinates are read. A pure function of (spec, role, shape) gives them, never of the repository.

    `windows` adjacent rows of a matrix are sampled, `elements` weights of each (fewer where a row is shorter).
    """

    seed: int = 0
    windows: int = 4
    elements: int = 64

    @property
    def name(self) -> str:
        """A short text that is equal for equal specs, usable in a file name."""
        return f"s{self.seed}w{self.windows}e{self.elements}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a slice lies in its repository. `begin`: first byte of the slice in the file `shard`, from 0."""

    shard: str
    tensor: str
    begin: int


@dataclass(frozen=True, slots=True)
class Sample:
    """The raw stored weights of one slice at its coordinates, window after window.

    `values`: 1-D array of dtype bfloat16 (ml_dtypes), float16 or float32, exactly as stored; float32
    where the weights are `quantized`.
    `rows`, `cols`: shape of the slice; `row`: first of the sampled rows. `place`: None where it was not kept, or where
    the weights do not lie in the file as they stand here.
    """

    rows: int
    cols: int
    row: int
    values: NDArray[np.generic]
    quantized: Quantized | None = None
    place: Place | None = field(default=None, compare=False)

    @property
    def kept(self) -> Kept:
        """The weights as they are stored: what a prediction is held against."""
        return self.values if self.quantized is None else replace(self.quantized, values=self.values.astype(np.float32))


@dataclass(frozen=True, slots=True)
class Sketch:
    """Raw bits of a model at agreed coordinates, kept for ever, neither hashed nor projected.

    `elements`: of each role of the component that was judged, read or not; empty where that is unknown. `aside`: the
    share of the upload's bytes that lie in other components, whose part in the whole no role tells. `undone`: what was
    undone before it could be compared, a sentence for readers; "" where nothing was.
    """

    ref: RepoRef
    spec: SampleSpec
    samples: Mapping[SliceKey, Sample]
    elements: Mapping[str, int] = field(default_factory=dict)
    aside: float = 0.0
    undone: str = ""

    @property
    def plain(self) -> Sketch:
        """The sketch without quantized weights: what others may be held against."""
        return replace(self, samples={k: s for k, s in self.samples.items() if s.quantized is None})

    @property
    def weights(self) -> int:
        """Return the number of its weights."""
        return sum(s.values.size for s in self.samples.values())

    @property
    def layers(self) -> int:
        """Return the number of its layers."""
        return len({k.layer for k in self.samples if k.layer >= 0})


@dataclass(frozen=True, slots=True)
class Reference:
    """A known model that an upload is compared with."""

    sketch: Sketch
    role: Role | None  # None: looked up because the suspect declares it
    weights_at: datetime | None  # UTC; None: unknown
    maker: str  # the organisation that answers for it, aliases resolved
    declares: tuple[str, ...] = ()  # repo ids its own card names as parents
    title: str = ""  # the name its maker gives it, for reading cards
    automatic: bool = False  # known only because it was read as an upload itself
    seen_at: datetime | None = None  # UTC: when the watch first saw these weights; None: unknown

    @property
    def repo_id(self) -> str:
        """Return the id of the sketched repository."""
        return self.sketch.ref.repo_id
