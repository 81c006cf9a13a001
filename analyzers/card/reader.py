"""A card read once: all that disclosure, claims, history and traces ask of it is in one value.

Each known model is declared, named or absent. Declared: front matter, tag, recipe or an unmistakable sentence says
that its weights went in. Named: visible text spells it. Absent: neither. A denial and a hidden comment are quoted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from analyzers.card.claims import claims_of, cut
from analyzers.card.cue_words import BLOT, CHANGED, COPY, NOT_INSIDE, NOT_OF
from analyzers.card.front_matter import Front, read_front_matter
from analyzers.card.markdown import Block, blocks_of, split_front_matter, without_comments, without_invisible
from analyzers.card.model_names import NameIndex, Spelling, Text, spelled, spellings
from analyzers.card.recipes import Recipe, recipes
from analyzers.card.repo_ids import HUB, REPO_ID
from analyzers.card.sentences import cues_in, declared, opens
from analyzers.model_ids import is_a_name, parts_of, same_model, without_form
from analyzers.records import NAMED, Disclosure, Mention
from analyzers.records.claims import Claim

MAX_CARD_CHARS = 400_000  # what comes after is not read
MAX_DECLARED = 64
MAX_NAMED = 64
MAX_LINKED = 4
MAX_TRIED = 8  # mentions of one model that are looked at for one that is not denied
MAX_SENTENCE_HALF = 400  # characters before and after a name that count as its sentence
LINKED = "linked, not read"
HIDDEN = "hidden comment"  # or another text that no page shows
DENIED = "denied"
SENTENCE = "sentence"
PLAIN = ("front matter", "recipe", "repository name", "file names")  # no sentences, and so no denials

_FULL_WIDTH = {n + 0xFEE0: chr(n) for n in range(128) if chr(n).isalnum() or chr(n) in "-./_"}
_ENDS = (". ", "\n\n", "! ", "。")
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


@dataclass(frozen=True)
class Place(Text):
    """A text of the author's, and where it stands: "front matter", "prose", "recipe", "repository name", ..."""

    where: str = "prose"


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
        best: Mention | None = None
        known = [by for by in spellings(repo_id, titles) if any(text.may_spell(by) for text in (self._whole, *more))]
        for place in (*self.places, *more, self._hidden):
            for start, end in _where(place, repo_id.lower(), known):
                sentence, at = _sentence_at(place.text, start)
                found = Mention(repo_id, place.where, NAMED, cut(sentence))
                if place.where == HIDDEN:
                    best = best or replace(found, relation=HIDDEN)
                elif place.where not in PLAIN and is_denied(sentence, at, at + end - start):
                    best = best or replace(found, relation=DENIED)
                else:
                    return found
        return best

    @cached_property
    def _hidden(self) -> Place:
        return Place(self.hidden, HIDDEN)

    @cached_property
    def _whole(self) -> Text:
        return Text("\n".join((*(place.text for place in self.places), self.hidden)))


def _where(text: Text, wanted: str, known: Sequence[Spelling]) -> Iterator[tuple[int, int]]:
    """Yield where a text has a model's id, in lower case, or spells its name."""
    if wanted in text.low or wanted.replace("/", "--") in text.low:
        yield from ((n.start, n.end) for n in text.ids if n.repo_id.lower() == wanted)
    for by in known:
        yield from ((start, end) for start, end, unsure in spelled(text, by) if not unsure)


def _sentence_at(text: str, at: int) -> tuple[str, int]:
    """Return the sentence around a place in a text, and the place in it."""
    since, until = max(0, at - MAX_SENTENCE_HALF), at + MAX_SENTENCE_HALF
    begin = max(since, *(text.rfind(sign, since, at) + 1 for sign in _ENDS))
    ends = [found for sign in _ENDS if (found := text.find(sign, at, until)) >= 0]
    return text[begin : min([*ends, until]) + 1], at - begin


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
    whole, text = text, text[:MAX_CARD_CHARS].replace("\r\n", "\n").replace("\r", "\n").translate(_FULL_WIDTH)
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
            Mention(n.repo_id, "prose", SENTENCE, cut(s))
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


def stands_for(card: Card, repo_id: str) -> Mention | None:
    """Return the one parent that a card's repository holds in another form; None if it is no such form.

    Forms are quantizations, adapters, conversions, mirrors.
    """
    parents = [m for m in card.declared if "/" in m.repo_id]
    if not parents or any(not same_model(m.repo_id, parents[0].repo_id) for m in parents):
        return None
    relations = {card.front.relation, *(m.relation for m in parents)}
    said = [m.quote for m in parents if m.relation == SENTENCE]
    form = (
        bool(relations & {"quantized", "adapter"})
        or same_model(parents[0].repo_id, repo_id)
        or any("duplicated_from:" in place.text for place in card.places if place.where == "front matter")
        or any(COPY.search(text) and not CHANGED.search(text) for text in said)
    )
    return parents[0] if form else None


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
    for place in places:
        where, text = place.where, place.text
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
                yield Mention(name.repo_id, where, NAMED, cut(sentence))


def _places(head: str, blocks: Sequence[Block], own: str) -> Iterator[Place]:
    yield Place(re.sub(r"(?<=\w)[-_](?=\w)", ", ", own), "repository name")  # made of parents' names: none goes on
    yield Place(_YAML_COMMENT.sub("", head), "front matter")
    yield from (Place(b.text, "recipe" if b.kind == "code" else "prose") for b in blocks)


def _problems(card: str, front: Front, blocks: Sequence[Block], index: NameIndex) -> Iterator[str]:
    if front.problem:
        yield front.problem
    if len(card) > MAX_CARD_CHARS:
        yield f"its card has {len(card):,} characters, of which the first {MAX_CARD_CHARS:,} were read"
    linked = [b for b in blocks if b.links and not index.named(b.text) and opens(b.text) == "descent"]
    for block in linked[:MAX_LINKED]:
        yield f"{LINKED}: {block.links[0][:200]} (“{cut(block.text)[:100]}”)"
