"""GPTQ, AWQ and bitsandbytes are read as these tools read them, and no more of them than a look can pay for."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from analyzers.numbers.parts import CHEAP, Packing
from analyzers.numbers.quantized import levels_of
from analyzers.numbers.rounding import Floats
from analyzers.numbers.unpacking import DYNAMIC
from analyzers.records import Sample, SampleSpec, ShardHeader
from analyzers.sketch.coordinates import ReadBudget, plan_reads
from analyzers.sketch.layout import layout_of
from analyzers.sketch.quantized_layout import logical
from analyzers.sketch.tensor_roles import elements_of, groups_of
from demo.models import Array, Weights
from tests import ROOT
from tests.analyzers.makers import BF16, layout, samples

MADE = json.loads((ROOT / "tests" / "data" / "gptq_awq_bitsandbytes.json").read_text())
GPTQ = [name for name in MADE if name.startswith("gptq")]
FLAT = [name for name in MADE if name.startswith(("nf4", "fp4"))]
STEM = "model.layers.0.self_attn.q_proj."
NORM = {"model.norm.weight": np.ones(48, BF16)}


def array(name: str, part: str, dtype: type | np.dtype[np.generic]) -> Array:
    """Return one tensor that a tool made."""
    return np.frombuffer(base64.b64decode(MADE[name][part]), dtype)


def stored(name: str) -> Weights:
    """Return a matrix of 32 rows as a tool stored it."""
    rows, cols, group, _ = MADE[name]["shape"]
    if name in FLAT:
        table = name.removesuffix(" nested")
        state = f"quant_state.bitsandbytes__{table}"
        nested = "nested" in name
        found: dict[str, Array] = {
            "weight": array(name, "weight", np.uint8)[:, None],
            "weight.absmax": array(name, "absmax", np.uint8 if nested else np.float32),
            f"weight.{state}": array(name, state, np.uint8),
        }
        if nested:
            found["weight.nested_absmax"] = array(name, "nested_absmax", np.float32)
    else:
        found = {part: array(name, part, np.int32) for part in ("qweight", "qzeros", "g_idx") if part in MADE[name]}
        found["qweight"] = found["qweight"].reshape(-1, rows) if name in GPTQ else found["qweight"].reshape(cols, -1)
        found["qzeros"] = found["qzeros"].reshape(cols // group, -1)
        found["scales"] = array(name, "scales", np.float16).reshape(cols // group, -1)
    return {STEM + part: w for part, w in found.items()} | NORM


def whole(weights: Weights, cols: int) -> Sample:
    """Read four whole rows of the one matrix."""
    (sample,) = samples(weights, 1, SampleSpec(elements=cols)).values()
    return sample


def rows_of(name: str, sample: Sample, part: str, dtype: type | np.dtype[np.generic]) -> Floats:
    """Return the same rows of what a tool made."""
    rows, cols, *_ = MADE[name]["shape"]
    return array(name, part, dtype).reshape(rows, cols)[sample.row : sample.row + 4].astype(np.float64).ravel()


@pytest.mark.parametrize("name", [n for n in MADE if n != "made" and n not in FLAT])
def test_words_are_read_as_the_tools_read_them(name: str) -> None:
    """Whatever the bits, zero points and order of columns, as the tool's own weights in half precision."""
    sample = whole(stored(name), MADE[name]["shape"][1])
    assert (sample.rows, sample.cols) == tuple(MADE[name]["shape"][:2])
    theirs = rows_of(name, sample, "weights", np.float16)
    assert np.allclose(sample.values, theirs, rtol=2**-10, atol=1e-6)


@pytest.mark.parametrize("name", GPTQ)
def test_zero_points_of_the_second_version(name: str) -> None:
    """Where they are not stored less one, the weights are the same; of 8 bits only in the middle can that be told."""
    bits = MADE[name]["shape"][3]
    weights, words = dict(stored(name)), STEM + "qzeros"
    zeros = np.ascontiguousarray(weights[words]).view(np.uint8)
    codes = np.stack([(zeros >> s) & ((1 << bits) - 1) for s in range(0, 8, bits)], axis=-1) + 1
    packed = (codes.astype(np.uint8) << np.arange(0, 8, bits, dtype=np.uint8)).sum(axis=-1, dtype=np.uint8)
    sample = whole(weights | {words: packed.view(np.int32)}, MADE[name]["shape"][1])
    theirs = rows_of(name, sample, "weights", np.float16)
    if bits < 8 or "asym" not in name:
        assert np.allclose(sample.values, theirs, rtol=2**-10, atol=1e-6)
    else:
        assert np.corrcoef(sample.values.astype(np.float64), theirs)[0, 1] > 0.999


@pytest.mark.parametrize("name", FLAT)
def test_nf4_and_fp4_are_read_as_bitsandbytes_reads_them(name: str) -> None:
    """Blocks that end within rows; each weight before lies in its cell."""
    sample = whole(stored(name), 48)
    assert np.allclose(sample.values, rows_of(name, sample, "weights", np.float32), rtol=1e-6, atol=0)
    assert sample.quantized is not None
    assert sample.quantized.holds(rows_of(name, sample, "before", BF16)).all()


def test_the_dynamic_type_is_the_one_that_bitsandbytes_makes() -> None:
    """256 values, denser near zero."""
    assert (DYNAMIC.size, DYNAMIC[0], DYNAMIC[-1]) == (256, np.float32(-0.99296875), 1.0)
    assert [levels_of(name).size for name in ("nf4", "fp4")] == [16, 15]


def entry(name: str, dtype: str, shape: list[int], begin: int, size: int) -> tuple[str, dict[str, object]]:
    """Return one tensor of a header."""
    return name, {"dtype": dtype, "shape": shape, "data_offsets": [begin, begin + int(np.prod(shape)) * size]}


def large(rows: int, cols: int, group: int, *, gptq: bool) -> Packing:
    """Return how a large matrix is stored."""
    shape = [cols // 8, rows] if gptq else [cols, rows // 8]
    parts = [("qweight", "I32", shape, 4), ("qzeros", "I32", [cols // group, rows // 8], 4)]
    parts += [("scales", "F16", [cols // group, rows], 2)] + ([("g_idx", "I32", [cols], 4)] if gptq else [])
    entries, begin = {}, 0
    for part, dtype, dims, size in parts:
        name, about = entry(STEM + part, dtype, dims, begin, size)
        entries[name] = about
        begin += int(np.prod(dims)) * size
    of = layout_of({"model.safetensors": ShardHeader(entries, begin + 108, 100)})
    assert elements_of(of) == {"layers.self_attn.q_proj": rows * cols}
    plan = plan_reads(groups_of(of), SampleSpec(), ReadBudget())
    assert plan.bytes <= 6 * CHEAP
    (found,) = logical(of.tensors)
    assert found.packing is not None
    return found.packing


@pytest.mark.parametrize("gptq", [True, False])
@pytest.mark.parametrize("rows", [1024, 4096, 14336])
def test_a_few_columns_of_a_large_matrix_are_read(rows: int, gptq: bool) -> None:
    """As many as are cheap to reach, of the windows that share columns, and at least 64 weights."""
    places = tuple((8 + i, 4000 if i < 2 else 40, 64) for i in range(4))
    packing = large(rows, 4096, 128, gptq=gptq)
    read = packing.read(places)
    assert {place[:2] for place in read} == {(10, 40), (11, 40)}
    assert {length for _, _, length in read} == {64 if rows == 1024 else 32}
    codes = packing.parts[0]
    begin, end = packing.span(codes, places)
    assert end - begin <= max(CHEAP, 33 * rows // 2)


def test_an_index_of_groups_needs_all_scales() -> None:
    """All of them are read where they are few; else what another order of columns hides is no number."""
    assert large(1024, 4096, 128, gptq=True).indexed(large(1024, 4096, 128, gptq=True).parts[2])
    packing = large(4096, 4096, 128, gptq=True)
    assert not packing.indexed(packing.parts[2])


def test_what_does_not_fit_together_is_not_read() -> None:
    """Scales of another number, words of no known width, an index of another length, a matrix of unknown shape."""
    good = dict(stored("gptq 4 sym"))
    wrong: list[Weights] = [
        good | {STEM + "scales": np.ones((3, 32), np.float16)},
        good | {STEM + "qzeros": np.ones((4, 3), np.int32)},
        good | {STEM + "g_idx": np.ones(31, np.int32)},
        {name: w for name, w in good.items() if "scales" not in name},
        {name.replace("q_proj", "in_proj"): w for name, w in stored("nf4").items()},
        {name: w for name, w in stored("fp4 nested").items() if "quant_state" not in name},
        dict(stored("nf4")) | {STEM + "weight.absmax": np.ones(7, np.float32)},
    ]
    for weights in wrong:
        assert all(e.packing is None for e in logical(layout(weights, 1).tensors))


def test_an_offset_that_is_no_json_says_nothing() -> None:
    """Scales that cannot be known make no weights."""
    weights = dict(stored("nf4 nested"))
    state = STEM + "weight.quant_state.bitsandbytes__nf4"
    for text in (b"\xff not JSON", b"[" * 100_000, b'{"nested_offset": null}'):
        assert samples(weights | {state: np.frombuffer(text, np.uint8)}, 1, SampleSpec(elements=48)) == {}
