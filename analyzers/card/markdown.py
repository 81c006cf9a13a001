"""A card's body as blocks: headings, paragraphs, items, table rows and code, read by a CommonMark parser.

The work is bounded: so many lines are parsed, so many marks inside of them, and the rest stays plain text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from markdown_it import MarkdownIt

from analyzers.card.repo_ids import HUB, ids_in
from analyzers.model_ids import parts_of

Kind = Literal["heading", "item", "row", "text", "code", "rest"]

MAX_LINES = 2_500  # of text; what comes after is one block of kind "rest"
MAX_MARKS = 6_000  # brackets, stars and the like; what comes after stays as it is written
MAX_HIDDEN_CHARS = 100_000  # in which hidden elements are looked for; what comes after declares nothing anyway
MAX_CELLS = 200  # in a line; with more it is no table

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["code", "html_block"])
_BLOCKS = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["code", "html_block", "inline"])
_NO_DASHES = re.compile(
    r"(?:(?:metadata|-{1,2})\n)?(?=(?:license|base_model|language|library_name|tags|datasets|pipeline_tag|inference|"
    r"model-index):)"
    r"(?:[a-z_-]{2,40}:[^\n]{0,400}\n|[ \t]*-[ \t][^\n]{0,400}\n|[ \t]+[^\n]{1,400}\n|\n){1,400}"
)
_COMMENT_OR_FENCE = re.compile(r"<!--|^(```(?![^\n]*`)|~~~)", re.MULTILINE)
_FOOTNOTE = re.compile(r"^( {0,3}\[\^[^\]\n]{1,100}\]):", re.MULTILINE)  # the parser would take it for a link's address
_MARK = re.compile(r"[\[\]*_`<&\\!]")
_QUICK = re.compile(r"[\[*_`<&\\]|https?:")
_ANCHOR = re.compile(r"<a\s[^<>]{0,300}?href=[\"']?([^\"'\s<>]{1,500}+)[^<>]{0,300}+>", re.IGNORECASE)
_BREAK = re.compile(
    r"</?(?:p|br|div|tr|table|ul|ol|summary|details|blockquote|section|center)\b[^<>]{0,300}>", re.IGNORECASE
)
_LI = re.compile(r"<li\b[^<>]{0,300}>", re.IGNORECASE)
_H = re.compile(r"<h[1-6]\b[^<>]{0,300}>", re.IGNORECASE)
_H_END = re.compile(r"</h[1-6]>", re.IGNORECASE)
_CELL = re.compile(r"<t[dh]\b[^<>]{0,300}>", re.IGNORECASE)
_INVISIBLE = re.compile(
    r"<(script|style|template)\b[^<>]{0,300}>.{0,1000}?</\1>|"
    r"<(\w{1,12})\b[^<>]{0,200}?(?:\shidden\b|display:\s*none|visibility:\s*hidden|"
    r"font-size:\s*0)[^<>]{0,200}>.{0,1000}?</\2>|"
    r"\[\s*\]\([^()\s]{1,300}\)|<a\s[^<>]{0,300}>\s*</a>",
    re.IGNORECASE | re.DOTALL,
)
_TAG = re.compile(r"</?(?!https?:)[A-Za-z][^<>]{0,500}>")


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a card, without its marks. `cells` are a table row's; `links` are addresses outside of the Hub."""

    kind: Kind
    text: str
    cells: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


def split_front_matter(text: str) -> tuple[str, str]:
    """Return (front matter, body); the first is empty where there is none.

    Also where its line breaks or its dashes were lost, as in a copy from a page or by a forgetful author.
    """
    head = text.lstrip("\ufeff \n")
    if not head.startswith("---"):
        found = _NO_DASHES.match(head)
        return (found[0], head[found.end() :]) if found else ("", text)
    front, mark, body = head[3:].partition("\n---")
    if not mark and head[3:4] == " ":
        front, mark, body = head[3:].partition(" --- ")
    return (front, body) if mark else ("", text)


def without_comments(text: str) -> tuple[str, str]:
    """Return (what a reader sees, what stands in HTML comments). A fence shows its comments."""
    seen: list[str] = []
    hidden: list[str] = []
    at = 0
    while found := _COMMENT_OR_FENCE.search(text, at):
        start = found.start()
        if found[1]:
            closed = text.find(f"\n{found[1]}", found.end())
            end = closed + 1 + len(found[1]) if closed >= 0 else len(text)
            seen.append(text[at:end])
        else:
            closed = text.find("-->", start + 4)
            end = closed + 3 if closed >= 0 else len(text)
            seen.append(text[at:start])
            hidden.append(text[start + 4 : closed if closed >= 0 else end])
        at = end
    return "".join(seen) + text[at:], "\n".join(hidden)


def without_invisible(text: str) -> tuple[str, str]:
    """Return (what a page shows, what it does not): scripts, styles, hidden elements and links without words."""
    begin, rest = text[:MAX_HIDDEN_CHARS], text[MAX_HIDDEN_CHARS:]
    hidden = [m[0] for m in _INVISIBLE.finditer(begin)] if "<" in begin or "[" in begin else []
    return (_INVISIBLE.sub(" ", begin) + rest, "\n".join(hidden)) if hidden else (text, "")


def blocks_of(body: str) -> list[Block]:
    """Return the blocks of a body without comments, in its order."""
    env: dict[str, Any] = {}  # the parser keeps what links are defined here
    lines = _FOOTNOTE.sub(r"\1 :", _without_html(body)).split("\n")
    if len(lines) > MAX_LINES:
        lines = [line for line in lines if line.strip(" \t>")]
    lines = [line.replace("|", " ") if line.count("|") > MAX_CELLS else line for line in lines]
    found = list(_walk(_BLOCKS.parse("\n".join(lines[:MAX_LINES]), env), env))
    if rest := "\n".join(lines[MAX_LINES:]):
        found.append(Block("rest", rest))
    return found


def _without_html(text: str) -> str:
    if "<" not in text:
        return text
    text = _ANCHOR.sub(lambda m: f" {m[1]} " if re.match(HUB, m[1]) else " ", text)
    text = _H.sub("\n## ", _LI.sub("\n- ", _BREAK.sub("\n\n", text)))
    return _TAG.sub("", _CELL.sub(" | ", _H_END.sub("\n\n", text)))


def _walk(tokens: list[Any], env: dict[str, Any]) -> Iterator[Block]:
    """Turn a parser's tokens into blocks."""
    within: Counter[str] = Counter()  # of headings, items and rows, how many are open
    marks = MAX_MARKS
    cells: list[str] = []
    links: list[str] = []
    for token in tokens:
        within[token.type.removesuffix("_open").removesuffix("_close")] += token.nesting
        if token.type == "fence":
            yield Block("code", token.content)
        elif token.type == "inline":
            spent = len(_MARK.findall(token.content)) if _QUICK.search(token.content) else 0
            text, linked = (token.content, []) if not 0 < spent <= marks else _inline(token.content, env)
            marks -= spent
            if within["tr"]:
                cells.append(text)
                links += linked
            else:
                kind: Kind = "heading" if within["heading"] else "item" if within["list_item"] else "text"
                yield Block(kind, text, links=tuple(linked))
        elif token.type == "tr_close":
            yield Block("row", " | ".join(cells), tuple(cells), tuple(links))
            cells, links = [], []


def _inline(content: str, env: dict[str, Any]) -> tuple[str, list[str]]:
    """Return a text without its marks, addresses of the Hub beside the words that link to them, and other links."""
    tokens: list[Any] = []
    _PARSER.inline.parse(content, _PARSER, env, tokens)
    out: list[str] = []
    links: list[str] = []
    opened: list[tuple[int, str]] = []
    for token in tokens:
        if token.type in ("text", "code_inline", "text_special", "html_inline"):
            out.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            out.append("\n")
        elif token.type == "link_open":
            opened.append((len(out), str(token.attrs.get("href", ""))))
        elif token.type == "link_close" and opened:
            begin, address = opened.pop()
            words = "".join(out[begin:])
            if not re.match(HUB, address) or not ids_in(address):
                links.append(address)
            elif set(parts_of(words)) <= set(parts_of(address.replace("/", "-"))):
                out[begin:] = [address]
            elif not _spells(words, address):
                out.append(f" ({address})")
    return "".join(out).strip(), links


def _spells(words: str, address: str) -> bool:
    """Tell whether a link's words spell the repo id that it leads to."""
    return [n.repo_id.lower() for n in ids_in(words)] == [n.repo_id.lower() for n in ids_in(address)]
