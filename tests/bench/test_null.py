"""The null of honest models: what is planted holds, and a handful is not accused."""

from dataclasses import replace

import numpy as np
import pytest

from analyzers.numbers.rounding import BF16, Floats, ulp, widen
from bench.null.draws import KINDS, draw
from bench.null.judging import judged
from bench.null.members import Draw, Member, Training
from bench.null.memory import FIRST, MemorySource, first_sketch
from bench.null.pipeline import NOW
from bench.null.shape import SPEC, first_reads, second_reads, second_spec
from bench.null.table import Tally
from bench.null.tree import Tree
from bench.null.weights import Realised, Realiser
from bot.sources.first_look import FIRST_LOOK_REQUESTS, first_look

READS = first_reads("dense")
BASE = Member("a/base", "base", "BF16")


def realised(*members: Member) -> Realised:
    """Return the weights of a base and of members, at the coordinates of a first look."""
    return Realiser("dense", READS, np.random.default_rng(1)).all((BASE, *members))


def trained(training: Training, origin: int = 0) -> Member:
    """Return a member trained from another."""
    return Member("b/model", "release", "BF16", origin, training)


def correlation(a: Floats, b: Floats) -> float:
    """Return the median over tensors of the correlation of two deltas."""
    return float(np.median([np.corrcoef(x.ravel(), y.ravel())[0, 1] for x, y in zip(a, b, strict=True)]))


def only(kind: str) -> Draw:
    """Return the first draw of a kind."""
    return next(d for n in range(200) if (d := draw(1, n)).kind == kind)


@pytest.mark.parametrize("lean", [0.0, 0.5, 0.95])
def test_a_delta_has_the_size_and_the_correlation_that_were_asked_for(lean: float) -> None:
    """Before rounding, that is."""
    release = Training("full", 1e-2)
    found = realised(trained(release), trained(replace(release, leans=((1, lean),))))
    assert correlation(found.deltas[1], found.deltas[2]) == pytest.approx(lean, abs=0.08)
    size = np.sqrt(np.mean(found.deltas[2] ** 2) / np.mean(widen(found.stored[0]) ** 2))
    assert size == pytest.approx(1e-2, rel=0.4)


def test_adapters_have_their_rank_and_share_their_frame() -> None:
    """Two of one frame lie in the span of one A; a third has another."""
    adapter = Training("adapter", 1e-2, rank=1, frame=7)
    found = realised(trained(adapter), trained(adapter), trained(replace(adapter, frame=-1)))
    assert [np.linalg.matrix_rank(found.deltas[i][0], tol=1e-9) for i in (1, 2, 3)] == [1, 1, 1]
    assert np.linalg.matrix_rank(np.vstack([found.deltas[1][0], found.deltas[2][0]]), tol=1e-9) == 1
    assert np.linalg.matrix_rank(np.vstack([found.deltas[1][0], found.deltas[3][0]]), tol=1e-9) == 2


def test_sparse_training_moves_a_share_by_an_ulp_or_two() -> None:
    """And leaves the rest, bit for bit."""
    found = realised(trained(Training("sparse", 0.2, spread=0.0)))
    base, moved = widen(found.stored[0]), widen(found.stored[1]) - widen(found.stored[0])
    assert np.mean(moved != 0) == pytest.approx(0.2, abs=0.01)
    assert np.median(np.abs(moved[moved != 0]) / ulp(base, BF16)[moved != 0]) == pytest.approx(1.0)


def test_frozen_layers_and_untouched_roles_stay() -> None:
    """The embedding and the head stay with the lower layers."""
    role = frozenset({"layers.self_attn.q_proj"})
    found = realised(trained(Training("full", 1e-2, frozen=0.5)), trained(Training("full", 1e-2, roles=role)))
    for read, frozen, other in zip(READS, found.deltas[1], found.deltas[2], strict=True):
        assert (frozen == 0).all() == (read.slice.key.layer < 16)
        assert (other == 0).all() == (read.slice.key.role not in role)


def test_an_own_run_lies_on_its_path() -> None:
    """t of the way, and a little aside."""
    made = only("own earlier checkpoint")
    path = made.suspect.path
    assert path is not None
    assert made.suspect.organisation == made.members[path.member].organisation
    reads = first_reads(made.architecture)
    found = Realiser(made.architecture, reads, np.random.default_rng(1)).all(made.members)
    along, went = found.deltas[path.member], found.deltas[-1]
    assert float((along * went).sum() / (along * along).sum()) == pytest.approx(path.t, abs=0.05)


def test_a_twin_shares_nothing() -> None:
    """But the shapes."""
    made = only("twin config")
    reads = first_reads(made.architecture)
    found = Realiser(made.architecture, reads, np.random.default_rng(1)).all(made.members)
    assert abs(correlation(widen(found.stored[0]), widen(found.stored[-1]))) < 0.1


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_every_kind_is_judged_and_none_is_accused(kind: int) -> None:
    """A handful; the benchmark has the many."""
    one = judged(1, 0, kind)
    assert not one.is_defect, one.text
    assert draw(1, 0, kind).kind == one.kind


def test_second_looks_read_more_weights_elsewhere() -> None:
    """At 512 elements a window."""
    spec = second_spec(5)
    reads = second_reads("experts", spec, 3, moved=False)
    assert len(reads) > 40
    assert {w.length for r in reads for w in r.windows} == {512}
    assert {w.length for r in READS for w in r.windows} == {SPEC.elements}


def test_a_model_in_memory_reads_as_its_sketch() -> None:
    """The first look at it gives what is stored of it, and bytes elsewhere are the same whenever they are read."""
    tree = Tree.grown(30, 1)
    source = MemorySource(tree, 12, "a/b", NOW)
    look = first_look(source, SPEC, FIRST_LOOK_REQUESTS)
    stored = first_sketch(tree, 12, "a/b").samples
    assert look.sketch.samples.keys() == stored.keys()
    assert all(s.values.tobytes() == stored[k].values.tobytes() for k, s in look.sketch.samples.items())
    assert FIRST.slices == len(stored)


def test_the_table_counts_its_suspects_and_gives_the_bound() -> None:
    """The bound follows what was judged."""
    tally = Tally()
    tally.add(judged(1, 0, 10))
    assert tally.total("draws") == 1
    assert "1 honest suspects judged, 0 alerts" in tally.bound()
