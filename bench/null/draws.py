"""Draw a cast: a base, releases of several makers, and one honest suspect of a kind.

Sizes of deltas are log-uniform from 1e-4 to 5e-2 of the weights, correlations uniform up to 0.95, ranks log-uniform
from 1 to 64. Of three to eight releases one is a disclosed blend of two others and one hardly moved; the others start
from the base or from each other, some lean on each other, some are adapters, some sparse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from bench.null.members import Draw, How, Member, Path, Training
from bench.null.shape import first_reads

LARGEST_LEAN = 0.95
HOW: tuple[How, ...] = ("full", "adapter", "sparse")
SIZES = (1e-4, 5e-2)
UNTOUCHED = 0.75  # of the sampled tensors at most in a derivative that is not declared: with more it is a copy


class Caster:
    """Draws one cast; every choice comes from one generator."""

    def __init__(self, seed: int, number: int) -> None:
        self.rng = np.random.default_rng([seed, number])
        self.number = number
        self.architecture = "dense" if self.rng.random() < 0.6 else "experts"
        self.dtype = str(self.rng.choice(["BF16", "F16", "F32"], p=[0.7, 0.15, 0.15]))
        self.keys = [r.slice.key for r in first_reads(self.architecture)]
        self.roles = sorted({k.role for k in self.keys})
        self.members: list[Member] = [Member("aurora/base", "base", self.dtype)]

    def chance(self, share: float) -> bool:
        """Say yes in a share of cases."""
        return bool(self.rng.random() < share)

    def uniform(self, low: float, high: float) -> float:
        """Draw a number."""
        return float(self.rng.uniform(low, high))

    def log_uniform(self, low: float, high: float) -> float:
        """Draw a number whose logarithm is uniform."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def size(self) -> float:
        """Draw the size of a delta."""
        return self.log_uniform(*SIZES)

    def pick(self, some: Sequence[int]) -> int:
        """Draw one of some members."""
        return int(self.rng.choice(some))

    def some_roles(self, least: float = 0.0) -> frozenset[str] | None:
        """Draw the roles that an adapter touches: those of the layers, or any part of them."""
        inner = [r for r in self.roles if r.startswith("layers.")]
        while True:
            count = int(self.rng.integers(1, len(inner) + 1))
            roles = frozenset(str(r) for r in self.rng.choice(inner, count, replace=False))
            if np.mean([k.role in roles for k in self.keys]) > least:
                return roles

    def training(self, how: How | None = None, least: float = 0.0) -> Training:
        """Draw how a model was trained, leaning on nobody; `least` of the tensors are touched."""
        how = how or HOW[int(self.rng.choice(3, p=[0.6, 0.25, 0.15]))]
        spread = self.uniform(0.05, 0.8)
        if how == "sparse":
            return Training(how, self.uniform(0.05, 0.3), spread)
        if how == "full":
            return Training(how, self.size(), spread)
        rank = round(self.log_uniform(1, 64))
        return Training(how, self.size(), spread, rank, self.number_of_frame(), self.some_roles(least))

    def number_of_frame(self) -> int:
        """Draw a frozen A matrix: the one that a common seed gives to many, or one of its own."""
        return 0 if self.chance(0.4) else -1

    def lean(self, training: Training, *leans: tuple[int, float]) -> Training:
        """Make a training lean on others, half of the time as large as the first of them in every tensor."""
        first = self.members[leans[0][0]].training
        assert first is not None
        if first.how != "sparse" and training.how != "sparse" and self.chance(0.5):
            return replace(training, leans=leans, same_profile=True, size=first.size * float(self.uniform(0.7, 1.4)))
        return replace(training, leans=leans)

    @property
    def trained(self) -> list[int]:
        """Members with a delta of their own that is worth leaning on."""
        return [i for i, m in enumerate(self.members) if m.training is not None and not m.repo_id.endswith("still")]

    def release(self, name: str, **made: object) -> int:
        """Add a reference."""
        number = len(self.members)
        self.members.append(Member(f"maker{number}/{name}", "release", self.dtype, **made))  # type: ignore[arg-type]
        return number

    def references(self) -> None:
        """Add three to eight releases."""
        count = int(self.rng.integers(3, 9))
        for place in range(count):
            if place == 2:
                self.blend()
            elif place == 3:
                still = Training("full", self.log_uniform(1e-6, 1e-4))
                self.release("still", origin=0, training=still, declares=(0,))
            else:
                self.trained_release(place)

    def blend(self) -> None:
        """Add a disclosed blend of two earlier models."""
        pair = [int(i) for i in self.rng.choice(len(self.members), 2, replace=False)]
        share = int(self.rng.integers(5, 96)) / 100
        mix = tuple(zip(pair, (share, 1 - share), strict=True))
        self.release("blend", mix=mix, declares=tuple(pair))

    def trained_release(self, place: int) -> None:
        """Add one trained from the base, or from an earlier release."""
        origin = self.pick(range(1, len(self.members))) if place > 3 and self.chance(0.4) else 0
        training = self.training()
        if self.trained and training.how != "adapter" and self.chance(0.3):
            training = self.lean(training, (self.pick(self.trained), self.uniform(0, 0.8)))
        self.release("release", origin=origin, training=training, declares=(origin,))

    def suspect(self, kind: str, parents: Sequence[int], *, own: int = 0, bare: float = 0.15, **made: object) -> Draw:
        """Return the draw. `own`: the release of the suspect's own organisation; `bare`: share of empty cards."""
        maker = self.members[own].organisation if own else "newcomer"
        dtype = self.dtype if self.chance(0.8) else str(self.rng.choice(["BF16", "F16", "F32"]))
        if isinstance(t := made.get("training"), Training) and t.how == "sparse":
            dtype = self.dtype
        if self.chance(bare):
            made["declares"] = ()
        self.members.append(Member(f"{maker}/suspect", "release", dtype, **made))  # type: ignore[arg-type]
        members = tuple(self.members)
        return Draw(self.number, kind, self.architecture, members, frozenset(parents), bool(own))

    def from_origin(self, kind: str, origin: int, training: Training) -> Draw:
        """Return a suspect trained from a model that it declares; without a card only where that is the base."""
        bare = 0.15 if origin == 0 else 0.0
        return self.suspect(kind, [origin], bare=bare, origin=origin, training=training, declares=(origin,))

    def ancestors(self, member: int) -> set[int]:
        """Return a member and all that it was made of."""
        one = self.members[member]
        made_of = [m for m, _ in one.mix] + ([one.origin] if one.origin >= 0 else [])
        return {member}.union(*(self.ancestors(m) for m in made_of))

    def start_of(self, member: int) -> int:
        """Return where a sibling of `member` starts: there too."""
        return self.members[member].origin


def _sibling(c: Caster) -> Draw:
    """On one release's data, with another seed."""
    target = c.pick(c.trained)
    other = c.members[target].training
    assert other is not None
    how = other.how if c.chance(0.7) else "full"
    training = c.training(how)
    if how == "adapter" and other.how == "adapter" and c.chance(0.5):
        training = replace(training, rank=other.rank, frame=other.frame, roles=other.roles)
    return c.from_origin("sibling of one", c.start_of(target), c.lean(training, (target, c.uniform(0, LARGEST_LEAN))))


def _union(c: Caster) -> Draw:
    """On two releases' data at once."""
    pair = [int(i) for i in c.rng.choice([i for i in c.trained if c.start_of(i) == 0], 2, replace=False)]
    whole, angle = c.uniform(0.3, LARGEST_LEAN), c.uniform(0.1, np.pi / 2 - 0.1)
    leans = [(i, whole * float(f(angle))) for i, f in zip(pair, (np.cos, np.sin), strict=True)]
    return c.from_origin("sibling of two", 0, c.lean(c.training("full"), *leans))


def _adapter(c: Caster) -> Draw:
    """Low rank, with an A of its own."""
    target = c.pick(c.trained)
    training = replace(c.training("adapter"), frame=-1)
    if c.chance(0.5):
        training = c.lean(training, (target, c.uniform(0, LARGEST_LEAN)))
    return c.from_origin("adapter", c.start_of(target), training)


def _shared_adapter(c: Caster) -> Draw:
    """Low rank, with the frozen A that a release has too."""
    target = 1 + int(c.rng.integers(2))
    other = replace(c.training("adapter"), frame=7)
    c.members[target] = replace(c.members[target], training=other)
    roles = other.roles if c.chance(0.7) else c.some_roles()
    training = replace(c.training("adapter"), rank=other.rank, frame=7, roles=roles)
    if c.chance(0.6):
        training = c.lean(training, (target, c.uniform(0, LARGEST_LEAN)))
    return c.from_origin("adapter, shared A", 0, training)


def _sparse(c: Caster) -> Draw:
    """By reinforcement learning."""
    target = 1 + int(c.rng.integers(2))
    training = c.training("sparse")
    if c.chance(0.6):
        c.members[target] = replace(c.members[target], training=c.training("sparse"))
        training = replace(training, leans=((target, c.uniform(0, LARGEST_LEAN)),))
    return c.from_origin("sparse", 0 if c.chance(0.7) else c.pick(c.trained), training)


def _own(c: Caster, kind: str, t: float, aside: float) -> Draw:
    """Of the run that its own organisation's release ends."""
    target = c.pick(c.trained)
    start = c.start_of(target)
    path = Path(target, t, aside)
    named = [target, *c.ancestors(start)]
    bare = 0.15 if start == 0 else 0.0
    return c.suspect(kind, named, own=target, bare=bare, origin=start, path=path, declares=(start,))


def _own_average(c: Caster) -> Draw:
    return _own(c, "own average", c.uniform(0.6, 1.0), c.log_uniform(0.02, 0.5))


def _own_checkpoint(c: Caster) -> Draw:
    t = c.uniform(0.02, 0.99)
    return _own(c, "own earlier checkpoint", t, float(np.sin(np.pi * t)) * c.uniform(0, 0.3))


def _onward(c: Caster, origin: int, least: float) -> Training:
    """Draw a continued training, half of the time leaning on what another release was trained on."""
    training = c.training(least=least)
    others = [i for i in c.trained if i != origin]
    if others and training.how != "adapter" and c.chance(0.5):
        training = c.lean(training, (c.pick(others), c.uniform(0, LARGEST_LEAN)))
    return training


def _continued(c: Caster) -> Draw:
    """Trained on from a release."""
    origin = c.pick(range(1, len(c.members)))
    return c.from_origin("continued, declared", origin, _onward(c, origin, 0.0))


def _undeclared(c: Caster) -> Draw:
    """Trained on from a release, and silent about it."""
    origin = c.pick(range(1, len(c.members)))
    training = _onward(c, origin, 1 - UNTOUCHED)
    return c.suspect("continued, not declared", [origin], bare=0.5, origin=origin, training=training, declares=(0,))


def _frozen(c: Caster) -> Draw:
    """From the base, with the lower layers, embeddings and head left alone."""
    training = replace(c.training("full"), frozen=c.uniform(0.2, 0.95))
    if c.chance(0.5):
        training = c.lean(training, (c.pick(c.trained), c.uniform(0, LARGEST_LEAN)))
    return c.suspect("frozen layers", [0], bare=0.0, origin=0, training=training, declares=(0,))


def _twin(c: Caster) -> Draw:
    """The same config and nothing else."""
    return c.suspect("twin config", [], bare=1.0)


def _still(c: Caster) -> Draw:
    """Hardly moved from the base or a release that it declares."""
    training = replace(c.training("full"), size=c.log_uniform(1e-6, 1e-4))
    origin = 0 if c.chance(0.5) else c.pick(range(1, len(c.members)))
    return c.suspect("hardly moved", [origin], bare=0.0, origin=origin, training=training, declares=(origin,))


KINDS: tuple[Callable[[Caster], Draw], ...] = (
    _sibling, _union, _adapter, _shared_adapter, _sparse, _own_average, _own_checkpoint, _continued, _undeclared,
    _frozen, _twin, _still,
)  # fmt: skip


def draw(seed: int, number: int, kind: int | None = None) -> Draw:
    """Return draw `number`; of a random kind unless one is asked for."""
    caster = Caster(seed, number)
    chosen = int(caster.rng.integers(len(KINDS)))
    caster.references()
    return KINDS[chosen if kind is None else kind](caster)
