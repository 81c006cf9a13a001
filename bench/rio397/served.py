"""What plain least squares says about the served models: the estimate that the founding case was published with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from bench.rio397.cast import base, release, suspect
from bench.rio397.pairs import PUBLISHED, naive
from bench.rio397.shards import Tensor

MOST_WEIGHTS = 1 << 20  # of each tensor
EXAMPLES = {
    "routed experts": "layers.30.mlp.experts.gate_up_proj",
    "lm_head": "lm_head.weight",
    "attention": "layers.3.self_attn.q_proj.weight",
    "linear attention": "layers.0.linear_attn.in_proj_qkv.weight",
    **{f"router {k}": f"layers.{k}.mlp.gate.weight" for k in (0, 15, 30, 45, 59)},
    **{f"shared expert gate {k}": f"layers.{k}.mlp.shared_expert_gate.weight" for k in (0, 30)},
}


def estimates(tensors: Sequence[Tensor]) -> Iterator[tuple[str, float, float]]:
    """Yield (module, alpha, cosine) of one tensor of each published module that the layout has."""
    for module, end in EXAMPLES.items():
        found = next((t for t in tensors if f".{t.name}".endswith(f".{end}") and not t.name.startswith("mtp.")), None)
        if found is not None:
            places = np.arange(min(prod(found.shape), MOST_WEIGHTS))
            yield module, *naive(*(m.at(found, places) for m in (suspect, base, release)))


def show(tensors: Sequence[Tensor]) -> None:
    """Print the estimates beside the published ones, and their spread."""
    print("\nplain least squares on the weights that are served (and as published)")
    found = list(estimates(tensors))
    for module, alpha, cosine in found:
        published = "alpha {:.3f}, cosine {:.3f}".format(*PUBLISHED[module])
        print(f"{module:24s}alpha {alpha:.4f}, cosine {cosine:.4f}   ({published})")
    if found:
        print(f"alpha from {min(a for _, a, _ in found):.4f} to {max(a for _, a, _ in found):.4f}")
