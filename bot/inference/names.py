"""Names to count in answers: of known models and their makers, of a few popular models, and the model's own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from state.registry.models import Model

MIN_LETTERS = 3
_PARTS = re.compile(r"[-_. ]+")
_LETTERS = re.compile(r"[^\W\d_]+")
# words of titles that are not names
_COMMON = frozenset(
    {
        "large",
        "small",
        "mini",
        "nano",
        "tiny",
        "pro",
        "max",
        "plus",
        "flash",
        "air",
        "lite",
        "base",
        "instruct",
        "chat",
        "thinking",
        "open",
        "coder",
        "code",
        "math",
        "vision",
        "vl",
        "omni",
        "preview",
        "exp",
        "it",
        "distill",
        "model",
        "models",
        "ai",
        "research",
        "labs",
        "lab",
        "team",
        "the",
        "turbo",
        "next",
        "hybrid",
        "dense",
        "moe",
    }
)

# Names that models trained on these models' answers give, even if the registry lacks their weights.
EVERYWHERE: Final[dict[str, tuple[str, ...]]] = {
    "ChatGPT": ("ChatGPT", "GPT-3", "GPT-3.5", "GPT-4", "GPT-4o", "GPT-5"),
    "OpenAI": ("OpenAI", "Open AI", "오픈AI"),
    "Claude": ("Claude", "克劳德"),
    "Anthropic": ("Anthropic",),
    "Gemini": ("Gemini", "Gemma", "Bard"),
    "Google": ("Google", "Google DeepMind", "谷歌", "구글"),
    "Qwen": ("Qwen", "Tongyi Qianwen", "通义千问", "通义", "千问", "通義千問"),
    "Alibaba": (
        "Alibaba",
        "Alibaba Cloud",
        "Alibaba Group",
        "Alibaba Qwen",
        "阿里云",
        "阿里巴巴",
        "通义实验室",
        "알리바바",
        "アリババ",
    ),
    "DeepSeek": ("DeepSeek", "Deep Seek", "深度求索"),
    "Llama": ("Llama", "LLaMA", "Meta Llama"),
    "Meta": ("Meta AI", "Meta Platforms", "Meta"),
    "Mistral": ("Mistral", "Mixtral", "Magistral", "Mistral Large", "Le Chat"),
    "Kimi": ("Kimi",),
    "Moonshot AI": ("Moonshot AI", "Moonshot", "月之暗面"),
    "GLM": ("GLM", "ChatGLM", "智谱清言"),
    "Z.ai": ("Z.ai", "Zhipu AI", "Zhipu", "Z.ai (Zhipu AI)", "智谱", "智谱AI"),
    "MiniMax": ("MiniMax", "海螺"),
    "Ernie": ("Ernie", "文心一言", "ERNIE Bot"),
    "Baidu": ("Baidu", "百度"),
    "Doubao": ("Doubao", "豆包"),
    "ByteDance": ("ByteDance", "字节跳动"),
    "Hunyuan": ("Hunyuan", "混元"),
    "Tencent": ("Tencent", "腾讯"),
    "Grok": ("Grok",),
    "xAI": ("xAI",),
    "Copilot": ("Copilot",),
    "Microsoft": ("Microsoft", "微软"),
}


def names_of(models: Iterable[Model]) -> dict[str, str]:
    """Return {as written: canonical} for the known models: titles, aliases and families as their common name.

    The `names` of a model, by which it calls itself, count as that model's.
    """
    found = {name: canonical for canonical, names in EVERYWHERE.items() for name in names}
    spelled = {name.lower(): canonical for name, canonical in found.items()}
    for model in models:
        last = model.repo_id.rpartition("/")[2]
        for name in (model.title, last, model.family, *model.aliases):
            _put(found, spelled, name, stem(name) or stem(last))
        for name in model.names:
            _put(found, spelled, name, stem(model.title) or stem(last))
        if model.maker:
            _put(found, spelled, model.maker, model.maker)
    return found


def own_names(repo_id: str, names: dict[str, str]) -> dict[str, str]:
    """Return {as written: canonical} for an upload's own name and its organisation's."""
    organisation, _, last = repo_id.rpartition("/")
    found: dict[str, str] = {}
    spelled = {name.lower(): canonical for name, canonical in names.items()}
    for name, canonical in ((stem(last), stem(last)), (last, stem(last)), (organisation, organisation)):
        if sum(map(len, _LETTERS.findall(canonical))) >= MIN_LETTERS:
            found[name] = spelled.get(canonical.lower(), canonical)
    return found


def stem(name: str) -> str:
    """Return the name that a title begins with: "Qwen3.5-397B-A17B" is a Qwen, "gpt-oss-20b" a gpt-oss."""
    kept: list[str] = []
    for part in _PARTS.split(name):
        letters = _LETTERS.match(part)
        if letters is None or (kept and (letters[0] != part or part.lower() in _COMMON)):
            break
        kept.append(letters[0])
        if letters[0] != part:
            break
    return "-".join(kept) if kept and kept[0].lower() not in _COMMON else ""


def _put(found: dict[str, str], spelled: dict[str, str], name: str, canonical: str) -> None:
    """Add a name. `spelled`: canonical names by lower-case name, so that "gemma" is the same as "Gemma"."""
    if sum(map(len, _LETTERS.findall(canonical))) >= MIN_LETTERS:
        known = spelled.setdefault(canonical.lower(), canonical)
        spelled.setdefault(name.lower(), known)
        found.setdefault(canonical, known)
        found.setdefault(name, known)
