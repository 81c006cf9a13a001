"""Card templates: what tools write into a card, and whether its author added anything.

Source: huggingface_hub's and transformers' templates for new repositories and for trainers.
"""

from __future__ import annotations

import re
from typing import Final

from analyzers.card.markdown import Block
from analyzers.card.reader import Card

LEAST_WORDS: Final = {"text": 3, "rest": 3, "item": 5, "row": 5}  # of a sentence; a heading or code is none
LEAST_LETTERS: Final = 8  # of one in a script that puts no spaces between words
_WORD = re.compile(r"[^\W\d_]+")
_SPACELESS = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")
_BY_A_TOOL = re.compile(
    r"more information needed|model card of a \S* ?transformers model that has been pushed|automatically generated|"
    r"made aware of the risks, biases|code below to get started|carbon emissions can be estimated|"
    r"has been pushed to the hub using|generated automatically according to|fine-tuned version of\W+(?:on|trained)\b|"
    r"achieves the following results on the|following hyperparameters were used",
    re.IGNORECASE,
)


def is_finished(card: Card) -> bool:
    """Tell whether a card has any parent or any sentence beyond a tool's template."""
    return bool(card.declared) or any(_is_sentence(block) for block in card.blocks)


def _is_sentence(block: Block) -> bool:
    if block.kind not in LEAST_WORDS or _BY_A_TOOL.search(block.text):
        return False
    spaceless = len(_SPACELESS.findall(block.text)) >= LEAST_LETTERS
    return spaceless or len(_WORD.findall(block.text)) >= LEAST_WORDS[block.kind]
