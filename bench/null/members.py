"""What a simulated model is, without its weights: where it starts and how training moves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analyzers.records import Role

How = Literal["full", "adapter", "sparse"]


@dataclass(frozen=True, slots=True)
class Training:
    """How training moved weights.

    full: half of it along a few directions common to rows. adapter: low rank, on some roles. sparse: a share of the
    weights by an ulp of bfloat16 or a little more, the others not at all, as reinforcement learning leaves
    (https://arxiv.org/abs/2505.11711).
    """

    how: How
    size: float  # relative to weights; of sparse training the share of weights that moved
    spread: float = 0.3  # standard deviation of its logarithm between tensors
    rank: int = 0
    frame: int = -1  # of an adapter: equal numbers share the frozen A matrix; -1 has one of its own
    roles: frozenset[str] | None = None  # that were trained; None: all
    frozen: float = 0.0  # share of the layers, from below, that were not
    leans: tuple[tuple[int, float], ...] = ()  # (member, correlation) with other members' deltas
    same_profile: bool = False  # moves each tensor by as much as the first member it leans on does


@dataclass(frozen=True, slots=True)
class Path:
    """A point on the way of a member's own training: t of its delta, and `aside` of its size off the straight line."""

    member: int
    t: float
    aside: float


@dataclass(frozen=True, slots=True)
class Member:
    """One model. `origin`: index of the member it starts from, -1 for weights of its own."""

    repo_id: str
    role: Role
    dtype: str
    origin: int = -1
    training: Training | None = None
    mix: tuple[tuple[int, float], ...] = ()  # (member, coefficient) of a blend
    path: Path | None = None
    declares: tuple[int, ...] = ()

    @property
    def organisation(self) -> str:
        """Whoever made it."""
        return self.repo_id.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Draw:
    """An honest suspect, the last of `members`, and the references, all others; the base is the first."""

    number: int
    kind: str
    architecture: str
    members: tuple[Member, ...]
    parents: frozenset[int]  # members that a blend or copy may name
    own_run: bool = False  # a mix of `parents` is what it looks like, and is nobody else's business

    @property
    def suspect(self) -> Member:
        """The model that is judged."""
        return self.members[-1]
