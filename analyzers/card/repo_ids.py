"""Repo ids in text: by themselves, in an address on the Hub, or in the name of a cached folder."""

from __future__ import annotations

import re
from dataclasses import dataclass

PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
REPO_ID = rf"{PART}/{PART}"
HUB = r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co|hf-mirror\.com|modelscope\.cn/models)/"
MAX_IDS = 2_000  # in one text

_OTHER_PAGE = re.compile(
    rf"{HUB}(?:datasets|spaces|papers|blog|docs|collections|posts|tasks|learn)/[^\s)\]>\"'|]*|"
    rf"https?://(?!(?:www\.)?(?:huggingface\.co|hf\.co|hf-mirror\.com|modelscope\.cn)/)[^\s)\]>\"'|]*",
    re.IGNORECASE,
)
_CACHED = rf"models--({PART}?)--({PART})"
_ID = re.compile(
    rf"{_CACHED}|(?<![A-Za-z0-9_.@-])(?:{HUB}/?({REPO_ID})|(?<!/)({REPO_ID}))(?![A-Za-z0-9_]|/(?![\s)\]>\"'.,]|$|"
    rf"tree|blob|resolve|raw|commit))",
    re.ASCII,
)


def word_set(words: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(words.split())


_NO_OWNERS = word_set(
    "datasets spaces papers blog docs collections models huggingface.co image text audio video application"
)
_TOOLS = word_set(
    "mergekit axolotl unsloth trl llama-factory llamafactory llama.cpp lazymergekit transformers peft vllm sglang "
    "gguf-my-repo mlx-lm mlx-vlm llm-compressor autoawq autogptq gptqmodel exllamav2 exllamav3 deepspeed "
    "megatron-lm verl openrlhf swift ms-swift torchtune lm-evaluation-harness mergoo heretic ollama koboldcpp"
)
_FILE = re.compile(
    r"\.(?:md|py|txt|jsonl?|ya?ml|safetensors|gguf|png|jpe?g|gif|svg|pdf|sh|ipynb|bin|xml|cpp|onnx|pth?|ckpt|npz|"
    r"mp[34]|wav|html|csv|parquet|git)$",
    re.I,
)
_FRACTION = re.compile(r"[0-9.]+[A-Za-z]{0,3}/[0-9.]+[A-Za-z]{0,3}")
_SIZE = re.compile(r"(?<![a-z0-9])[0-9]+(?:[.x][0-9]+)*[bm](?![a-z])", re.IGNORECASE)
_FAMILY = re.compile(
    r"llama|qwen|mi[sx]tral|gemma|phi-|falcon|deepseek|glm|gpt|bert|-base|instruct|-chat\b|-it\b|coder|-r1|olmo|"
    r"granite|"
    r"nemo|smollm|roberta|whisper|t5\b",
    re.IGNORECASE,
)
_DATA = re.compile(
    r"dpo|sft|datasets?|corpus|corpora|prompts?|pairs|preference|feedback|sharegpt|alpaca|ultrachat|orca|capybara|"
    r"\d+k\b|cleaned|logs?\b|conversations?|stories|writing|wiki|opus|samples",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Named:
    """One model named in a text. `known`: by an address or a known model's name; `short`: without its owner."""

    repo_id: str
    start: int
    end: int
    known: bool = False
    short: bool = False

    @property
    def plain(self) -> bool:
        """Tell whether it may be other words, as "story/scene" may and "phi-4" without "Microsoft" beside it."""
        return self.short or (not self.known and not re.search(r"[0-9_.-]", self.repo_id))

    @property
    def model_like(self) -> bool:
        """Tell whether it is surely a model and no data set."""
        name = self.repo_id.rpartition("/")[2]
        if _SIZE.search(name):
            return True
        return not _DATA.search(name) and (self.known or _FAMILY.search(self.repo_id) is not None)

    @property
    def data_like(self) -> bool:
        """Tell whether its name is one that data sets have."""
        return _DATA.search(self.repo_id) is not None and not _SIZE.search(self.repo_id)


def ids_in(text: str) -> list[Named]:
    """Return the repo ids in a text, by themselves or in an address on the Hub, in the order of the text."""
    if "/" not in text and "models--" not in text:
        return []
    masked = _OTHER_PAGE.sub(lambda m: " " * len(m[0]), text)
    found: list[Named] = []
    for match in _ID.finditer(masked):
        repo_id = (f"{match[1]}/{match[2]}" if match[1] else match[3] or match[4]).rstrip("._-")
        if len(found) == MAX_IDS:
            break
        if not _is_other(repo_id):
            found.append(Named(repo_id, match.start(), match.end(), known=match[4] is None))
    return found


def _is_other(repo_id: str) -> bool:
    """Tell files, tools, fractions and other pages of the Hub from models."""
    owner, _, name = repo_id.lower().partition("/")
    return owner in _NO_OWNERS or name in _TOOLS or bool(_FRACTION.fullmatch(repo_id) or _FILE.search(name))
