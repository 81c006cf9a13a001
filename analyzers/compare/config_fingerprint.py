"""A config's fingerprint. It orders the candidates and never excludes one: a changed config must not hide a model.

Only what shapes the network counts: sizes, counts and kinds, wherever they are nested (multimodal wrappers keep the
language model's under `text_config`). Names, paths and versions can be edited freely, so they do not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from analyzers.errors import MalformedConfig

# one name for each quantity, whatever a family calls it
FIELDS: Mapping[str, tuple[str, ...]] = {
    "model_type": ("model_type",),
    "hidden_size": ("hidden_size", "n_embd", "d_model", "dim"),
    "layers": ("num_hidden_layers", "n_layer", "num_layers", "n_layers"),
    "heads": ("num_attention_heads", "n_head", "n_heads"),
    "kv_heads": ("num_key_value_heads", "n_kv_heads"),
    "head_dim": ("head_dim",),
    "intermediate_size": ("intermediate_size", "ffn_hidden_size", "n_inner"),
    "experts": ("num_experts", "num_local_experts", "n_routed_experts"),
    "experts_per_token": ("num_experts_per_tok", "num_experts_per_token"),
    "expert_size": ("moe_intermediate_size",),
    "vocab_size": ("vocab_size",),
    "tied": ("tie_word_embeddings",),
}
NESTED = ("text_config", "llm_config", "language_config", "thinker_config")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What shapes the network, by canonical name, and its digest."""

    fields: tuple[tuple[str, str], ...]
    digest: str

    def differs(self, other: Fingerprint) -> tuple[str, ...]:
        """Return the names of the fields in which two configs differ or that only one of them has."""
        a, b = dict(self.fields), dict(other.fields)
        return tuple(sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name)))


def fingerprint(config: object) -> Fingerprint:
    """Return the fingerprint of a parsed config.json; MalformedConfig if it is not a JSON object."""
    if not isinstance(config, Mapping):
        raise MalformedConfig(f"config.json is a {type(config).__name__}, not an object")
    inner = [config[key] for key in NESTED if isinstance(config.get(key), Mapping)]
    nested: Mapping[str, object] = inner[0] if inner else {}
    found: dict[str, str] = {}
    for name, spellings in FIELDS.items():
        for place in (nested, config):
            value = next((place[s] for s in spellings if isinstance(place.get(s), int | str)), None)
            if value is not None:
                found[name] = str(value)[:64]
                break
    fields = tuple(sorted(found.items()))
    return Fingerprint(fields, hashlib.sha256(json.dumps(fields).encode()).hexdigest())
