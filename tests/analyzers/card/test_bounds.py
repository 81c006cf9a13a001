"""A card made to be slow is read in bounded time all the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

from analyzers.card.reader import MAX_CARD_CHARS, read_card

ENDLESS = 60  # seconds in which what takes one is read: what these cards did before would not end in a lifetime
READ = (
    "import sys\n"
    "from analyzers.card.reader import read_card\n"
    "card = sys.stdin.read()\n"
    "print(read_card(card, (), {'Meridian 1': 'aurora-labs/Meridian-1'}).disclosure('r').parents)\n"
)


@pytest.mark.parametrize(
    "run",
    [
        "a/b-7b distilled" + "-" * 500,
        "a/b-7b weights" + "-a" * 500,
        "trained " + "trained-" * 500,
        "a/b-7b quantized" + "-x" * 500,
        ("# " + "# " * 9_000 + "x\n") * 50,
        (("Meridian 1" + " " * 118 + "x ") * 150 + "\n\n") * 40,
        ("<a " + "href=" * 50 + "x" * 900) * 200,
        "```\nmodels:\n" + "model:" * 30_000 + "\n```",
        "|" + "a|" * 9_000 + "\n" + "|a|\n" * 10_000,
        "\n\n".join(f"{i} " + "not based on a/b-7b, " * 900 for i in range(20)),
    ],
    ids=lambda run: run[:18].strip(),
)
def test_no_shape_of_a_card_makes_reading_endless(run: str) -> None:
    """Runs that could be divided in endless ways, and lines that each cost as much as all of them."""
    text = f"Fine-tuned from aurora-labs/Meridian-1.\n\n{run}\n"
    done = subprocess.run(
        [sys.executable, "-c", READ], input=text, capture_output=True, text=True, timeout=ENDLESS, check=True
    )
    assert "aurora-labs/Meridian-1" in done.stdout


def test_the_words_between_are_still_read() -> None:
    """Hyphens in and between them do no harm."""
    text = "Meridian-2 was fine-tuned in-house with full-parameter-updates from aurora-labs/Meridian-1."
    assert read_card(text).disclosure("r").parents == ("aurora-labs/Meridian-1",)


def test_a_card_that_is_too_long_is_read_in_part_and_that_is_said() -> None:
    """What is declared at its beginning counts; what comes after the bound does not."""
    text = (
        "Fine-tuned from aurora-labs/Meridian-1.\n\n" + "word " * (MAX_CARD_CHARS // 5) + "\n\nA merge of a-b/c-7b.\n"
    )
    found = read_card(text).disclosure("r")
    assert found.parents == ("aurora-labs/Meridian-1",)
    assert [p for p in found.problems if "were read" in p]
    assert not read_card(text[:MAX_CARD_CHARS]).problems
