"""Names of models that text spells in words, beside the repo ids in it.

A name is a list of parts: family, version, size, variant. "Qwen3.6-27B", "Qwen 3.6 27B" and "the 27B version of
Qwen 3.6" have the same parts. A longer name ("Qwen3.6-27B-Coder") is another model's name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from analyzers.card.repo_ids import Named, ids_in, word_set
from analyzers.model_ids import dotted, is_a_name, parts_of, without_form

MAX_FILLERS = 4  # words between two parts of a name: "the 27B version of Qwen 3.6"
MAX_GAP_CHARS = 6
MAX_SPELLED = 200  # places in one text where a spelling of one name is looked for
NEAR = 3  # words between a short name and its owner

_WORD = re.compile(r"[A-Za-z0-9\u00c0-\u024f]+(?:(?:[-.]|(?<=[0-9])_(?=[0-9]))[A-Za-z0-9\u00c0-\u024f]+)*")
_ENDING = re.compile(
    r"\.(?:png|jpe?g|svg|jsonl?|csv|tsv|txt|md|html|safetensors|gguf|py|ya?ml|parquet)$", re.IGNORECASE
)
_FILLERS = word_set(
    "the a an of version variant model models in its our size sized series family release released edition with "
    "parameter parameters params from based on as de la le der die das du des el di von s language llm mit fassung "
    "parametern parámetros paramètres versión versione"
)
_VARIANTS = word_set(
    "instruct thinking coder distill distilled air mini vl preview reasoning turbo flash lite nano omni guard "
    "embedding "
    "reranker abliterated uncensored"
)
_ANY_OWNER = word_set("org ai labs lab team research the of and inc hf models community")  # in many owners' names
_NOUNS = word_set(
    "model models llm llms gguf lora loras adapter by license licence is was are from on with without and or but as "
    "in for "
    "to of at the a an this it we i you our my weights checkpoint architecture quantized quants quantization merge "
    "merges "
    "merged merging finetune finetuned fine-tuned tuned trained using used via slerp ties dare della linear "
    "passthrough x "
    "vs base team based not no"
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text with the parts of a name in it, storage formats left out."""

    start: int
    end: int
    text: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Spelling:
    """The parts by which a text may spell one model. `owner`: words that may stand beside them, and must if `short`."""

    repo_id: str
    parts: tuple[str, ...]
    owner: frozenset[str] = frozenset()
    short: bool = False

    @cached_property
    def needed(self) -> frozenset[str]:
        """Each part once."""
        return frozenset(self.parts)

    @cached_property
    def allowed(self) -> frozenset[str]:
        """The parts of words that may stand between."""
        return self.needed | self.owner | _FILLERS


def spellings(repo_id: str, titles: Iterable[str] = ()) -> list[Spelling]:
    """Return how a text may spell a model: by its repo id's last part and by other names that stand for it."""
    names = (name for name in dict.fromkeys((repo_id.rpartition("/")[2], *titles)) if is_a_name(name, short=True))
    return list(dict.fromkeys(by for name in names if (by := _spelling(repo_id, name)).parts))


def _spelling(repo_id: str, name: str) -> Spelling:
    parts = parts_of(without_form(name))
    owner = frozenset(parts_of(repo_id.rpartition("/")[0])) - set(parts)
    return Spelling(repo_id, parts, owner, short=is_a_name(name, short=True) and not is_a_name(name))


@dataclass(frozen=True)
class Text:
    """A text in which names are looked for; its words and ids are found once, when they are first asked for."""

    text: str

    @cached_property
    def low(self) -> str:
        """The text in lower case."""
        return self.text.lower()

    @cached_property
    def ids(self) -> list[Named]:
        """The repo ids in it."""
        return ids_in(self.text)

    @cached_property
    def words(self) -> list[Word]:
        """Its words that may be parts of names."""
        return [Word(m.start(), m.end(), m[0], _parts_in(m[0])) for m in _WORD.finditer(self.text)]

    @cached_property
    def places(self) -> Mapping[str, list[int]]:
        """Return the places of each part, as numbers of words."""
        found: dict[str, list[int]] = defaultdict(list)
        for number, word in enumerate(self.words):
            for part in word.parts:
                found[part].append(number)
        return found

    def may_spell(self, by: Spelling) -> bool:
        """Tell cheaply whether all parts of a name are somewhere in it."""
        return all(part in self._flat or (part == "instruct" and "it" in self._flat) for part in by.parts)

    @cached_property
    def _flat(self) -> str:
        return dotted(self.low)


@lru_cache(maxsize=4096)
def _parts_in(word: str) -> tuple[str, ...]:
    return parts_of(without_form(_ENDING.sub("", word)))


def spelled(text: Text, by: Spelling) -> Iterator[tuple[int, int, bool]]:
    """Yield (start, end, whether it may be other words) of each place where a text spells a model.

    All parts of its name, whole words in any order, and no longer name. Of a short name, only its owner beside it
    makes sure.
    """
    if not text.may_spell(by):
        return
    rarest = min((text.places.get(part, []) for part in by.needed), key=len)
    done, reach = 0, len(by.parts) * (MAX_FILLERS + 1)
    for at in rarest[:MAX_SPELLED]:
        for first in range(max(done, at - reach), at + 1):
            starts = by.needed.intersection(text.words[first].parts)
            if starts and (last := _run(text, first, by)) is not None:
                done = last + 1
                yield text.words[first].start, text.words[last].end, by.short and not _owned(text, first, last, by)
                break


def _owned(text: Text, first: int, last: int, by: Spelling) -> bool:
    """Tell whether a word of the owner's name stands near a name."""
    near = (*text.words[max(0, first - NEAR) : first], *text.words[last + 1 : last + 1 + NEAR])
    return any((by.owner - _ANY_OWNER).intersection(word.parts) for word in near)


def _run(text: Text, first: int, by: Spelling) -> int | None:
    """Return the last word of a spelling that begins with the word `first`; None if none does."""
    got: list[tuple[str, bool]] = []  # each part, and whether it follows the one before without a word between
    fillers, needed, words = 0, by.needed, text.words
    for at in range(first, len(words)):
        word = words[at]
        if at > first and not _joined(text.text[words[at - 1].end : word.start]):
            return None
        if needed.intersection(word.parts) and by.allowed.issuperset(word.parts):
            got += [(part, i > 0 or not fillers) for i, part in enumerate(word.parts)]
            fillers = 0
            if needed <= {part for part, _ in got}:
                return at if _in_place(got, by.parts) and not _goes_on(text, at) else None
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


def _goes_on(text: Text, at: int) -> bool:
    """Tell whether a longer name goes on behind the word `at`: "Fjord 8B Instruct", "Fjord 8B Sunrise".

    A name written in one word, "Fjord-8B", ends with it: what follows after a space is the sentence.
    """
    words = text.words
    if at + 1 == len(words):
        return False
    gap, then = text.text[words[at].end : words[at + 1].start], words[at + 1].text
    if gap in ("-", "_"):
        return then.lower() in _VARIANTS
    if gap not in (" ", "\u00a0") or "-" in words[at].text or then.lower() in _NOUNS:
        return False
    return (
        then.lower() in _VARIANTS or then[0].isupper() or re.fullmatch(r"[vV]?[0-9.]{4,}|[0-9.]+[bB]", then) is not None
    )


@dataclass(slots=True)
class NameIndex:
    """Known models' names, to be found in one card; of many names only those that it may spell."""

    found: list[Spelling] = field(default_factory=list)
    _read: dict[str, list[Named]] = field(default_factory=dict)  # a sentence is asked for by all who read it

    @classmethod
    def of(cls, names: Mapping[str, str], text: str) -> NameIndex:
        """Keep of `names` (name -> repo id) what `text` may spell."""
        whole = Text(text)
        found = (_spelling(repo_id, name) for name, repo_id in names.items())
        return cls([by for by in found if by.parts and whole.may_spell(by)])

    def named(self, text: str) -> list[Named]:
        """Return all models named in a text: repo ids, then known names outside of these; none inside another."""
        if (known := self._read.get(text)) is None:
            known = self._read[text] = self._named(Text(text))
        return known

    def _named(self, text: Text) -> list[Named]:
        spans = ((by, span) for by in self.found for span in spelled(text, by))
        known = [Named(by.repo_id, start, end, known=True, short=short) for by, (start, end, short) in spans]
        taken = bytearray(len(text.text))
        kept: list[Named] = []
        for name in (*text.ids, *sorted(known, key=lambda n: n.start - n.end)):
            if not any(taken[name.start : name.end]):
                taken[name.start : name.end] = b"\1" * (name.end - name.start)
                kept.append(name)
        return sorted(kept, key=lambda n: n.start)
