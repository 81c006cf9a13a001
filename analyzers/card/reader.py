"""A card read once: all that disclosure, claims, history and traces ask of it is in one value.

Each known model is declared, named or absent. Declared: front matter, tag, recipe or an unmistakable sentence says
that its weights went in. Named: visible text spells it. Absent: neither. A denial and a hidden comment are quoted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from analyzers.card.claims import claims_of, cut
from analyzers.card.cue_words import BLOT, NOT_INSIDE, NOT_OF
from analyzers.card.front_matter import Front, read_front_matter
from analyzers.card.markdown import Block, blocks_of, split_front_matter, without_comments, without_invisible
from analyzers.card.model_names import (
    HUB,
    REPO_ID,
    NameIndex,
    Spelling,
    ids_in,
    is_a_name,
    may_spell,
    parts_of,
    spelled,
    spellings,
    without_form,
    words_of,
)
from analyzers.card.recipes import Recipe, recipes
from analyzers.card.sentences import cues_in, declared, opens
from analyzers.claim_records import Claim
from analyzers.records import Disclosure, Mention

MAX_CARD_CHARS = 400_000  # what comes after is not read
MAX_DECLARED = 64
MAX_NAMED = 64
MAX_LINKED = 4
MAX_TRIED = 8  # mentions of one model that are looked at for one that is not denied
LINKED = "linked, not read"
HIDDEN = "hidden comment"  # or another text that no page shows
DENIED = "denied"
PLAIN = ("front matter", "recipe", "repository name", "file names")  # no sentences, and so no denials

_YAML_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*")
_DATASET = re.compile(rf"{HUB}datasets/({REPO_ID})", re.IGNORECASE)
_WHOLE = re.compile(r"[-_.](?:hf|safetensors|bf16|fp?16|fp?32)$", re.IGNORECASE)
_NO = re.compile(
    r"[^.!?\n]{0,40}\?\W{0,6}(?:no|nein|não|non|нет|不|いいえ|아니)\b(?=\W*[,.!;:–—]|\W*$|\s+(?:it|this|es|il|è|"
    r"это)\b)",
    re.IGNORECASE,
)
# a bare comma inside "not made of A, B or C" ends the clause, too: what is left in doubt is named
_NONE_OF = re.compile(r"\b(?:no|kein\w*|aucun\w*|geen|nessun\w*|ningún|nenhum\w*)\s+(?:\w+\s+)?\W*$", re.IGNORECASE)
_CONTAINS = re.compile(r"\b(?:contain|includ|inside|in it|uses?\b|enth|conti|contém|bevat)", re.IGNORECASE)
_CLAUSE_END = re.compile(r"[,;:，、。\n–—]|\.\s|\bbut\b|\bsondern\b|\bsino\b", re.IGNORECASE)
_TAG = re.compile(rf"base_model:(?:(finetune|merge|quantized|adapter):)?({REPO_ID})")


class Place(NamedTuple):
    """A text of the author's, and where it stands: "front matter", "prose", "recipe", "repository name", ..."""

    where: str
    text: str


@dataclass(frozen=True)
class Card:
    """All that an author says. `declared` has each parent once a place, `named` each model once, in the text's order.

    `places`: the texts that a model may be spelled in; `hidden`: comments and other text that no page shows.
    """

    front: Front
    blocks: tuple[Block, ...]
    recipes: tuple[Recipe, ...]
    declared: tuple[Mention, ...]
    named: tuple[Mention, ...]
    claims: tuple[Claim, ...]
    places: tuple[Place, ...]
    hidden: str = ""
    problems: tuple[str, ...] = ()

    def disclosure(self, revision: str) -> Disclosure:
        """Return what the card declares at a revision."""
        scratch = any(c.kind == "from scratch" for c in self.claims)
        return Disclosure(revision, self.declared, (), self.front.relation, scratch, self.problems)

    def spells(self, repo_id: str, titles: Sequence[str] = (), more: Sequence[Place] = ()) -> Mention | None:
        """Return where the author's text names a model by its id or any spelling of its name; None: nowhere.

        The relation is "named"; DENIED where every mention is a denial, HIDDEN where only a comment has it. `titles`:
        the model's other names; `more`: texts of the author's beside the card.
        """
        known = spellings(repo_id, titles)
        best: Mention | None = None
        for where, text in (*self.places, *more, Place(HIDDEN, self.hidden)):
            for start, end in _where(text, repo_id, known):
                sentence, at = _sentence_at(text, start)
                no = where not in PLAIN and is_denied(sentence, at, at + end - start)
                found = Mention(repo_id, where, DENIED if no else "named", cut(sentence))
                if not no and where != HIDDEN:
                    return found
                best = best or replace_relation(found, HIDDEN if where == HIDDEN else DENIED)
        return best


def replace_relation(mention: Mention, relation: str) -> Mention:
    """Return the same mention with another relation."""
    return Mention(mention.repo_id, mention.where, relation, mention.quote)


def _where(text: str, repo_id: str, known: Sequence[Spelling]) -> Iterator[tuple[int, int]]:
    """Yield where a text has a model's id or spells its name."""
    low, wanted = text.lower(), repo_id.lower()
    if wanted in low or wanted.replace("/", "--") in low:
        yield from ((n.start, n.end) for n in ids_in(text) if n.repo_id.lower() == wanted)
    tried = [by for by in known if may_spell(low, by.parts)]
    words = words_of(text) if tried else []
    for by in tried:
        yield from spelled(text, words, by)


def _sentence_at(text: str, at: int) -> tuple[str, int]:
    """Return the sentence around a place in a text, and the place in it."""
    begin = max(text.rfind(sign, 0, at) for sign in (". ", "\n\n", "! ", "。")) + 1
    ends = [found for sign in (". ", "\n\n", "! ", "。") if (found := text.find(sign, at)) >= 0]
    begin = max(begin, at - 400)
    return text[begin : min([*ends, at + 400]) + 1], at - begin


def is_denied(sentence: str, start: int, end: int) -> bool:
    """Tell whether a sentence denies that a model is made of what it names between two places.

    Whatever else it denies ("it does not refuse", "not the official copy") leaves the model named. So does a doubt.
    """
    behind = _CLAUSE_END.split(sentence[end : end + 40], maxsplit=1)[0]
    if NOT_INSIDE.search(behind) or _NO.match(sentence, end):
        return True
    clause = _CLAUSE_END.split(sentence[max(0, start - 100) : start])[-1]
    if _NONE_OF.search(clause) and _CONTAINS.search(f"{clause} {behind}"):
        return True
    no = NOT_OF.search(clause)
    return no is not None and any(c.kind != "block" for c in cues_in(clause + BLOT))


def read_card(text: str, tags: Sequence[str] = (), names: Mapping[str, str] | None = None, own: str = "") -> Card:
    """Read a card.

    `text`: README.md; `tags`: the Hub's; `names`: other names of known models, each with its repo id ("Borealis
    Coder" -> "tidepool-ai/Borealis-Coder"); `own`: the upload's repo id, which is no parent of itself.
    """
    whole, text = text, text[:MAX_CARD_CHARS].replace("\r\n", "\n").replace("\r", "\n")
    head, body = split_front_matter(text)
    front = read_front_matter(head)
    body, hidden = without_comments(body)
    body, invisible = without_invisible(body)
    hidden = f"{hidden}\n{invisible}".strip()
    blocks = tuple(blocks_of(body))
    index = NameIndex.of(names or {}, text)
    found = tuple(recipes(blocks))
    data = {*front.datasets, *(m[1].lower() for m in _DATASET.finditer(text))}
    mentions = [
        *(Mention(i, "front matter", front.relation or "base_model", f"base_model: {i}") for i in front.base_models),
        *(mention for _, mention in tagged((*tags, *front.tags))),
        *(
            Mention(i, "recipe", "merge recipe" if r.merges else "settings", cut(r.text))
            for r in found
            for i in r.models
        ),
        *(
            Mention(n.repo_id, "prose", "sentence", cut(s))
            for n, s in declared(blocks, index)
            if n.repo_id.lower() not in data
        ),
    ]
    places = tuple(_places(head, blocks, own))
    kept = _once([m for m in mentions if not is_own(m.repo_id, own)])[:MAX_DECLARED]
    return Card(
        front,
        blocks,
        found,
        tuple(kept),
        tuple(islice(_named(places[1:], index, {m.repo_id.lower() for m in kept} | data, own), MAX_NAMED)),
        claims_of(front, tags, kept, found, blocks, index),
        places,
        hidden,
        tuple(_problems(whole, front, blocks, index)),
    )


def tagged(tags: Sequence[str]) -> Iterator[tuple[str, Mention]]:
    """Yield (tag, what it declares) of the Hub's tags that name a base model."""
    for tag in tags:
        if found := _TAG.fullmatch(str(tag)[:300]):
            yield str(tag), Mention(found[2], "tag", found[1] or "base_model", str(tag)[:300])


def is_own(repo_id: str, own: str) -> bool:
    """Tell whether an id is the upload itself, or a storage format of it: "me/X-GGUF" beside "me/X"."""
    if not own or repo_id.lower() == own.lower():
        return bool(own)
    name, mine = repo_id.rpartition("/")[2], own.rpartition("/")[2]
    whole = without_form(name) == name or _WHOLE.search(name)  # an original, maybe, stored in full
    return is_a_name(mine) and not whole and parts_of(without_form(name)) == parts_of(mine)


def _once(mentions: Sequence[Mention]) -> list[Mention]:
    each: dict[tuple[str, str], Mention] = {}
    for mention in mentions:
        each.setdefault((mention.repo_id.lower(), mention.where), mention)
    return list(each.values())


def _named(places: Sequence[Place], index: NameIndex, other: set[str], own: str) -> Iterator[Mention]:
    """Yield the models that visible text names without declaring them."""
    seen, tried = set(other), Counter[str]()
    for where, text in places:
        for name in index.named(text):
            tried[name.repo_id.lower()] += 1
            if (
                name.repo_id.lower() in seen
                or is_own(name.repo_id, own)
                or name.plain
                or tried[name.repo_id.lower()] > MAX_TRIED
            ):
                continue
            sentence, at = _sentence_at(text, name.start)
            if where in PLAIN or not is_denied(sentence, at, at + name.end - name.start):
                seen.add(name.repo_id.lower())
                yield Mention(name.repo_id, where, "named", cut(sentence))


def _places(head: str, blocks: Sequence[Block], own: str) -> Iterator[Place]:
    yield Place("repository name", re.sub(r"(?<=\w)[-_](?=\w)", ", ", own))  # made of parents' names: none goes on
    yield Place("front matter", _YAML_COMMENT.sub("", head))
    yield from (Place("recipe" if b.kind == "code" else "prose", b.text) for b in blocks)


def _problems(card: str, front: Front, blocks: Sequence[Block], index: NameIndex) -> Iterator[str]:
    if front.problem:
        yield front.problem
    if len(card) > MAX_CARD_CHARS:
        yield f"its card has {len(card):,} characters, of which the first {MAX_CARD_CHARS:,} were read"
    linked = [b for b in blocks if b.links and not index.named(b.text) and opens(b.text) == "descent"]
    for block in linked[:MAX_LINKED]:
        yield f"{LINKED}: {block.links[0][:200]} (“{cut(block.text)[:100]}”)"
