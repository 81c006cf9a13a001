"""Honest suspects through the whole pipeline, among very many stored references of their own families."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from analyzers.errors import BlendwatchError
from analyzers.records import CheckResult
from bench.null.judging import MEASURES, Judged
from bench.null.members import How
from bench.null.memory import FIRST, MemorySource, first_sketch
from bench.null.tree import Node, Tree
from bot.check.checker import Checker
from bot.known.models import KnownModels
from bot.sources.interface import Missing
from state.registry.models import Model, Registry
from state.sketches.store import SketchStore, StoredSketch
from state.sketches.unreadable_models import UnreadableModels

WHEN, NOW = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
KINDS = (
    "sibling of one", "sibling of two", "adapter", "sparse", "own earlier checkpoint", "continued, declared",
    "continued, not declared", "hardly moved", "twin config",
)  # fmt: skip
PLAIN = ("descendant", "of the base", "second")


@dataclass(frozen=True, slots=True)
class Suspect:
    """An honest upload: its node, who uploads it, what its card names, what it may be called a blend or copy of."""

    kind: str
    node: Node
    maker: str
    card: str
    parents: tuple[int, ...]


class _Meter:
    requests = 0
    bytes_read = 0


@contextmanager
def _metered() -> Iterator[_Meter]:
    yield _Meter()


def name_of(number: int) -> str:
    """Return a reference's repo id, too short for prose to be searched for it."""
    return f"maker{number % 97}/r{number}"


def number_of(repo_id: str) -> int:
    """Return a reference's number, -1 for another model."""
    number = repo_id.rpartition("/r")[2]
    return int(number) if number.isdecimal() and name_of(int(number)) == repo_id else -1


class Trial:
    """A tree of references, stored and known, and the checker that judges uploads against them."""

    def __init__(self, folder: Path, references: int, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.tree = Tree.grown(references, seed)
        self.count = references
        self._checker: Checker | None = None

    def fill(self) -> None:
        """Store all references' sketches; `declares` is what their cards name."""
        store = SketchStore(self.folder / "sketches")
        for first in range(0, self.count, 500):
            store.put_all([self._stored(i) for i in range(first, min(first + 500, self.count))])

    def _stored(self, number: int) -> StoredSketch:
        node = self.tree.nodes[number]
        parents = tuple(name_of(m) for m, _ in node.mix) or ((name_of(node.origin),) if node.origin >= 0 else ())
        return StoredSketch(first_sketch(self.tree, number, name_of(number)), WHEN, parents, "", WHEN)

    @property
    def checker(self) -> Checker:
        """What production runs, on this process's own handles."""
        if self._checker is None:
            models = tuple(Model(name_of(i), "base" if i == 0 else "release") for i in range(self.count))
            store = SketchStore(self.folder / "sketches")
            absences = UnreadableModels(self.folder / "absences.json")
            known = KnownModels(Registry(models), store, absences, self._open, lambda: NOW)
            self._checker = Checker(known, _metered, lambda: NOW)
        return self._checker

    def _open(self, repo_id: str, revision: str | None) -> MemorySource:  # noqa: ARG002 - there is only one
        number = number_of(repo_id)
        if not 0 <= number < self.count:
            raise Missing(f"{repo_id} is not here")
        return MemorySource(self.tree, number, repo_id, WHEN)

    def judged(self, number: int) -> Judged:
        """Draw suspect `number` and check it; an error is a result too."""
        made = self.suspect(number)
        place = self.count + number
        self.tree.nodes[self.count :] = [made.node] * (number + 1)  # a node's number is what its weights follow from
        repo_id = f"{made.maker}/suspect-{number}"
        source = MemorySource(self.tree, place, repo_id, NOW, made.card)
        text = f"suspect {number}: {made}"
        try:
            result = self.checker.check(source)
        except (ArithmeticError, ValueError, LookupError, RuntimeError, BlendwatchError) as error:
            text += f": {error!r}\n{traceback.format_exc(limit=-4)}"
            return Judged(number, made.kind, "", False, False, False, (), (), "", False, (), text, repr(error))
        return self._summed(number, made, result, text)

    def _summed(self, number: int, made: Suspect, result: CheckResult, text: str) -> Judged:
        finding, verdict = result.verdict.finding, result.verdict
        named = [p.ref.repo_id for p in finding.parents] if finding.kind in ("blend", "copy") else []
        own = made.kind.startswith("own")
        wrong = tuple(n for n in named if (finding.kind == "blend" and not own) or not self._may_be(n, made))
        measured = tuple(float(finding.measured.get(m, 0.0)) for m in MEASURES)
        text += f"\n  {finding}\n  alert: {verdict.alert}: {verdict.why}"
        return Judged(
            number,
            made.kind,
            finding.kind,
            False,
            False,
            verdict.alert,
            (),
            wrong,
            result.second.reason if result.second else "",
            own and bool(named),
            measured,
            text,
        )

    def _may_be(self, named: str, made: Suspect) -> bool:
        """Tell whether a model is a parent or, where the first look reads, equal to one."""
        weights = self.tree.weights(number_of(named), FIRST)
        return any(np.array_equal(weights, self.tree.weights(p, FIRST)) for p in made.parents)

    def suspect(self, number: int) -> Suspect:
        """Draw an honest upload."""
        rng = np.random.default_rng([self.seed, 1, number])
        kind = KINDS[int(rng.integers(len(KINDS)))]
        nodes = self.tree.nodes[: self.count]
        plain = [i for i, n in enumerate(nodes) if n.sort in PLAIN]
        target = int(rng.choice(plain))
        family, origin = nodes[target].family, nodes[target].origin
        size = float(np.exp(rng.uniform(np.log(1e-4), np.log(5e-2))))
        lean, maker, parents = float(rng.uniform(0, 0.95)), "newcomer", [origin]
        how: How = "full"
        leans: tuple[tuple[int, float], ...] = ()
        path, rank = None, 0
        if kind == "sibling of one":
            leans = ((target, lean),)
            size = nodes[target].delta * float(rng.uniform(0.7, 1.4)) if rng.random() < 0.5 else size
        elif kind == "sibling of two":
            others = [i for i in plain if nodes[i].origin == origin and i != target]
            angle = float(rng.uniform(0.1, np.pi / 2 - 0.1))
            pair = [target, *([int(rng.choice(others))] if others else [])]
            leans = tuple((m, lean * float(f(angle))) for m, f in zip(pair, (np.cos, np.sin), strict=False))
            size = nodes[target].delta * float(rng.uniform(0.7, 1.4)) if rng.random() < 0.5 else size
        elif kind == "adapter":
            how, rank = "adapter", round(float(np.exp(rng.uniform(0, np.log(64)))))
            leans = ((target, lean),) if rng.random() < 0.5 else ()
        elif kind == "sparse":
            how, size = "sparse", float(rng.uniform(0.05, 0.3))
        elif kind == "own earlier checkpoint":
            maker, t = name_of(target).partition("/")[0], float(rng.uniform(0.02, 0.99))
            path, parents = (target, t, float(np.sin(np.pi * t) * rng.uniform(0, 0.3))), [0, family, origin, target]
        elif kind.startswith("continued"):
            origin = int(rng.integers(1, self.count))
            parents = [origin]
            leans = ((target, lean),) if rng.random() < 0.5 and target != origin else ()
        elif kind == "hardly moved":
            size = float(np.exp(rng.uniform(np.log(1e-6), np.log(1e-4))))
        elif kind == "twin config":
            return Suspect(kind, Node(0, kind), maker, _card(()), ())
        node = Node(family, kind, size, origin, (), how, rank, leans, path)
        said = () if kind == "continued, not declared" else (name_of(origin),)
        return Suspect(kind, node, maker, _card(said), tuple(parents))


def _card(parents: tuple[str, ...]) -> str:
    named = "".join(f"- {p}\n" for p in parents)
    front = f"base_model:\n{named}" if parents else ""
    return f"---\nlicense: mit\n{front}---\nA language model, made with care.\n"
