"""What a card claims of how its model came about: parents, training and its method, merging, data, compute, licence.

A claim is read where a sentence makes it and does not deny or compare it. Whether it holds is another question:
analyzers.claims_assess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from analyzers.card_body import read_body
from analyzers.card_declared import sentences
from analyzers.card_front import Front, read_front
from analyzers.card_names import Named, NameIndex
from analyzers.card_prose import denied_before
from analyzers.card_recipes import Recipe
from analyzers.card_text import Line, split_front_matter
from analyzers.card_words import DENIED_AFTER, ELSEWHERE
from analyzers.claim_records import MAX_QUOTE_CHARS, Claim
from analyzers.claim_words import (
    DISTILLED,
    MERGE_METHODS,
    MERGED,
    MERGED_HEADING,
    NAMED_METHOD,
    OF_ANOTHER,
    OWN_COMPUTE,
    OWN_DATA,
    SOURCE,
    THEN,
    TRAINED,
    TRAINING_METHODS,
)
from analyzers.disclosure import MAX_CARD_CHARS, claims_scratch, tagged

MAX_CLAIMS = 64


def read_claims(
    card: str, tags: Sequence[str] = (), names: Mapping[str, str] | None = None, own: str = ""
) -> tuple[Claim, ...]:
    """Return what a card claims, each claim once, at most MAX_CLAIMS; the arguments are those of read_disclosure."""
    head, body = split_front_matter(card[:MAX_CARD_CHARS].replace("\r\n", "\n"))
    front, said = read_front(head), read_body(body, names)
    found: dict[tuple[str, str], Claim] = {}
    for claim in (
        *_front_claims(front, tags),
        *(c for recipe in said.recipes for c in _recipe_claims(recipe)),
        *(Claim("parent", _cut(text), "prose", repo_id) for repo_id, text in said.declared),
        *_prose_claims(said.lines, said.index),
    ):
        key = (claim.kind, claim.subject.lower())
        known = found.get(key)
        if claim.subject.lower() != own.lower() or not own:
            found[key] = claim if known is None or (claim.after_merge and not known.after_merge) else known
    return tuple(found.values())[:MAX_CLAIMS]


def _front_claims(front: Front, tags: Sequence[str]) -> Iterator[Claim]:
    for repo_id in front.base_models:
        yield Claim("parent", f"base_model: {repo_id}", "front matter", repo_id)
    for tag, mention in tagged(tags):
        yield Claim("parent", tag, "tag", mention.repo_id)
    if front.relation == "merge":
        yield Claim("merge", "base_model_relation: merge", "front matter")
    merge_tags = [tag for tag, mention in tagged(tags) if mention.relation == "merge"]
    own_tags = merge_tags + [
        t for t in (*front.tags, *map(str, tags)) if t.lower() in ("merge", "mergekit", "lazymergekit")
    ]
    for tag in own_tags[:1]:
        yield Claim("merge", tag, "tag")
    if front.licence:
        yield Claim("licence", f"license: {front.licence}", "front matter", front.licence)
    else:
        for tag in tags:
            if str(tag).startswith("license:"):
                yield Claim("licence", str(tag)[:100], "tag", str(tag)[8:100].lower())
                return


def _recipe_claims(recipe: Recipe) -> Iterator[Claim]:
    for repo_id in recipe.models:
        yield Claim("parent", _cut(recipe.text), "prose", repo_id)
    if recipe.method:
        yield Claim("merge", f"merge_method: {recipe.method}", "prose", recipe.method)
    for stage in re.finditer(r"^stage:[ \t]*(dpo|kto|ppo|sft)\b", recipe.text, re.MULTILINE):
        yield Claim("post-training", stage[0], "prose", stage[1])


def _prose_claims(lines: Iterable[Line], index: NameIndex) -> Iterator[Claim]:
    for line in lines:
        if line.kind == "heading" and MERGED_HEADING.search(line.text):
            yield Claim("merge", _cut(line.text), "prose")
        elif line.kind in ("text", "item", "row") and line.text:
            for sentence in sentences(line.text):
                yield from _of_sentence(sentence, index.find(sentence))


def _of_sentence(sentence: str, named: Sequence[Named]) -> Iterator[Claim]:
    quote = _cut(sentence)
    if ELSEWHERE.search(sentence) or sentence.rstrip().endswith("?"):
        return
    if claims_scratch(sentence):
        yield Claim("from scratch", quote, "prose")
    merged = _stated(MERGED, sentence, named)
    if merged is not None:
        yield Claim("merge", quote, "prose", _merge_method(sentence))
    for method, pattern in {**TRAINING_METHODS, "": TRAINED}.items():
        match = _stated(pattern, sentence, named)
        if match is not None and not _of_another(sentence, named, match.start()):
            after = merged is not None and bool(THEN.search(sentence, merged.end(), match.start()))
            yield Claim("post-training", quote, "prose", method, after)
    taught = _stated(DISTILLED, sentence, named)
    if taught is not None and not _of_another(sentence, named, taught.start()):
        yield Claim("distillation", quote, "prose")
    if _stated(OWN_DATA, sentence, named) is not None:
        yield Claim("own data", quote, "prose")
    if _stated(OWN_COMPUTE, sentence, named) is not None:
        yield Claim("own compute", quote, "prose")
    coined = _stated(NAMED_METHOD, sentence, named)
    if coined is not None and not SOURCE.search(sentence):
        yield Claim("method", quote, "prose", (coined["first"] or coined["last"] or "")[:60])


def _merge_method(sentence: str) -> str:
    return next((name for name, pattern in MERGE_METHODS.items() if pattern.search(sentence)), "")


def _stated(pattern: re.Pattern[str], sentence: str, named: Sequence[Named]) -> re.Match[str] | None:
    """Return the first match that is not part of a model's name and is neither denied nor compared."""
    at = 0
    for match in pattern.finditer(sentence):
        while at < len(named) and named[at].end <= match.start():
            at += 1
        inside = at < len(named) and named[at].start <= match.start()
        after = DENIED_AFTER.search(sentence[match.end() : match.end() + 24])
        if not inside and not after and not denied_before(sentence, match.start(), match.start()):
            return match
    return None


def _of_another(sentence: str, named: Sequence[Named], at: int) -> bool:
    """Tell whether the sentence speaks of how another model was trained: "X was trained with DPO"."""
    ends = [n.end for n in named if n.end <= at]
    return bool(ends) and OF_ANOTHER.search(sentence[ends[-1] : at]) is not None


def _cut(text: str) -> str:
    text = " ".join(text[: 4 * MAX_QUOTE_CHARS].split())
    return text if len(text) <= MAX_QUOTE_CHARS else text[: MAX_QUOTE_CHARS - 1] + "…"
