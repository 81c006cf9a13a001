"""Every merge of a base and three releases, as mergekit makes it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

DENSITIES: Final = (0.1, 0.3, 0.5, 0.7, 0.9)
MASKED: Final = ("ties", "dare_ties", "dare_linear", "della", "della_linear", "breadcrumbs", "breadcrumbs_ties")
FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "linear": ("linear", "task_arithmetic"),
    "layerwise": ("model_stock", "slerp", "nuslerp", "karcher", "multislerp"),
    "sparse": (*MASKED, "sce", "arcee_fusion", "nearswap"),
}


@dataclass(frozen=True, slots=True)
class Merge:
    """One merge: method, parents by repo id, the base first where there is one, and mergekit's configuration."""

    name: str
    method: str
    parents: tuple[str, ...]
    config: dict[str, Any]


def family(folder: Path, known: Sequence[Mapping[str, str]]) -> tuple[str, list[str]]:
    """Return the first base of a folder's known models, and three releases of its shape, by repo id."""

    def shape(repo_id: str) -> tuple[object, ...]:
        config = json.loads((folder / "repos" / repo_id / "config.json").read_text())
        return tuple(config.get(key) for key in ("model_type", "hidden_size", "num_hidden_layers"))

    base = next(m["repo_id"] for m in known if m["role"] == "base")
    releases = [m["repo_id"] for m in known if m["role"] != "base" and shape(m["repo_id"]) == shape(base)]
    return base, releases[:3]


def merges(base: str, releases: Sequence[str]) -> Iterator[Merge]:
    """Yield every merge of a base and three releases, all given as repo ids."""
    one, two, three = releases
    for method in MASKED:
        for d in DENSITIES:
            if method.startswith("della") and not 0.15 < d < 0.85:  # its densities vary by .15
                continue
            each = [(one, {"weight": 0.5, "density": d}), (two, {"weight": 0.5, "density": d})]
            yield _merge(f"{method}-{d}", method, each, base)
            each = [(one, {"weight": 0.6, "density": d}), (three, {"weight": 0.7, "density": d})]
            yield _merge(f"{method}-{d}-f32", method, each, base, wide=True)
    for k in (0.1, 0.3, 0.5, 0.8):
        yield _merge(f"sce-{k}", "sce", [(one, {}), (two, {})], base, {"select_topk": k})
    yield _merge("sce-three", "sce", [(m, {}) for m in releases], base, {"select_topk": 0.5})
    for method in ("ties", "dare_ties"):
        yield _merge(f"{method}-three", method, [(m, {"weight": 0.4, "density": 0.5}) for m in releases], base)
    yield _merge("arcee_fusion", "arcee_fusion", [(one, {})], base)
    yield _merge("arcee_fusion-releases", "arcee_fusion", [(one, {})], three)
    for t in (0.0005, 0.002):
        yield _merge(f"nearswap-{t}", "nearswap", [(one, {})], two, {"t": t})
    yield _merge("model_stock", "model_stock", [(m, {}) for m in releases], base)
    yield _merge("model_stock-two", "model_stock", [(one, {}), (two, {})], base)
    yield _merge("slerp", "slerp", [(two, {})], one, {"t": 0.4})
    yield _merge("nuslerp", "nuslerp", [(one, {"weight": 0.6}), (two, {"weight": 0.4})], "")
    yield _merge("nuslerp-base", "nuslerp", [(one, {"weight": 0.6}), (two, {"weight": 0.4})], base)
    yield _merge("karcher", "karcher", [(m, {}) for m in releases], "")
    yield _merge("multislerp", "multislerp", [(m, {"weight": 0.3}) for m in releases], "")
    yield _merge("task_arithmetic", "task_arithmetic", [(one, {"weight": 0.6}), (two, {"weight": 0.5})], base)
    yield _merge("linear", "linear", [(one, {"weight": 0.6}), (two, {"weight": 0.4})], "")


def _merge(
    name: str,
    method: str,
    models: Sequence[tuple[str, Mapping[str, float]]],
    base: str,
    parameters: Mapping[str, float] | None = None,
    *,
    wide: bool = False,
) -> Merge:
    config: dict[str, Any] = {
        "merge_method": method,
        "models": [{"model": m, "parameters": dict(p)} for m, p in models],
        "dtype": "float32" if wide else "bfloat16",
    }
    config |= {"out_dtype": "bfloat16"} if wide else {}
    config |= {"base_model": base} if base else {}
    config |= {"parameters": dict(parameters)} if parameters else {}
    return Merge(name, method, (*([base] if base else []), *(m for m, _ in models)), config)
