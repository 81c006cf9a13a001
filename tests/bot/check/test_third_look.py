"""The third look: what was renamed, transposed or put in another order is read as the known model is laid out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analyzers import explain
from analyzers.compare.case import Case, case_of
from analyzers.records import Disclosure
from bot.check.third_look import ThirdLooker
from bot.hub.http.meter import metered
from bot.sources.first_look import first_look
from bot.sources.folder import LocalSource
from bot.sources.interface import Missing
from demo.models import CONFIG, HIDDEN, INNER, LAYERS, Weights, mixed
from tests.analyzers.makers import (
    BASE,
    BF16,
    NOW,
    OTHER,
    RELEASE,
    SPEC,
    base_weights,
    family,
    release_weights,
    shards_of,
)
from tests.analyzers.planted import Planted, planted

Disguise = Callable[[Weights], Weights]
OWN_NAMES = {
    "model.embed_tokens": "tok",
    "lm_head": "out",
    "model.norm": "ln_out",
    "model.layers": "core.stage",
    "self_attn.q_proj": "mix.a",
    "self_attn.k_proj": "mix.b",
    "self_attn.v_proj": "mix.c",
    "self_attn.o_proj": "mix.d",
    "mlp.gate_proj": "ff.x",
    "mlp.up_proj": "ff.y",
    "mlp.down_proj": "ff.z",
}


def renamed(weights: Weights) -> Weights:
    """Return a model whose tensors have names of their own."""
    found = {}
    for name, w in weights.items():
        own = name
        for known, other in OWN_NAMES.items():
            own = own.replace(known, other)
        found[own] = w
    return found


def transposed(weights: Weights) -> Weights:
    """Return a model that stores the matrices of its layers as Conv1D does."""
    return {name: w.T if "layers" in name and w.ndim == 2 else w for name, w in weights.items()}


def reordered(weights: Weights, *, neurons: bool = False, heads: bool = False, scales: float = 0.0) -> Weights:
    """Return a model whose function is the same, with neurons and heads in another order.

    `scales`: the standard deviation of the logarithm, base two, of what moves between up and down, in whole steps
    where it is 2 or more.
    """
    found = dict(weights)
    rng = np.random.default_rng(5)
    for i in range(LAYERS):
        mlp, attention = f"model.layers.{i}.mlp.", f"model.layers.{i}.self_attn."
        rows = rng.permutation(INNER) if neurons else np.arange(INNER)
        powers = scales * rng.normal(0, 1, INNER)
        scale = 2.0 ** (np.round(powers) if scales >= 2 else powers)
        found[f"{mlp}gate_proj.weight"] = weights[f"{mlp}gate_proj.weight"][rows]
        up, down = (weights[f"{mlp}{name}_proj.weight"].astype(np.float64) for name in ("up", "down"))
        found[f"{mlp}up_proj.weight"] = (up[rows] * scale[:, None]).astype(BF16)
        found[f"{mlp}down_proj.weight"] = (down[:, rows] / scale).astype(BF16)
        order = (rng.permutation(4)[:, None] * (HIDDEN // 4) + np.arange(HIDDEN // 4)).ravel()
        for name in "qkv" if heads else "":
            found[f"{attention}{name}_proj.weight"] = weights[f"{attention}{name}_proj.weight"][order]
        if heads:
            found[f"{attention}o_proj.weight"] = weights[f"{attention}o_proj.weight"][:, order]
    return found


def resid_reordered(weights: Weights) -> Weights:
    """Return a model whose residual dimensions are in another order."""
    order = np.random.default_rng(6).permutation(HIDDEN)
    fed = ("o_proj.weight", "down_proj.weight")
    return {n: w[..., order] if w.ndim == 1 or not n.endswith(fed) else w[order] for n, w in weights.items()}


def stored(folder: Path, weights: Weights) -> LocalSource:
    """Return a model in a folder."""
    folder.mkdir(parents=True)
    for path, data in shards_of(weights).items():
        (folder / path).write_bytes(data)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return LocalSource(folder)


@pytest.fixture(scope="module")
def open_known(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], LocalSource]:
    """Return what opens the base of the family; its releases are gone."""
    source = stored(tmp_path_factory.mktemp("known") / "base", base_weights())

    def open_one(repo_id: str, _: str) -> LocalSource:
        if repo_id != BASE:
            raise Missing(repo_id)
        return source

    return open_one


class Looker:
    """Takes third looks at models in folders."""

    def __init__(self, folder: Path, open_known: Callable[[str, str], LocalSource]) -> None:
        self.folder = folder
        self.open_known = open_known

    def __call__(self, weights: Weights, *, third: bool = True) -> Case:
        """Return the case of an upload after a third look; check whether that found anything."""
        source = stored(self.folder / str(len(list(self.folder.iterdir()))), weights)
        look = first_look(source, SPEC, 60)
        said = Disclosure("0" * 40)
        case = case_of(look.sketch, family(), said, NOW)
        nearest_open = replace(case, kin=tuple(k for k in case.kin if k.reference.repo_id == BASE))
        looker = ThirdLooker(lambda _: family()[:1], self.open_known, metered)
        found = looker.look(source, look, nearest_open, explain(case))
        assert (found is not None) == third
        if found is None:
            return case
        return case_of(found.sketch, found.beside or family(), said, NOW)


@pytest.fixture
def looked_at(tmp_path: Path, open_known: Callable[[str, str], LocalSource]) -> Looker:
    """Return what takes third looks."""
    return Looker(tmp_path, open_known)


BLEND = mixed([base_weights(), release_weights(1)], [0.4, 0.6])


@pytest.mark.parametrize(
    "disguise",
    [
        renamed,
        transposed,
        lambda w: reordered(w, neurons=True),
        lambda w: reordered(w, heads=True),
        lambda w: reordered(w, scales=2.0),
        resid_reordered,
        lambda w: renamed(resid_reordered(reordered(w, neurons=True, heads=True, scales=2.0))),
    ],
)
def test_no_layout_hides_a_blend(looked_at: Looker, disguise: Disguise) -> None:
    """A blend comes out with its coefficients, and a stranger of the same shapes stays one."""
    planted(explain, [(looked_at(disguise(BLEND)), Planted("blend", {BASE: 0.4, RELEASE: 0.6}, exact=True))], [])
    assert explain(looked_at(disguise(base_weights(9)), third=False)).kind == "unrelated"


def test_a_copy_in_another_order_is_one(looked_at: Looker) -> None:
    """Neurons and residual dimensions in another order, scales that are powers of two: every bit is there."""
    case = looked_at(resid_reordered(reordered(release_weights(2), neurons=True, scales=2.0)))
    planted(explain, [(case, Planted("copy", {OTHER: 1.0}, exact=True))], [])


def test_scales_that_round_again_leave_nothing_exact(looked_at: Looker) -> None:
    """The tensors that were scaled count as kin alone; the others show the blend, which is strong at most."""
    finding = explain(looked_at(reordered(BLEND, scales=0.5)))
    assert (finding.kind, finding.exact) == ("blend", False)


def rotated(weights: Weights) -> Weights:
    """Return a model whose residual stream is turned: its norms stand for those that were folded before."""
    turn, _ = np.linalg.qr(np.random.default_rng(8).normal(0, 1, (HIDDEN, HIDDEN)))
    found = {}
    for name, w in weights.items():
        exact = w.astype(np.float64)
        fed = name.endswith(("o_proj.weight", "down_proj.weight"))
        found[name] = w if w.ndim == 1 else (turn.T @ exact if fed else exact @ turn).astype(BF16)
    return found


def test_a_rotated_model_is_a_derivative_at_most(looked_at: Looker) -> None:
    """Inner products of embeddings name what it descends from; a rotated stranger has none of them."""
    finding = explain(looked_at(rotated(release_weights(1))))
    assert (finding.kind, [p.ref.repo_id for p in finding.parents]) == ("derivative", [BASE])
    assert "rotation" in finding.claim
    assert explain(looked_at(rotated(base_weights(9)), third=False)).kind == "unrelated"


def test_layers_that_changed_places_call_for_no_third_look(looked_at: Looker) -> None:
    """Their tensors are a known model's, bit for bit, at another depth."""
    one = release_weights(1)
    stack = {name.replace("layers.0", "layers.X"): w for name, w in one.items()}
    stack = {name.replace("layers.1", "layers.0").replace("layers.X", "layers.1"): w for name, w in stack.items()}
    looked_at(stack, third=False)


def test_an_honest_model_under_other_names_is_a_derivative(looked_at: Looker) -> None:
    """What it descends from is named, and what was undone is said."""
    honest = looked_at(renamed(release_weights(7)))
    finding = explain(honest)
    assert (finding.kind, [p.ref.repo_id for p in finding.parents]) == ("derivative", [BASE])
    assert finding.claim.startswith(f"read as {BASE} is laid out (other names): ")
