"""What a second look reads: every layer of all models, within one budget, from the shards that cost least."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from analyzers.records import SampleSpec, SliceKey, TensorEntry
from analyzers.sketch.coordinates import ReadBudget, ReadPlan
from analyzers.sketch.second_look_plan import MAX_SLICES, plan_depth
from analyzers.sketch.tensor_roles import Group, groups_of
from tests.analyzers.makers import base_weights, layout, release_weights
from tests.analyzers.merges import experts

Groups = Mapping[tuple[str, int], Group]
ROLES = ("self_attn.q_proj", "self_attn.o_proj", "mlp.up_proj", "mlp.down_proj")
SPEC = SampleSpec(seed=11, elements=512)
ROWS, COLS = 256, 512


def model(layers: int, shards: int, name: str = "m", cheap: str = "") -> Groups:
    """A deep model whose tensors are dealt out to shards; those of the role `cheap` all lie in one of their own."""
    entries: dict[tuple[str, int], Group] = {}
    at: dict[str, int] = {}
    for number, (layer, role) in enumerate((i, r) for i in range(layers) for r in ROLES):
        shard = f"{name}-cheap" if role == cheap else f"{name}-{number % shards}"
        begin = at.get(shard, 0)
        at[shard] = begin + ROWS * COLS * 2
        entry = TensorEntry(f"model.layers.{layer}.{role}.weight", "BF16", (ROWS, COLS), shard, begin, at[shard])
        entries[f"layers.{role}", layer] = Group(f"layers.{role}", layer, {-1: entry})
    return entries


def keys(plan: ReadPlan) -> list[SliceKey]:
    """The slices that are read."""
    return [read.slice.key for reads in plan.reads for read in reads]


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("budget", [(30, 6_000_000), (254, 6_000_000), (254, 150_000), (3, 10_000)], ids=str)
@pytest.mark.parametrize("models", [1, 2, 4, 7])
def test_all_plans_together_keep_to_the_budget(models: int, budget: tuple[int, int], moved: bool) -> None:
    """However many models, shards and layers, their requests and bytes add up to no more than was given."""
    groups = [model(40, 3 + 9 * i, f"m{i}") for i in range(models)]
    plans = plan_depth(groups, SPEC, ReadBudget(requests=budget[0], bytes=budget[1]), moved=moved)
    assert len(plans) == models
    assert sum(p.requests for p in plans) <= budget[0]
    assert sum(p.bytes for p in plans) <= budget[1]
    assert all(len(keys(p)) <= MAX_SLICES for p in plans)
    if budget[0] > 100 and budget[1] > 1_000_000 and not moved:
        assert (sum(p.requests for p in plans) > 0.8 * budget[0]) == (models > 1)


def test_every_layer_gives_a_slice_before_any_gives_two() -> None:
    """Whatever the budget ends, no layer has two slices more than another."""
    for requests in (40, 90, 200):
        first, second = plan_depth(
            [model(24, 6, "a"), model(24, 4, "b")], SPEC, ReadBudget(requests=requests), moved=False
        )
        assert keys(first)
        assert sorted(keys(first)) == sorted(keys(second))
        counts = [sum(k.layer == layer for k in keys(first)) for layer in range(24)]
        assert max(counts) - min(counts) <= 1
        assert len(set(keys(first))) == len(keys(first))


def test_shards_that_cost_less_are_preferred() -> None:
    """Once each large role was read, one that lies in one shard of every model is: its address is asked for once."""
    cheap = "mlp.up_proj"
    groups = [model(20, 20, "a", cheap), model(20, 20, "b", cheap)]
    first, _ = plan_depth(groups, SPEC, ReadBudget(requests=44 + 2 * 3), moved=False)
    assert len(keys(first)) == 20
    assert {k.role for k in keys(first)} == {f"layers.{role}" for role in ROLES}
    assert first.requests - len(first.spans) == 4  # addresses: of that shard, and of each other large role's first


def test_another_seed_reads_elsewhere() -> None:
    """The coordinates of a second look cannot be known in advance."""
    groups = [groups_of(layout(base_weights()))]
    spans = {plan_depth([*groups, *groups], SampleSpec(seed), ReadBudget(), moved=False)[0].spans for seed in range(20)}
    assert len(spans) == 20


def test_the_same_places_are_read_in_all_models() -> None:
    """Whatever the sharding, both models give the same slices, head and embedding among them."""
    groups = [groups_of(layout(w, n)) for w, n in ((base_weights(), 2), (release_weights(1), 5))]
    first, second = plan_depth(groups, SPEC, ReadBudget(requests=200), moved=False)
    assert set(keys(first)) == set(keys(second))
    assert {k.role for k in keys(first)} >= {"lm_head", "embed_tokens"}
    assert {k.layer for k in keys(first)} == {-1, 0, 1, 2, 3}


def test_what_no_other_model_has_is_not_read() -> None:
    """A slice that can be compared with nothing is not worth a request."""
    one, other = model(6, 2, "a"), model(3, 2, "b")
    first, second = plan_depth([one, other], SPEC, ReadBudget(requests=200), moved=False)
    assert {k.layer for k in keys(first)} == {0, 1, 2}
    assert set(keys(first)) == set(keys(second))


def test_moved_layers_are_looked_for_in_all_layers() -> None:
    """One role is read in every layer of every model before the next one is begun, also where depths differ."""
    plans = plan_depth([model(12, 3, "a"), model(8, 3, "b")], SPEC, ReadBudget(requests=40), moved=True)
    counts = [{r: sum(k.role == r for k in keys(p)) for r in {k.role for k in keys(p)}} for p in plans]
    complete = [r for r, n in counts[0].items() if n == 12]
    assert complete
    assert all(counts[1][r] == 8 for r in complete)
    assert len(counts[0]) <= len(complete) + 1


def test_experts_take_turns_and_meet_dense_matrices() -> None:
    """Later rounds read other experts; a dense model gives its matrix at the same coordinates."""
    mixture = groups_of(layout(experts([base_weights(), release_weights(1)])))
    dense = groups_of(layout(release_weights(1)))
    first, second = plan_depth([mixture, dense], SPEC, ReadBudget(requests=250), moved=False)
    read = [k for k in keys(first) if k.expert >= 0]
    assert {k.expert for k in read} == {0, 1}
    assert {k.role.replace(".experts", "") for k in read} <= {k.role for k in keys(second)}
    looked_for = plan_depth([mixture, dense], SPEC, ReadBudget(requests=250), moved=True)
    assert {k.layer for k in keys(looked_for[1]) if k.role.endswith("down_proj")} == {0, 1, 2, 3}
    twin, _ = plan_depth([mixture, mixture], SPEC, ReadBudget(requests=250), moved=False)
    assert {k.expert for k in keys(twin)} == {-1, 0, 1}


def test_towers_are_not_read_and_what_holds_most_weights_is() -> None:
    """A layer of a tower is none of the language model; experts are read though their shards cost more."""
    plain, size = dict(model(12, 3)), 8 * ROWS
    tower = {
        (f"visual.blocks.{role}", layer): Group(f"visual.blocks.{role}", layer, group.experts)
        for (role, layer), group in model(12, 3, "t").items()
    }
    big = {
        ("layers.mlp.gate", i): Group(
            "layers.mlp.gate",
            i,
            {-1: TensorEntry(f"g{i}", "BF16", (size, 8 * COLS), f"big-{i}", 0, 16 * size * COLS)},
        )
        for i in range(12)
    }
    for plan in plan_depth([plain | tower | big] * 2, SPEC, ReadBudget(requests=70), moved=False):
        roles = [key.role for key in keys(plan)]
        assert not any(role.startswith("visual") for role in roles)
        assert roles.count("layers.mlp.gate") == 1
        assert {key.layer for key in keys(plan)} == set(range(12))


def test_a_model_whose_layers_bear_other_names_is_read() -> None:
    """A denoiser's blocks are numbered under names that nobody lists: each is a matrix outside all layers."""
    entries = {
        (f"transformer_blocks.{i}.to_q", -1): Group(
            f"transformer_blocks.{i}.to_q",
            -1,
            {-1: TensorEntry(f"t{i}", "BF16", (ROWS, COLS), "m", i * ROWS * COLS * 2, (i + 1) * ROWS * COLS * 2)},
        )
        for i in range(6)
    }
    for plan in plan_depth([entries, entries], SPEC, ReadBudget(requests=70), moved=False):
        assert len(keys(plan)) == 6
