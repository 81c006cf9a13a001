"""Roots by the published vectors; every proof holds, and holds for nothing else."""

from __future__ import annotations

import pytest

from state.proof import merkle
from state.proof.merkle import completed, consistency, inclusion, is_extension, leaf_hash, node_hash, root, root_of_path

# leaves and roots of the test data of Certificate Transparency's reference implementation
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
MOST = 20


def tree(leaves: list[bytes]) -> merkle.Reader:
    """Return a reader of the complete subtrees."""
    nodes: dict[tuple[int, int], bytes] = {}
    for number, leaf in enumerate(leaves):
        nodes[0, number] = leaf_hash(leaf)
        for level, at in completed(number):
            nodes[level, at] = node_hash(nodes[level - 1, 2 * at], nodes[level - 1, 2 * at + 1])
    return lambda level, number: nodes[level, number]


@pytest.mark.parametrize("size", range(1, 9))
def test_the_published_roots_come_out(size: int) -> None:
    """Each size of the reference data has its root."""
    assert root(tree(LEAVES), size).hex() == ROOTS[size - 1]
    assert root(tree(LEAVES), 0) == merkle.EMPTY


def test_each_leaf_is_included_at_its_place_alone() -> None:
    """A path leads to the root from its own leaf and number, and from no other."""
    leaves = [bytes([i]) for i in range(MOST)]
    read = tree(leaves)
    for size in range(1, MOST + 1):
        top = root(read, size)
        for number in range(size):
            path = inclusion(read, number, size)
            assert root_of_path(leaf_hash(leaves[number]), number, size, path) == top
            others = [n for n in range(size + 1) if n != number]
            assert all(root_of_path(leaf_hash(leaves[number]), n, size, path) != top for n in others)
            assert root_of_path(leaf_hash(b"another"), number, size, path) != top
            assert root_of_path(leaf_hash(leaves[number]), number, size, [*path, top]) != top
            assert not path or root_of_path(leaf_hash(leaves[number]), number, size, path[:-1]) != top


def test_a_beginning_is_one_and_a_fork_is_none() -> None:
    """A tree that lost, changed or reordered an early leaf extends no earlier checkpoint, whatever proof it gives."""
    leaves = [bytes([i]) for i in range(MOST)]
    read = tree(leaves)
    forks = {
        "dropped": leaves[:3] + leaves[4:] + [b"x"],
        "changed": [*leaves[:3], b"x", *leaves[4:]],
        "reordered": [*leaves[:2], leaves[3], leaves[2], *leaves[4:]],
    }
    for size in range(1, MOST + 1):
        for old in range(size + 1):
            head, top = (old, root(read, old)), (size, root(read, size))
            proof = consistency(read, old, size)
            assert is_extension(head, top, proof)
            assert not is_extension((old, b"\0" * 32), top, proof)
            for fork in forks.values() if old > 3 else ():
                forged = tree(fork)
                assert not is_extension(head, (size, root(forged, size)), consistency(forged, old, size))
            for i in range(len(proof)):
                wrong = [*proof[:i], b"\0" * 32, *proof[i + 1 :]]
                assert not is_extension(head, top, wrong)
                assert not is_extension(head, top, proof[:i] + proof[i + 1 :])


def test_what_is_outside_the_tree_has_no_proof() -> None:
    """Numbers outside are errors when a proof is made, and no root when one is checked."""
    read = tree(LEAVES)
    with pytest.raises(ValueError, match="no leaf 8"):
        inclusion(read, 8, 8)
    with pytest.raises(ValueError, match="no beginning of 9"):
        consistency(read, 9, 8)
    assert root_of_path(leaf_hash(b""), 0, 0, []) is None
    assert not is_extension((9, b""), (8, b""), [])
