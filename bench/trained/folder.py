"""Weights as bfloat16 arrays by their names on the Hub, and the folder that a repository is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

Weights = Mapping[str, NDArray[np.generic]]  # bfloat16

SHARDS = 2


def write(folder: Path, weights: Weights, config: Mapping[str, object], card: str) -> None:
    """Write a repository: card, config, shards and their index."""
    folder.mkdir(parents=True, exist_ok=True)
    names = list(weights)
    per_shard = -(-len(names) // SHARDS)
    where: dict[str, str] = {}
    for i in range(SHARDS):
        file = f"model-{i + 1:05d}-of-{SHARDS:05d}.safetensors"
        part = names[i * per_shard : (i + 1) * per_shard]
        save_file({n: np.ascontiguousarray(weights[n]) for n in part}, folder / file, metadata={"format": "pt"})
        where |= dict.fromkeys(part, file)
    index = {"metadata": {"total_size": sum(w.nbytes for w in weights.values())}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "README.md").write_text(card)


def read(folder: Path) -> Weights:
    """Read all weights of a repository."""
    return {n: w for shard in sorted(folder.glob("*.safetensors")) for n, w in load_file(shard).items()}


def card(title: str, declares: Sequence[str], relation: str, text: str) -> str:
    """Return a README.md; without declared parents it names none."""
    lines = ["---", "license: apache-2.0", "library_name: transformers"]
    if declares:
        lines += ["base_model:", *(f"- {d}" for d in declares), f"base_model_relation: {relation}"]
    return "\n".join([*lines, "---", "", f"# {title}", "", text, ""])
