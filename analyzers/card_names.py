"""Names of models in a text: repo ids, addresses on the Hub, and the names of known models, found in one scan.

Known names are kept in a tree of their tokens (runs of letters, runs of digits), so that "Qwen2.5-7B", "Qwen 2.5 7B"
and "qwen2.5 7b" are one name, and the work does not grow with the number of names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MAX_NAME_TOKENS = 24

PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
REPO_ID = rf"{PART}/{PART}"
HUB = r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co|hf-mirror\.com|modelscope\.cn/models)/"
_PAGE = r"(?:/(?:tree|blob|resolve|raw|commits?|discussions|summary)(?:/[^\s)\]>\"']{0,200})?)?/?"
_ID = re.compile(
    rf"(?<![A-Za-z0-9_./@-])(?:{HUB}/?({REPO_ID}){_PAGE}|({REPO_ID}))(?![A-Za-z0-9_/])",
    re.ASCII,
)
_TOKEN = re.compile(r"[A-Za-z\u00c0-\u024f]+|[0-9]+|[^\W_]")
_JOINT = re.compile(r"[ \u00a0._-]{0,2}")
_NOT_REPOSITORIES = frozenset(
    [
        "datasets",
        "spaces",
        "papers",
        "blog",
        "docs",
        "collections",
        "models",
        "tasks",
        "learn",
        "join",
        "chat",
        "posts",
        "huggingface.co",
        "hf.co",
        "github.com",
        "arxiv.org",
        "colab.research.google.com",
    ]
)
_WORDS = re.compile(r"[a-z]{1,9}/[a-z]{1,9}|[A-Z]{1,6}/[A-Z]{1,6}|[0-9.]+/[0-9.]+")
_FILE = re.compile(
    r"\.(?:md|py|txt|json|jsonl|ya?ml|safetensors|gguf|png|jpe?g|gif|svg|pdf|sh|ipynb|bin|html|csv|parquet)$"
)
_MODEL_LIKE = re.compile(
    r"(?<![a-z0-9])[0-9]+(?:[.x][0-9]+)?x?[0-9]*[bm](?![a-z])|llama|qwen|mistral|mixtral|gemma|phi-|falcon|deepseek|"
    r"yi-|glm|gpt|bert|-base|instruct|-chat\b|-it\b|coder|-r1|olmo|granite|command|nemo|smollm",
    re.IGNORECASE,
)
TOOLS = frozenset(
    [
        "mergekit",
        "axolotl",
        "unsloth",
        "trl",
        "llama-factory",
        "llamafactory",
        "llama.cpp",
        "lazymergekit",
        "transformers",
        "peft",
        "accelerate",
        "vllm",
        "sglang",
        "gguf-my-repo",
        "mlx-lm",
        "mlx-vlm",
        "llm-compressor",
        "autoawq",
        "autogptq",
        "gptqmodel",
        "exllamav2",
        "exllamav3",
        "deepspeed",
        "megatron-lm",
        "nemo-rl",
        "verl",
        "openrlhf",
        "swift",
        "ms-swift",
        "torchtune",
        "lm-evaluation-harness",
        "lighteval",
        "abliterator",
        "heretic",
        "mergoo",
        "mergekit-gui",
        "automerger",
        "automerge",
        "ollama",
        "koboldcpp",
        "text-generation-webui",
    ]
)


@dataclass(frozen=True, slots=True)
class Named:
    """One model named in a text. `known` where the name is that of a known model, not only shaped like a repo id."""

    repo_id: str
    start: int
    end: int
    known: bool = False

    @property
    def model_like(self) -> bool:
        """Tell whether it is surely a model and no data set: known, or named by size, family or kind."""
        return self.known or _MODEL_LIKE.search(self.repo_id) is not None


@dataclass(slots=True)
class _Node:
    """A place in the tree of names; `repo_id` where a name ends."""

    next: dict[str, _Node] = field(default_factory=dict)
    repo_id: str = ""


class NameIndex:
    """Names of known models, to be found in texts."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._root = _Node()
        for name, repo_id in names.items():
            tokens = [m[0].lower() for m in _TOKEN.finditer(name)]
            if not tokens or len(tokens) > MAX_NAME_TOKENS:
                continue
            node = self._root
            for token in tokens:
                node = node.next.setdefault(token, _Node())
            node.repo_id = node.repo_id or repo_id

    def find(self, text: str) -> list[Named]:
        """Return the models named in `text`, in the order of their places, none inside another."""
        ids = list(_repo_ids(text))
        known = list(self._known(text, ids)) if self._root.next else []
        return sorted([*(n for n in ids if not _no_model(n.repo_id)), *known], key=lambda n: n.start)

    def _known(self, text: str, taken: list[Named]) -> Iterator[Named]:
        tokens = list(_TOKEN.finditer(text))
        at, span = 0, 0
        while at < len(tokens):
            start = tokens[at].start()
            while span < len(taken) and taken[span].end <= start:
                span += 1
            if span < len(taken) and taken[span].start <= start:
                at += 1
                continue
            found, used = self._longest(text, tokens, at) if _free_before(text, start) else ("", 0)
            if found:
                yield Named(found, start, tokens[at + used - 1].end(), known=True)
            at += used or 1

    def _longest(self, text: str, tokens: list[re.Match[str]], at: int) -> tuple[str, int]:
        """Return the repo id of the longest name that begins with token `at`, and how many tokens it takes."""
        node, best = self._root, ("", 0)
        for n, token in enumerate(tokens[at : at + MAX_NAME_TOKENS], 1):
            if n > 1 and not _JOINT.fullmatch(text, tokens[at + n - 2].end(), token.start()):
                break
            child = node.next.get(token[0].lower())
            if child is None:
                break
            node = child
            if node.repo_id and _free_after(text, token.end()):
                best = (node.repo_id, n)
        return best


def _free_before(text: str, start: int) -> bool:
    """Tell whether a name may begin here: not inside a longer word, version or repo id."""
    before = text[start - 1 : start]
    return not before or not (before.isascii() and (before.isalnum() or before in "_-@."))


def _free_after(text: str, end: int) -> bool:
    """Tell whether a name may end here; "X-based" ends the name X, "X-Coder" does not."""
    after = text[end : end + 1]
    if not after or not after.isascii():
        return True
    if after == "-":
        return re.match(r"-(?:based|derived|generated|style|like|tuned)\b", text[end : end + 12]) is not None
    if after == ".":
        return not text[end + 1 : end + 2].isalnum()
    return not (after.isalnum() or after in "_/")


def _repo_ids(text: str) -> Iterator[Named]:
    for match in _ID.finditer(text):
        repo_id = (match[1] or match[2]).rstrip("._-/")
        yield Named(repo_id, match.start(), match.end(), known=match[1] is not None)


def _no_model(repo_id: str) -> bool:
    """Tell words with a slash between them, files, tools and other pages of the Hub from models."""
    owner, slash, name = repo_id.partition("/")
    lower = name.lower()
    if not slash:
        return True
    other = owner.lower() in _NOT_REPOSITORIES or lower.removesuffix(".git") in TOOLS
    return other or bool(_WORDS.fullmatch(repo_id) or _FILE.search(lower))
