"""Licences held against each other: conservative, and what is not known stays so."""

from __future__ import annotations

import pytest

from analyzers.card.licences import LICENCES, find_licence, fit, fits

FITS = [
    ("apache-2.0", "apache-2.0", "compatible"),
    ("mit", "apache-2.0", "compatible"),
    ("cc-by-nc-4.0", "apache-2.0", "compatible"),
    ("llama3.1", "llama3.1", "compatible"),
    ("agpl-3.0", "gpl-3.0", "compatible"),
    ("cc-by-nc-sa-4.0", "cc-by-nc-4.0", "compatible"),
    ("gpl-3.0", "cc-by-sa-4.0", "compatible"),
    ("apache-2.0", "cc-by-nc-4.0", "not compatible"),
    ("mit", "llama3", "not compatible"),
    ("apache-2.0", "gemma", "not compatible"),
    ("mit", "qwen-research", "not compatible"),
    ("apache-2.0", "mrl", "not compatible"),
    ("mit", "gpl-3.0", "not compatible"),
    ("mit", "cc-by-sa-4.0", "not compatible"),
    ("apache-2.0", "openrail", "not compatible"),
    ("llama3.1", "cc-by-nc-4.0", "not compatible"),
    ("mit", "cc-by-nd-4.0", "not compatible"),
    ("cc-by-nd-4.0", "cc-by-nd-4.0", "not known"),
    ("apache-2.0", "qwen", "not known"),
    ("llama3.1", "gemma", "not known"),
    ("cc-by-nc-4.0", "qwen-research", "not known"),
    ("other", "apache-2.0", "not known"),
    ("other", "other", "not known"),
    ("apache-2.0", "", "not known"),
    ("", "mit", "not known"),
]


@pytest.mark.parametrize(("upload", "parent", "expected"), FITS)
def test_pairs(upload: str, parent: str, expected: str) -> None:
    """An upload's licence fits a parent's, does not, or it is not known."""
    assert fit(upload, parent) == expected


def test_spellings() -> None:
    """Cards write one licence in several ways."""
    for name in ("Apache-2.0", "apache license 2.0", "apache_2.0"):
        assert find_licence(name) == LICENCES["apache-2.0"]


def test_several_parents() -> None:
    """One clash decides; one unknown leaves it open; none at all says nothing."""
    assert fits("mit", ["mit", "cc-by-nc-4.0", "strange"]) == "not compatible"
    assert fits("mit", ["mit", "strange"]) == "not known"
    assert fits("mit", ["mit", "apache-2.0"]) == "compatible"
    assert fits("mit", []) == "not known"


def test_the_table_is_sound() -> None:
    """Every licence has a source, and what it lets a derivative be under is in the table."""
    assert all(one.source.startswith("https://") for one in LICENCES.values())
    assert all(name in LICENCES for one in LICENCES.values() for name in one.also)
    assert all(fit(name, name) == "compatible" for name, one in LICENCES.items() if one.kind != "no derivatives")
