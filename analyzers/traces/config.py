"""Read what a config.json keeps of where a model came from: paths, code, versions, and settings of another family."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from analyzers.card.front_matter import models_in
from analyzers.card.repo_ids import REPO_ID
from analyzers.records.traces import Trace, listed, trace

# settings that one family of architectures has, and the beginnings of the model types that use them
FAMILY_KEYS: Final = {
    "Qwen 2 and 3": (("max_window_layers", "use_sliding_window"), ("qwen",)),
    "Qwen 3.5": (("full_attention_interval", "linear_conv_kernel_dim", "linear_num_value_heads"), ("qwen3", "qwen4")),
    "DeepSeek 2 and 3": (
        ("qk_nope_head_dim", "kv_lora_rank", "routed_scaling_factor"),
        ("deepseek", "kimi", "glm", "longcat", "minicpm", "youtu", "mistral", "bailing"),
    ),
    "Gemma": (
        ("query_pre_attn_scalar", "attn_logit_softcapping", "final_logit_softcapping"),
        ("gemma", "t5gemma", "vaultgemma"),
    ),
    "Granite": (("embedding_multiplier", "residual_multiplier", "logits_scaling"), ("granite", "bamba")),
    "Phi 3": (("original_max_position_embeddings", "embd_pdrop", "resid_pdrop"), ("phi", "gpt")),
}  # fmt: skip
MIN_KEYS: Final = 2  # one alone may be borrowed
_CODE: Final = re.compile(rf"({REPO_ID})--[\w.]{{1,200}}")
_MERGED: Final = re.compile(r"merge|slerp|\bties\b|\bdare\b|della|blend|soup|karcher|frankens", re.IGNORECASE)
_VERSION: Final = re.compile(r"\d[\w.+-]{0,30}")


def of_config(
    config: Mapping[str, object], settings: Mapping[str, object], own: str, declared: Collection[str]
) -> Iterator[Trace]:
    """Yield the traces in config.json; `settings`: generation_config.json; `declared`: repo ids in lower case."""
    parts = [config, *(p for key in ("text_config", "language_config") if isinstance(p := config.get(key), Mapping))]
    for part in parts:
        yield from _path(part.get("_name_or_path"), own, declared)
    yield from _code(parts, own, declared)
    yield from _versions(config, settings)
    yield from _stray(parts)
    yield from _class(config)
    if isinstance(config.get("unsloth_version"), str):
        said = f"unsloth_version: {config['unsloth_version']}"
        yield trace(
            "training words", "config.json", "The config says that it was trained with unsloth.", "weak", (), said
        )


def _path(value: object, own: str, declared: Collection[str]) -> Iterator[Trace]:
    if not isinstance(value, str) or not value.strip() or value.strip().lower() == own.lower():
        return
    name = next(iter(models_in(value[:300])), "")
    if name and name.lower() != own.lower():
        known = name.lower() in declared
        claim = f"The config was written from {name}, which the card {'declares' if known else 'does not declare'}."
        yield trace("config path", "config.json", claim, "weak" if known else "suggestive", (name,), value)
    elif _MERGED.search(value[:300]):
        claim = "The config was written in a folder whose name speaks of a merge."
        yield trace("config path", "config.json", claim, "suggestive", (), value)
    elif not name:
        yield trace("config path", "config.json", "The config keeps the folder it was written from.", "weak", (), value)


def _code(parts: list[Mapping[str, object]], own: str, declared: Collection[str]) -> Iterator[Trace]:
    """Yield the repositories that custom code is loaded from."""
    for part in parts:
        classes = part.get("auto_map")
        values = [v for v in classes.values() if isinstance(v, str)] if isinstance(classes, Mapping) else []
        found = {m[1]: v for v in values[:40] if (m := _CODE.fullmatch(v[:400])) and m[1].lower() != own.lower()}
        for name, value in found.items():
            known = name.lower() in declared
            claim = (
                f"The config loads its code from {name}, which the card {'declares' if known else 'does not declare'}."
            )
            yield trace("config code", "config.json", claim, "weak" if known else "suggestive", (name,), value)


def _versions(config: Mapping[str, object], settings: Mapping[str, object]) -> Iterator[Trace]:
    """Yield that two files, which one program writes together, were written by different versions of it."""
    mine, other = (t.get("transformers_version") for t in (config, settings))
    if not all(isinstance(v, str) and _VERSION.fullmatch(v) for v in (mine, other)):
        return
    if mine != other:
        claim = f"transformers {mine} wrote config.json, and {other} wrote generation_config.json."
        yield trace("config version", "config.json", claim, "weak")


def _stray(parts: list[Mapping[str, object]]) -> Iterator[Trace]:
    """Yield settings of a family that the model's own type does not belong to."""
    for part in parts:
        kind = part.get("model_type")
        if not isinstance(kind, str):
            continue
        for family, (keys, kinds) in FAMILY_KEYS.items():
            present = [k for k in keys if part.get(k) is not None]
            if len(present) >= MIN_KEYS and not kind.lower().startswith(kinds):
                claim = f"The config of type {kind[:60]} has settings of {family}: {listed(present)}."
                yield trace("config keys", "config.json", claim, "suggestive")


def _class(config: Mapping[str, object]) -> Iterator[Trace]:
    """Yield a class of another architecture than the model's type."""
    kind, classes = config.get("model_type"), config.get("architectures")
    first = classes[0] if isinstance(classes, list) and classes else None
    if not isinstance(kind, str) or not isinstance(first, str) or "auto_map" in config or not kind:
        return
    head = re.match(r"[a-z]+", kind.lower())
    if head and not first.lower().replace("_", "").startswith(head[0]):
        claim = f"The config is of type {kind[:60]}, and its class is {first[:80]}."
        yield trace("config class", "config.json", claim, "weak")
