"""One answer of a model: which names it claims for itself, which it denies, which it only mentions.

"I am X", "my name is X", "made by X" claim; "I am not X" denies; "like X", "X is a model by ..." and every question
mention. What is in doubt is a mention.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from analyzers.identity.words import (
    BOUNDARY,
    CHAIN,
    CLAIMED_AFTER,
    CUES,
    DENIED_AFTER,
    FAR,
    INTRODUCED,
    OTHER_AFTER,
    QUESTION,
    SENTENCE,
    WIDE,
    Cue,
)

MAX_ANSWER = 4_000  # characters that are read of an answer
MAX_SENTENCE = 600
MAX_GAP = 7  # words between a cue and its name
MAX_GAP_SIGNS = 70
MAX_QUOTE = 160  # characters
LONGEST_NAME = 8  # words

Kind = Literal["claim", "denial", "mention"]

_WIDE_SIGN = WIDE.pattern
_WORD = re.compile(rf"{_WIDE_SIGN}|[^\W\d_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|\d+")
_THOUGHT = re.compile(
    r"<think(?:ing)?>.*?(?:</think(?:ing)?>|$)|<\|channel\|>analysis.*?(?:<\|channel\|>final<\|message\|>|$)",
    re.DOTALL | re.IGNORECASE,
)
# the template opened it; or the marks were taken out and their words left
_DONE_THINKING = re.compile(r"^.*</think(?:ing)?>|^analysis(?=[^\s:,.]).*?(?:assistantfinal|$)", re.DOTALL)
_BARE = 3  # words after the name in a sentence that is a name and little else


@dataclass(frozen=True, slots=True)
class Reading:
    """The use of one name in an answer (in its canonical form); `quote` is a stranger's text."""

    name: str
    kind: Kind
    quote: str


@dataclass(frozen=True, slots=True)
class _Found:
    begin: int
    end: int
    name: str


class Names:
    """Names to look for, with what each stands for. Spelling may differ in case, spaces and punctuation."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._by_words: dict[tuple[str, ...], tuple[str, bool]] = {}
        for name, canonical in names.items():
            plain = plain_text(name)
            words = tuple(m[0].casefold() for m in _WORD.finditer(plain))[:LONGEST_NAME]
            if sum(map(len, words)) >= 2:
                self._by_words.setdefault(words, (canonical, plain[:1].isupper()))
        self._longest = max((len(w) for w in self._by_words), default=0)

    def find(self, sentence: str) -> Iterator[_Found]:
        """Yield the names in a sentence, the longest at each place, from left to right."""
        words = [(m.start(), m.end(), m[0]) for m in _WORD.finditer(sentence)]
        small = not any("A" <= sign <= "Z" for sign in sentence)  # then a small letter says nothing
        folded = [w[2].casefold() for w in words]
        at = 0
        while at < len(words):
            for length in range(min(self._longest, len(words) - at), 0, -1):
                entry = self._by_words.get(tuple(folded[at : at + length]))
                if entry and (small or not entry[1] or not words[at][2][:1].islower()):
                    yield _Found(words[at][0], words[at + length - 1][1], entry[0])
                    at += length - 1
                    break
            at += 1


def plain_text(text: str) -> str:
    """Return the text in one form of Unicode, without signs that are drawn as nothing."""
    kept = (c for c in unicodedata.normalize("NFKC", text) if c == "\n" or unicodedata.category(c) not in _UNSEEN)
    return "".join(kept)


_UNSEEN = frozenset({"Cf", "Cc", "Cs", "Co", "Cn"})


def spoken(answer: str) -> str:
    """Return what an answer says in the end: without its thoughts, of bounded length; "" if it never came to an end."""
    bounded = answer[: 4 * MAX_ANSWER]
    without = _DONE_THINKING.sub("", _THOUGHT.sub("", bounded))
    return plain_text(without).strip()[:MAX_ANSWER]


def read_answer(answer: str, names: Names) -> tuple[Reading, ...]:
    """Return how an answer uses each name, each once: a claim wins over a denial, that over a mention."""
    text = spoken(answer)
    found: dict[str, Reading] = {}
    for sentence in SENTENCE.split(text):
        for begin in range(0, len(sentence), MAX_SENTENCE):
            for reading in _read_sentence(sentence[begin : begin + MAX_SENTENCE], names):
                known = found.get(reading.name)
                if known is None or _RANK[reading.kind] > _RANK[known.kind]:
                    found[reading.name] = reading
    return tuple(found.values())


_RANK: dict[Kind, int] = {"mention": 0, "denial": 1, "claim": 2}


def _read_sentence(sentence: str, names: Names) -> Iterator[Reading]:
    places = list(names.find(sentence))
    if not places:
        return
    asking = bool(QUESTION.search(sentence))
    before, after = sentence[: places[0].begin], sentence[places[0].end :]
    short = len(_WORD.findall(after)) <= _BARE
    bare = not _WORD.search(before) and (short or INTRODUCED.match(after) is not None)
    reader = _Reader(sentence)
    cues = _cues(sentence, places)
    for place in places:
        while cues and cues[0][0] < place.begin:
            reader.hear(*cues.pop(0))
        kind: Kind = "mention" if asking else reader.name(place)
        if kind == "mention" and bare and not asking and not reader.heard and place is places[0]:
            kind = kind if OTHER_AFTER.match(sentence, place.end) else reader.introduce(place)
        yield Reading(place.name, kind, _quote(sentence, place))


def _cues(sentence: str, places: list[_Found]) -> list[tuple[int, int, Cue]]:
    """Return the cues from left to right, the longest at each place; none inside a name."""
    every = [(m.start(), m.end(), cue) for cue, expression in CUES.items() for m in expression.finditer(sentence)]
    every = [c for c in every if not any(p.begin <= c[0] < p.end for p in places)]
    kept: list[tuple[int, int, Cue]] = []
    for cue in sorted(every, key=lambda c: (c[0], -c[1])):
        if not kept or cue[0] >= kept[-1][1]:
            kept.append(cue)
    return kept


class _Reader:
    """Facts that one sentence has given so far."""

    def __init__(self, sentence: str) -> None:
        self._text = sentence
        self._own = False  # the speaker is the subject
        self._anchor: int | None = None  # where a name may follow
        self._listed = False  # the anchor is a name
        self._mood: Kind = "claim"
        self._mood_end = 0
        self.heard = False

    def hear(self, begin: int, end: int, cue: Cue) -> None:
        """Take in one cue."""
        self.heard = True
        fresh = BOUNDARY.search(self._text, self._mood_end, begin) is not None
        match cue:
            case Cue.SELF | Cue.SUBJECT:
                if self._mood == "claim" or fresh:
                    self._mood = "claim"
                self._own, self._listed = True, False
                self._anchor = end if cue is Cue.SELF else None
            case Cue.MAKER:
                if self._own or not self._text[:begin].strip(" \"'*-"):
                    self._anchor, self._listed = end, False
            case Cue.DENY:
                self._mood, self._mood_end = "denial", end
            case Cue.OTHER:
                self._mood, self._mood_end = "mention", end
            case Cue.CONTRAST:
                answers = self._own or self._mood == "denial"
                self._anchor, self._listed = (end if answers else None), False
                self._mood, self._mood_end = "claim", end
            case Cue.RESET:
                self._own, self._anchor, self._mood, self._mood_end = False, None, "claim", end

    def introduce(self, place: _Found) -> Kind:
        """Take a name that the sentence begins with for the speaker's."""
        self._own, self._anchor, self._listed = True, place.end, True
        return "claim"

    def name(self, place: _Found) -> Kind:
        """Return how a name is used that stands here."""
        if DENIED_AFTER.match(self._text, place.end):
            return "denial"
        if CLAIMED_AFTER.match(self._text, place.end):
            return self._mood
        if OTHER_AFTER.match(self._text, place.end):
            self._own, self._anchor = False, None
            return "mention"
        if self._mood != "claim":
            return self._mood
        if self._anchor is None or not self._near(place.begin):
            return "mention"
        self._anchor, self._listed = place.end, True
        return "claim"

    def _near(self, begin: int) -> bool:
        gap = self._text[self._anchor : begin]
        if len(gap) > MAX_GAP_SIGNS:
            return False
        if self._listed:
            return CHAIN.fullmatch(gap) is not None
        words = len(_WORD.findall(gap)) - len(WIDE.findall(gap)) + len(WIDE.findall(gap)) / 3
        return words <= MAX_GAP and FAR.search(gap) is None


def _quote(sentence: str, place: _Found) -> str:
    """Return the sentence, or as much of it around the name as a quote may hold."""
    if len(sentence) <= MAX_QUOTE:
        return sentence.strip()
    begin = max(0, min(place.begin - MAX_QUOTE // 2, len(sentence) - MAX_QUOTE))
    return sentence[begin : begin + MAX_QUOTE].strip()
