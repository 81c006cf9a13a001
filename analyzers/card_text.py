"""A card's body as plain lines: fences apart, HTML and links unfolded, every line with its kind.

Work is linear in the length of the text: each expression looks at a bounded stretch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from analyzers.card_names import HUB

Kind = Literal["heading", "item", "row", "text", "blank", "code"]

MAX_LINES = 20_000  # what comes after is not read
MAX_LINE_CHARS = 20_000
MAX_JOINED_CHARS = 4_000

_FENCE = re.compile(r"[ \t]{0,8}(?:>[ \t]?)?(`{3,}|~{3,})([^`\n]{0,200})$")
_HEADING = re.compile(r"[ \t]{0,3}#{1,6}([^\n]*)$")
_ITEM = re.compile(r"[ \t]*(?:[-*+•]|[0-9]{1,3}[.)])[ \t]+([^\n]*)$")
_RULE = re.compile(r"[ \t|:+=-]*$")
_IMAGE = re.compile(r"!\[[^\[\]\n]{0,300}\]\([^()\n]{0,500}\)")
_LINK = re.compile(r"\[([^\[\]\n]{0,300})\]\([ \t]?<?([^()\s<>]{0,500}+)>?[^()\n]{0,100}+\)")
_ANCHOR = re.compile(r"<a\s[^<>]{0,300}?href=[\"']?([^\"'\s<>]{1,500}+)[^<>]{0,300}+>", re.IGNORECASE)
_BREAK = re.compile(r"</?(?:p|br|div|tr|table|ul|ol|summary|details|blockquote|section)\b[^<>]{0,300}>", re.IGNORECASE)
_LI = re.compile(r"<li\b[^<>]{0,300}>", re.IGNORECASE)
_H = re.compile(r"<h[1-6]\b[^<>]{0,300}>", re.IGNORECASE)
_H_END = re.compile(r"</h[1-6]>", re.IGNORECASE)
_CELL = re.compile(r"<t[dh]\b[^<>]{0,300}>", re.IGNORECASE)
_TAG = re.compile(r"</?(?!https?:)[A-Za-z][^<>]{0,500}>")
_MARKS = re.compile(r"\*{2,3}|`+|(?<![\s*])\*|\*(?![\s*])|(?<!\w)_{1,3}(?=\w)|(?<=[^\W_])_{1,3}(?!\w)|~~")
_DEFINED = re.compile(rf"[ \t]{{0,3}}\[([^\[\]\n]{{1,80}})\]:[ \t]*({HUB}\S{{1,200}})")
_USED = re.compile(r"\[([^\[\]\n]{1,200})\](?:\[([^\[\]\n]{0,80})\])")
_ENTITIES = {"&amp;": "&", "&nbsp;": " ", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a card. `text` is without its marks; `cells` are a table row's; `lang` is a code fence's."""

    kind: Kind
    text: str
    cells: tuple[str, ...] = ()
    lang: str = ""


def split_front_matter(text: str) -> tuple[str, str]:
    """Return (front matter, body); the first is empty where there is none."""
    head = text.lstrip("\ufeff \n")
    if not head.startswith("---"):
        return "", text
    front, mark, body = head[3:].partition("\n---")
    return (front, body) if mark else ("", text)


def lines_of(body: str) -> list[Line]:
    """Return the body line by line; a code fence is one line of kind "code", with its text as written."""
    prose: list[str] = []
    out: list[Line] = []
    body = _first_lines(body)
    for is_code, lang, text in _fences(body):
        if is_code:
            out += _prose(prose)
            prose = []
            out.append(Line("code", text, lang=lang))
        else:
            prose.append(text)
    links = {m[1].lower(): m[2] for line in body.split("\n") if (m := _DEFINED.match(line[:400]))}
    out += _prose(prose)
    return [_defined(line, links) for line in out] if links else out


def _first_lines(body: str) -> str:
    """Return the first MAX_LINES lines that hold anything but white space and quotation marks."""
    if body.count("\n") <= MAX_LINES:
        return body
    kept = [line for line in body.split("\n") if line.strip(" \t>")]
    return "\n".join(kept[:MAX_LINES])


def _fences(body: str) -> Iterator[tuple[bool, str, str]]:
    """Yield (is code, language, text): prose line by line, a fence as one. A fence without an end is prose."""
    lines = body.split("\n")
    marks = [m[1] if (m := _FENCE.match(line[:300])) else "" for line in lines]
    closers = {}  # the next line that ends a fence begun with this sign
    nearest = {"`": -1, "~": -1}
    for at in range(len(lines) - 1, -1, -1):
        if marks[at]:
            closers[at] = nearest[marks[at][0]]
            nearest[marks[at][0]] = at
    at = 0
    while at < len(lines):
        if marks[at] and closers[at] > 0:
            opening = _FENCE.match(lines[at][:300])
            yield True, opening[2].strip().lower() if opening else "", "\n".join(lines[at + 1 : closers[at]])
            at = closers[at] + 1
            continue
        if not marks[at]:
            yield False, "", lines[at]
        at += 1


def _prose(lines: list[str]) -> list[Line]:
    """Return prose lines with HTML, links and emphasis taken off, and soft line breaks closed."""
    if not lines:
        return []
    text = _without_comments("\n".join(lines))
    if "<" in text:
        text = _without_html(text)
    if "&" in text:
        for entity, sign in _ENTITIES.items():
            text = text.replace(entity, sign)
    return list(_joined(_line(part[:MAX_LINE_CHARS]) for part in text.split("\n")))


def _without_comments(text: str) -> str:
    """Cut HTML comments: nobody sees them."""
    kept, at = [], 0
    while (start := text.find("<!--", at)) >= 0:
        end = text.find("-->", start + 4)
        if end < 0:
            break
        kept.append(text[at:start])
        at = end + 3
    return "".join(kept) + text[at:]


def _without_html(text: str) -> str:
    text = _ANCHOR.sub(lambda m: f" {m[1]} " if re.match(HUB, m[1]) else " ", text)
    text = _H.sub("\n## ", _LI.sub("\n- ", _BREAK.sub("\n", text)))
    return _TAG.sub("", _CELL.sub(" | ", _H_END.sub("\n", text)))


def _line(raw: str) -> Line:
    text = _IMAGE.sub("", raw) if "![" in raw else raw
    if "](" in text:
        text = _LINK.sub(_unfolded, text)
    if not text.strip(" \t>*_`"):
        return Line("blank", "")
    text = re.sub(r"^[ \t]{0,3}(?:>[ \t]?){1,3}", "", text)
    if found := _HEADING.match(text):
        return Line("heading", _plain(found[1].strip(" \t").rstrip(" \t#")))
    if found := _ITEM.match(text):
        return Line("item", _plain(found[1]))
    if text.count("|") and (text.lstrip().startswith("|") or text.count("|") > 1):
        if _RULE.match(text):
            return Line("row", "")
        cells = tuple(_plain(cell) for cell in text.strip().strip("|").split("|"))
        return Line("row", " | ".join(cells), cells)
    return Line("text", _plain(text))


def _unfolded(match: re.Match[str]) -> str:
    """Return a link's text, with its address where that is a page of the Hub that the text does not spell out."""
    text, target = match[1], match[2]
    found = re.match(rf"{HUB}/?(.+)", target)
    if found is None:
        return text
    return target if text.strip("`*_ ").rstrip("/").lower() in target.lower() and "/" in text else f"{text} ({target})"


def _plain(text: str) -> str:
    return _MARKS.sub("", text).strip()


def _joined(lines: Iterable[Line]) -> Iterator[Line]:
    """Close soft line breaks: a line of text goes on in the next where it plainly has not ended."""
    waiting: Line | None = None
    for line in lines:
        if waiting is not None and line.kind == "text" and _goes_on(waiting.text, line.text):
            waiting = replace(waiting, text=f"{waiting.text} {line.text}")
            continue
        if waiting is not None:
            yield waiting
        waiting = line
    if waiting is not None:
        yield waiting


def _goes_on(first: str, then: str) -> bool:
    if not first or len(first) + len(then) > MAX_JOINED_CHARS or first[-1] in ".!?:;|。！？：；":
        return False
    if re.match(r"[\w-]{1,30}:", then):
        return False
    open_end = re.search(r"(?:[,(&+]|\b(?:of|from|and|on|the|with|a|an|de|y|e|et|und|von|и))$", first[-8:]) is not None
    return open_end or then[:1].islower()


def _defined(line: Line, links: dict[str, str]) -> Line:
    """Put the addresses of reference links where they are used."""
    if line.kind == "code" or "][" not in line.text:
        return line
    swap = _USED.sub(lambda m: f"{m[1]} ({links.get((m[2] or m[1]).lower(), '')})", line.text)
    return replace(line, text=swap)
