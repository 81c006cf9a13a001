"""Merkle trees of RFC 6962, section 2.1: roots, inclusion and consistency proofs, and their verification.

A reader gives the hashes of complete subtrees: `read(level, number)` is the root of the `number`th run of 2**level
leaves. Every root and proof is made of those, so that none needs more than a few dozen.
Verification follows RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

Reader = Callable[[int, int], bytes]

EMPTY = hashlib.sha256(b"").digest()  # the root of a tree without leaves


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf, 32 bytes. The prefix keeps leaves and inner nodes apart."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees, 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(read: Reader, size: int) -> bytes:
    """Return the root of the first `size` leaves, 32 bytes."""
    return _root(read, 0, size) if size else EMPTY


def completed(number: int) -> list[tuple[int, int]]:
    """Return (level, number) of the inner nodes that leaf `number` completes, the lowest first."""
    found = []
    level, size = 1, number + 1
    while size % 2 == 0:
        size //= 2
        found.append((level, size - 1))
        level += 1
    return found


def inclusion(read: Reader, number: int, size: int) -> list[bytes]:
    """Return the audit path of leaf `number` in the tree of `size` leaves, from the leaf up."""
    if not 0 <= number < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {number}")
    return _path(read, number, 0, size)


def consistency(read: Reader, old: int, size: int) -> list[bytes]:
    """Return the proof that the tree of `old` leaves is the beginning of that of `size` leaves."""
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} leaves has no beginning of {old}")
    return _extension(read, old, 0, size, whole=True) if 0 < old < size else []


def root_of_path(leaf: bytes, number: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that an audit path leads to from a leaf's hash; None if the path has a wrong length."""
    if not 0 <= number < size:
        return None
    here, last, found = number, size - 1, leaf
    for step in path:
        if last == 0:
            return None
        if here % 2 or here == last:
            found = node_hash(step, found)
            while here % 2 == 0 and here:
                here, last = here // 2, last // 2
        else:
            found = node_hash(found, step)
        here, last = here // 2, last // 2
    return found if last == 0 else None


def is_extension(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Return True if the proof shows that the `old` tree, (size, root), is the beginning of the `new` one."""
    (first, old_root), (second, new_root) = old, new
    if first in (0, second):
        return not proof and (old_root == EMPTY if first == 0 else old_root == new_root)
    if not 0 < first < second or not proof:
        return False
    steps = list(proof) if first & (first - 1) else [old_root, *proof]
    here, last = first - 1, second - 1
    while here % 2:
        here, last = here // 2, last // 2
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if here % 2 or here == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while here % 2 == 0 and here:
                here, last = here // 2, last // 2
        else:
            after = node_hash(after, step)
        here, last = here // 2, last // 2
    return last == 0 and before == old_root and after == new_root


def _split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _root(read: Reader, begin: int, end: int) -> bytes:
    """Return the root of the leaves from `begin` to `end`. RFC 6962 splits so that every left part is complete."""
    size = end - begin
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return read(level, begin >> level)
    middle = begin + _split(size)
    return node_hash(_root(read, begin, middle), _root(read, middle, end))


def _path(read: Reader, number: int, begin: int, end: int) -> list[bytes]:
    if end - begin == 1:
        return []
    middle = begin + _split(end - begin)
    if number < middle:
        return [*_path(read, number, begin, middle), _root(read, middle, end)]
    return [*_path(read, number, middle, end), _root(read, begin, middle)]


def _extension(read: Reader, old: int, begin: int, end: int, *, whole: bool) -> list[bytes]:
    if old == end:
        return [] if whole else [_root(read, begin, end)]
    middle = begin + _split(end - begin)
    if old <= middle:
        return [*_extension(read, old, begin, middle, whole=whole), _root(read, middle, end)]
    return [*_extension(read, old, middle, end, whole=False), _root(read, begin, middle)]
