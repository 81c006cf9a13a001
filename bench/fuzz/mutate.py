"""Mutations that know what they mutate: a JSON value stays JSON, a text stays text, and bytes are bytes."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator

import numpy as np

Path = tuple[str | int, ...]

TEXTS = (
    "", " ", "\x00", "\x1b[31m", "..", "../../etc/passwd", "/", "http://foreign.invalid/", "a" * 5000, "\u202egnp",
    "\U0001f469\u200d\U0001f680", "-1", "1e999", "NaN", "BF16", "I4", "F8_E4M3", "null", "<script>", "@everyone",
    "a/b", "a/b/c", "model.safetensors", "2026-13-45T99:99:99Z", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "---", "- [", "{" * 200, "\ud800",
)  # fmt: skip
NUMBERS = (0, 1, -1, 2**31, 2**53 + 1, 2**63, -(2**63), 10**40, 0.5, -0.0, 1e308, float("inf"), float("nan"))
MOST_ADDED = 200_000  # signs
OTHERS: tuple[object, ...] = (None, True, False, [], {}, [[]], [None], {"": None}, [0, 2**62], {"$ref": "#"})


def mutated(value: object, rng: np.random.Generator) -> object:
    """Return a copy of a JSON value with one to four changes."""
    found = copy.deepcopy(value)
    for _ in range(int(rng.integers(1, 5))):
        try:
            found = _once(found, rng)
        except RecursionError:  # nested so deeply that it cannot be copied: it will do as it is
            break
    return found


def _once(value: object, rng: np.random.Generator) -> object:
    paths = list(_paths(value, ()))
    path = paths[int(rng.integers(len(paths)))]
    if not path:
        return _instead(value, rng)
    parent = value
    for step in path[:-1]:
        parent = parent[step]  # type: ignore[index]  # the path was walked just now
    _change(parent, path[-1], rng)
    return value


def _change(parent: object, key: str | int, rng: np.random.Generator) -> None:
    choice = int(rng.integers(6))
    if isinstance(parent, dict) and isinstance(key, str):
        if choice == 0:
            del parent[key]
        elif choice == 1:
            parent[str(rng.choice(np.array(TEXTS[:-1])))] = parent.pop(key)
        else:
            parent[key] = _instead(parent[key], rng)
    elif isinstance(parent, list) and isinstance(key, int):
        if choice == 0:
            del parent[key]
        elif choice == 1:
            often = MOST_ADDED // (1 + len(str(parent[key])))  # an input must not be larger than what is ever read
            parent += [copy.deepcopy(parent[key])] * min(int(rng.choice([1, 50, 2000])), often)
        else:
            parent[key] = _instead(parent[key], rng)


def _instead(old: object, rng: np.random.Generator) -> object:
    found: object = [old, old]
    match int(rng.integers(8)):
        case 0 | 1:
            found = TEXTS[int(rng.integers(len(TEXTS)))]
        case 2 | 3:
            found = NUMBERS[int(rng.integers(len(NUMBERS)))]
        case 4:
            found = copy.deepcopy(OTHERS[int(rng.integers(len(OTHERS)))])
        case 5 if isinstance(old, int) and not isinstance(old, bool):
            found = old + int(rng.choice([-8, -1, 1, 8]))
        case 5 | 6 if isinstance(old, str):
            found = spoiled_text(old, rng)
        case 7:
            found = _nested(old, int(rng.choice([3, 50, 400])))
    return found


def _nested(value: object, depth: int) -> object:
    for number in range(depth):
        value = [value] if number % 2 else {"text_config": value}
    return value


def _paths(value: object, path: Path) -> Iterator[Path]:
    """Every place in a JSON value, its own included; deep ones are left out, so that nothing here recurses far."""
    yield path
    if len(path) > 20:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value[:200]):
            yield from _paths(inner, (*path, place))


def as_bytes(value: object, rng: np.random.Generator) -> bytes:
    """Write a JSON value, and now and then spoil the bytes of it too."""
    try:
        text = json.dumps(value, ensure_ascii=bool(rng.integers(2)))
    except RecursionError:
        text = "[" * 2_000
    data = text.encode("utf-8", "surrogatepass")
    return spoiled(data, rng) if rng.integers(4) == 0 else data


def spoiled(data: bytes, rng: np.random.Generator) -> bytes:
    """Return bytes that are flipped, cut, doubled, deeply nested, of another program, or none."""
    at = int(rng.integers(len(data) + 1))
    head, rest = data[:at], data[at:]
    ways = (
        lambda: head,
        lambda: head + rng.bytes(int(rng.integers(1, 9))) + rest,
        lambda: head + rest[int(rng.integers(1, 64)) :],
        lambda: data + data,
        lambda: b"[" * int(rng.choice([10, 1_000, 100_000])),
        lambda: rng.bytes(int(rng.integers(200))),
        lambda: b"",
        lambda: head + bytes([int(rng.integers(256))]) + rest[1:],
    )
    return ways[int(rng.integers(len(ways)))]()


def spoiled_text(text: str, rng: np.random.Generator) -> str:
    """Return a text with lines or signs moved, doubled, taken away, or put in."""
    lines = text.split("\n")
    at = int(rng.integers(len(lines)))
    match int(rng.integers(6)):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, TEXTS[int(rng.integers(len(TEXTS)))])
        case 2:
            lines += lines[at:] * int(rng.choice([1, 20]))
        case 3:
            lines[at] = " " * int(rng.integers(1, 9)) + lines[at]
        case 4:
            lines[at] = lines[at] * int(rng.choice([2, 300]))
        case _:
            place = int(rng.integers(len(lines[at]) + 1))
            lines[at] = lines[at][:place] + TEXTS[int(rng.integers(len(TEXTS)))] + lines[at][place:]
    return "\n".join(lines)
