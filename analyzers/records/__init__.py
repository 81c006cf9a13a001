"""The types that everything else speaks in: frozen values, with units.

A Hub event becomes a candidate, its weights a sketch, the sketch a mix, and the mix with the card's
disclosure a verdict.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analyzers.model_ids import same_model
from analyzers.numbers.parts import Packing
from analyzers.numbers.quantized import Quantized
from analyzers.numbers.rounding import Kept
from analyzers.records.claims import Assessed
from analyzers.records.points import Point
from analyzers.records.traces import Trace

Role = Literal["base", "release"]
FindingKind = Literal["blend", "copy", "derivative", "unrelated", "inconclusive"]
Family = Literal["linear", "layerwise", "sparse", "stack"]
DisclosureLevel = Literal["disclosed", "partial", "undisclosed", "none-needed"]
Strength = Literal["exact", "strong", "indicative"]
Said = Literal["declared", "named", "absent"]
Audience = Literal["public", "reviewers", "none"]
NUMBERED_GGUF = re.compile(r"-\d{5}-of-\d{5}\.gguf$")
BESIDE_GGUF = re.compile(r"mmproj|imatrix|lora|adapter|projector")  # in names of what is no language model


@dataclass(frozen=True, slots=True, order=True)
class RepoRef:
    """One state of one repository. `repo_id` is "organisation/name"; `revision` is 40 hex digits."""

    repo_id: str
    revision: str

    @property
    def organisation(self) -> str:
        """The part of the repo id before the slash."""
        return self.repo_id.partition("/")[0]

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.revision[:12]}"


@dataclass(frozen=True, slots=True)
class HubEvent:
    """A repository as a listing shows it: something that may have to be judged."""

    repo_id: str
    hub_id: str | None  # the Hub's own id of the repository, which survives a rename
    revision: str | None  # None where the listing does not say
    created_at: datetime  # UTC, of the repository, not of its weights
    parameters: int | None = None  # as counted by the Hub; None where it has not counted (yet)
    gated: bool = False
    modified_at: datetime | None = None  # UTC, of its last commit or change of settings


@dataclass(frozen=True, slots=True)
class RepoFile:
    """One file of a repository. `size` in bytes; `sha256` of its content where the Hub keeps it (LFS, Xet).

    `oid`: git's name of the content, 40 hex digits, of files that are not in such a storage.
    """

    path: str
    size: int
    sha256: str | None = None
    oid: str | None = None


@dataclass(frozen=True, slots=True)
class RepoFacts:
    """What is known of a repository before any weight is read."""

    ref: RepoRef
    files: tuple[RepoFile, ...]
    created_at: datetime | None  # UTC; None for a local folder
    weights_at: datetime | None  # UTC time of the newest commit that brought weights; None: unknown
    hub_id: str | None = None
    parameters: int | None = None  # as counted by the Hub
    gated: bool = False
    tags: tuple[str, ...] = ()
    local: bool = False
    modified_at: datetime | None = None  # UTC, of its last commit as the Hub says; None: unknown

    @property
    def shards(self) -> tuple[RepoFile, ...]:
        """The safetensors files, else those of one GGUF model, in the order of their paths."""
        found = [f for f in self.files if f.path.endswith(".safetensors")] or largest_gguf(self.files)
        return tuple(sorted(found, key=lambda f: f.path))

    @property
    def weight_bytes(self) -> int:
        """Bytes in all of them."""
        return sum(f.size for f in self.shards)


def largest_gguf(files: Iterable[RepoFile]) -> list[RepoFile]:
    """Return the files of the GGUF model with the most bytes: of several quantizations, the one that lost least."""
    sets: dict[str, list[RepoFile]] = {}
    for file in files:
        if file.path.endswith(".gguf") and not BESIDE_GGUF.search(file.path.lower()):
            sets.setdefault(NUMBERED_GGUF.sub(".gguf", file.path), []).append(file)
    return max((sets[name] for name in sorted(sets)), key=lambda some: sum(f.size for f in some), default=[])


@dataclass(frozen=True, slots=True)
class ShardHeader:
    """The header of one safetensors or GGUF file and the size of the file in bytes.

    `header_bytes` is the length of the JSON text as the file states it; None where it was not read from
    the file itself (the Hub can send the parsed headers of all shards at once), in which case it follows
    from the size, because tensors must tile the rest of the file exactly.
    """

    entries: Mapping[str, object]
    file_bytes: int
    header_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One stored tensor. `begin` and `end` are absolute byte positions in `shard`."""

    name: str
    dtype: str  # safetensors' own name: "BF16", "F32", ...
    shape: tuple[int, ...]
    shard: str
    begin: int
    end: int
    packing: Packing | None = None  # of a quantized matrix; the bytes are then those of its codes


@dataclass(frozen=True, slots=True)
class WeightLayout:
    """Every tensor of an upload and where it lies."""

    tensors: tuple[TensorEntry, ...]
    total_bytes: int  # of the tensors, headers not counted
    parameters: int  # elements in floating-point tensors
    digest: str  # of names, types and shapes: equal for equal layouts, whatever the sharding


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
class Sample:
    """The raw stored weights of one slice at its coordinates, window after window.

    `values`: 1-D array of dtype bfloat16 (ml_dtypes), float16 or float32, exactly as stored; float32
    where the weights are `quantized`.
    `rows`, `cols`: shape of the slice; `row`: first of the sampled rows.
    """

    rows: int
    cols: int
    row: int
    values: NDArray[np.generic]
    quantized: Quantized | None = None

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
        """How many weights it holds."""
        return sum(s.values.size for s in self.samples.values())

    @property
    def layers(self) -> int:
        """How many different layers it touches."""
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
        """Of the repository that was sketched."""
        return self.sketch.ref.repo_id


@dataclass(frozen=True, slots=True)
class Parent:
    """One model whose weights went in."""

    ref: RepoRef
    coefficient: float | None  # dimensionless; None where one number would not be true
    interval: tuple[float, float] | None
    said: Said = "absent"  # on the card, or wherever else the author's words count
    quote: str = ""  # of the author's text that says so or denies it, not made harmless; "" if there is none
    where: str = ""  # the quote stands: "front matter", "tag", "recipe", "prose", "repository name", ...
    automatic: bool = False  # known only because it was read as an upload itself

    @property
    def declared(self) -> bool:
        """Tell whether the author declares it as a parent."""
        return self.said == "declared"


@dataclass(frozen=True, slots=True)
class Mix:
    """An upload explained as a linear mix of known models, as far as rounding lets anyone know.

    Shares are fractions of the weights named after "of"; none is a probability.
    """

    parents: tuple[Parent, ...]
    arithmetic: str  # the named arithmetic that reproduces most
    weights: int  # compared
    informative: int  # weights where the parents differ
    decisive: int  # weights where the stored prediction differs from every single parent
    reproduced: float  # share of the decisive that equal the prediction bit for bit
    equal: float  # share of all compared weights that equal the prediction bit for bit
    control: float  # the same share for the nearest single parent
    worst_tensor: float  # the lowest share of any tensor's informative weights reproduced
    tensors: int  # tensors with decisive weights
    far: int = 0  # weights where the mix lies at least 3 ulp from every single parent
    near: float = 0.0  # share of the far weights within an ulp of the mix
    explained: float = 0.0  # share of the departure from the nearest parent that the mix explains, rounding removed


NAMED = "named"  # the relation of a mention that names a model and declares, denies or hides nothing


@dataclass(frozen=True, slots=True)
class Mention:
    """One place where the author named a model. `where` is "front matter", "tag", "recipe" or "prose".

    It is "renamed" where a named model has another name now, "form" where a declared quantization or mirror leads to
    it, and "registry" where a registry file declares a parent.
    """

    repo_id: str
    where: str
    relation: str  # "base_model", "merge", "finetune", ...
    quote: str = ""  # the author's own text, not made harmless


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What the author declared, where, at which revision."""

    revision: str
    mentions: tuple[Mention, ...] = ()  # of parents
    named: tuple[Mention, ...] = ()  # of compared models that the text spells, or denies, without declaring them
    relation: str | None = None  # base_model_relation, as declared
    from_scratch: bool = False  # the card claims training from nothing
    problems: tuple[str, ...] = ()  # what could not be read of the card

    @property
    def parents(self) -> tuple[str, ...]:
        """Declared parents' repo ids, each once, in the order they were found."""
        return tuple(dict.fromkeys(m.repo_id for m in self.mentions))

    def of(self, repo_id: str) -> Mention | None:
        """Return where a model is declared, by its id or as a form of it; None: nowhere."""
        return next((m for m in self.mentions if same_model(m.repo_id, repo_id)), None)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one analyzer says: one sentence, and the numbers behind it with their units in their names."""

    analyzer: str
    kind: FindingKind
    claim: str
    parents: tuple[Parent, ...] = ()
    family: Family | None = None
    exact: bool | None = None
    further_training: bool | None = None
    measured: Mapping[str, float | int | str] = field(default_factory=dict)
    unexplained: float = 0.0  # share of the telling weights that it leaves unexplained
    gone: tuple[str, ...] = ()  # models that were gone before the second look that it needs


@dataclass(frozen=True, slots=True)
class Verdict:
    """A finding held against the card and the rules."""

    finding: Finding
    disclosure: DisclosureLevel
    audience: Audience  # who may see it unattended
    strength: Strength | None
    why: str  # one sentence
    order_known: bool = True  # whether each undeclared parent is known to have been public first

    @property
    def alert(self) -> bool:
        """Tell whether it may be published unattended."""
        return self.audience == "public"


@dataclass(frozen=True, slots=True)
class Sampled:
    """How much was looked at."""

    layers: int = 0
    tensors: int = 0
    weights: int = 0
    decisive: int = 0
    compared: float | None = None  # share of its parameters that were compared; None: unknown


@dataclass(frozen=True, slots=True)
class Cost:
    """What a check took. `requests` counts every HTTP request sent, redirects and retries included."""

    requests: int = 0
    bytes_read: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class DepthPoint:
    """What one tensor is made of, for the profile over depth and module."""

    key: SliceKey
    state: str  # "mixed", "copied", "unexplained", "silent"
    shares: Mapping[str, tuple[float, float, float]]  # repo id -> coefficient, lower and upper bound
    met: float  # share of the decisive weights equal to the mix, bit for bit; 1.0 where the tensor is a copy
    weights: int


@dataclass(frozen=True, slots=True)
class Yardstick:
    """An honest model of the same family, measured as the suspect was: the parents' shares of it, for scale."""

    repo_id: str
    profile: tuple[DepthPoint, ...]


@dataclass(frozen=True, slots=True)
class SecondLook:
    """Fresh random coordinates of the suspect and its companions: what was read, and what it showed."""

    seed: int  # of the coordinates; with it the same bytes can be read again
    reason: str
    sampled: Sampled
    cost: Cost
    profile: tuple[DepthPoint, ...] = ()
    scale: tuple[Yardstick, ...] = ()  # at the first look's coordinates


@dataclass(frozen=True, slots=True)
class Compared:
    """What one look compared: the suspect and the known models beside it, at the same coordinates."""

    suspect: Sketch
    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Both looks and what the card said. `gone`: parents that the second look could not read."""

    disclosure: Disclosure
    weights_at: datetime | None  # UTC, of the suspect; None: unknown
    maker: str  # the organisation that answers for the suspect, aliases resolved
    screened: int  # among how many models the references were chosen
    first: Compared
    second: Compared | None = None
    gone: tuple[str, ...] = ()
    parts: tuple[SeenPart, ...] = ()
    new_since: datetime | None = None  # UTC: when its repository was made, or was last seen without these weights


@dataclass(frozen=True, slots=True)
class SeenPart:
    """A component beside the one that was judged, as it was compared. `share`: of the bytes of all components."""

    name: str
    parameters: int
    share: float
    seen: Compared


@dataclass(frozen=True, slots=True)
class Component:
    """A component beside the one that was judged.

    `nearest`: the known model it is nearest to; `said`: of that one; `why`: what reviewers see of it, "" if nothing.
    """

    name: str
    parameters: int
    finding: FindingKind
    nearest: str | None = None
    said: Said | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One upload judged: everything an alert, a table or the JSON contract is made from."""

    suspect: RepoRef
    parameters: int
    verdict: Verdict
    declared: Disclosure
    sampled: Sampled
    cost: Cost
    weights_at: datetime | None = None  # UTC, of the suspect; None: unknown
    weights_digest: str = ""  # of the weight files' names and contents, as far as the Hub says; "" if unknown
    problems: tuple[str, ...] = ()  # what could not be read, one sentence each; none of them stopped the check
    first_cost: Cost | None = None  # of the first look alone
    second: SecondLook | None = None
    own_cost: Cost | None = None  # of reading what the upload's maker had before; None: nothing was asked
    evidence: Evidence | None = None  # what the verdict can be drawn from again
    claims: tuple[Assessed, ...] = ()  # what the card claims, each held against the verdict
    traces: tuple[Trace, ...] = ()  # what tools left beside the weights; none of it is part of the verdict
    finished: bool = True  # the card says more than a tool's template
    components: tuple[Component, ...] = ()  # beside the one that was judged; none of them carries an alert
    findings: tuple[Point, ...] = ()  # of weights, words and files: the weights' first, then the strongest


@dataclass(frozen=True, slots=True)
class Skipped:
    """Not judged, and rightly so: too small, gated, no weights of a kind we read, ..."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Not judged although it should be. `retry_at` is None when asking again will not help."""

    reason: str
    retry_at: datetime | None = None
    waits: bool = False  # for a time that is known, which is no attempt


Outcome = CheckResult | Skipped | Failed
