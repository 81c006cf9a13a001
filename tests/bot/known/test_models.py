"""What an upload is compared with: the registry's models that may be its parents, all if few, a short list of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from analyzers.numbers.rounding import BF16, round_to
from analyzers.records import RepoRef, Sample, SampleSpec, Sketch, SliceKey
from bot.known.models import BASES, FEW, KnownModels
from bot.sources.interface import Changed, Missing, Source, Unavailable
from state.registry.models import Model, Registry
from state.sketches.store import SketchStore, StoredSketch
from state.sketches.unreadable_models import UnreadableModels

Array = NDArray[np.float64]
NOW = datetime(2026, 6, 1, tzinfo=UTC)
SPEC = SampleSpec(windows=4, elements=64)
SLICES, SIZE = 10, 256


def sketch(repo_id: str, weights: Array, revision: str = "a" * 40) -> Sketch:
    """Return float64[slices, size] as a sketch."""
    stored = round_to(weights, BF16)
    return Sketch(
        RepoRef(repo_id, revision), SPEC, {SliceKey("w", i): Sample(64, 64, 4, w) for i, w in enumerate(stored)}
    )


def family(count: int) -> list[Array]:
    """Return a base and its descendants."""
    rng = np.random.default_rng(4)
    base = rng.normal(0, 0.02, (SLICES, SIZE))
    return [base, *(base + rng.normal(0, 2e-4, base.shape) for _ in range(count - 1))]


def nowhere(repo_id: str, revision: str | None) -> Source:
    """No repository can be opened."""
    raise Missing(f"{repo_id}@{revision} is not there")


@dataclass
class House:
    """A registry of models whose sketches are in a folder."""

    folder: Path
    weights: list[Array]
    models: list[Model]

    @classmethod
    def of(cls, folder: Path, count: int) -> House:
        """Sketch `count` known models, the first a base, each a day younger than the one before."""
        house = cls(folder, family(count), [])
        for i, weights in enumerate(house.weights):
            house.models.append(Model(f"org{i}/model", "release" if i else "base"))
            house.keep(sketch(f"org{i}/model", weights), days=i + 1)
        return house

    def keep(self, one: Sketch, days: int = 1, declares: tuple[str, ...] = ()) -> None:
        """Keep a sketch of a model whose weights came `days` ago."""
        SketchStore(self.folder / "sketches").put(StoredSketch(one, NOW - timedelta(days=days), declares, "", NOW))

    def known(self, models: Sequence[Model] | None = None) -> KnownModels:
        """Return the known models as a new process has them."""
        registry = Registry(tuple(self.models if models is None else models))
        absences = UnreadableModels(self.folder / "absences.json")
        return KnownModels(registry, SketchStore(self.folder / "sketches"), absences, nowhere, lambda: NOW, SPEC)


def names(known: KnownModels, suspect: Sketch, at: datetime | None = NOW) -> list[str]:
    """Candidates by the number of their organisation."""
    return sorted(r.repo_id for r in known.candidates(suspect, at))


def test_few_are_all_compared(tmp_path: Path) -> None:
    """Up to FEW known models of the same coordinates are all candidates, with what is known of them."""
    house = House.of(tmp_path, FEW)
    found = house.known().candidates(sketch("new/model", house.weights[3]), NOW)
    assert {r.repo_id for r in found} == {m.repo_id for m in house.models}
    assert [(r.role, r.weights_at, r.maker) for r in found if r.repo_id == "org0/model"] == [
        ("base", NOW - timedelta(days=1), "org0")
    ]


def test_of_many_a_short_list_is_compared(tmp_path: Path) -> None:
    """The parents of a mix and the base are on it; most of the others are not."""
    house = House.of(tmp_path, 4 * FEW)
    suspect = sketch("new/model", 0.6 * house.weights[17] + 0.4 * house.weights[200])
    found = names(house.known(), suspect)
    assert len(found) <= FEW + BASES
    assert {"org0/model", "org17/model", "org200/model"} <= set(found)


def test_the_base_is_compared_though_it_is_far(tmp_path: Path) -> None:
    """A base that nothing else would list is there: it is what an honest model is held against."""
    house = House.of(tmp_path, 3 * FEW)
    house.models.append(Model("far/base", "base"))
    house.keep(sketch("far/base", house.weights[0] + np.random.default_rng(1).normal(0, 0.02, (SLICES, SIZE))))
    assert "far/base" in names(house.known(), sketch("new/model", house.weights[5]))


def test_a_chain_of_declared_parents_is_compared(tmp_path: Path) -> None:
    """Whoever declares a parent that declares a parent has disclosed the base at its end, however far they are."""
    house = House.of(tmp_path, 3 * FEW)
    far = family(2)[0] + np.random.default_rng(1).normal(0, 0.02, (SLICES, SIZE))
    for name, declares in (("far/c", ("far/B",)), ("far/b", ("far/a", "no/where")), ("far/a", ("far/c",))):
        house.models.append(Model(name, "release"))
        house.keep(sketch(name, far), declares=declares)
    suspect = sketch("new/model", house.weights[5])
    assert not {"far/a", "far/b", "far/c"} & set(names(house.known(), suspect))
    found = {r.repo_id for r in house.known().candidates(suspect, NOW, ["Far/C", "short name"])}
    assert {"far/a", "far/b", "far/c"} <= found


def test_only_known_models_that_may_be_parents(tmp_path: Path) -> None:
    """Not the suspect itself, nor what came later, nor what is not in the registry, nor other coordinates."""
    house = House.of(tmp_path, 4)
    house.keep(sketch("kept/upload", house.weights[1]))
    house.models.append(Model("org4/model", "release"))
    house.keep(
        replace(sketch("org4/model", house.weights[0]), samples={SliceKey("v"): Sample(64, 64, 4, np.zeros(64, BF16))})
    )
    known = house.known()
    suspect = sketch("ORG1/Model", house.weights[1], "b" * 40)
    assert names(known, suspect) == ["org0/model", "org2/model", "org3/model"]
    assert names(known, suspect, NOW - timedelta(days=3)) == ["org2/model", "org3/model"]
    assert names(known, suspect, None) == ["org0/model", "org2/model", "org3/model"]
    assert names(known, replace(suspect, samples={})) == []


def test_the_registry_tells_the_revision_and_the_time(tmp_path: Path) -> None:
    """A pinned revision is compared and no other; a stated time counts, the sketch's own does not."""
    house = House.of(tmp_path, 2)
    house.keep(sketch("org1/model", house.weights[0], "b" * 40))
    pinned = Model("org1/model", "release", revision="a" * 40, weights_at=NOW + timedelta(days=1))
    known = house.known([pinned])
    suspect = sketch("new/model", house.weights[1])
    assert names(known, suspect) == []
    (found,) = known.candidates(suspect, NOW + timedelta(days=2))
    assert (found.sketch.ref.revision, found.weights_at) == ("a" * 40, NOW + timedelta(days=1))
    assert names(house.known([replace(pinned, revision="c" * 40)]), suspect, None) == []


def test_a_model_read_while_running_is_compared_next(tmp_path: Path) -> None:
    """What another process keeps, new or newer, is seen at the next check."""
    house = House.of(tmp_path, 2)
    known = house.known([*house.models, Model("late/model", "release")])
    suspect = sketch("new/model", house.weights[1])
    assert names(known, suspect) == ["org0/model", "org1/model"]
    (problem,) = known.refresh(None, lambda _: None)
    assert problem.startswith("the known model late/model could not be read")
    house.keep(sketch("late/model", house.weights[0]))
    assert names(known, suspect) == ["late/model", "org0/model", "org1/model"]
    assert known.refresh(None, lambda _: None) == []
    house.keep(sketch("late/model", house.weights[1], "c" * 40))
    assert [r.sketch.ref.revision for r in known.candidates(suspect, NOW) if r.repo_id == "late/model"] == ["c" * 40]


def test_of_the_weights_that_a_model_had_the_nearest_are_compared(tmp_path: Path) -> None:
    """A suspect is held against each model once, with weights that are not later; far more are not kept in mind."""
    house = House.of(tmp_path, 3)
    for day, weights in enumerate(family(8)[3:], start=1):
        later = NOW + timedelta(days=day)
        kept = StoredSketch(sketch("org1/model", weights, f"{day}" * 40), later, (), "", later)
        SketchStore(tmp_path / "sketches").put_all([kept, replace(kept, read_at=later + timedelta(hours=1))])

    def found(like: Array, at: datetime) -> list[str]:
        references = house.known().candidates(sketch("new/model", like), at)
        return [r.sketch.ref.revision[0] for r in references if r.repo_id == "org1/model"]

    assert found(house.weights[1], NOW + timedelta(days=9)) == ["a"]
    assert [found(w, NOW + timedelta(days=9)) for w in family(8)[5:]] == [["3"], ["4"], ["5"]]
    assert found(family(8)[7], NOW + timedelta(days=4)) != ["5"]
    assert found(family(8)[4], NOW + timedelta(days=9)) != ["2"]


def test_a_damaged_sketch_is_read_again(tmp_path: Path) -> None:
    """It is no candidate, and the next check asks for the model again."""
    house = House.of(tmp_path, 3)
    known = house.known()
    assert known.refresh(None, lambda _: None) == []
    (bits,) = (tmp_path / "sketches").glob("*.bits")
    content = bytearray(bits.read_bytes())
    content[len(content) // 2] ^= 1
    bits.write_bytes(content)
    suspect = sketch("new/model", house.weights[0])
    for _ in range(2):
        assert names(known, suspect) == ["org0/model", "org2/model"]
    (problem,) = known.refresh(None, lambda _: None)
    assert "org1/model could not be read" in problem


def changing(repo_id: str, revision: str | None) -> Source:
    """A repository that changes under whoever reads it."""
    raise Changed(f"{repo_id}@{revision} is not what the Hub had listed")


def test_a_declared_parent_that_changes_while_it_is_read_is_asked_for_later(tmp_path: Path) -> None:
    """Without it an honest derivative would be held against others, so the upload waits; what is not there does not."""
    known = House.of(tmp_path, 1).known()
    with pytest.raises(Unavailable, match="the declared parent elsewhere/Model changed while it was read"):
        replace(known, open=changing).declared("elsewhere/Model", 60)
    assert replace(known, open=nowhere).declared("elsewhere/Model", 60)[0] is None
