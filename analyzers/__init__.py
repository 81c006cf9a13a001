"""Pure functions of values: bytes, dicts and arrays in, frozen values out.

An analyzer is a module with NAME and analyze(case) -> Finding | None: one file, one line in ANALYZERS, one test
through the shared planted check.
"""

from collections.abc import Callable

from analyzers import blend, copy_of, lineage
from analyzers.case import Case
from analyzers.records import Finding

# Read top to bottom: the first that says something decides. Each line names what it rests on.
ANALYZERS: tuple[Callable[[Case], Finding | None], ...] = (
    copy_of.analyze,  # bits; noise told from training by dispersion and row dependence
    blend.analyze,  # bit replay of merges: https://arxiv.org/abs/2203.05482, https://arxiv.org/abs/2212.04089
    lineage.analyze,  # what is left: nearest kin by relative distance
)


def explain(case: Case) -> Finding:
    """Return what the first analyzer with something to say found."""
    for analyze in ANALYZERS:
        finding = analyze(case)
        if finding is not None:
            return finding
    raise AssertionError("the last analyzer always finds something")
