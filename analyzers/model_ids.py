"""Repo ids of models: the parts of a name, and whether two ids name one model.

A name is a list of parts: family, version, size, variant. "Qwen3.6-27B" and "Qwen 3.6 27B" have the same parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

MIN_NAME_CHARS = 6  # a shorter name, or one without a digit and a hyphen, is an ordinary word
_SHORT_NAME = re.compile(r"(?=.{4})[A-Za-z]{2,}-?[0-9]")
# one variant under several names; "tuned" says no more than "instruction" beside it
_SAME = {"it": "instruct", "instruction": "instruct"}
_BETWEEN = re.compile(r"[-_ ]+|(?<![0-9])\.|\.(?![0-9])")
_UNDERSCORE = re.compile(r"(?<=[0-9])_(?=[0-9])")  # "Llama-3_3" is 3.3
_VERSION = re.compile(r"v([0-9][0-9.]*)")
_LETTERS_DIGITS = re.compile(r"([^\W\d_]{3,})([0-9][0-9.]*(?:[a-z](?![a-z]))?)(.*)")
_FORM = re.compile(
    r"[-_.](?:(?:unsloth[-_])?bnb|(?:dynamic[-_])?[1-8][-_.]?bits?|(?:[1-8](?:\.[0-9]+)?bpw)|gguf|ggml|awq|gptq|"
    r"exl[23]|mlx|hqq|aqlm|nf4|fp(?:4|8|16|32)|bf16|f(?:16|32)|int[348]|nvfp4|mxfp4|w[0-9]+a[0-9]+|imatrix|imat|i1|"
    r"i?q[1-8](?:[-_](?:k|0|1)(?:[-_](?:xl|[sml]))?)?|quanti[sz]ed|quants?|onnx|openvino|ov|ct2|hf|safetensors|"
    r"dynamic|marlin|[0-9]+g|gs[0-9]+|h[0-9]+|mirror|copy|clone|"
    r"fork|backup|re-?upload|converted|e4m3|e5m2|unsloth|static|block|gptqmodel|autoround|qat)$",
    re.IGNORECASE,
)


def without_form(name: str) -> str:
    """Return a name without the suffixes of storage formats and mirrors: "X-7B-bnb-4bit" is a form of "X-7B"."""
    while (shorter := _FORM.sub("", name)) and shorter != name:
        name = shorter
    return name


def dotted(text: str) -> str:
    """Return a text with "3_3" as "3.3"."""
    return _UNDERSCORE.sub(".", text)


@lru_cache(maxsize=4096)
def parts_of(name: str) -> tuple[str, ...]:
    """Return the parts of a name in lower case: "Qwen2.5-72B-v0.1" has qwen, 2.5, 72b and 0.1."""
    pieces = _BETWEEN.split(dotted(name.lower()))
    found = [_SAME.get(part, part) for piece in pieces for part in _pieces(piece)]
    before = ["", *found]
    return tuple(part for i, part in enumerate(found) if part and (part, before[i]) != ("tuned", "instruct"))


def _pieces(piece: str) -> Iterator[str]:
    if found := _VERSION.fullmatch(piece):
        yield found[1]
    elif found := _LETTERS_DIGITS.fullmatch(piece):
        yield from (found[1], found[2].rstrip("."), *(_pieces(found[3]) if found[3] else ()))
    else:
        yield piece


def is_a_name(name: str, *, short: bool = False) -> bool:
    """Tell whether a name can stand for its model without its owner: `model` and `merged` cannot.

    `short`: also where it can only beside its owner, as "phi-4" can.
    """
    whole = len(name) >= MIN_NAME_CHARS and re.search(r"[0-9 -]", name) is not None
    return whole or (short and _SHORT_NAME.match(name) is not None)


def same_model(one: str, other: str) -> bool:
    """Tell whether two repo ids name one model: equal ids, or one the other's mirror or storage format by its name.

    `one` may be a name without its owner, as a card may have it.
    """
    a, b = one.rpartition("/")[2], other.rpartition("/")[2]
    if one.lower() in (other.lower(), b.lower()):
        return True
    a, b = without_form(a), without_form(b)
    return is_a_name(a, short=True) and parts_of(a) == parts_of(b)
