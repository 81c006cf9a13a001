"""Ulps, rounding and storage types agree with numpy and ml_dtypes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.numbers.rounding import FRACTION_BITS, effective_dtype, round_to, ulp, widen
from tests.analyzers.makers import BF16, F16, F32

KINDS = [BF16, F16, F32]


def sizes(dtype: np.dtype[np.generic]) -> list[float]:
    """Numbers of every kind: zero, below normal, normal, at powers of two, and large."""
    bits = np.uint16 if dtype.itemsize == 2 else np.uint32
    lowest = float(np.ones(1, bits).view(dtype).astype(np.float64)[0])
    normal = lowest * 2.0 ** FRACTION_BITS[dtype]
    largest = 2.0 ** (15 if dtype == F16 else 127)
    return [0.0, lowest, normal / 2, normal, 0.02, 0.5, 0.75, 1.0, 1.5, 2.0, 3.1, 1000.0, largest / 4]


@pytest.mark.parametrize("dtype", [F16, F32], ids=str)
def test_ulp_is_numpys_spacing(dtype: np.dtype[np.generic]) -> None:
    """The ulp of a stored number is numpy's spacing, whatever its sign."""
    stored = np.array(sizes(dtype)).astype(dtype)
    expected = np.spacing(stored).astype(np.float64)
    assert np.array_equal(ulp(widen(stored), dtype), expected)
    assert np.array_equal(ulp(-widen(stored), dtype), expected)


@pytest.mark.parametrize("dtype", KINDS, ids=str)
def test_ulp_leads_to_the_next_number(dtype: np.dtype[np.generic]) -> None:
    """The next stored number away from zero is one ulp further."""
    stored = np.array(sizes(dtype)).astype(dtype)
    bits = stored.view(np.uint16 if dtype.itemsize == 2 else np.uint32)
    following = (bits + 1).astype(bits.dtype).view(dtype)
    assert np.array_equal(widen(stored) + ulp(widen(stored), dtype), widen(following))


def test_ulp_of_bfloat16_is_its_nextafter() -> None:
    """The ulp of a bfloat16 number is the way to ml_dtypes' next one."""
    stored = np.array([0.02, 0.5, 1.0, 3.1], BF16)
    following = np.nextafter(stored, np.array(np.inf, BF16))
    assert np.array_equal(widen(following) - widen(stored), ulp(widen(stored), BF16))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-60000, 60000, width=32), min_size=1, max_size=50))
def test_rounding_is_ml_dtypes_own(values: list[float]) -> None:
    """Rounding a float32 number gives ml_dtypes' and numpy's result, at most half an ulp away."""
    exact = np.array(values, np.float32)
    for dtype in KINDS:
        stored = round_to(exact.astype(np.float64), dtype)
        assert stored.dtype == dtype
        assert stored.tobytes() == exact.astype(dtype).tobytes()
        assert (np.abs(widen(stored) - exact) <= ulp(exact.astype(np.float64), dtype) / 2).all()


def test_ties_go_to_even() -> None:
    """A number between two bfloat16 numbers becomes the even one."""
    assert round_to(np.array([1 + 2**-8, 1 + 3 * 2**-8]), BF16).astype(float).tolist() == [1.0, 1 + 2**-6]


def test_out_of_range_becomes_infinite() -> None:
    """A number too large for its storage becomes infinite without a warning, as in every tool."""
    assert np.isinf(widen(round_to(np.array([1e6, 1e300]), F16))).all()


@pytest.mark.parametrize("dtype", KINDS, ids=str)
def test_a_wider_file_keeps_its_true_type(dtype: np.dtype[np.generic]) -> None:
    """Weights that were once stored in a type are recognised as that type inside a float32 file."""
    stored = np.random.default_rng(0).normal(0, 0.02, 500).astype(dtype)
    assert effective_dtype(stored) == dtype
    assert effective_dtype(stored.astype(np.float32)) == dtype


def test_nothing_stored_has_its_own_type() -> None:
    """An empty array is of the type it says."""
    assert effective_dtype(np.zeros(0, np.float32)) == F32
