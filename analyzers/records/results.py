"""Results of one check: verdict, cost, evidence, components; or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from analyzers.records.claims import Assessed
from analyzers.records.findings import (
    Disclosure,
    FindingKind,
    Said,
    Verdict,
)
from analyzers.records.points import Point
from analyzers.records.repository import RepoRef
from analyzers.records.sketches import Reference, Sketch, SliceKey
from analyzers.records.traces import Trace


@dataclass(frozen=True, slots=True)
class Sampled:
    """The amount that was read."""

    layers: int = 0
    tensors: int = 0
    weights: int = 0
    decisive: int = 0
    compared: float | None = None  # share of its parameters that were compared; None: unknown


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a check. `requests` counts every HTTP request sent, redirects and retries included."""

    requests: int = 0
    bytes_read: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class DepthPoint:
    """The mix in one tensor, for the profile over depth and module."""

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
    """The comparison of one look: the suspect and known models at the same coordinates."""

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
    format: str = ""  # of its weight files: safetensors or gguf; "" if unknown
    weights_digest: str = ""  # of the weight files' names and contents, as far as the Hub says; "" if unknown
    problems: tuple[str, ...] = ()  # what could not be read, one sentence each; none of them stopped the check
    first_cost: Cost | None = None  # of the first look alone
    second: SecondLook | None = None
    third_cost: Cost | None = None  # of the third look alone; None: none was taken
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
