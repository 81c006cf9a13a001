"""Claims of a card about its model: parents, training and its method, merging, data, compute, licence.

A claim is read where a sentence about this model's making states it: not from instructions, comparisons, denials,
other models' making, or a word inside a name. Whether it holds is another question: analyzers.card.claim_check.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from analyzers.card.claim_words import (
    COMPARED,
    DISTILLED,
    FROM_SCRATCH,
    INSTRUCTION,
    LORA,
    MERGE_METHODS,
    MERGED,
    MERGED_HEADING,
    NAMED_METHOD,
    NOT_MODELS,
    OF_ANOTHER,
    OF_MODELS,
    OWN_COMPUTE,
    OWN_DATA,
    SOURCE,
    THEN,
    TRAINED,
    TRAINING_METHODS,
    TRAINS,
)
from analyzers.card.cue_words import DENIAL, DENIED_AFTER, UNREAL
from analyzers.card.front_matter import Front
from analyzers.card.markdown import Block
from analyzers.card.model_names import NameIndex
from analyzers.card.recipes import Recipe
from analyzers.card.repo_ids import Named
from analyzers.card.sentences import MAX_READ_CHARS, masked, sentences
from analyzers.records import Mention
from analyzers.records.claims import MAX_QUOTE_CHARS, Claim, ClaimKind

MAX_CLAIMS = 64
_TURN = re.compile(r";|\bbut\b|\bhowever\b", re.IGNORECASE)
_YOURS = re.compile(rf"{UNREAL.pattern}|\byour\b", re.IGNORECASE)
_PLAIN: Mapping[ClaimKind, re.Pattern[str]] = {
    "distillation": DISTILLED,
    "own data": OWN_DATA,
    "own compute": OWN_COMPUTE,
}
_MERGE_TAGS = ("merge", "mergekit", "lazymergekit")


def claims_of(
    front: Front,
    tags: Sequence[str],
    declared: Sequence[Mention],
    recipes: Sequence[Recipe],
    blocks: Sequence[Block],
    index: NameIndex,
) -> tuple[Claim, ...]:
    """Return what a card claims, each claim once, at most MAX_CLAIMS. `declared`: its parents."""
    found: dict[tuple[str, str], Claim] = {}
    for claim in (
        *(Claim("parent", m.quote, m.where, m.repo_id) for m in declared),
        *_of_front_matter(front, tags, declared),
        *(c for recipe in recipes for c in _of_recipe(recipe)),
        *_of_prose(blocks, index),
    ):
        key = (claim.kind, claim.subject.lower())
        known = found.get(key)
        found[key] = claim if known is None or (claim.after_merge and not known.after_merge) else known
    return tuple(found.values())[:MAX_CLAIMS]


def _of_front_matter(front: Front, tags: Sequence[str], declared: Sequence[Mention]) -> Iterator[Claim]:
    if front.relation == "merge":
        yield Claim("merge", "base_model_relation: merge", "front matter")
    merge_tags = [m.quote for m in declared if m.where == "tag" and m.relation == "merge"]
    merge_tags += [t for t in (*front.tags, *map(str, tags)) if t.lower() in _MERGE_TAGS]
    for tag in merge_tags[:1]:
        yield Claim("merge", tag, "tag")
    if front.licence:
        yield Claim("licence", f"license: {front.licence}", "front matter", front.licence)
    else:
        for tag in tags:
            if str(tag).startswith("license:"):
                yield Claim("licence", str(tag)[:100], "tag", str(tag)[8:100].lower())
                return


def _of_recipe(recipe: Recipe) -> Iterator[Claim]:
    if recipe.method:
        yield Claim("merge", f"merge_method: {recipe.method}", "recipe", recipe.method)
    if recipe.stage:
        yield Claim("post-training", f"stage: {recipe.stage}", "recipe", recipe.stage)


def _of_prose(blocks: Iterable[Block], index: NameIndex) -> Iterator[Claim]:
    left = MAX_READ_CHARS
    for block in blocks:
        if (left := left - len(block.text)) < 0:
            return
        if block.kind == "heading" and MERGED_HEADING.search(block.text):
            yield Claim("merge", cut(block.text), "prose")
        elif block.kind in ("text", "item"):
            for sentence in sentences(block.text):
                yield from _of_sentence(sentence, index.named(sentence))


def _of_sentence(sentence: str, named: Sequence[Named]) -> Iterator[Claim]:
    blank, quote = masked(sentence, named), cut(sentence)
    if sentence.rstrip().endswith("?") or INSTRUCTION.match(blank):
        return
    merged = _stated(MERGED, blank, named)
    if merged is not None and _of_models(sentence, blank, named, merged):
        yield Claim("merge", quote, "prose", _merge_method(sentence))
    for method, pattern in {**TRAINING_METHODS, "": TRAINED}.items():
        match = _stated(pattern, blank, named)
        if match is not None and TRAINS.search(blank):
            after = merged is not None and bool(THEN.search(blank, merged.end(), match.start()))
            yield Claim("post-training", quote, "prose", method, after)
    scratch = _stated(FROM_SCRATCH, blank, named)
    if scratch is not None and not COMPARED.search(blank[max(0, scratch.start() - 60) : scratch.start()]):
        yield Claim("from scratch", quote, "prose")
    for kind, pattern in _PLAIN.items():
        if _stated(pattern, blank, named) is not None:
            yield Claim(kind, quote, "prose")
    coined = _stated(NAMED_METHOD, blank, named)
    if coined is not None and not SOURCE.search(sentence):
        yield Claim("method", quote, "prose", (coined["first"] or coined["last"] or "")[:60])


def _of_models(sentence: str, blank: str, names: Sequence[Named], merged: re.Match[str]) -> bool:
    """Tell whether it is models that are merged, and not data, metrics or code."""
    beside = blank[max(0, merged.start() - 12) : merged.start()] + "\n" + blank[merged.end() : merged.end() + 14]
    near = blank[max(0, merged.start() - 50) : merged.end() + 60]
    if NOT_MODELS.search(beside) or (LORA.search(sentence) and len(names) < 2):
        return False
    return OF_MODELS.search(near) is not None or NOT_MODELS.search(near) is None


def _merge_method(sentence: str) -> str:
    return next((name for name, pattern in MERGE_METHODS.items() if pattern.search(sentence)), "")


def _stated(pattern: re.Pattern[str], blank: str, named: Sequence[Named]) -> re.Match[str] | None:
    """Return the first match in a masked sentence that is of this model, and neither denied nor only imagined."""
    for match in pattern.finditer(blank):
        since = max((m.end() for m in _TURN.finditer(blank, 0, match.start())), default=0)
        is_denied = any(m.start() < match.end() for m in DENIAL.finditer(blank, since))
        imagined = _YOURS.search(blank, since, match.start()) or _of_another(blank, named, match.start())
        if not is_denied and not imagined and not DENIED_AFTER.search(blank[match.end() : match.end() + 24]):
            return match
    return None


def _of_another(blank: str, named: Sequence[Named], at: int) -> bool:
    """Tell whether a sentence speaks of how another model was made: "X was trained with DPO"."""
    ends = [n.end for n in named if n.end <= at]
    return bool(ends) and OF_ANOTHER.search(blank[ends[-1] : at]) is not None


def cut(text: str) -> str:
    """Return a quote of bounded length on one line."""
    text = " ".join(text[: 4 * MAX_QUOTE_CHARS].split())
    return text if len(text) <= MAX_QUOTE_CHARS else text[: MAX_QUOTE_CHARS - 1] + "…"
