"""How long the reader takes over cards that were made to be slow: python -m bench.cards_slow [--characters N].

Each card has one shape, repeated to its end. A row gives the seconds of one reading and of a search for 64 names.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from analyzers.card.reader import MAX_CARD_CHARS, read_card
from state.registry.models import load

REGISTRY = Path(__file__).parent.parent / "state" / "registry"
LINK = "A merge of [a/b](https://huggingface.co/a/b-7B) and **c/d-7B**, trained with SFT on data. "
SHAPES = {
    "links": LINK * 5 + "\n\n",
    "ids in one line": "merge of org/model-7b ",
    "ids in paragraphs": "A merge of org/model-7b.\n\n",
    "items": "- x/y\n",
    "announced items": "- x/y-7B\n",
    "numbers": "1. a\n",
    "headings": "# base model\n\na/b-7b\n\n",
    "setext": "a\n=\n",
    "rows": "|x|y|z|\n",
    "wide rows": "|" + "a|" * 9_000 + "\n",
    "fences": "```\n",
    "quotes": "> > > a merge of x/y-7b\n",
    "brackets": "[",
    "open links": "[a](",
    "open images": "![[]()",
    "stars": "*a **b ",
    "emphasis": "**a",
    "underscores": "_a_",
    "tags": "<",
    "anchors": "<a href='",
    "comments": "<!-- ",
    "html": "<div><p>a</p></div>\n",
    "definitions": "[a]: http://b\n",
    "escapes": "\\",
    "recipe": "merge_method: a\n- model: b/c\n",
    "recipe keys": "model:",
    "list of models": "- a/b ",
    "hyphens": "-a",
    "quantized hyphens": "quantized-x",
    "denials": "not based on a/b-7b, ",
    "questions": "Is this x/y-7b? No. ",
    "sums": "a/b-7b + ",
    "shares": "50% a/b-7b ",
    "cues": "merge of ",
    "claims": "from scratch trained ",
    "known name": "Qwen 3.6 27B ",
    "half a name": "Qwen the ",
    "slashes": "a/",
    "addresses": "https://huggingface.co/a/b ",
    "one word": "word ",
    "CJK": "基于模型合并",
    "NUL": "\x00",
    "bidirectional": "\u202e",
    "digits": "1",
    "spaces": " ",
    "newlines": "\n",
}
KIN = 64  # known models that an upload is compared with
HEADS = {"announced items": "A merge of the following models:\n", "list of models": "merge_method: x\nmodels: "}


def main() -> None:
    """Print a row for each shape, the slowest last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--characters", type=int, default=MAX_CARD_CHARS)
    size = parser.parse_args().characters
    names = load([REGISTRY]).names()
    wanted = list(names.items())[:KIN]
    rows = []
    for name, shape in (*SHAPES.items(), ("all known names", ", ".join(names) + ", ")):
        text = (HEADS.get(name, "") + shape * (size // len(shape) + 1))[:size]
        begun = time.perf_counter()
        card = read_card(text, (), names, "me/Own-7B")
        read = time.perf_counter()
        for title, repo_id in wanted:
            card.spells(repo_id, (title,))
        rows.append((read - begun, time.perf_counter() - read, name))
    for seconds, search, name in sorted(rows):
        print(f"{name:<20} {seconds:6.2f} s  {search:6.2f} s")


if __name__ == "__main__":
    main()
