"""What is read is agreed on by everyone: a pure function of spec, role and shape."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.records import SampleSpec, TensorEntry, WeightLayout
from analyzers.sketch.coordinates import (
    LAYER_STREAMS,
    MAX_ROWS,
    MIN_WEIGHTS,
    ReadBudget,
    Window,
    expert_of,
    pick_order,
    plan_reads,
    read_of,
    samples_from,
    slice_of,
    windows_of,
)
from analyzers.sketch.tensor_roles import Group, canonical, groups_of
from demo.models import Weights
from tests.analyzers.makers import (
    BF16,
    SPEC,
    base_weights,
    equal_samples,
    layout,
    plan,
    samples,
    sketch,
    stored_as,
)

SPECS = st.builds(SampleSpec, st.integers(0, 99), st.integers(1, 6), st.integers(16, 600))
ROLES = st.sampled_from(["lm_head", "layers.mlp.up_proj", "layers.self_attn.q_proj"])


@settings(max_examples=200, deadline=None)
@given(spec=SPECS, role=ROLES, rows=st.integers(0, 5000), cols=st.integers(1, 3000))
def test_windows_lie_in_their_matrix(spec: SampleSpec, role: str, rows: int, cols: int) -> None:
    """Windows lie inside the matrix, one in each of `spec.windows` different rows, and are equally long."""
    windows = windows_of(spec, role, rows, cols)
    if not windows:
        assert rows < spec.windows or min(cols, spec.elements) * spec.windows < MIN_WEIGHTS
        return
    assert len({w.row for w in windows}) == spec.windows
    assert {w.length for w in windows} == {min(cols, spec.elements)}
    assert all(0 <= w.row < rows and w.col >= 0 and w.col + w.length <= cols for w in windows)


def test_four_rows_by_default() -> None:
    """The usual spec takes four different rows of every matrix: honest updates may agree along one."""
    assert len({w.row for w in windows_of(SPEC, "lm_head", 1000, 1000)}) == 4


def test_coordinates_are_what_they_were() -> None:
    """The coordinates of stored sketches never change: this pins them for one matrix."""
    assert windows_of(SampleSpec(), "layers.mlp.up_proj", 4096, 4096) == (
        Window(2844, 3445, 64),
        Window(2845, 3445, 64),
        Window(2846, 110, 64),
        Window(2847, 110, 64),
    )


def test_coordinates_are_equal_in_any_layer() -> None:
    """Matrices of one role and shape are sampled at the same coordinates in every layer."""
    rows: dict[str, set[int]] = {}
    for key, sample in samples(base_weights(), budget=ReadBudget(slices=99)).items():
        rows.setdefault(key.role, set()).add(sample.row)
    assert all(len(found) == 1 for found in rows.values())


def test_a_seed_moves_the_coordinates() -> None:
    """Another seed reads elsewhere, so that coordinates cannot be painted over in advance."""
    found = {windows_of(SampleSpec(seed), "lm_head", 4096, 4096) for seed in range(20)}
    assert len(found) == 20


def test_appended_rows_keep_most_choices() -> None:
    """A vocabulary padded by a hundredth keeps its coordinates for most roles and seeds."""
    pairs = [
        (windows_of(SampleSpec(s), "embed_tokens", 3200, 64), windows_of(SampleSpec(s), "embed_tokens", 3232, 64))
        for s in range(200)
    ]
    assert np.mean([a == b for a, b in pairs]) > 0.95


def test_padded_vocabulary_shares_its_samples() -> None:
    """A model with appended vocabulary rows gives the same bytes for all that is not padded."""
    plain = base_weights()
    padded = dict(plain)
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        padded[name] = np.concatenate([plain[name], np.zeros((8, plain[name].shape[1]), BF16)])
    a, b = samples(plain), samples(padded)
    same = [k for k in a if k.layer >= 0]
    assert all(a[k].values.tobytes() == b[k].values.tobytes() for k in same)
    assert len(same) > 10


def test_samples_are_the_models_own_weights() -> None:
    """What is cut out of the files' bytes equals the weights at the windows' coordinates."""
    weights = base_weights()
    for key, sample in samples(weights).items():
        prefix = "model." if key.role != "lm_head" else ""
        role = key.role.replace("layers.", f"layers.{key.layer}.")
        matrix = weights[f"{prefix}{role}.weight"]
        windows = windows_of(SPEC, key.role, sample.rows, sample.cols)
        expected = np.concatenate([matrix[w.row, w.col : w.col + w.length] for w in windows])
        assert sample.values.dtype == matrix.dtype
        assert sample.values.tobytes() == expected.tobytes()


@pytest.mark.parametrize("shards", [1, 3, 7])
def test_sharding_changes_no_sketch(shards: int) -> None:
    """A model spread over other files gives an equal sketch."""
    assert equal_samples(sketch("a/b", base_weights()).samples, sketch("a/b", base_weights(), shards=shards).samples)


@pytest.mark.parametrize("shards", [1, 2, 5])
@pytest.mark.parametrize(
    "budget",
    [ReadBudget(slices=5), ReadBudget(requests=9), ReadBudget(bytes=9000), ReadBudget(gap=0), ReadBudget(gap=1 << 20)],
)
def test_a_budget_gives_a_prefix(budget: ReadBudget, shards: int) -> None:
    """Whatever the budget and the sharding, what is read are the first slices of one order, within the budget."""
    order = [s.key for s in pick_order(groups_of(layout(base_weights())), SPEC)]
    found = plan(base_weights(), shards, budget=budget)
    keys = {r.slice.key for reads in found.reads for r in reads}
    assert keys == set(order[: len(keys)])
    assert len(keys) <= budget.slices
    assert found.requests <= budget.requests
    assert found.bytes <= budget.bytes
    assert found.bytes == sum(end - begin for _, begin, end in found.spans)
    assert found.requests == len(found.spans) + len({shard for shard, _, _ in found.spans})


def test_no_budget_reads_nothing() -> None:
    """Where not even one slice can be paid for, nothing is read."""
    found = plan(base_weights(), budget=ReadBudget(bytes=10))
    assert (found.spans, found.requests, samples_from(found, [])) == ((), 0, {})


@pytest.mark.parametrize("dtype", ["BF16", "F16", "F32"])
def test_reads_stay_inside_their_tensor(dtype: str) -> None:
    """No read begins before its tensor or ends after it, in any storage type."""
    kinds = {"BF16": BF16, "F16": np.dtype(np.float16), "F32": np.dtype(np.float32)}
    weights = stored_as(base_weights(), kinds[dtype])
    for wanted in pick_order(groups_of(layout(weights)), SPEC):
        read = read_of(SPEC, wanted)
        assert wanted.entry.dtype == dtype
        assert wanted.entry.begin <= read.begin < read.end <= wanted.entry.end


def test_depth_does_not_reorder() -> None:
    """A model with a layer cut off keeps the order in which each role's layers are read."""
    full = base_weights()
    cut: Weights = {name: w for name, w in full.items() if ".layers.3." not in name}
    order = [s.key for s in pick_order(groups_of(layout(full)), SPEC)]
    shorter = [s.key for s in pick_order(groups_of(layout(cut)), SPEC)]
    for role in {k.role for k in order}:
        assert [k for k in shorter if k.role == role] == [k for k in order if k.role == role and k.layer != 3]


@pytest.mark.parametrize("depth", [4, 22, 32, 64, 80])
@pytest.mark.parametrize("seed", range(3))
def test_no_role_is_left_to_chance(depth: int, seed: int) -> None:
    """At any depth every kind of matrix is read as often as the others, in layers spread over the whole."""
    entries = [
        replace(t, name=t.name.replace("layers.0", f"layers.{i}")) for t in layer_tensors() for i in range(depth)
    ]
    found = groups_of(WeightLayout(tuple(entries), 0, 0, ""))
    keys = [s.key for s in islice(pick_order(found, SampleSpec(seed)), 14)]
    assert set(Counter(k.role for k in keys).values()) == {2}
    assert len({k.layer for k in keys}) >= min(3, depth)


def layer_tensors() -> list[TensorEntry]:
    """The matrices of one layer."""
    return [t for t in layout(base_weights()).tensors if ".layers.0." in t.name and len(t.shape) == 2]


def test_the_ends_are_read_first() -> None:
    """Head and embedding come before all layers, whose roles then alternate over depth."""
    order = [s.key for s in pick_order(groups_of(layout(base_weights())), SPEC)]
    assert [k.role for k in order[:2]] == ["lm_head", "embed_tokens"]
    assert len({k.layer for k in order[2:14]}) == 4


def test_small_matrices_are_left_out() -> None:
    """A matrix that gives too few weights is not worth a request."""
    rng = np.random.default_rng(0)
    weights = {
        "model.layers.0.small.weight": rng.normal(0, 1, (4, 8)).astype(BF16),
        "model.layers.0.flat.weight": rng.normal(0, 1, (3, 512)).astype(BF16),
        "model.layers.0.enough.weight": rng.normal(0, 1, (4, 16)).astype(BF16),
    }
    assert [k.role for k in samples(weights)] == ["layers.enough"]


def test_bytes_of_another_length_are_refused() -> None:
    """A server that sends too little or too much is noticed."""
    found = plan_reads(groups_of(layout(base_weights())), SPEC, ReadBudget(slices=1))
    begin, end = found.spans[0][1:]
    for length in (0, end - begin - 1, end - begin + 1):
        with pytest.raises(ValueError, match=f"{length} bytes instead of {end - begin}"):
            samples_from(found, [bytes(length)])


def test_windows_are_cheap_to_read() -> None:
    """From the first window to the last a matrix costs little more than its middle rows."""
    for cols in (64, 512, 8192, 50_000):
        windows = windows_of(SPEC, "lm_head", 100_000, cols)
        read = (windows[-1].row - windows[0].row) * cols + windows[-1].col + windows[-1].length - windows[0].col
        assert read <= 3.5 * cols + SPEC.elements


@settings(max_examples=200, deadline=None)
@given(spec=SPECS, role=ROLES, cols=st.integers(16, 9000))
def test_half_the_windows_lie_near_each_end(spec: SampleSpec, role: str, cols: int) -> None:
    """The first half lies in one set of columns in the last part of its rows, the rest in one of the first part."""
    windows = windows_of(spec, role, 4096, cols)
    if not windows:
        assert min(cols, spec.elements) * spec.windows < MIN_WEIGHTS
        return
    half = spec.windows // 2
    late, early = {w.col for w in windows[:half]}, {w.col for w in windows[half:]}
    free = cols - windows[0].length
    assert len(late) == min(half, 1)
    assert len(early) == 1
    assert all(col >= free - free // 4 for col in late)
    assert all(col <= free // 4 for col in early)


def test_the_usual_spec_reads_sixty_four_weights_of_each_row() -> None:
    """A first look takes four times 64 weights of a matrix."""
    assert [w.length for w in windows_of(SPEC, "lm_head", 100_000, 8192)] == [64] * 4


@pytest.mark.parametrize("seed", range(5))
def test_roles_of_one_stream_are_read_in_the_same_layers(seed: int) -> None:
    """What lies in one layer lies mostly in one shard: the kinds of matrices keep to a few sets of layers."""
    roles = [f"layers.mlp.kind{i}" for i in range(14)]
    entry = layer_tensors()[0]
    groups = {(role, layer): Group(role, layer, {-1: entry}) for role in roles for layer in range(48)}
    layers: dict[str, list[int]] = {}
    for wanted in pick_order(groups, SampleSpec(seed)):
        layers.setdefault(wanted.key.role, []).append(wanted.key.layer)
    assert 1 < len({tuple(order) for order in layers.values()}) <= LAYER_STREAMS


def test_experts_are_chosen_by_role_alone() -> None:
    """The same expert in every layer, so that moved layers still meet; another at each turn, till none is left."""
    entry = layer_tensors()[0]
    role = "layers.mlp.experts.up_proj"
    groups = [Group(role, layer, dict.fromkeys(range(6), entry)) for layer in range(5)]
    for turn in range(6):
        found = {wanted.key.expert for g in groups if (wanted := slice_of(g, SPEC, turn))}
        assert len(found) == 1
    orders = [tuple(w.key.expert for t in range(6) if (w := slice_of(g, SPEC, t))) for g in groups]
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(6))}
    assert slice_of(groups[0], SPEC, 6) is None
    other = Group("layers.mlp.experts.down_proj", 0, dict.fromkeys(range(64), entry))
    same = Group(role, 0, dict.fromkeys(range(64), entry))
    firsts = [w.key.expert for g in (other, same) if (w := slice_of(g, SPEC))]
    assert firsts[0] != firsts[1]


def test_an_expert_is_read_where_a_dense_matrix_is() -> None:
    """An expert copied from a dense model has the dense model's coordinates."""
    dense = windows_of(SPEC, "layers.mlp.up_proj", 4096, 1024)
    assert windows_of(SPEC, "layers.mlp.experts.up_proj", 4096, 1024) == dense


def test_a_look_reads_experts_in_the_layers_of_dense_matrices() -> None:
    """Whatever else the two models have: the layers of a role are those of its experts."""
    entry = layer_tensors()[0]
    roles = [f"layers.mlp.{name}_proj" for name in ("gate", "up", "down")]
    dense = {(role, layer): Group(role, layer, {-1: entry}) for role in roles for layer in range(40)}
    apart = {r: r.replace("mlp", "mlp.experts") for r in roles}
    mixture = {(apart[r], layer): Group(apart[r], layer, dict.fromkeys(range(8), entry)) for r, layer in dense}
    for seed in range(20):
        spec = SampleSpec(seed)
        read = [(s.key.role, s.key.layer) for s in pick_order(mixture, spec)]
        for role in roles:
            wanted = [s.key.layer for s in pick_order(dense, spec) if s.key.role == role]
            assert [layer for r, layer in read if r == apart[role]] == wanted


@pytest.mark.parametrize("number", ["9999999", "9" * 25, "9" * 5000, "٣"], ids=["long", "longer", "longest", "arabic"])
@pytest.mark.parametrize("name", ["model.layers.{}.mlp.up_proj.weight", "model.layers.0.mlp.experts.{}.up_proj.weight"])
def test_a_number_that_no_model_has_is_a_part_of_the_name(name: str, number: str) -> None:
    """A name must not make us count to it."""
    key = canonical(name.format(number))
    assert (key.layer, key.expert) in ((-1, -1), (0, -1))
    assert number in key.role


def test_vast_shapes_cost_no_memory() -> None:
    """A file of hundreds of gigabytes costs its maker nothing: rows or experts that no model has are not counted."""
    tracemalloc.start()
    assert all(w.row + 4 <= MAX_ROWS for w in windows_of(SPEC, "embed_tokens", 10**10, 32))
    vast = TensorEntry("model.layers.0.mlp.experts.down_proj", "BF16", (10**9, 8, 32), "m", 0, 512 * 10**9)
    groups = groups_of(WeightLayout((vast,), 0, 0, ""))
    assert [g.fused for g in groups.values()] == [None]
    assert list(pick_order(groups, SPEC))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 300 << 20


def test_an_experts_order_needs_only_its_number() -> None:
    """Which other experts there are changes nothing between two of them, and no list is made up to the largest."""
    few, many = [3, 999_999], [*range(8), 999_999]
    first = [expert_of("layers.mlp.experts.up_proj", many, SPEC, turn) for turn in range(9)]
    assert [expert_of("layers.mlp.experts.up_proj", few, SPEC, turn) for turn in range(2)] == [
        e for e in first if e in few
    ]
    assert expert_of("layers.mlp.up_proj", [-1], SPEC) == -1
