"""Who is on the Hub: known models of many makers, people who upload, and what each draw of a shape consists of."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import numpy as np

from bench.hub_null.storing import Storage, repo
from bench.hub_null.weights import Weights, drawn, parameters, shapes, size_of, tuned, way_of
from demo.hub.repository import LoopbackRepo

KEPT = 24  # earlier uploads of a shape that later ones may be made from
STARTS = ("Ora", "Vel", "Kes", "Tam", "Nu", "Bri", "Sol", "Hal", "Qui", "Mor", "Zan", "Fen", "Lir", "Pax", "Dov", "Gry")
ENDS = ("dian", "tor", "mira", "nox", "quel", "vane", "lume", "rix", "phor", "stra", "wen", "cade")
PEOPLE = ("ana", "bo", "chidi", "dalia", "emre", "fern", "goro", "hana", "ivo", "jun", "kofi", "lena", "mina", "noor")
TOPICS = ("Code", "Medical", "Legal", "Story", "Math", "Roleplay", "SQL", "Tutor", "Finance", "Agent", "Chat", "Poet")
KINDS = ("Instruct", "Chat", "Coder", "Math", "Reasoning")


@dataclass(frozen=True, slots=True)
class Model:
    """A model on the Hub. `family`: the name of the known family that its weights are from, "" where there is none."""

    repo_id: str
    weights: Weights
    role: str  # base, release, or upload
    family: str

    @property
    def name(self) -> str:
        """The last part of its id."""
        return self.repo_id.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Step:
    """Events on the Hub at one time: repositories that are new or changed, and names that are gone."""

    at: datetime
    repos: tuple[LoopbackRepo, ...] = ()
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw of a shape. `uploads`: the repositories that are counted; `what`: the variant, for a reader."""

    what: str
    steps: tuple[Step, ...]
    uploads: tuple[str, ...]


@dataclass(slots=True)
class Cast:
    """Everybody, and where files are kept. Names are given once."""

    storage: Storage
    began: datetime
    known: list[Model] = field(default_factory=list)
    repos: list[LoopbackRepo] = field(default_factory=list)
    recent: dict[str, deque[Model]] = field(default_factory=dict)
    names: dict[str, count[int]] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)

    def some(self, rng: np.random.Generator, role: str = "") -> Model:
        """Return a known model, of a role where one is named."""
        fit = [m for m in self.known if role in ("", m.role)]
        return fit[int(rng.integers(len(fit)))]

    def base_of(self, family: str) -> Model:
        """Return the base of a family."""
        return next(m for m in self.known if m.family == family and m.role == "base")

    def start(self, rng: np.random.Generator, shape: str) -> Model:
        """Return what somebody begins from: a known model, or an earlier honest upload of the same shape."""
        earlier = self.recent.get(shape)
        if earlier and rng.random() < 0.25:
            return earlier[int(rng.integers(len(earlier)))]
        return self.some(rng)

    def remember(self, shape: str, model: Model) -> None:
        """Keep an upload that later ones may be made from."""
        self.recent.setdefault(shape, deque(maxlen=KEPT)).append(model)

    def is_new(self, recipe: str) -> bool:
        """Tell whether nobody has made this yet, and take down that somebody has."""
        new = recipe not in self.made
        self.made.add(recipe)
        return new

    def person(self, rng: np.random.Generator) -> str:
        """Return somebody who has not uploaded yet."""
        name = PEOPLE[int(rng.integers(len(PEOPLE)))]
        return f"{name}-{next(self.names.setdefault(name, count(1))):03d}"

    def title(self, rng: np.random.Generator) -> str:
        """Return the name of a model of somebody's own."""
        name = word(rng)
        return f"{name}{next(self.names.setdefault(name, count(2)))}-{1 + int(rng.integers(9))}B"

    def registry(self) -> str:
        """Return the registry file."""
        lines = ["models:"]
        for model, its in zip(self.known, self.repos, strict=True):
            at = its.weights_at or its.created_at
            lines += [f"- repo_id: {model.repo_id}", f"  role: {model.role}"]
            lines.append(f"  weights_at: {at:%Y-%m-%dT%H:%M:%SZ}")
        return "\n".join(lines) + "\n"


Generator = Callable[[Cast, np.random.Generator, datetime], Draw]
Shapes = Mapping[str, Generator]


def word(rng: np.random.Generator) -> str:
    """Return a name that means nothing."""
    return STARTS[int(rng.integers(len(STARTS)))] + ENDS[int(rng.integers(len(ENDS)))]


def pick(rng: np.random.Generator, values: Sequence[str]) -> str:
    """Return one of `values`."""
    return values[int(rng.integers(len(values)))]


def cast_of(storage: Storage, began: datetime, seed: int, families: int) -> Cast:
    """Return known models: for each family a base and two releases that its maker made of it."""
    rng, cast = np.random.default_rng([seed, 1 << 20]), Cast(storage, began)
    for number in range(families):
        name, size = f"{word(rng)}{number + 3}", f"{1 + int(rng.integers(14))}B"
        maker = f"{name.lower()}-labs"
        base = Model(f"{maker}/{name}-{size}", drawn(rng, shapes()), "base", name)
        _publish(cast, base, None, began - timedelta(days=200 + number))
        for kind in rng.permutation(KINDS)[:2]:
            weights = tuned(rng, base.weights, max(size_of(rng), 2e-3), "full")
            release = Model(f"{maker}/{name}-{size}-{kind}", weights, "release", name)
            _publish(cast, release, base, began - timedelta(days=20 + number))
    return cast


def _publish(cast: Cast, model: Model, base: Model | None, at: datetime) -> None:
    front = f"base_model: {base.repo_id}\nbase_model_relation: finetune\n" if base else ""
    card = f"---\nlicense: apache-2.0\n{front}---\n\n# {model.name}\n\nA language model.\n"
    cast.known.append(model)
    shards = cast.storage.shards(model.weights, 2)
    cast.repos.append(repo(model.repo_id, shards, card, at, counted=parameters(model.weights)))


def one_step(what: str, *repos: LoopbackRepo) -> Draw:
    """Return a draw whose repositories are there at once, each as it will stay."""
    steps = tuple(Step(r.newest_commit_at, (r,)) for r in repos)
    return Draw(what, steps, tuple(r.repo_id for r in repos))


def trained_of(rng: np.random.Generator, start: Model) -> tuple[Weights, str]:
    """Return somebody's training of a model, and how it was made."""
    way, size = way_of(rng), size_of(rng)
    return tuned(rng, start.weights, size, way), f"{way}, {size:.1e} of its size"
