"""The parts of the benchmark of real merges that need no mergekit: which merges there are, and of what."""

from __future__ import annotations

from collections import Counter

from bench.merged.recipes import FAMILIES, merges

BASE, RELEASES = "maker/Base", ("a/One", "b/Two", "c/Three")


def test_every_method_has_a_family_and_merges() -> None:
    """No merge is judged without a family that would be right, and no method is left out."""
    methods = Counter(m.method for m in merges(BASE, RELEASES))
    assert set(methods) == {method for family in FAMILIES.values() for method in family}
    assert methods["ties"] > 10


def test_parents_are_those_of_the_configuration() -> None:
    """The base comes first where there is one, each parent stands once, and names are not used twice."""
    every = list(merges(BASE, RELEASES))
    assert len({m.name for m in every}) == len(every)
    for merge in every:
        models = [m["model"] for m in merge.config["models"]]
        base = [merge.config["base_model"]] if "base_model" in merge.config else []
        assert merge.parents == (*base, *models)
        assert len(set(merge.parents)) == len(merge.parents)
