"""The corpus of cards is what docs/cards.md says, and its development part is read as a person reads it."""

from __future__ import annotations

import re

from bench.cards import Count, cards, found_parents


def test_the_corpus() -> None:
    """Hundreds of cards, some of them held out, about half honest, every name different."""
    corpus = list(cards())
    assert len(corpus) >= 300
    assert len({c.name for c in corpus}) == len(corpus)
    assert sum(c.held_out for c in corpus) > 100
    assert 0.45 < sum(c.honest for c in corpus) / len(corpus) < 0.6
    assert all(c.parents for c in corpus if c.honest)
    assert not any(re.search(r"\{[A-Da-d]_?\}", c.text) for c in corpus)


KNOWN_MISSES = [  # two need two sentences at once, two thank or compare and declare in one breath
    "seen-honest: numbered steps",
    "seen-more-honest: hobby merge diary",
    "seen-more-honest: embed only",
    "seen-more-honest: thanks and base",
]


def test_the_development_part_is_read_as_a_person_reads_it() -> None:
    """But for what is known to be missed, each parent is found and nothing else; the held-out part is measured."""
    assert [c.name for c in cards() if not c.held_out and found_parents(c) != c.parents] == KNOWN_MISSES


def test_counting() -> None:
    """Right, wrong and missed are counted apart."""
    count = Count()
    count.add(frozenset("ab"), frozenset("bc"))
    count.add(frozenset("a"), frozenset("a"))
    assert (count.right, count.wrong, count.missed, count.cards, count.exact) == (2, 1, 1, 2, 1)
