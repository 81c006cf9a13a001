"""Towers inside one checkpoint: the language model is judged, and each tower is held against known models by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save

from demo.hub.repository import BytesBlob, LoopbackRepo
from demo.models import Weights, fresh
from demo.scene import BASE, HIDDEN, RELEASE
from tests.bot.stage import NOW, REPOS, stage

BF16 = np.dtype(ml_dtypes.bfloat16)
UPLOAD = "harbor-works/Pier"
CARD = b"# Pier\n"


def tower(seed: int, size: int = 256, blocks: int = 4) -> Weights:
    """Return a vision tower of its own seed."""
    rng = np.random.default_rng(seed)
    names = [f"model.visual.blocks.{i}.{name}.weight" for i in range(blocks) for name in ("attn.qkv", "mlp.fc1")]
    return {name: rng.normal(0, 0.02, (size, size)).astype(BF16) for name in names}


def language(repo: LoopbackRepo) -> Weights:
    """Return the weights of a model that stands in the stage, under a vision model's wrapper."""
    found: dict[str, Any] = {}
    for path, blob in repo.files.items():
        if path.endswith(".safetensors"):
            found |= _tensors(blob.read(0, blob.size))
    return {name.replace("model.", "model.language_model.", 1): w for name, w in found.items()}


def _tensors(data: bytes) -> Weights:
    begin = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:begin])
    return {
        name: np.frombuffer(data[begin:][slice(*about["data_offsets"])], BF16).reshape(about["shape"])
        for name, about in header.items()
        if name != "__metadata__"
    }


def wearing(repo: LoopbackRepo, beside: Weights) -> LoopbackRepo:
    """Return a repository whose one checkpoint has a tower, too."""
    kept = {path: blob for path, blob in repo.files.items() if "safetensors" not in path}
    return replace(repo, files={**kept, "model.safetensors": BytesBlob(save({**language(repo), **beside}))})


def world(words: Weights, beside: Weights) -> dict[str, LoopbackRepo]:
    """Return known models, a release with a tower among them, and an upload of these two parts."""
    data = save({**words, **beside})
    repo = LoopbackRepo(
        repo_id=UPLOAD, files={"README.md": BytesBlob(CARD), "model.safetensors": BytesBlob(data)}, created_at=NOW
    )
    return {BASE: REPOS[BASE], RELEASE: wearing(REPOS[RELEASE], tower(1)), UPLOAD: repo}


def own_words() -> Weights:
    """Return a language model trained from nothing."""
    return fresh(np.random.default_rng(77))


@pytest.mark.parametrize(
    ("words", "beside", "finding", "audience", "seen"),
    [
        (lambda: language(REPOS[RELEASE]), lambda: tower(1), "copy", "public", "copy"),
        (lambda: language(REPOS[RELEASE]), lambda: tower(2), "copy", "reviewers", "unrelated"),
        (own_words, lambda: tower(1), "unrelated", "none", "copy"),
        (own_words, lambda: tower(2), "unrelated", "none", "unrelated"),
        (lambda: language(REPOS[HIDDEN]), lambda: tower(2), "blend", "public", "unrelated"),
        (lambda: language(REPOS[HIDDEN]), lambda: tower(2, 1024), "blend", "public", "unrelated"),
    ],
)
def test_the_language_model_decides(
    tmp_path: Path, words: Callable[[], Weights], beside: Callable[[], Weights], finding: str, audience: str, seen: str
) -> None:
    """A frozen tower makes no blend; a foreign one, larger or not, hides none. A copied language model is a part."""
    with stage(tmp_path, world(words(), beside())) as at:
        found = at.report(UPLOAD)
        assert (found["finding"], found["audience"]) == (finding, audience), found["why"]
        (part,) = found["components"]
        assert (part["name"], part["finding"]) == ("visual", seen)
        assert part["parameters"] == sum(w.size for w in beside().values())
        assert part["nearest"] == (RELEASE if seen == "copy" else None)
        assert found["sampled"]["compared"] == pytest.approx(1.0, abs=0.01)


def test_a_copy_under_other_names_says_so(tmp_path: Path) -> None:
    """The same weights under a wrapper are a copy; the report shows what one tensor is called in both."""
    data = {**language(REPOS[RELEASE])}
    file = {"README.md": BytesBlob(CARD), "model\u200d.safetensors": BytesBlob(save(data))}
    repo = LoopbackRepo(repo_id=UPLOAD, files=file, created_at=NOW)
    with stage(tmp_path, {BASE: REPOS[BASE], RELEASE: REPOS[RELEASE], UPLOAD: repo}) as at:
        found = at.report(UPLOAD)
        assert (found["finding"], found["audience"]) == ("copy", "public")
        (told,) = [p for p in found["problems"] if "names differ" in p]
        name = "model.embed_tokens.weight"
        assert told.startswith(f"a copy of {RELEASE} whose names differ: {name.replace('.', '.language_model.', 1)} is")
