"""The same matrix has the same key, and gives the same bytes, however it is wrapped, fused or named."""

from __future__ import annotations

import numpy as np
import pytest

from analyzers.records import SliceKey, TensorEntry, WeightLayout
from analyzers.sketch.coordinates import pick_order
from analyzers.sketch.tensor_roles import canonical, elements_of, groups_of
from demo.models import Array, Weights
from tests.analyzers.makers import BF16, F16, F32, SPEC, base_weights, equal_samples, layout, plan, samples

EXPERTS, INNER, WIDTH, DEPTH = 6, 96, 128, 2
Q = SliceKey("layers.self_attn.q_proj", 3)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("model.layers.3.self_attn.q_proj.weight", Q),
        ("model.language_model.layers.3.self_attn.q_proj.weight", Q),
        ("language_model.model.layers.3.self_attn.q_proj.weight", Q),
        ("layers.3.self_attn.q_proj.weight", Q),
        ("module.model.layers.3.self_attn.q_proj.weight", Q),
        ("transformer.h.3.attn.c_attn.weight", SliceKey("layers.attn.c_attn", 3)),
        ("model.embed_tokens.weight", SliceKey("embed_tokens")),
        ("language_model.lm_head.weight", SliceKey("lm_head")),
        ("model.layers.1.mlp.experts.5.gate_proj.weight", SliceKey("layers.mlp.experts.gate_proj", 1, 5)),
        ("model.layers.1.block_sparse_moe.experts.5.w1.weight", SliceKey("layers.mlp.experts.gate_proj", 1, 5)),
        ("model.layers.1.block_sparse_moe.experts.5.w2.weight", SliceKey("layers.mlp.experts.down_proj", 1, 5)),
        ("model.layers.1.block_sparse_moe.experts.5.w3.weight", SliceKey("layers.mlp.experts.up_proj", 1, 5)),
        ("model.layers.1.feed_forward.gate_proj.weight", SliceKey("layers.mlp.gate_proj", 1)),
        ("model.layers.1.mlp.w1.weight", SliceKey("layers.mlp.w1", 1)),
        ("model.layers.1.mlp.experts.gate_up_proj", SliceKey("layers.mlp.experts.gate_up_proj", 1)),
        ("layers.1.attention.wo.weight", SliceKey("layers.self_attn.o_proj", 1)),
        ("layers.1.attention.wq.weight", SliceKey("layers.attention.wq", 1)),
        ("layers.1.feed_forward.w2.weight", SliceKey("layers.mlp.down_proj", 1)),
        ("output.weight", SliceKey("lm_head")),
        ("base_model.model.model.layers.3.self_attn.q_proj.base_layer.weight", Q),
        ("model", SliceKey("model")),
        ("7.weight", SliceKey("7")),
    ],
)
def test_a_name_has_one_key(name: str, key: SliceKey) -> None:
    """Wrappers, families' own names and indices are taken out of a tensor's name."""
    assert canonical(name) == key


@pytest.mark.parametrize("wrapper", ["agent.policy.", "omni.talker.model.", "model.", "x.model.language."])
def test_a_wrapper_that_nobody_lists_is_found_by_the_embedding_beside_the_layers(wrapper: str) -> None:
    """A language model has the same roles under it; a tower beside it keeps its own."""
    outer = wrapper.partition(".")[0]
    tower = {f"{outer}.eyes.encoder.layers.0.self_attn.q_proj.weight": np.zeros((256, 256), BF16)}
    plain = base_weights()
    wrapped = {f"{wrapper}{name.removeprefix('model.')}": array for name, array in plain.items()}
    found, own = groups_of(layout(wrapped | tower)), groups_of(layout(plain))
    assert set(own) < set(found)
    assert not any(role.startswith("layers.") for role, _ in set(found) - set(own))


@pytest.mark.parametrize(
    "name",
    [
        "model.visual.blocks.3.self_attn.q_proj.weight",
        "vision_tower.encoder.layers.3.self_attn.q_proj.weight",
        "model.vision_model.layers.3.self_attn.q_proj.weight",
        "mtp.layers.3.self_attn.q_proj.weight",
        "model.audio_tower.layers.3.self_attn.q_proj.weight",
    ],
)
def test_towers_and_heads_are_not_the_main_layers(name: str) -> None:
    """A layer of a vision tower or a prediction head is never taken for a layer of the language model."""
    key = canonical(name)
    assert key.role != Q.role
    assert not key.role.startswith("layers.")


def test_main_layers_come_before_towers() -> None:
    """What is read first are the ends and the language model's layers; towers and prediction heads follow."""
    rng = np.random.default_rng(0)
    names = ["visual.blocks.0.attn.qkv", "mtp.layers.0.mlp.up_proj", "model.layers.0.mlp.up_proj", "lm_head"]
    weights = {f"{name}.weight": rng.normal(0, 1, (64, 64)).astype(F32) for name in names}
    order = [s.key.role for s in pick_order(groups_of(layout(weights)), SPEC)]
    assert order[:2] == ["lm_head", "layers.mlp.up_proj"]
    assert set(order[2:]) == {"visual.blocks.attn.qkv", "mtp.layers.mlp.up_proj"}


@pytest.mark.parametrize("prefix", ["model.language_model.", "language_model.model.", "", "module.model."])
def test_a_wrapper_changes_no_sample(prefix: str) -> None:
    """A model under any wrapper gives the same keys and the same bytes."""
    plain = base_weights()
    wrapped = {prefix + name.removeprefix("model."): w for name, w in plain.items()}
    assert equal_samples(samples(plain), samples(wrapped))


def parts(seed: int = 3) -> dict[tuple[int, str], list[Array]]:
    """Gate, up and down matrices of every expert of every layer."""
    rng = np.random.default_rng(seed)
    shapes = {"gate_proj": (INNER, WIDTH), "up_proj": (INNER, WIDTH), "down_proj": (WIDTH, INNER)}
    return {
        (layer, part): [rng.normal(0, 0.02, shape).astype(BF16) for _ in range(EXPERTS)]
        for layer in range(DEPTH)
        for part, shape in shapes.items()
    }


def per_expert() -> Weights:
    """One tensor for each expert's matrix."""
    return {
        f"model.layers.{layer}.mlp.experts.{i}.{part}.weight": w
        for (layer, part), experts in parts().items()
        for i, w in enumerate(experts)
    }


def mixtral() -> Weights:
    """The same under Mixtral's names."""
    own = {"gate_proj": "w1", "down_proj": "w2", "up_proj": "w3"}
    return {
        f"model.layers.{layer}.block_sparse_moe.experts.{i}.{own[part]}.weight": w
        for (layer, part), experts in parts().items()
        for i, w in enumerate(experts)
    }


def fused(*, transposed: bool = False) -> Weights:
    """One tensor for all experts, gate rows before up rows."""
    found: dict[str, Array] = {}
    by_part = parts()
    for layer in range(DEPTH):
        gate, up, down = (np.stack(by_part[layer, p]) for p in ("gate_proj", "up_proj", "down_proj"))
        both = np.concatenate([gate, up], axis=1)
        where = f"model.layers.{layer}.mlp.experts"
        found[f"{where}.gate_up_proj"] = both.transpose(0, 2, 1) if transposed else both
        found[f"{where}.down_proj"] = down.transpose(0, 2, 1) if transposed else down
    return found


@pytest.mark.parametrize("other", [mixtral(), fused()], ids=["Mixtral's names", "fused"])
@pytest.mark.parametrize("shards", [1, 3])
def test_experts_are_the_same_slices(other: Weights, shards: int) -> None:
    """Experts give the same keys and the same bytes, whether apart, under Mixtral's names or fused in one tensor."""
    found = samples(per_expert())
    assert len(found) == 3 * DEPTH
    assert equal_samples(found, samples(other, shards))


def test_a_transposed_fused_tensor_is_its_own_role() -> None:
    """Fused experts in another order are never compared with rows that they are not."""
    roles = {role for role, _ in groups_of(layout(fused(transposed=True)))}
    assert "layers.mlp.experts.gate_up_proj" in roles
    assert not roles & {"layers.mlp.experts.gate_proj", "layers.mlp.experts.up_proj"}


def test_a_fused_tensor_without_its_twin_is_its_own_role() -> None:
    """Without down_proj to tell rows from columns nothing is split."""
    alone = {name: w for name, w in fused().items() if "gate_up" in name}
    assert {role for role, _ in groups_of(layout(alone))} == {"layers.mlp.experts.gate_up_proj"}


def test_one_expert_of_a_role_is_read_in_every_layer() -> None:
    """The expert that is read depends on the role alone, so that any two models share it."""
    chosen: dict[str, set[int]] = {}
    for key in samples(per_expert()):
        chosen.setdefault(key.role, set()).add(key.expert)
    assert all(len(experts) == 1 for experts in chosen.values())


def test_a_missing_expert_is_an_error() -> None:
    """Asking for an expert that a layer has not is an error, never another expert."""
    group = groups_of(layout(per_expert()))["layers.mlp.experts.up_proj", 0]
    assert list(group.expert_indices()) == list(range(EXPERTS))
    with pytest.raises(KeyError):
        group.slice(EXPERTS)


def test_only_readable_matrices_are_grouped() -> None:
    """Vectors, scalars, empty matrices and types that are not read are left out."""
    weights: Weights = {
        "model.norm.weight": np.ones(64, F32),
        "model.layers.0.a.weight": np.ones((64, 64), np.int8),
        "model.layers.0.b.weight": np.ones((0, 64), F32),
        "model.layers.0.c.weight": np.ones((64, 64), F16),
    }
    assert set(groups_of(layout(weights))) == {("layers.c", 0)}


def test_a_convolution_is_read_as_rows() -> None:
    """A tensor of more than two dimensions that holds no experts is a matrix of its first dimension's rows."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(0, 1, (16, 4, 8)).astype(F32)
    reads = plan({"model.layers.0.conv.weight": kernel}).reads[0]
    assert (reads[0].slice.rows, reads[0].slice.cols) == (16, 32)


@pytest.mark.parametrize(
    "name",
    [
        "model.layers.0.mlp.down_proj.weight_scale_inv",
        "model.layers.0.mlp.down_proj.scales",
        "model.layers.0.mlp.experts.down_proj_scales",
        "model.layers.0.mlp.down_proj.qzeros",
        "model.layers.0.self_attn.rotary_emb.inv_freq",
    ],
)
def test_scales_are_no_weights(name: str) -> None:
    """They are neither sampled nor counted among what could be compared."""
    entry = TensorEntry(name, "BF16", (256, 256), "a.safetensors", 0, 131_072)
    found = WeightLayout((entry,), 131_072, 65_536, "")
    assert (groups_of(found), elements_of(found)) == ({}, {})


def test_adapters_are_not_sampled_and_have_roles_of_their_own() -> None:
    """So a base that lies beside them is not taken for the model as it runs."""
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.default.weight"
    found = WeightLayout((TensorEntry(name, "BF16", (16, 256), "a.safetensors", 0, 8192),), 8192, 4096, "")
    assert (groups_of(found), elements_of(found)) == ({}, {"layers.self_attn.q_proj.lora_A.default": 4096})


def test_elements_count_what_cannot_be_read() -> None:
    """Packed integers count as four bits each, FP8 as one each, experts in one tensor by their roles."""
    shapes = {
        "model.layers.0.self_attn.q_proj.weight": ("BF16", (64, 64), 2),
        "model.layers.1.self_attn.q_proj.weight": ("F8_E4M3", (64, 64), 1),
        "model.layers.0.mlp.down_proj.qweight": ("I32", (8, 64), 4),
        "model.layers.0.mlp.experts.gate_up_proj": ("BF16", (4, 32, 64), 2),
        "model.layers.0.mlp.experts.down_proj": ("BF16", (4, 64, 16), 2),
    }
    entries, at = [], 0
    for name, (dtype, shape, item) in shapes.items():
        size = int(np.prod(shape)) * item
        entries.append(TensorEntry(name, dtype, shape, "a.safetensors", at, at + size))
        at += size
    assert elements_of(WeightLayout(tuple(entries), at, 0, "")) == {
        "layers.self_attn.q_proj": 2 * 4096,
        "layers.mlp.down_proj.qweight": 8 * 8 * 64,
        "layers.mlp.experts.gate_proj": 4096,
        "layers.mlp.experts.up_proj": 4096,
        "layers.mlp.experts.down_proj": 4096,
    }


def joined(weights: Weights) -> Weights:
    """Return a model with its q, k, v and its gate and up matrices one after another, as Phi and GLM store them."""
    found: dict[str, Array] = {}
    rows = {
        "q_proj": ("qkv_proj", ("q_proj", "k_proj", "v_proj")),
        "gate_proj": ("gate_up_proj", ("gate_proj", "up_proj")),
    }
    for name, matrix in weights.items():
        part = name.split(".")[-2]
        if part in rows:
            whole, parts = rows[part]
            found[name.replace(part, whole)] = np.concatenate([weights[name.replace(part, p)] for p in parts])
        elif part not in ("k_proj", "v_proj", "up_proj"):
            found[name] = matrix
    return found


def test_fused_matrices_are_the_same_slices() -> None:
    """Splitting or joining them changes no sample."""
    assert equal_samples(samples(joined(base_weights())), samples(base_weights()))
    assert elements_of(layout(joined(base_weights()))) == elements_of(layout(base_weights()))


def test_a_fused_matrix_of_another_order_is_its_own_role() -> None:
    """Rows that do not fit what they feed are not cut."""
    weights = {n: (w[:-2] if "qkv_proj" in n or "gate_up" in n else w) for n, w in joined(base_weights()).items()}
    weights = {n: (w[:-1] if "qkv_proj" in n else w) for n, w in weights.items()}
    roles = {role for role, _ in groups_of(layout(weights))}
    assert {"layers.self_attn.qkv_proj", "layers.mlp.gate_up_proj"} <= roles


def test_a_hostile_name_splits_nothing_and_many_experts_cost_nothing() -> None:
    """Names that collapse into another's are no fused matrix; experts are counted by shape."""
    weights: Weights = {"x.foo.weight": np.zeros((300, 64), BF16), "x..weight": np.zeros((64, 100), BF16)}
    assert elements_of(layout(weights)) == {"x.foo": 19_200, "x.": 6_400}
    entry = TensorEntry("model.layers.0.mlp.experts.up_proj", "BF16", (65_536, 1, 1), "a.safetensors", 0, 131_072)
    assert elements_of(WeightLayout((entry,), 131_072, 65_536, "")) == {"layers.mlp.experts.up_proj": 65_536}
