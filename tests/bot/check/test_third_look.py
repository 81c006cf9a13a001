"""The third look: what was renamed, transposed or put in another order is read as the known model is laid out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from analyzers import explain
from analyzers.compare.case import Case, case_of
from analyzers.records import Disclosure
from bot.check.third_look import ThirdLooker
from bot.sources.first_look import first_look
from bot.sources.folder import LocalSource
from demo.models import Weights, mixed
from tests.analyzers.makers import BASE, NOW, OTHER, RELEASE, SPEC, base_weights, family, release_weights, shards_of
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


def looked_at(folder: Path, weights: Weights, *, third: bool = True) -> Case:
    """Return the case of an upload after a third look; check that one was called for."""
    folder.mkdir(parents=True)
    for path, data in shards_of(weights).items():
        (folder / path).write_bytes(data)
    source = LocalSource(folder)
    look = first_look(source, SPEC, 60)
    said = Disclosure("0" * 40)
    case = case_of(look.sketch, family(), said, NOW)
    found = ThirdLooker(lambda _: family()).look(source, look, case, explain(case))
    assert (found is not None) == third
    return case if found is None else case_of(found.sketch, family(), said, NOW)


@pytest.mark.parametrize("disguise", [renamed, transposed, lambda w: transposed(renamed(w))])
def test_names_and_orientation_hide_no_blend(tmp_path: Path, disguise: Disguise) -> None:
    """A blend comes out with its coefficients, a copy as one, and a stranger of the same shapes stays one."""
    blend = mixed([base_weights(), release_weights(1)], [0.4, 0.6])
    planted(
        explain,
        [
            (looked_at(tmp_path / "a", disguise(blend)), Planted("blend", {BASE: 0.4, RELEASE: 0.6}, exact=True)),
            (looked_at(tmp_path / "b", disguise(release_weights(2))), Planted("copy", {OTHER: 1.0}, exact=True)),
        ],
        [],
    )
    stranger = looked_at(tmp_path / "c", disguise(base_weights(9)), third=False)
    assert explain(stranger).kind == "unrelated"


def test_an_honest_model_under_other_names_is_a_derivative(tmp_path: Path) -> None:
    """What it descends from is named, and what was undone is said."""
    honest = looked_at(tmp_path / "a", renamed(release_weights(7)))
    finding = explain(honest)
    assert (finding.kind, [p.ref.repo_id for p in finding.parents]) == ("derivative", [BASE])
    assert finding.claim.startswith(f"its matrices have other names, and were read as those of {BASE}: ")
