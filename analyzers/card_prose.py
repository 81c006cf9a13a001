"""Which of the models that a sentence names it declares as parents.

Each sentence is scanned once for names and once for words that say why a name stands there. A name is declared where
the nearest such word before it speaks of descent, or the words behind it do, and nothing denies or compares.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from analyzers.card_cues import AFTER, BLOCK, FORWARD
from analyzers.card_names import Named
from analyzers.card_words import (
    CONNECTIVE,
    DENIAL,
    DENIED_AFTER,
    DENIED_CJK,
    DISTILLATION,
    ELSEWHERE,
    FORMULA_GAP,
    LOOSE,
    MERGE_WORD,
    NAME_FIRST,
    NEAR,
    NO_OF_OTHER_LANGUAGES,
    ROLE_IN_BRACKETS,
    THIS_IS,
    TIMES_BEFORE,
    TITLE,
    UNREAL,
)

MAX_BEHIND = 120  # characters behind a name in which it may be spoken of
BLOT = "\ufffc"
MAX_LOOSE_CHARS = 400
NEAR_CHARS = 30
MAX_BEFORE = 60  # characters before a word of descent in which it may be denied

_DENIED = re.compile(rf"(?:{DENIAL.pattern})(?:[^\w,;:]+[\w'’]+){{0,4}}[^\w,;:]*$", re.IGNORECASE)
_NO = re.compile(r"\bno\b", re.IGNORECASE)
_COMPARED = re.compile(
    r"\b(?:outperform\w*|beats?|beating|surpass\w*|exceed\w*|compar\w+|versus|vs\.?|better|worse|than|rivals?|"
    r"alternative|compatible|evaluat\w+|benchmark\w*|against|contrast|supera\w*|dépass\w+|"
    r"übertr\w+)(?:\W+\w+){0,4}\W*$",
    re.IGNORECASE,
)
_OF_THIS = re.compile(
    r" (?:(?:this|our|the (?:present|current)) (?:very )?(?:model|one|release)|"
    r"scratch|zero|nothing|random|the ground up)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Cue:
    """A word that says why the names after it stand there."""

    start: int
    end: int
    kind: str  # "descent", "direct", "weak", "into", "block"

    def reaches(self, start: int) -> bool:
        """Tell whether it speaks of the name that begins at `start`."""
        return self.end <= start and (self.kind != "direct" or start - self.end <= 3)


def opens(text: str) -> str:
    """Tell whether a heading or introduction promises parents: its last cue is one of descent, not denied."""
    text = text[-400:]
    cues = [c for c in _cues(text) if c.kind in ("descent", "block")]
    if not cues and text.endswith((":", "：")) and MERGE_WORD.search(text) and _nothing_against(text, cues):
        return "descent"
    if not cues or cues[-1].kind == "block" or _is_denied(text, cues[-1]):
        return ""
    return "descent"


def _cues(sentence: str) -> list[Cue]:
    return [Cue(m.start(), m.end(), _kind(sentence, m)) for m in FORWARD.finditer(sentence)]


def _kind(sentence: str, match: re.Match[str]) -> str:
    """Return a cue's type; "trained to match the logits of" is one of descent that ends in another reason."""
    kind = match.lastgroup or ""
    if kind not in ("descent", "weak"):
        return kind
    if _OF_THIS.match(sentence, match.end()):
        return "block"
    inside = list(BLOCK.finditer(sentence, match.start() + 1, match.end()))
    return "block" if inside and inside[-1].end() == match.end() else kind


def _masked(sentence: str, named: Sequence[Named]) -> str:
    """Return the sentence with names blotted out, so that no word in a name is taken for a cue."""
    kept, at = [], 0
    for name in named:
        kept += [sentence[at : name.start], BLOT * (name.end - name.start)]
        at = name.end
    return "".join(kept) + sentence[at:]


def read_sentence(sentence: str, named: Sequence[Named], opening: str = "") -> list[Named]:
    """Return those of the models named in a sentence that it declares as parents.

    `opening`: "descent" where a heading or introduction already said so.
    """
    if not named or ELSEWHERE.search(sentence):
        return []
    cues = _cues(_masked(sentence, named))
    verdicts = [""] * len(named)
    at, last = 0, None
    for i, name in enumerate(named):
        while at < len(cues) and cues[at].end <= name.start:
            if cues[at].reaches(name.start) and _counts(cues[at], sentence):
                last = cues[at]
            at += 1
        end = named[i + 1].start if i + 1 < len(named) else len(sentence)
        behind = sentence[name.end : min(end, name.end + MAX_BEHIND)]
        since = named[i - 1].end if i else 0
        verdicts[i] = _verdict(sentence, name, last, behind, opening, since)
    _spread(sentence, named, verdicts)
    if not any(verdicts) and _nothing_against(sentence, cues):
        verdicts = ["loose descent" if _made_of(sentence, name) else "" for name in named]
    return [name for name, verdict in zip(named, verdicts, strict=True) if verdict.endswith("descent")]


def _nothing_against(sentence: str, cues: Sequence[Cue]) -> bool:
    """Tell whether nothing in a sentence denies, compares or names for another reason."""
    if any(cue.kind == "block" for cue in cues) or len(sentence) > MAX_LOOSE_CHARS or "|" in sentence:
        return False
    return not any(words.search(sentence) for words in (DENIAL, DENIED_AFTER, UNREAL))


def _made_of(sentence: str, name: Named) -> bool:
    """Tell whether a sentence in which no word governs a name speaks of merging or a base, or of training beside it.

    To miss a declaration may accuse an honest author, so an unusual wording counts where nothing speaks against it.
    """
    beside = sentence[max(0, name.start - NEAR_CHARS) : name.start] + "\n" + sentence[name.end : name.end + NEAR_CHARS]
    return LOOSE.search(sentence) is not None or NEAR.search(beside) is not None


def _counts(cue: Cue, sentence: str) -> bool:
    return cue.kind != "into" or DISTILLATION.search(sentence[max(0, cue.start - 200) : cue.start]) is not None


def _verdict(sentence: str, name: Named, cue: Cue | None, behind: str, opening: str, since: int) -> str:
    """Return "descent", "behind (those) descent", "formula descent", "block", "behind block" or ""."""
    if TIMES_BEFORE.search(sentence[max(0, name.start - 6) : name.start]):
        return "formula descent"
    found = _behind(sentence, name, cue, behind, since)
    if found:
        return found
    before = sentence[: name.start].strip(" \t-|>#[(\"'")
    titled = len(before) < 48 and TITLE.fullmatch(sentence[: name.start]) is not None
    if ((not before or titled) and NAME_FIRST.match(behind)) or (
        len(before) < 24 and THIS_IS.fullmatch(sentence[: name.start])
    ):
        return "descent"
    if cue is None:
        return "opened descent" if opening else ""
    unlikely = cue.kind == "block" or (cue.kind == "weak" and not name.model_like)
    return "block" if unlikely or _is_denied(sentence, cue) else "descent"


def _behind(sentence: str, name: Named, cue: Cue | None, behind: str, since: int) -> str:
    """Return what the words right behind a name say of it, "" if nothing."""
    if ROLE_IN_BRACKETS.match(behind) and "|" not in sentence:
        return "behind descent"
    after = AFTER.match(behind)
    if after is None or (after.lastgroup != "block" and DENIAL.search(after[0])):
        return ""
    end = name.end + after.end()
    if after.lastgroup == "block" or DENIED_AFTER.search(sentence[end : end + 40]):
        return "behind block"
    if re.search(r"\b(?:whose|which)\b", after[0]):
        return "behind those descent"
    new_clause = "," in sentence[since : name.start] and since > 0
    blocked = cue is not None and cue.kind == "block" and not new_clause
    return "block" if blocked or denied_before(sentence, name.start, name.start) else "behind descent"


def _is_denied(sentence: str, cue: Cue) -> bool:
    """Tell whether a word of descent is denied, compared or not real."""
    said = sentence[cue.start : cue.end]
    if DENIAL.search(said) and not said.lower().startswith("contains"):
        return True
    return denied_before(sentence, cue.start, cue.end)


def denied_before(sentence: str, start: int, end: int) -> bool:
    """Tell whether the words before `start` deny or compare, or those before `end` only imagine."""
    before = sentence[max(0, start - MAX_BEFORE) : start]
    if _DENIED.search(before) and not _only_foreign_no(before, sentence):
        return True
    if DENIED_CJK.search(before):
        return True
    return bool(_COMPARED.search(before) or UNREAL.search(sentence[max(0, end - 120) : end]))


def _only_foreign_no(before: str, sentence: str) -> bool:
    """Tell whether the denial is but a Portuguese "no" (in the)."""
    found = _DENIED.search(before)
    if found is None or not _in_another_language(sentence):
        return False
    return _DENIED.search(_NO.sub("em", before)) is None


@lru_cache(maxsize=8)  # a sentence is asked once for each denial in it
def _in_another_language(sentence: str) -> bool:
    return NO_OF_OTHER_LANGUAGES.search(sentence) is not None


def _spread(sentence: str, named: Sequence[Named], verdicts: list[str]) -> None:
    """Give names that are joined by "and", "+" or an arrow what was found for the one beside them."""
    merging = MERGE_WORD.search(sentence) is not None
    for i in range(len(named) - 2, -1, -1):
        gap = sentence[named[i].end : named[i + 1].start]
        if len(gap) > 40:
            continue
        then = verdicts[i + 1]
        open_yet = verdicts[i] in ("", "opened descent") or "those" in then
        if then.startswith("behind") and open_yet and CONNECTIVE.fullmatch(gap):
            verdicts[i] = then
        if then == "formula descent" and not verdicts[i] and FORMULA_GAP.fullmatch(gap):
            verdicts[i] = then
        if merging and re.fullmatch(r"\s[x×+&]\s", gap) and "block" not in verdicts[i] + then:
            verdicts[i] = verdicts[i + 1] = verdicts[i + 1] or "descent"
            verdicts[i] = verdicts[i] or "descent"
    for i in range(1, len(named)):
        gap = sentence[named[i - 1].end : named[i].start]
        if len(gap) <= 40 and verdicts[i - 1] == "formula descent" and not verdicts[i] and FORMULA_GAP.fullmatch(gap):
            verdicts[i] = verdicts[i - 1]
