"""Quantized matrices are found among an upload's tensors and read block by block, at the places of any other model."""

from __future__ import annotations

import base64
import json
from functools import cache

import ml_dtypes
import numpy as np
import pytest

from analyzers import duplicate, explain, quantized_blend
from analyzers.compare.case import Case
from analyzers.records import SampleSpec
from analyzers.sketch.layout import layout_of
from analyzers.sketch.quantized_layout import logical
from analyzers.sketch.tensor_roles import elements_of
from demo.models import Delta, Weights, fresh, mixed, trained
from demo.quantizers import E4M3, FINE, FORMATS, fp8
from tests import ROOT
from tests.analyzers.makers import (
    BASE,
    BF16,
    OTHER,
    RELEASE,
    base_weights,
    case,
    delta,
    family,
    header_of,
    layout,
    release_weights,
    samples,
    shards_of,
)
from tests.analyzers.planted import Planted, planted

MLX = ROOT / "tests" / "data" / "mlx_affine.json"
WIDE = SampleSpec(elements=128)  # a whole row of most matrices
TOLD = [name for name in FINE if name != "mlx of 8 bits"]  # formats in which a first look of a tiny model decides
SPOILED = ("fp8 in rows", "nvfp4")  # formats beside which numbers that are none lie, too
EVERY = pytest.mark.parametrize("name", FORMATS)


def blended(shares: dict[str, float]) -> Weights:
    """Mix known models."""
    weights = {BASE: base_weights(), RELEASE: release_weights(1), OTHER: release_weights(2)}
    return mixed([weights[name] for name in shares], list(shares.values()))


@cache
def sibling(lean: float, size: float = 0.03) -> Weights:
    """Train the base on what is like the release's data."""
    return trained(base_weights(), Delta.draw(np.random.default_rng(5000), size).lean(delta(1, size), lean))


def quantized(name: str, weights: Weights) -> Case:
    """Return the case of a quantized upload."""
    return case(FORMATS[name](weights), family())


@EVERY
@pytest.mark.parametrize("spec", [SampleSpec(), WIDE], ids=lambda s: s.name)
def test_samples_are_those_of_the_model_before(name: str, spec: SampleSpec) -> None:
    """The places are the same, and no weight is farther than half a cell from what it was."""
    before, after = samples(base_weights(), spec=spec), samples(FORMATS[name](base_weights()), spec=spec)
    assert before.keys() == after.keys()
    for key, sample in after.items():
        kept = sample.quantized
        assert (sample.row, sample.rows, sample.cols) == (before[key].row, before[key].rows, before[key].cols)
        assert (kept is not None) == ("proj" in key.role)
        if kept is not None:
            exact = before[key].values.astype(np.float64)
            assert bool((np.abs(kept.values - exact) <= kept.cell / 2).all())
            assert bool(kept.holds(exact).all())
            assert np.corrcoef(kept.values, exact)[0, 1] > (0.99 if name in FINE else 0.95)
    assert elements_of(layout(FORMATS[name](base_weights()))) == elements_of(layout(base_weights()))


@EVERY
def test_planted_blends(name: str) -> None:
    """A quantized blend is found code by code; quantized siblings of its parents are left alone."""
    mixes: list[dict[str, float]] = [{RELEASE: 0.6, BASE: 0.4}, {RELEASE: 0.5, OTHER: 0.5}]
    found = [(quantized(name, blended(m)), Planted("blend", m, exact=True)) for m in mixes]
    honest = [quantized(name, weights) for weights in (release_weights(3), sibling(0.95))]
    planted(quantized_blend.analyze, found if name in TOLD else [], honest, spoil=name in SPOILED)


@pytest.mark.parametrize("name", [n for n in FORMATS if n not in TOLD])
def test_where_few_codes_tell_nobody_innocent_is_named(name: str) -> None:
    """In wide cells a first look of tiny models may leave a doubt; what it finds is the truth."""
    finding = explain(quantized(name, blended({RELEASE: 0.6, BASE: 0.4})))
    assert finding.kind in ("blend", "inconclusive", "derivative")
    assert {p.ref.repo_id for p in finding.parents} <= {BASE, RELEASE}


@EVERY
def test_planted_copies(name: str) -> None:
    """A quantization of a known model is a copy of it; one of a model trained on from it, however lightly, is not."""
    found = [
        (quantized(name, base_weights()), Planted("copy", {BASE: None}, exact=True)),
        (quantized(name, release_weights(1)), Planted("copy", {RELEASE: None}, exact=True)),
    ]
    for one, truth in found:
        finding = duplicate.analyze(one)
        assert finding is not None
        assert (finding.kind, [p.ref.repo_id for p in finding.parents]) == (truth.kind, list(truth.parents))
    lightly = [trained(base_weights(), delta(7, size)) for size in (0.001, 0.003)]
    planted(duplicate.analyze, [], [quantized(name, w) for w in (*lightly, sibling(0.8))], spoil=name in SPOILED)


@EVERY
@pytest.mark.parametrize(("size", "lean"), [(0.002, 0.0), (0.01, 0.9), (0.03, 0.5), (0.03, 0.9)])
def test_honest_models_are_derivatives(name: str, size: float, lean: float) -> None:
    """Whatever was trained on from the base is said to come from the base, and nobody else is named."""
    finding = explain(quantized(name, sibling(lean, size)))
    assert finding.kind == "derivative"
    assert [p.ref.repo_id for p in finding.parents] == [BASE]


@EVERY
def test_a_twin_is_unrelated(name: str) -> None:
    """A model of the same shapes that was trained from nothing resembles nobody."""
    assert explain(quantized(name, fresh(np.random.default_rng(9)))).kind == "unrelated"


@pytest.mark.parametrize("group", [32, 64, 128])
@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 8])
def test_mlx_is_read_as_mlx_reads_it(bits: int, group: int) -> None:
    """Codes that the library itself made: its weights come out again, and each weight before lies in its cell."""
    made = json.loads(MLX.read_text())[f"{bits} {group}"]
    raw = {name: base64.b64decode(value) for name, value in made.items()}
    halves = {n: np.frombuffer(raw[n], BF16).reshape(4, -1) for n in ("scales", "biases", "weights", "before")}
    stem = "model.layers.0.self_attn.q_proj."
    weights = {
        f"{stem}weight": np.frombuffer(raw["codes"], np.uint32).reshape(4, -1),
        f"{stem}scales": halves["scales"],
        f"{stem}biases": halves["biases"],
        "model.norm.weight": np.ones(128, BF16),
    }
    (sample,) = samples(weights, 1, WIDE).values()
    theirs, before = (halves[n].astype(np.float64).ravel() for n in ("weights", "before"))
    assert np.allclose(sample.values.astype(np.float64), theirs, rtol=0, atol=2**-7 * np.abs(theirs).max())
    assert sample.quantized is not None
    assert sample.quantized.holds(before).all()


def test_scales_that_fit_no_block_are_not_guessed() -> None:
    """A matrix whose scales are of a number that no known block has is not read."""
    weights = dict(fp8()(base_weights()))
    name = next(n for n in weights if n.endswith("_scale_inv"))
    weights[name] = np.ones((3, 5), np.float32)
    entries = {t.name: t for t in logical(layout(weights).tensors)}
    assert entries[name.removesuffix("_scale_inv")].packing is None
    assert sum(t.packing is not None for t in entries.values()) == sum(n.endswith("_scale_inv") for n in weights) - 1


def test_int8_without_scales_is_no_matrix() -> None:
    """Codes without a scale may be of anything."""
    weights = {"model.layers.0.mlp.up_proj.weight": np.zeros((64, 64), np.int8)}
    assert logical(layout(weights, 1).tensors)[0].packing is None


def test_scales_of_powers_of_two() -> None:
    """A scale in eight bits of exponent is read, whether its type is named or not."""
    rng = np.random.default_rng(3)
    codes = rng.normal(0, 100, (128, 128)).astype(E4M3)
    for dtype in (ml_dtypes.float8_e8m0fnu, np.uint8):
        bits = np.array([[120, 121], [119, 118]], np.uint8)
        weights = {"up_proj.weight": codes, "up_proj.weight_scale_inv": bits.view(dtype)}
        (sample,) = samples(weights, 1, SampleSpec(elements=128)).values()
        full = codes.astype(np.float32) * np.kron(2.0 ** (bits.astype(np.float32) - 127), np.ones((64, 64)))
        assert np.array_equal(sample.values.reshape(4, 128), full[sample.row : sample.row + 4])


def test_experts_in_one_tensor() -> None:
    """Experts that one tensor holds are read with the scales of their own blocks."""
    rng = np.random.default_rng(4)
    codes = rng.normal(0, 100, (4, 128, 256)).astype(E4M3)
    scale = rng.uniform(0.1, 1, (4, 1, 2)).astype(np.float32)
    name = "model.layers.0.mlp.experts.down_proj"
    (key, sample), *_ = samples({name: codes, f"{name}_scale_inv": scale}, 1).items()
    full = codes[key.expert].astype(np.float32) * np.repeat(scale[key.expert], 128, axis=1)
    rows = full[sample.row : sample.row + 4]
    assert all(
        any(np.array_equal(row[c : c + 64], part) for c in range(193))
        for row, part in zip(rows, sample.values.reshape(4, 64), strict=True)
    )


def test_a_layout_counts_its_weights_once() -> None:
    """Scales are no weights of the model."""
    stored = shards_of(fp8()(base_weights()))
    counted = sum(elements_of(layout_of({p: header_of(c) for p, c in stored.items()})).values())
    assert counted == sum(w.size for w in base_weights().values())


def test_a_blend_beside_experts_of_ones_own_is_not_named() -> None:
    """Quantized tensors must follow from the mix as well as the others."""
    shares = {RELEASE: 0.6, BASE: 0.4}
    mix, own = blended(shares), fp8()(sibling(0.5))
    for kept in ("mlp", "self_attn"):
        weights = {n: w for n, w in mix.items() if kept in n or "proj" not in n}
        weights |= {n: w for n, w in own.items() if kept not in n and "proj" in n}
        finding = explain(case(weights, family()))
        assert (finding.kind, finding.parents) == ("inconclusive", ())
        weights |= {n: w for n, w in fp8()(mix).items() if kept not in n and "proj" in n}
        finding = explain(case(weights, family()))
        assert (finding.kind, finding.exact, {p.ref.repo_id for p in finding.parents}) == ("blend", True, set(shares))
