"""Names of models in text: repo ids, addresses on the Hub, and names spelled in words.

A name is a list of parts: family, version, size, variant. "Qwen3.6-27B", "Qwen 3.6 27B" and "the 27B version of
Qwen 3.6" have the same parts. A longer name ("Qwen3.6-27B-Coder") is another model's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
REPO_ID = rf"{PART}/{PART}"
HUB = r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co|hf-mirror\.com|modelscope\.cn/models)/"
SHORT_NAME = re.compile(r"(?=.{4})[A-Za-z]{2,}-?[0-9]")  # "phi-4": a name where something beside it says so
MIN_NAME_CHARS = 6  # a shorter name, or one without a digit and a hyphen, is an ordinary word
MAX_FILLERS = 4  # words between two parts of a name: "the 27B version of Qwen 3.6"
MAX_GAP_CHARS = 6
MAX_SPELLED = 400  # places in one text where a spelling of one name is looked for
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


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NO_OWNERS = _set(
    "datasets spaces papers blog docs collections models huggingface.co image text audio video application"
)
_TOOLS = _set(
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

_WORD = re.compile(r"[A-Za-z0-9\u00c0-\u024f]+(?:[-.][A-Za-z0-9\u00c0-\u024f]+)*")
_ENDING = re.compile(
    r"\.(?:png|jpe?g|svg|jsonl?|csv|tsv|txt|md|html|safetensors|gguf|py|ya?ml|parquet)$", re.IGNORECASE
)
# one variant under several names; "tuned" says no more than "instruction" beside it
_SAME = {"it": "instruct", "instruction": "instruct"}
_BETWEEN = re.compile(r"[-_ ]+|(?<![0-9])\.|\.(?![0-9])")
_VERSION = re.compile(r"v([0-9][0-9.]*)")
_LETTERS_DIGITS = re.compile(r"([^\W\d_]{3,})([0-9][0-9.]*(?:[a-z](?![a-z]))?)(.*)")
_FORM = re.compile(
    r"[-_.](?:(?:unsloth[-_])?bnb|(?:dynamic[-_])?[1-8][-_.]?bits?|(?:[1-8](?:\.[0-9]+)?bpw)|gguf|ggml|awq|gptq|"
    r"exl[23]|mlx|hqq|aqlm|nf4|fp(?:4|8|16|32)|bf16|f(?:16|32)|int[348]|nvfp4|mxfp4|w[0-9]+a[0-9]+|imatrix|imat|i1|"
    r"i?q[1-8](?:[-_](?:k|0|1)(?:[-_](?:xl|[sml]))?)?|quanti[sz]ed|quants?|onnx|openvino|ov|ct2|hf|safetensors|"
    r"dynamic|marlin|[0-9]+g|gs[0-9]+|h[0-9]+|mirror|copy|clone|"
    r"fork|backup|re-?upload|converted|e4m3|e5m2|unsloth|static|block|gptqmodel|autoround|qat)$",
    re.IGNORECASE,
)
_FILLERS = _set(
    "the a an of version variant model models in its our size sized series family release released edition with "
    "parameter parameters params from based on as de la le der die das du des el di von s language llm mit fassung "
    "parametern parámetros paramètres versión versione"
)
_VARIANTS = _set(
    "instruct thinking coder distill distilled air mini vl preview reasoning turbo flash lite nano omni guard "
    "embedding "
    "reranker abliterated uncensored"
)
_NOUNS = _set(
    "model models llm llms gguf lora loras adapter by license licence is was are from on with without and or but as "
    "in for "
    "to of at the a an this it we i you our my weights checkpoint architecture quantized quants quantization merge "
    "merges "
    "merged merging finetune finetuned fine-tuned tuned trained using used via slerp ties dare della linear "
    "passthrough x "
    "vs base team based not no"
)


@dataclass(frozen=True, slots=True)
class Named:
    """One model named in a text. `known`: by an address or a known model's name; `plain`: two words and a slash."""

    repo_id: str
    start: int
    end: int
    known: bool = False

    @property
    def plain(self) -> bool:
        """Tell whether only the slash tells it from words, as in "story/scene"."""
        return not self.known and not re.search(r"[0-9_.-]", self.repo_id)

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


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text with the parts of a name in it, storage formats left out."""

    start: int
    end: int
    text: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spelling:
    """The parts by which a text may spell one model. `owner`: words that may stand beside them."""

    repo_id: str
    parts: tuple[str, ...]
    owner: frozenset[str] = frozenset()

    @property
    def needed(self) -> frozenset[str]:
        """Each part once."""
        return frozenset(self.parts)


def without_form(name: str) -> str:
    """Return a name without the suffixes of storage formats and mirrors: "X-7B-bnb-4bit" is a form of "X-7B"."""
    while (shorter := _FORM.sub("", name)) and shorter != name:
        name = shorter
    return name


@lru_cache(maxsize=4096)
def parts_of(name: str) -> tuple[str, ...]:
    """Return the parts of a name in lower case: "Qwen2.5-72B-v0.1" has qwen, 2.5, 72b and 0.1."""
    found = [_SAME.get(part, part) for piece in _BETWEEN.split(name.lower()) for part in _pieces(piece)]
    before = ["", *found]
    return tuple(part for i, part in enumerate(found) if part and (part, before[i]) != ("tuned", "instruct"))


def _pieces(piece: str) -> Iterator[str]:
    if found := _VERSION.fullmatch(piece):
        yield found[1]
    elif found := _LETTERS_DIGITS.fullmatch(piece):
        yield from (found[1], found[2].rstrip("."), *(_pieces(found[3]) if found[3] else ()))
    else:
        yield piece


def is_a_name(name: str) -> bool:
    """Tell whether a name can stand for its model without its owner: `model` and `merged` cannot."""
    return len(name) >= MIN_NAME_CHARS and re.search(r"[0-9 -]", name) is not None


def same_model(one: str, other: str) -> bool:
    """Tell whether two repo ids name one model: equal ids, or one the other's mirror or storage format by its name.

    `one` may be a name without its owner, as a card may have it.
    """
    a, b = one.rpartition("/")[2], other.rpartition("/")[2]
    if one.lower() in (other.lower(), b.lower()):
        return True
    a, b = without_form(a), without_form(b)
    return (is_a_name(a) or SHORT_NAME.match(a) is not None) and parts_of(a) == parts_of(b)


def spellings(repo_id: str, titles: Iterable[str] = ()) -> list[Spelling]:
    """Return how a text may spell a model: by its repo id's last part and by other names that stand for it."""
    owner, _, last = repo_id.rpartition("/")
    beside = frozenset(parts_of(owner))
    names = [name for name in dict.fromkeys((last, *titles)) if is_a_name(name)]
    return [
        Spelling(repo_id, parts, beside - set(parts))
        for parts in dict.fromkeys(parts_of(without_form(n)) for n in names)
        if parts
    ]


def words_of(text: str) -> list[Word]:
    """Return the words of a text that may be parts of names."""
    return [Word(m.start(), m.end(), m[0], _parts_in(m[0])) for m in _WORD.finditer(text)]


@lru_cache(maxsize=4096)
def _parts_in(word: str) -> tuple[str, ...]:
    return parts_of(without_form(_ENDING.sub("", word)))


def may_spell(low: str, parts: Iterable[str]) -> bool:
    """Tell cheaply whether a text in lower case has all parts of a name somewhere."""
    return all(part in low or (part == "instruct" and "it" in low) for part in parts)


def spelled(text: str, words: list[Word], by: Spelling) -> Iterator[tuple[int, int]]:
    """Yield where a text spells a model: all parts of its name, whole words in any order, and no longer name."""
    needed, at, tried = by.needed, 0, 0
    while at < len(words) and tried < MAX_SPELLED:
        last = None
        if needed.intersection(words[at].parts):
            tried += 1
            last = _run(text, words, at, by)
        if last is None:
            at += 1
            continue
        yield words[at].start, words[last].end
        at = last + 1


def _run(text: str, words: list[Word], first: int, by: Spelling) -> int | None:
    """Return the last word of a spelling that begins with the word `first`; None if none does."""
    got: list[tuple[str, bool]] = []  # each part, and whether it follows the one before without a word between
    fillers, needed = 0, by.needed
    for at in range(first, len(words)):
        word = words[at]
        if at > first and not _joined(text[words[at - 1].end : word.start]):
            return None
        if needed.intersection(word.parts) and needed | by.owner | _FILLERS >= set(word.parts):
            got += [(part, i > 0 or not fillers) for i, part in enumerate(word.parts)]
            fillers = 0
            if needed <= {part for part, _ in got}:
                return at if _in_place(got, by.parts) and not _goes_on(text, words, at) else None
        elif at > first and fillers < MAX_FILLERS and word.text.lower() in _FILLERS:
            fillers += 1
        else:
            return None
    return None


def _joined(gap: str) -> bool:
    return len(gap) <= MAX_GAP_CHARS and not re.search(r"[.!?;|\n。！？；]", gap)


def _in_place(got: list[tuple[str, bool]], parts: tuple[str, ...]) -> bool:
    """Tell whether each small number follows what it is the version of: "Fjord 3" in "Fjord 3 8B", not "3 Fjord 8B"."""
    follows = {(got[i - 1][0], got[i][0]) for i in range(1, len(got)) if got[i][1]}
    small = [i for i, part in enumerate(parts) if i and re.fullmatch(r"[0-9]{1,3}", part)]
    return all((parts[i - 1], parts[i]) in follows for i in small)


def _goes_on(text: str, words: list[Word], at: int) -> bool:
    """Tell whether a longer name goes on behind the word `at`: "Fjord 8B Instruct", "Fjord 8B Sunrise".

    A name written in one word, "Fjord-8B", ends with it: what follows after a space is the sentence.
    """
    if at + 1 == len(words):
        return False
    gap, then = text[words[at].end : words[at + 1].start], words[at + 1].text
    if gap in ("-", "_"):
        return then.lower() in _VARIANTS
    if gap not in (" ", "\u00a0") or "-" in words[at].text or then.lower() in _NOUNS:
        return False
    return (
        then.lower() in _VARIANTS or then[0].isupper() or re.fullmatch(r"[vV]?[0-9.]{4,}|[0-9.]+[bB]", then) is not None
    )


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


@dataclass(slots=True)
class NameIndex:
    """Known models' names, to be found in one card. Of many names only those whose every word the card has are "
    "tried."""

    found: list[Spelling] = field(default_factory=list)
    _read: dict[str, list[Named]] = field(default_factory=dict)  # a sentence is asked for by all who read it

    @classmethod
    def of(cls, names: Mapping[str, str], text: str) -> NameIndex:
        """Keep of `names` (name -> repo id) what `text` may spell."""
        low = text.lower()
        parts = ((repo_id, parts_of(without_form(name))) for name, repo_id in names.items())
        return cls([Spelling(repo_id, p, _owner(repo_id)) for repo_id, p in parts if p and may_spell(low, p)])

    def named(self, text: str) -> list[Named]:
        """Return all models named in a text: repo ids, then known names outside of these; none inside another."""
        if (known := self._read.get(text)) is None:
            known = self._read[text] = self._named(text)
        return known

    def _named(self, text: str) -> list[Named]:
        ids, low = ids_in(text), text.lower()
        tried = [by for by in self.found if may_spell(low, by.parts)]
        words = words_of(text) if tried else []
        spans = [(s, e, by.repo_id) for by in tried for s, e in spelled(text, words, by)]
        known: list[Named] = []
        for start, end, repo_id in sorted(spans, key=lambda span: span[0] - span[1]):
            if all(end <= n.start or n.end <= start for n in (*ids, *known)):
                known.append(Named(repo_id, start, end, known=True))
        return sorted((*ids, *known), key=lambda n: n.start)


def _owner(repo_id: str) -> frozenset[str]:
    return frozenset(parts_of(repo_id.rpartition("/")[0]))
