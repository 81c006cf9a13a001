"""The canary: a blend of two small models, made on the spot, that a working watch must find."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from analyzers.errors import BlendwatchError
from analyzers.records import CheckResult
from bot.check.checker import Checker
from bot.hub.http.meter import metered
from bot.known.models import KnownModels
from bot.sources.folder import LocalSource
from bot.sources.interface import Source
from state.registry.models import load
from state.sketches.store import SketchStore
from state.sketches.unreadable_models import UnreadableModels

SHARE: Final = 0.565  # of the release; the rest is the base's
TOLERANCE: Final = 0.002
BASE, RELEASE, BLEND = "canary-base/Base", "canary-release/Release", "canary-upload/Blend"  # three makers
LAYERS, WIDTH = 4, 128
BF16 = np.dtype(ml_dtypes.bfloat16)

log = logging.getLogger("blendwatch")

Weights = Mapping[str, NDArray[np.float32]]


def run_canary(expected: float = SHARE) -> str | None:
    """Check the planted blend; return None if it was found, else a sentence with the result.

    `expected`: the coefficient of the release that must be found.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="blendwatch-canary-") as name:
            folder = Path(name)
            _plant(folder)
            return _mismatch(_checker(folder).check(LocalSource(folder / BLEND)), expected)
    except BlendwatchError as error:
        return f"the planted blend could not be judged: {error}"
    except Exception as error:  # any cause, such as a full disk or a fault of ours, is reported
        log.warning("the canary could not be checked", exc_info=True)
        return f"the planted blend could not be made or judged: {type(error).__name__}: {error}"


def _mismatch(result: CheckResult, expected: float) -> str | None:
    finding = result.verdict.finding
    shares = {p.ref.repo_id: p.coefficient or 0.0 for p in finding.parents}
    wanted = {RELEASE: expected, BASE: 1 - expected}
    near = all(abs(shares.get(name, 0.0) - share) < TOLERANCE for name, share in wanted.items())
    if finding.kind == "blend" and finding.exact and result.verdict.alert and near:
        return None
    return f"the planted blend of {SHARE} {RELEASE} and {1 - SHARE:.3f} {BASE} came out as: {result.verdict.why}"


def _checker(folder: Path) -> Checker:
    def nowhere(repo_id: str, revision: str | None) -> Source:
        raise AssertionError(f"the canary's models are here, and {repo_id}@{revision} is not one of them")

    def now() -> datetime:
        return datetime.now(UTC)

    sketches = SketchStore(folder / "data" / "sketches")
    known = KnownModels(
        load([folder / "registry.yaml"]), sketches, UnreadableModels(folder / "absences.json"), nowhere, now
    )
    return Checker(known, metered, now)


def _plant(folder: Path) -> None:
    """Make a base, a release trained from it, and their mix with one rounding."""
    rng = np.random.default_rng()
    base = {name: _stored(rng.normal(0, 0.02, shape)) for name, shape in _shapes().items()}
    release = {name: _stored(w + rng.normal(0, 0.002, w.shape)) for name, w in base.items()}
    blend = {name: _stored(np.float32(SHARE) * release[name] + np.float32(1 - SHARE) * base[name]) for name in base}
    for repo_id, weights in ((BASE, base), (RELEASE, release), (BLEND, blend)):
        _write(folder / repo_id, weights)
    entries = [{"path": f"./{BASE}", "role": "base"}, {"path": f"./{RELEASE}", "role": "release"}]
    (folder / "registry.yaml").write_text(json.dumps({"models": entries}))


def _shapes() -> dict[str, tuple[int, int]]:
    roles = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.up_proj")
    return {f"model.layers.{i}.{role}.weight": (WIDTH, WIDTH) for i in range(LAYERS) for role in roles}


def _stored(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the values rounded to bfloat16."""
    return values.astype(np.float32).astype(BF16).astype(np.float32)


def _write(folder: Path, weights: Weights) -> None:
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(save({name: w.astype(BF16) for name, w in weights.items()}))
    config = {"model_type": "llama", "hidden_size": WIDTH, "num_hidden_layers": LAYERS}
    (folder / "config.json").write_text(json.dumps(config))
