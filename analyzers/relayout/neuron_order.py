"""Permutations and scales that keep a network's function: neurons, heads and residual dimensions.

Permuted neurons are rows of gate and up, and columns of down; of an attention, the columns of o say where its heads
are. What scales a column of down or o is divided out of a row of up or v.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from analyzers.relayout.held import NONE, Axis, Held, Ints

MLP = {"down_proj": ("gate_proj", "up_proj")}
ATTENTION = {"o_proj": ("q_proj", "k_proj", "v_proj")}
FEEDS = MLP | ATTENTION  # the role whose columns are the others' rows


def of_neurons(columns: Axis) -> dict[str, Axis]:
    """Return the axis of the rows of gate and up, where that of down's columns is known."""
    ones = np.ones(len(columns.order))
    return {"gate_proj": Axis(columns.order, ones), "up_proj": replace(columns, scale=1 / columns.scale)}


def of_heads(columns: Axis, rows: Mapping[str, int], size: int) -> dict[str, Axis]:
    """Return the axes of the rows of q, k and v, where that of o's columns is known.

    `rows` of each of the known model's; `size` of a head. {} where heads of that size do not divide them.
    """
    queries, keys = rows.get("q_proj", 0) // max(size, 1), rows.get("k_proj", 0) // max(size, 1)
    if not keys or queries % keys or queries * size != len(columns.order) or rows.get("v_proj") != rows["k_proj"]:
        return {}
    each = queries // keys  # query heads that share a key
    head = np.array([_common(block // size, block) for block in columns.order.reshape(queries, size)])
    group = np.where(head[::each] >= 0, head[::each] // each, NONE)
    first = columns.order.reshape(queries, size)[::each]
    values = np.where(first >= 0, first // size // each * size + first % size, NONE).ravel()
    scale = 1 / columns.scale.reshape(queries, size)[::each].ravel()
    return {
        "q_proj": Axis(_blocks(head, size), np.ones(queries * size)),
        "k_proj": Axis(_blocks(group, size), np.ones(keys * size)),
        "v_proj": Axis(values, scale, columns.rounded),
    }


def _common(heads: Ints, block: Ints) -> int:
    """Return the head that most columns of a block are in, NONE where none is."""
    there = heads[block >= 0]
    return int(np.bincount(there).argmax()) if there.size else NONE


def _blocks(heads: Ints, size: int) -> Ints:
    found: Ints = np.where(heads[:, None] >= 0, heads[:, None] * size + np.arange(size), NONE).ravel()
    return found


def placed(held: Held, last: str, axis: Axis | None, inside: Axis | None, residual: Axis | None) -> Held:
    """Return a matrix of the role that ends in `last` with its axes.

    `axis`: of its rows, `inside`: of the columns of down and o; the other is the residual stream's, or None.
    """
    if last in FEEDS:
        return replace(held, rows=residual, cols=inside)
    return replace(held, rows=axis, cols=residual)
