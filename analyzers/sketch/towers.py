"""Models beside the language model of one checkpoint: vision and audio towers, prediction heads, speech decoders.

Rule 8 of docs/method.md: the language model is the main component, and each of the others is held against known models
by itself. A checkpoint without a language model is one component.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from analyzers.records import Sketch
from analyzers.sketch.tensor_roles import STACKS


def towers_of(roles: Collection[str]) -> set[str]:
    """Return the first part of the names of each model that has layers beside a language model's.

    >>> sorted(towers_of(["layers.mlp.up_proj", "lm_head", "visual.blocks.attn.qkv", "visual.merger.norm", "score"]))
    ['visual']
    """
    split = [role.split(".") for role in roles]
    if not any(first == "layers" and rest for first, *rest in split):
        return set()
    return {first for first, *rest in split if first != "layers" and not STACKS.isdisjoint(rest)}


def part_of(sketch: Sketch, tower: str = "") -> Sketch:
    """Return what a sketch has of one tower, or of the language model; all of it where there are no towers."""
    roles = {*sketch.elements, *(key.role for key in sketch.samples)}
    towers = towers_of(roles)
    inside = {role for role in roles if (first_of(role) == tower if tower else first_of(role) not in towers)}
    if inside == roles:
        return sketch
    elements = {role: n for role, n in sketch.elements.items() if role in inside}
    samples = {key: sample for key, sample in sketch.samples.items() if key.role in inside}
    return replace(sketch, samples=samples, elements=elements)


def first_of(role: str) -> str:
    """Return the first part of a role."""
    return role.partition(".")[0]
