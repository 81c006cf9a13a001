"""What a card's sentences, headings, lists and tables declare, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from analyzers.card_names import NameIndex
from analyzers.card_prose import opens, read_sentence
from analyzers.card_text import Line
from analyzers.card_words import RETRACTED

MAX_SENTENCE_CHARS = 20_000

_SENTENCE = re.compile(
    r"(?<=[.!?])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bvs\.)(?<!\bcf\.)\s+|(?<=[。！？；])\s*|(?<=;)\s+(?=\S+[ \t]+[a-z]+\s)"
)
_YES = re.compile(r"\W{0,3}(?:yes|sim|sí|oui|ja|да|是|はい|네|yep|correct)\b", re.IGNORECASE)
_PARENT_COLUMN = re.compile(
    r"(?:base|parent|source|merged|constituent|component|donor|ingredient|upstream)(?: models?)?(?: ids?)?|"
    r"models? merged",
    re.IGNORECASE,
)


def sentences(text: str) -> list[str]:
    """Return a text's sentences; of a very long one its beginning."""
    return [s for s in _SENTENCE.split(text[:MAX_SENTENCE_CHARS]) if s]


def declared(lines: Sequence[Line], names: NameIndex) -> Iterator[tuple[str, str]]:
    """Yield (repo id, sentence) of what prose, lists and tables declare, in the order of the text.

    A heading or an introduction that promises parents speaks for what follows: the list, table or bare names after it.
    """
    opening = heading = ""
    table: tuple[str, ...] = ()
    for line in lines:
        if line.kind != "row":
            table = ()
        if line.kind == "heading":
            yield from _of_text(line.text, names, "")
            opening = heading = opens(line.text)
        elif line.kind == "text":
            bare = " " not in line.text.strip("> ")
            found = list(_of_text(line.text, names, heading or (opening if bare else "")))
            yield from found
            kept = opening if bare else "" if found else heading
            opening, heading = _introduces(line.text) or kept, ""
        elif line.kind == "item":
            yield from _of_text(line.text, names, opening)
            if line.text.endswith((":", "：")):
                opening = opens(line.text) or opening
        elif line.kind == "row":
            table = table or line.cells
            yield from _of_row(line, names, opening, table)
        elif line.kind == "code":
            opening = heading = ""


def _introduces(text: str) -> str:
    """Tell what a line of text says of the list or table after it: its last sentence, if that is open or points on."""
    last = [s.strip() for s in _SENTENCE.split(text[-600:]) if s.strip()][-1:]
    return opens(last[0]) if last and (last[0][-1] not in ".!?;。" or "以下" in last[0]) else ""


def _of_row(line: Line, names: NameIndex, opening: str, header: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Read a table's row: all cells under an opening, a parents' column, or the row as one sentence."""
    if opening:
        for cell in line.cells:
            yield from _of_text(cell, names, opening)
        return
    matching = line.cells is not header and len(header) == len(line.cells) > 1  # or a wide header is read for each row
    columns = {i for i, cell in enumerate(header) if _PARENT_COLUMN.fullmatch(cell.strip())} if matching else set()
    if not columns:
        yield from _of_text(line.text, names, "")
        return
    for i, cell in enumerate(line.cells):
        if i in columns:
            yield from _of_text(cell, names, "descent")


def _of_text(text: str, names: NameIndex, opening: str) -> Iterator[tuple[str, str]]:
    parts = sentences(text)
    for i, sentence in enumerate(parts):
        if sentence.rstrip().endswith("?") and not (i + 1 < len(parts) and _YES.match(parts[i + 1])):
            if i + 1 < len(parts):  # the answer is about what was asked for
                opening = opens(sentence.rstrip("? ")) or ("descent" if _asks_base(sentence) else "")
            continue
        retracted = i + 1 < len(parts) and RETRACTED.match(parts[i + 1])
        if not retracted:
            yield from ((n.repo_id, sentence) for n in read_sentence(sentence, names.find(sentence), opening))
        opening = ""


def _asks_base(sentence: str) -> bool:
    return re.search(r"\b(?:which|what)\b[^?]{0,40}\b(?:base|model|parent|started?)\b", sentence, re.I) is not None
