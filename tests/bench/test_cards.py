"""The corpus of cards is what docs/cards.md says, and real cards have labels and no text here."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path

import pytest

from analyzers.card.reader import read_card
from bench import cards as bench
from bench.cards import Written, cards, count, is_parent, labels, names, real


def test_the_corpus() -> None:
    """Hundreds of cards, about half honest, every name different."""
    corpus = list(cards())
    assert len(corpus) == 751
    assert len({c.name for c in corpus}) == len(corpus)
    assert 0.45 < sum(c.part == "honest" for c in corpus) / len(corpus) < 0.6
    assert all(c.parents for c in corpus if c.part == "honest")
    assert not any(re.search(r"\{[A-Da-d]_?\}", c.text) for c in corpus)


def test_hardly_a_parent_of_the_corpus_is_missed_or_wrong() -> None:
    """Declared or named are all honest parents, and few cards that hide or compare declare any."""
    totals = {"honest": Counter[str](), "other": Counter[str]()}
    for one in cards():
        totals[one.part].update(count(one, read_card(one.text, one.tags, names()))[0])
    assert (totals["honest"]["missed"], totals["honest"]["wrong"]) == (0, 3)
    assert (totals["other"]["missed"], totals["other"]["wrong"]) == (0, 6)
    assert totals["honest"]["declared"] > 4 * totals["honest"]["named"]


def test_real_cards_have_labels_and_no_text() -> None:
    """At least 120 cards by another hand, in ten languages and more, some of which declare nothing."""
    found = labels()
    assert len({e["sha256"] for e in found}) == len(found) > 120
    assert {frozenset(e) for e in found} == {
        frozenset({"part", "url", "sha256", "repo", "kind", "language", "parents", "claims"})
    }
    assert len({e["language"] for e in found}) >= 10
    assert sum(not e["parents"] for e in found) >= 10


def test_texts_of_real_cards_are_found_by_their_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of any name counts; one that nobody labelled does not."""
    text = b"Merge of a-b/c-7B and d-e/f-7B. See g-h/i-7B."
    entry = {"part": "merges", "url": "u", "sha256": hashlib.sha256(text).hexdigest(), "repo": "me/x"}
    monkeypatch.setattr(bench, "labels", lambda: [{**entry, "parents": ["a-b/c-7B", "f 7B"], "claims": ["merge"]}])
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "any.md").write_bytes(text)
    (tmp_path / "other.md").write_bytes(b"nobody labelled it")
    (one,) = real(tmp_path)
    told, lines = count(one, read_card(one.text), methods=False)
    assert (told["declared"], told["missed"], told["wrong"], told["claims_right"], lines) == (2, 0, 0, 1, [])


def test_counting() -> None:
    """Declared, only named, missed and wrong are counted apart."""
    one = Written("n", "p", "", "", (), frozenset({"a-b/c-7B", "g-h/i-7B", "j-k/l-7B"}), frozenset({"merge", "sft"}))
    card = read_card("Merge of a-b/c-7B and d-e/f-7B. See g-h/i-7B. Trained with DPO.")
    told, lines = count(one, card)
    assert (told["declared"], told["named"], told["missed"], told["wrong"]) == (1, 1, 1, 1)
    assert (told["claims"], told["claims_right"], told["claims_wrong"]) == (2, 1, 1)
    assert len(lines) == 5


def test_a_label_without_an_owner() -> None:
    """A label may be a name as the card spells it."""
    assert is_parent("Llama 3.1 8B", "meta-llama/Llama-3.1-8B")
    assert not is_parent("Llama 3.1 8B", "meta-llama/Llama-3.1-70B")
    assert is_parent("a-b/c-7B", "A-B/c-7b")
