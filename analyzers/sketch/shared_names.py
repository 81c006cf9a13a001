"""Names that the same matrices have in two checkpoints."""

from __future__ import annotations

from collections.abc import Iterable

from analyzers.sketch.tensor_roles import canonical, wrapper_of


def renamed(own: Iterable[str], its: Iterable[str]) -> str:
    """Say how tensors of one checkpoint are called that have other names in another; "" if none have.

    >>> renamed(["llm.model.norm.weight"], ["model.norm.weight"])
    'names differ: llm.model.norm.weight is model.norm.weight there'
    """
    mine, other = _by_role(own), _by_role(its)
    differ = [(mine[key], other[key]) for key in sorted(mine.keys() & other.keys()) if mine[key] != other[key]]
    if not differ:
        return ""
    (one, there), more = differ[0], ", and so on" if len(differ) > 1 else ""
    return f"names differ: {one[:120]} is {there[:120]} there{more}"


def _by_role(names: Iterable[str]) -> dict[tuple[str, int, int], str]:
    each = sorted(names)
    wrapper = wrapper_of(each)
    keys = ((canonical(name, wrapper), name) for name in each)
    return {(key.role, key.layer, key.expert): name for key, name in keys}
