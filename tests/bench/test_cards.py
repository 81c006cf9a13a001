"""The corpus of cards is what docs/cards.md says, and its development part is read as a person reads it."""

from __future__ import annotations

from bench.cards import Count, cards, found_parents


def test_the_corpus() -> None:
    """Hundreds of cards, some 30 in 100 held out, about half honest, every name different."""
    corpus = list(cards())
    assert len(corpus) >= 300
    assert len({c.name for c in corpus}) == len(corpus)
    assert 0.3 < sum(c.held_out for c in corpus) / len(corpus) < 0.4
    assert 0.45 < sum(c.honest for c in corpus) / len(corpus) < 0.6
    assert all(c.parents for c in corpus if c.honest)
    assert not any("{A" in c.text or "{a" in c.text for c in corpus)


KNOWN_MISSES = ["seen-honest: numbered steps"]  # "Download X and Y. Average them." needs both sentences at once


def test_the_development_part_is_read_as_a_person_reads_it() -> None:
    """But for what is known to be missed, each parent is found and nothing else; the held-out part is measured."""
    assert [c.name for c in cards() if not c.held_out and found_parents(c) != c.parents] == KNOWN_MISSES


def test_counting() -> None:
    """Right, wrong and missed are counted apart."""
    count = Count()
    count.add(frozenset("ab"), frozenset("bc"))
    count.add(frozenset("a"), frozenset("a"))
    assert (count.right, count.wrong, count.missed, count.cards, count.exact) == (2, 1, 1, 2, 1)
