"""Disguises of a dense model that are computed on demand: other names, transposed, another order, a rotation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bench.rio397.dense import HEAD, HEADS, HIDDEN, INNER, KEYS, VOCABULARY
from bench.rio397.shards import Tensor
from bench.rio397.weights import Places, Stored, Weights, key_of, round_once

TURNED = 64  # residual dimensions that a rotation turns together
PARTS = {
    "self_attn.q_proj": "mixer.a",
    "self_attn.k_proj": "mixer.b",
    "self_attn.v_proj": "mixer.c",
    "self_attn.o_proj": "mixer.d",
    "mlp.gate_proj": "feed.a",
    "mlp.up_proj": "feed.b",
    "mlp.down_proj": "feed.c",
    "input_layernorm": "scale_a",
    "post_attention_layernorm": "scale_b",
    "model.layers": "net.block",
    "model.embed_tokens": "net.table",
    "lm_head": "net.out",
    "model.norm": "net.scale",
}


@dataclass(frozen=True, slots=True)
class View:
    """How one stored tensor shows another one: `rows` and `cols` say which of that one's each is; None: the same."""

    of: Tensor
    rows: Places | None = None
    cols: Places | None = None
    transposed: bool = False
    rotated: bool = False  # along the residual stream

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape that is stored."""
        return self.of.shape[::-1] if self.transposed else self.of.shape

    def places(self, places: Places) -> Places:
        """Return the places in `of` of elements of what is stored."""
        if len(self.of.shape) < 2:
            return places if self.cols is None else self.cols[places]
        row, col = np.divmod(places, self.shape[-1])
        if self.transposed:
            row, col = col, row
        row = row if self.rows is None else self.rows[row]
        col = col if self.cols is None else self.cols[col]
        found: Places = row * self.of.shape[-1] + col
        return found


@dataclass(frozen=True, slots=True)
class Disguised:
    """The weights of a model under a disguise. `views`: by the name that is stored."""

    source: Weights
    views: Mapping[str, View]

    @property
    def tensors(self) -> list[Tensor]:
        """Return what is stored."""
        return [Tensor(name, view.of.dtype, view.shape) for name, view in self.views.items()]

    def at(self, tensor: Tensor, places: Places) -> Stored:
        """See Weights."""
        view = self.views[tensor.name]
        return _turned(self.source, view.of, places) if view.rotated else self.source.at(view.of, view.places(places))


def _turned(source: Weights, tensor: Tensor, places: Places) -> Stored:
    """Return elements of a matrix whose residual dimensions were rotated, TURNED at a time."""
    row, col = np.divmod(places, tensor.shape[-1])
    along = row if tensor.name.endswith(("o_proj.weight", "down_proj.weight")) else col
    block, inside = np.divmod(along, TURNED)
    each = block[:, None] * TURNED + np.arange(TURNED)
    wanted = each * tensor.shape[-1] + col[:, None] if along is row else row[:, None] * tensor.shape[-1] + each
    unique, back = np.unique(wanted, return_inverse=True)
    values = source.at(tensor, unique).astype(np.float64)[back.reshape(wanted.shape)]
    return round_once((values * _rotation()[inside]).sum(axis=1), tensor)


@functools.cache
def _rotation() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return an orthogonal matrix, float64[TURNED, TURNED]."""
    found: np.ndarray[tuple[int, int], np.dtype[np.float64]] = np.linalg.qr(
        np.random.default_rng(3).normal(size=(TURNED, TURNED))
    )[0]
    return found


@functools.cache
def order(what: str, count: int, block: int = 1) -> Places:
    """Return a random order of `count`, blocks of `block` kept together."""
    rng = np.random.default_rng(int(key_of("order", what)))
    found: Places = (rng.permutation(count // block)[:, None] * block + np.arange(block)).ravel()
    return found


def _heads(layer: str) -> tuple[Places, Places]:
    """Return an order of q's rows, and that of k's and v's: groups, and heads inside each."""
    each = HEADS // KEYS
    groups = order(f"groups {layer}", KEYS)
    inside = np.concatenate([g * each + order(f"heads {layer} {g}", each) for g in groups])
    rows = np.arange(HEAD)
    return (inside[:, None] * HEAD + rows).ravel(), (groups[:, None] * HEAD + rows).ravel()


def view(tensor: Tensor, *, inner: bool = False, residual: bool = False, turned: bool = False) -> View:
    """Return a tensor with neurons and heads (`inner`), and residual dimensions, in another order, and transposed."""
    stream = order("residual", HIDDEN) if residual else None
    layer, last = tensor.name.rpartition(".layers.")[2].partition(".")[0], tensor.name.split(".")[-2]
    if len(tensor.shape) < 2:
        return View(tensor, cols=stream)
    fed = None
    if inner and last in ("gate_proj", "up_proj", "down_proj"):
        fed = order(f"neurons {layer}", INNER)
    elif inner and last.endswith("_proj"):
        fed = _heads(layer)[last in ("k_proj", "v_proj")]
    if last in ("o_proj", "down_proj"):
        return View(tensor, stream, fed, turned)
    return View(tensor, fed, stream, turned and tensor.shape[0] != VOCABULARY)


def renamed(name: str) -> str:
    """Return a name that says nothing."""
    for part, other in PARTS.items():
        name = name.replace(part, other)
    return name


DISGUISES: Mapping[str, Callable[[Tensor], tuple[str, View]]] = {
    "renamed": lambda t: (renamed(t.name), View(t)),
    "transposed": lambda t: (renamed(t.name), view(t, turned=True)),
    "neurons and heads": lambda t: (t.name, view(t, inner=True)),
    "residual dimensions": lambda t: (t.name, view(t, residual=True)),
    "all at once": lambda t: (renamed(t.name), view(t, inner=True, residual=True)),
    "rotated": lambda t: (t.name, View(t, rotated=len(t.shape) > 1)),
}


def disguised(source: Weights, tensors: list[Tensor], kind: str) -> Disguised:
    """Return a model under a disguise."""
    return Disguised(source, dict(DISGUISES[kind](t) for t in tensors))
