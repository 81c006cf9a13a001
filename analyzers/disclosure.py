"""What a card declares about parents: front matter, the Hub's tags, recipes, and plain, unmistakable sentences.

Front matter: `base_model`, `base_model_relation` (https://huggingface.co/docs/hub/model-cards). A sentence counts when
words of descent speak of the name ("a merge of X and Y", "fine-tuned from X", "X was used as the base") and nothing
denies or compares ("unlike", "outperforms", "not"). "Distilled from X" names a teacher: it says nothing of X's weights.
How each part is read, and how well: docs/cards.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from analyzers.card_body import read_body
from analyzers.card_front import Front, read_front
from analyzers.card_names import REPO_ID
from analyzers.card_text import split_front_matter
from analyzers.card_words import DENIAL, FROM_SCRATCH
from analyzers.records import Disclosure, Mention

__all__ = ["MAX_CARD_CHARS", "MAX_DECLARED", "read_disclosure", "split_front_matter"]

MAX_CARD_CHARS = 400_000  # a second or two of work, some five at the very worst; what comes after is not read
MAX_DECLARED = 64

_TAG = re.compile(rf"base_model:(?:(finetune|merge|quantized|adapter):)?({REPO_ID})")
_DENIED = re.compile(rf"(?:{DENIAL.pattern})(?:\W+\w+){{0,4}}\W*$|\bmodels\s+$", re.IGNORECASE)


def read_disclosure(
    revision: str, card: str, tags: Sequence[str] = (), names: Mapping[str, str] | None = None, own: str = ""
) -> Disclosure:
    """Return what the author declares.

    `card`: README.md as text; `tags`: the Hub's; `names`: other names of known models to look for in prose, each with
    its repo id ("Borealis Coder" -> "tidepool-ai/Borealis-Coder"); `own`: the upload's repo id, which is no parent of
    itself.
    """
    text = card[:MAX_CARD_CHARS].replace("\r\n", "\n")
    head, body = split_front_matter(text)
    front = read_front(head)
    said = read_body(body, names)
    mentions = _from_front_matter(front)
    mentions += [mention for _, mention in tagged(tags)]
    mentions += [Mention(repo_id, "prose", "merge recipe") for r in said.recipes for repo_id in r.models]
    mentions += [Mention(repo_id, "prose", "sentence") for repo_id, _ in said.declared]
    kept = [m for m in dict.fromkeys(mentions) if m.repo_id.lower() != own.lower()]
    return Disclosure(
        revision=revision,
        mentions=tuple(kept[:MAX_DECLARED]),
        relation=front.relation,
        from_scratch=any(claims_scratch(line.text) for line in said.lines if line.kind != "code"),
        problems=tuple(_problems(card, front)),
    )


def _problems(card: str, front: Front) -> Iterator[str]:
    if front.problem:
        yield front.problem
    if len(card) > MAX_CARD_CHARS:
        yield f"its card has {len(card):,} characters, of which the first {MAX_CARD_CHARS:,} were read"


def _from_front_matter(front: Front) -> list[Mention]:
    label = front.relation or "base_model"
    return [Mention(repo_id, "front matter", label[:40]) for repo_id in front.base_models]


def tagged(tags: Sequence[str]) -> Iterator[tuple[str, Mention]]:
    """Yield (tag, what it declares) of the Hub's tags that name a base model."""
    for tag in tags:
        if found := _TAG.fullmatch(str(tag)[:300]):
            yield str(tag), Mention(found[2], "tag", found[1] or "base_model")


def claims_scratch(text: str) -> bool:
    """Tell whether a line of text claims training from nothing, and does not deny it."""
    for match in FROM_SCRATCH.finditer(text):
        before = re.split(r"[.!?\n]", text[max(0, match.start() - 80) : match.start()])[-1]
        if not DENIAL.search(match[0]) and not _DENIED.search(before):
            return True
    return False
