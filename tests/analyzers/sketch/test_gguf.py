"""GGUF files: headers, names, order of rows, blocks; and what is said of uploads stored so."""

from __future__ import annotations

import base64
import json
import struct

import numpy as np
import pytest

from analyzers import duplicate, explain, quantized_blend
from analyzers.compare.case import Case, case_of
from analyzers.errors import MalformedWeights
from analyzers.numbers.gguf_blocks import BLOCKS
from analyzers.records import RepoRef, ShardHeader, Sketch
from analyzers.sketch.coordinates import plan_reads, samples_from
from analyzers.sketch.gguf import TYPES, read_header, renamed
from analyzers.sketch.layout import layout_of
from analyzers.sketch.tensor_roles import elements_of, groups_of
from demo.gguf import PAIRS, gguf, parts
from demo.models import Weights, fresh, trained
from tests import ROOT
from tests.analyzers.makers import (
    BASE,
    BF16,
    BUDGET,
    F16,
    F32,
    NOW,
    RELEASE,
    SPEC,
    SUSPECT,
    base_weights,
    declaring,
    delta,
    equal_samples,
    family,
    layout,
    release_weights,
    samples,
    stored_as,
)
from tests.analyzers.planted import Planted, planted
from tests.analyzers.sketch.test_quantized_layout import blended, sibling

KINDS = ["Q8_0", "Q6_K", "Q4_0"]
EVERY = pytest.mark.parametrize("kind", KINDS)
EXPECTED = ROOT / "tests" / "data" / "gguf_blocks.json"


def header(content: bytes) -> ShardHeader:
    """Read a header that is whole."""
    found = read_header(content, len(content), "q.gguf")
    assert found is not None
    return found


def sketch(files: dict[str, bytes]) -> Sketch:
    """Sketch a model out of its files."""
    of = layout_of({path: header(content) for path, content in files.items()})
    plan = plan_reads(groups_of(of), SPEC, BUDGET)
    data = [files[shard][begin:end] for shard, begin, end in plan.spans]
    return Sketch(RepoRef(SUSPECT, "0" * 40), SPEC, samples_from(plan, data))


def case(weights: Weights, kind: str) -> Case:
    """Return the case of an upload as GGUF."""
    return case_of(sketch({"q.gguf": gguf(weights, kind)}), family(), declaring(), NOW)


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_are_read_as_the_format_s_own_library_reads_them(name: str) -> None:
    """Bit for bit, on two random blocks of each type."""
    expected = json.loads(EXPECTED.read_text())[name]
    block = next(b for b in TYPES.values() if b.name == name)
    raw = np.frombuffer(bytes.fromhex(expected["blocks"]), np.uint8).reshape(-1, block.size)
    planes = BLOCKS[name](raw)
    offset = planes.get("offset", np.zeros(1, np.float32))
    found = offset + planes["scale"] * planes["level"]
    assert np.array_equal(found.ravel(), np.frombuffer(base64.b64decode(expected["weights"]), "<f4"))


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16"])
def test_plain_types_are_the_same_weights_at_the_same_places(kind: str) -> None:
    """Tensors that a converter renames and puts in another order are found where they were."""
    before = samples(stored_as(base_weights(), {"F32": F32, "F16": F16, "BF16": BF16}[kind]))
    for files in ({"q.gguf": gguf(base_weights(), kind)}, parts(base_weights(), kind, 3)):
        assert equal_samples(sketch(files).samples, before)


@EVERY
def test_quantized_types_are_near_the_weights_before(kind: str) -> None:
    """At the same places, within a cell, and in as many weights."""
    before, after = samples(base_weights()), sketch({"q.gguf": gguf(base_weights(), kind)}).samples
    assert before.keys() == after.keys()
    for key, sample in after.items():
        assert sample.quantized is not None
        exact = before[key].values.astype(np.float64)
        assert sample.quantized.holds(exact).all()
        assert (np.abs(sample.quantized.values - exact) <= sample.quantized.cell / 2).all()
    of = layout_of({"q.gguf": header(gguf(base_weights(), kind))})
    assert elements_of(of)["layers.self_attn.q_proj"] == elements_of(layout(base_weights()))["layers.self_attn.q_proj"]


@EVERY
def test_planted(kind: str) -> None:
    """Blends are found code by code, copies are copies, and honest models are neither."""
    shares = {RELEASE: 0.6, BASE: 0.4}
    honest = [release_weights(3), sibling(0.5), sibling(0.9), trained(base_weights(), delta(7, 0.005))]
    quiet = [case(w, kind) for w in honest]
    planted(quantized_blend.analyze, [(case(blended(shares), kind), Planted("blend", shares, exact=True))], quiet)
    planted(duplicate.analyze, [], quiet)
    assert [explain(one).kind for one in quiet] == ["derivative"] * len(quiet)
    for name, weights in ((BASE, base_weights()), (RELEASE, release_weights(1))):
        finding = explain(case(weights, kind))
        assert (finding.kind, finding.exact, [p.ref.repo_id for p in finding.parents]) == ("copy", True, [name])
    assert explain(case(fresh(np.random.default_rng(9)), kind)).kind == "unrelated"


def test_a_header_may_end_anywhere() -> None:
    """Where it ends early more is asked for, and nothing else happens."""
    content = gguf(base_weights(), "Q8_0")
    whole = header(content)
    end = (whole.header_bytes or 0) + 8
    for cut in (0, 3, 4, 12, 30, 100, end // 2, end - 200):
        assert read_header(content[:cut], len(content), "q.gguf") is None
    assert read_header(content[:end], len(content), "q.gguf") == whole


WRONG = {
    "no GGUF": b"GGML" + bytes(40),
    "an unknown version": b"GGUF" + struct.pack("<IQQ", 9, 0, 0),
    "too many tensors": b"GGUF" + struct.pack("<IQQ", 3, 1 << 40, 0),
    "too many pairs": b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 40),
    "an unknown type of value": b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"a" + struct.pack("<I", 99),
    "a list of lists": b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"a" + struct.pack("<IIQ", 9, 9, 1),
    "an unknown type of tensor": b"GGUF" + struct.pack("<IQQQ", 3, 1, 0, 1) + b"a" + struct.pack("<IQIQ", 1, 32, 99, 0),
    "rows of no whole blocks": b"GGUF" + struct.pack("<IQQQ", 3, 1, 0, 1) + b"a" + struct.pack("<IQIQ", 1, 31, 8, 0),
    "five dimensions": b"GGUF"
    + struct.pack("<IQQQ", 3, 1, 0, 1)
    + b"a"
    + struct.pack("<I5QIQ", 5, 1, 1, 1, 1, 1, 0, 0),
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_a_wrong_header_is_one_clear_error(content: bytes) -> None:
    """It names the file."""
    with pytest.raises(MalformedWeights, match=r"^q\.gguf: "):
        read_header(content + bytes(64), 1 << 30, "q.gguf")


def test_a_tensor_outside_the_file_is_an_error() -> None:
    """Whatever the header says, nothing beyond the file's end is asked for."""
    content = gguf(base_weights(), "F16")
    short = header(content[:-4096])
    with pytest.raises(MalformedWeights, match="lies outside the file"):
        layout_of({"q.gguf": short})


def test_alignment_is_the_files_own() -> None:
    """A header says where tensors begin."""
    content = gguf(base_weights(), "F16")
    padded = gguf(base_weights(), "F16", dict(PAIRS) | {"general.alignment": 256})
    start = (header(padded).header_bytes or 0) + 8
    assert start % 256 == 0
    assert ((header(content).header_bytes or 0) + 8) % 32 == 0


def test_rows_of_unknown_order_are_left_out() -> None:
    """Without the number of heads nobody can say which row is which."""
    pairs = {k: v for k, v in PAIRS.items() if "head_count" not in k}
    held = sketch({"q.gguf": gguf(base_weights(), "F16", pairs)}).samples
    assert not {key.role for key in held} & {"layers.self_attn.q_proj", "layers.self_attn.k_proj"}
    assert renamed("blk.0.attn_q.weight", {"general.architecture": "qwen3"}) == (
        "model.layers.0.self_attn.q_proj.weight",
        0,
    )
