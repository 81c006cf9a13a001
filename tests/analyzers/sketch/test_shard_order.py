"""The order of shards by an index alone is the order in which a look wants their tensors."""

from __future__ import annotations

from analyzers.records import SampleSpec
from analyzers.sketch.coordinates import pick_order
from analyzers.sketch.shard_order import for_a_look, for_what_is_in
from analyzers.sketch.tensor_roles import groups_of
from tests.analyzers.makers import base_weights, layout, release_weights
from tests.analyzers.merges import experts


def test_the_first_shards_hold_what_a_look_reads_first() -> None:
    """One tensor a shard: the order of shards is the order of slices, for dense models and experts."""
    for weights in (base_weights(), experts([base_weights(), release_weights(1), release_weights(2)])):
        shard_of = {name: f"{number}.safetensors" for number, name in enumerate(sorted(weights))}
        for seed in range(5):
            spec = SampleSpec(seed)
            read = [shard_of[s.entry.name] for s in pick_order(groups_of(layout(weights)), spec)]
            order = [shard for shard in for_a_look(spec)(shard_of) if shard in read]  # a router may be too small
            assert order == read


def test_fused_experts_are_wanted_for_both_of_their_roles() -> None:
    """The tensor of gate and up projections stands for two roles, and norms and biases for none."""
    names = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj", "input_layernorm.weight", "self_attn.q_proj.bias"]
    shard_of = {f"model.layers.{layer}.{name}": f"{layer}-{name}" for layer in range(4) for name in names}
    order = for_a_look(SampleSpec())(shard_of)
    assert sorted(order) == sorted(s for s in shard_of.values() if "experts" in s)
    assert for_what_is_in({("layers.mlp.experts.up_proj", 2)})(shard_of) == ("2-mlp.experts.gate_up_proj",)


def test_another_models_matrices_come_first_where_most_of_them_lie() -> None:
    """What the suspect showed is looked for, where the fewest headers show most of it."""
    shard_of = {
        "model.layers.0.mlp.up_proj.weight": "b",
        "model.layers.1.mlp.up_proj.weight": "b",
        "model.layers.2.mlp.up_proj.weight": "a",
        "model.layers.3.mlp.up_proj.weight": "c",
    }
    wanted = {("layers.mlp.up_proj", layer) for layer in range(3)}
    assert for_what_is_in(wanted)(shard_of) == ("b", "a")
