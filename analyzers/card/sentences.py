"""Which of the models that a card names it declares as parents: block by block, sentence by sentence.

A name is declared where the nearest cue before it speaks of descent, or the words behind it do, and nothing denies.
A heading or a sentence that announces parents speaks for the list, table or bare names after it. What the grammar
misses is still spelled, and so named: it never accuses the author.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from analyzers.card.cue_words import (
    AFTER_BLOCK,
    AFTER_DESCENT,
    AFTER_NAME_FIRST,
    BLOT,
    DENIAL,
    DENIED_AFTER,
    ELSEWHERE,
    FORWARD,
    OF_THIS,
    RETRACTED,
    UNREAL,
)
from analyzers.card.markdown import Block
from analyzers.card.model_names import NameIndex
from analyzers.card.repo_ids import Named

MAX_SENTENCE_CHARS = 2_000
MAX_READ_CHARS = 30_000  # of a card's text; what comes after declares nothing and still names
TITLE_CHARS = 24  # before a name that still begins its sentence: "Quant of the day: X in GGUF"
REACH = 100  # characters from a cue of descent to the first name that it speaks of
MAX_DENIED_BEFORE = 60  # characters before a cue or name in which it may be denied


_SENTENCE = re.compile(
    r"(?<=[.!?])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bvs\.)(?<!\bcf\.)\s+|(?<=[。！？；])\s*|\s(?=#{1,6}\s)"
)
_BARE = re.compile(
    r"[\s\ufffc0-9.,;:%*×x·=+&/()\[\]|>\"'→–—-]*(?:\b(?:and|with|w|weight|density|by|und|et|y|e|и|と|"
    r"和)\b[\s\ufffc0-9.,;:%*×x·=+&/()\[\]|>\"'→–—-]*)*"
)
_JOINT = re.compile(
    r"(?:[\s,、，;&+/()\[\]|\"'·と와과及和与與및ト*-]|\b(?:and|or|with|plus|y|e|et|und|и|та|en|de|the|of|model|"
    r"weights|a|an)\b){1,14}",
    re.IGNORECASE,
)
_SUM = re.compile(r"[\s+⊕*×x·(),.0-9=%−–-]{1,24}")
_PLUS = re.compile(r"[+⊕]")
_SHARE = re.compile(
    r"(?:[0-9] ?[%*×x·]|\bhalf|\bmitad|\b[0-9]{1,3} ?/ ?[0-9]{1,3}(?: of)?) ?\(?$", re.IGNORECASE
)  # right before a name
_UNDER = re.compile(r"(?! ?(?:to|we|and|then|i)\b)\s?(?:(?!to\b|we\b|and\b|then\b|of\b)[^\W\d]+ ){0,3}", re.IGNORECASE)
_ASIDE = re.compile(r"\((?![0-9.,% ]+\))[^()\ufffc]{0,200}\)")  # governs nothing
_CLAUSE = re.compile(
    r"[;:。，]|, (?:but|and|it|this|we|just|only|simply|nur|sondern|solo|sino|on which|from which|based)\b|\bbut\b",
    re.IGNORECASE,
)
_YES = re.compile(r"\W{0,3}(?:yes|sim|sí|oui|ja|да|是|はい|네|correct)\b", re.IGNORECASE)
_COLUMN = re.compile(
    r"(?:base|parent|source|merged|constituent|component|donor|ingredient|upstream|"
    r"original)s?(?: models?)?(?: ids?)?|models? merged|base_model",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Cue:
    """A word that says why the names after it stand there."""

    start: int
    end: int
    kind: str  # "merge", "descent", "weak", "block"


def sentences(text: str) -> list[str]:
    """Return a text's sentences; of a very long one its beginning."""
    return [s[:MAX_SENTENCE_CHARS] for s in _SENTENCE.split(text) if s]


def declared(blocks: Sequence[Block], names: NameIndex) -> Iterator[tuple[Named, str]]:
    """Yield (model, sentence) of all that prose, lists and tables declare, in the order of the text."""
    opening, heading, left = "", "", MAX_READ_CHARS
    columns: frozenset[int] | None = None
    for block in blocks:
        if (left := left - len(block.text)) < 0:
            return
        if block.kind != "row":
            columns = None
        match block.kind:
            case "heading":
                found = list(_of_text(block.text, names, ""))
                opening = heading = opens(block.text)
                yield from found
            case "text":
                found = list(_of_text(block.text, names, heading or opening, bare_only=not heading))
                yield from found
                bare = _BARE.fullmatch(masked(block.text, names.named(block.text))) is not None
                opening, heading = (opening if bare else _announces(block.text, found)), ""
            case "item":
                yield from _of_text(block.text, names, opening)
                heading = ""
            case "row":
                columns = _columns(block.cells) if columns is None else columns
                yield from _of_row(block, names, opening, columns)
            case _:
                opening = heading = ""


def _announces(text: str, found: Sequence[object]) -> str:
    """Return what a paragraph promises of the list, table or names after it."""
    parts = sentences(text)
    last = opens(parts[-1]) if parts else ""
    if parts and (parts[-1].rstrip().endswith((":", "：")) or "以下" in parts[-1]):
        return last
    kinds = [] if found else [kind for one in parts if (kind := opens(one))]
    return "descent" if "descent" in kinds and last != "block" else last if not found else ""


def opens(text: str) -> str:
    """Return what a heading or sentence promises: the kind of its last cue, "" where it has none or is denied."""
    cues = cues_in(text[-400:])
    if not cues or DENIAL.search(text[-400:]) or UNREAL.search(text[-400:]):
        return ""
    kind = cues[-1].kind
    return "descent" if kind == "merge" else kind


def cues_in(sentence: str) -> list[Cue]:
    """Return the cues of a masked sentence in their order."""
    found: list[Cue] = []
    for match in FORWARD.finditer(sentence):
        kind = match.lastgroup or ""
        before = sentence[found[-1].end : match.start()] if found and found[-1].kind == "block" else None
        # "of this model" makes no parents, and what "beats the base of" or "the tokenizer is based on" names is none
        if OF_THIS.match(sentence, match.end()) or (before is not None and _UNDER.fullmatch(before)):
            kind = "block"
        found.append(Cue(match.start(), match.end(), kind))
    return found


def masked(sentence: str, named: Sequence[Named]) -> str:
    """Return a sentence with names blotted out, so that no word in a name is taken for a cue."""
    kept, at = [], 0
    for name in named:
        kept += [sentence[at : name.start], BLOT * (name.end - name.start)]
        at = name.end
    return "".join(kept) + sentence[at:]


def _columns(header: Sequence[str]) -> frozenset[int]:
    return (
        frozenset(i for i, cell in enumerate(header) if _COLUMN.fullmatch(cell.strip(" *_")))
        if len(header) > 1
        else frozenset()
    )


def _of_row(block: Block, names: NameIndex, opening: str, columns: frozenset[int]) -> Iterator[tuple[Named, str]]:
    """Read a table's row: a parents' column, all cells where the table was announced, or the row as one sentence."""
    if opening == "descent" or columns:
        for i, cell in enumerate(block.cells):
            if not columns or i in columns:
                yield from _of_text(cell, names, "descent")
    if not columns:
        yield from _of_text(block.text, names, "")


def _of_text(text: str, names: NameIndex, opening: str, *, bare_only: bool = False) -> Iterator[tuple[Named, str]]:
    parts = sentences(text)
    for i, sentence in enumerate(parts):
        named = names.named(sentence)
        if sentence.rstrip().endswith("?"):
            answered = i + 1 < len(parts)
            if not (answered and _YES.match(parts[i + 1])):
                opening, bare_only = opens(sentence.rstrip("? ")) if answered else "", False
                continue
        blank = masked(sentence, named)
        promised = opening if not bare_only or _BARE.fullmatch(blank) else ""
        if named and not (i + 1 < len(parts) and RETRACTED.match(parts[i + 1])):
            yield from ((name, sentence) for name in read_sentence(blank, named, promised))


def read_sentence(blank: str, named: Sequence[Named], opening: str = "") -> list[Named]:
    """Return those of the `named` models that a masked sentence declares as parents.

    `opening`: the kind of cue of a heading or introduction that speaks for it, "" if none.
    """
    if ELSEWHERE.search(blank):
        return []
    blank = _ASIDE.sub(lambda m: "_" * len(m[0]), blank)
    cues = cues_in(blank)
    verdicts = [_verdict(blank, named, i, cues, opening) for i in range(len(named))]
    _spread(blank, named, verdicts)
    return [name for name, verdict in zip(named, verdicts, strict=True) if verdict == "yes"]


def _verdict(blank: str, named: Sequence[Named], i: int, cues: Sequence[Cue], opening: str) -> str:
    """Return "yes", "no" or "" (nothing is said) of one name."""
    name, cue = named[i], next((c for c in reversed(cues) if c.end <= named[i].start), None)
    if name.plain and (cue is None or name.start - cue.end > 2):  # two words and a slash are a name right behind a cue
        return "no" if cue else _promised(name, opening)
    behind = blank[name.end : min(len(blank), name.end + 90, named[i + 1].start if i + 1 < len(named) else len(blank))]
    if found := _said_behind(blank, name, behind):
        return found
    if len(named) > 1 and _SHARE.search(blank[max(0, name.start - 16) : name.start]):
        return "yes"
    first = next((n.start for n in named if cue is not None and n.start >= cue.end), name.start)
    if cue is None or (cue.kind != "merge" and first - cue.end > REACH):
        begins = len(blank[: name.start].strip(" \t\n-|>#[(\"'*")) < TITLE_CHARS and not denied(blank, name.start)
        return "yes" if begins and AFTER_NAME_FIRST.match(behind) else _promised(name, opening)
    return "yes" if _governs(blank, cue, name) and not DENIED_AFTER.search(behind) else "no"


def _said_behind(blank: str, name: Named, behind: str) -> str:
    """Return what the words right behind a name say of it, "" if nothing."""
    if AFTER_BLOCK.match(behind):
        return "no behind"
    after = AFTER_DESCENT.match(behind)
    if after is None or DENIED_AFTER.search(behind[after.end() - 1 : after.end() + 40]):
        return ""
    return "no" if denied(blank, name.start) or DENIAL.search(after[0]) else "yes"


def _governs(blank: str, cue: Cue, name: Named) -> bool:
    """Tell whether a cue before a name makes it a parent: of the right kind, real and not denied."""
    if cue.kind == "block" or (cue.kind == "weak" and not name.model_like) or name.data_like:
        return False
    if UNREAL.search(blank[max(0, cue.start - MAX_DENIED_BEFORE) : cue.end]):
        return False
    first = blank.find(BLOT, cue.end)
    return not DENIAL.search(blank[cue.start : first + 1 or cue.end]) and not denied(blank, cue.start)


def _promised(name: Named, opening: str) -> str:
    """Return what a heading or introduction of that kind says of a name under it."""
    fits = {"descent": not name.data_like, "weak": name.model_like, "block": False}
    return "" if opening not in fits else "yes" if fits[opening] else "no"


def denied(text: str, at: int) -> bool:
    """Tell whether the words right before a place deny what stands there."""
    since = max(0, at - MAX_DENIED_BEFORE)
    ends = [m.end() for m in _CLAUSE.finditer(text, since, at)]
    return any(m.start() < at for m in DENIAL.finditer(text, max([since, *ends])))


def _spread(blank: str, named: Sequence[Named], verdicts: list[str]) -> None:
    """Give names that are joined by "and", "+" or an arrow what was found for the one beside them."""
    for i in range(len(named) - 2, -1, -1):
        gap = blank[named[i].end : named[i + 1].start]
        joined = len(gap) <= 40 and _JOINT.fullmatch(gap)
        if joined and ((not verdicts[i] and verdicts[i + 1] == "yes") or verdicts[i + 1] == "no behind"):
            verdicts[i] = verdicts[i + 1]
    gaps = [blank[a.end : b.start] for a, b in pairwise(named)]
    sums = [i for i, gap in enumerate(gaps) if _SUM.fullmatch(gap) and gap.strip()]
    if any(_PLUS.search(gaps[i]) or _SHARE.search(blank[: named[i].start]) for i in sums):  # "A + 0.5 * (B - C)"
        for i in sums:
            verdicts[i], verdicts[i + 1] = verdicts[i] or "yes", verdicts[i + 1] or "yes"
