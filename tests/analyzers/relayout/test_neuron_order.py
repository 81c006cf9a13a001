"""Heads in another order: where the rows of q, k and v are, from the columns of o."""

from __future__ import annotations

import numpy as np

from analyzers.relayout.held import Axis
from analyzers.relayout.neuron_order import of_heads

SIZE, GROUPS, EACH = 4, 2, 3  # rows of a head, heads of keys, heads of queries that share one
HEADS = np.array([4, 5, 3, 1, 0, 2])  # where each query head is: groups change places, and heads within them


def test_heads_move_with_their_groups() -> None:
    """Query heads are found one by one, keys and values by their group; what scales o is divided out of v."""
    order = (HEADS[:, None] * SIZE + np.arange(SIZE)).ravel()
    scale = np.repeat([2.0, 8.0], EACH * SIZE)
    rows = {"q_proj": GROUPS * EACH * SIZE, "k_proj": GROUPS * SIZE, "v_proj": GROUPS * SIZE}
    found = of_heads(Axis(order, scale), rows, SIZE)
    assert (found["q_proj"].order == order).all()
    assert found["k_proj"].order.tolist() == [4, 5, 6, 7, 0, 1, 2, 3]
    assert found["v_proj"].order.tolist() == found["k_proj"].order.tolist()
    assert (found["v_proj"].scale == 1 / np.repeat([2.0, 8.0], SIZE)).all()


def test_heads_of_another_size_say_nothing() -> None:
    """A size that does not divide the rows tells of no heads."""
    assert of_heads(Axis(np.arange(24), np.ones(24)), {"q_proj": 24, "k_proj": 8, "v_proj": 8}, 5) == {}
    assert of_heads(Axis(np.arange(24), np.ones(24)), {"q_proj": 24}, 4) == {}
