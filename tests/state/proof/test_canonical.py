"""Canonical JSON by the vectors of RFC 8785, and what it cannot hold."""

from __future__ import annotations

import json

import pytest

from state.proof.canonical import canonical

# RFC 8785, sections 3.2.2 and 3.2.3, and rows of appendix B
SAMPLE = r"""{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
 "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"""
EXPECTED = (
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
    '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
)
NUMBERS = {-0.0: "0", 5e-324: "5e-324", 1.7976931348623157e308: "1.7976931348623157e+308", 1e21: "1e+21"}
NAMES = (
    '{"\\r":"Carriage Return","1":"One","\x80":"Control\x7f",'
    '"\u00f6":"Latin","\u20ac":"Euro","\U0001f600":"Emoji","\ufb33":"Hebrew"}'
)


def test_the_sample_of_the_standard_comes_out() -> None:
    """The standard's own example, byte by byte."""
    assert canonical(json.loads(SAMPLE)) == EXPECTED.encode()


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_are_written_as_the_standard_says(number: float) -> None:
    """Rows of its table of numbers."""
    assert canonical(number) == NUMBERS[number].encode()


def test_names_are_ordered_by_utf_16() -> None:
    """An emoji comes before a letter of a higher code unit."""
    assert canonical(dict(reversed(json.loads(NAMES).items()))) == NAMES.encode()


def test_what_it_cannot_hold_becomes_text() -> None:
    """A seed of 62 bits, and half of a surrogate pair from a hostile card."""
    assert (
        canonical({"seed": 2**61, "n": 2**53 - 1, "b": True}) == b'{"b":true,"n":9007199254740991,"seed":"%d"}' % 2**61
    )
    assert canonical(["\ud800", {"\udfff": 1}]) == b'["?",{"?":1}]'
