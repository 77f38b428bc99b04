"""The cases of transparency-dev/merkle's vectors, made anew: each proof that holds, and each way to spoil it.

Proofs come from the definitions of RFC 6962 (sections 2.1.1, 2.1.2) word for word, not from the code that is
tested; how they are spoilt follows what that project's generator does to inclusion and consistency proofs.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

import pytest

from audit.tree import EMPTY_ROOT, ProofInvalid, check_consistency, check_inclusion

ENTRIES = [b"", b"\x00", b"\x10", b" !", b"01", b"@ABC", bytes(range(0x50, 0x58)), bytes(range(0x60, 0x70))]
LEAVES = [sha256(b"\x00" + entry).digest() for entry in ENTRIES]
GARBAGE = sha256(b"WrongHash").digest()


def mth(leaves: list[bytes]) -> bytes:
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def split(size: int) -> int:
    k = 1
    while 2 * k < size:
        k *= 2
    return k


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def proof(m: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*proof(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*proof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


class Inclusion(NamedTuple):
    leaf: bytes
    index: int
    size: int
    path: list[bytes]
    root: bytes


class Consistency(NamedTuple):
    old: int
    new: int
    path: list[bytes]
    old_root: bytes
    new_root: bytes


INCLUSIONS = [
    Inclusion(LEAVES[index], index, size, path(index, LEAVES[:size]), mth(LEAVES[:size]))
    for size in range(1, len(LEAVES) + 1)
    for index in range(size)
]
CONSISTENCIES = [
    Consistency(old, new, proof(old, LEAVES[:new]), mth(LEAVES[:old]), mth(LEAVES[:new]))
    for new in range(1, len(LEAVES) + 1)
    for old in range(1, new + 1)
]


def paths_but(good: list[bytes], *more: bytes) -> Iterator[list[bytes]]:
    """Every way to spoil a path: something more at an end or doubled, something less, something else."""
    for extra in (b"", GARBAGE, *more):
        yield [extra, *good]
        yield [*good, extra]
        yield [*good, extra, extra]
    for position in range(len(good)):
        yield [*good[:position], *good[position + 1 :]]
        yield [*good[:position], GARBAGE, *good[position + 1 :]]
        yield [*good[:position], bytes([good[position][0] ^ 1]) + good[position][1:], *good[position + 1 :]]
        yield [*good[:position], good[position][:-1], *good[position + 1 :]]
        yield [*good[:position], good[position] + b"\x00", *good[position + 1 :]]
    if len(good) > 1:
        yield good[::-1]
        # Two hashes as one, and one as two: the same bytes in a row.
        yield [good[0] + good[1], *good[2:]]
        yield [good[0][:16], good[0][16:], *good[1:]]


def spoilt_inclusions(good: Inclusion) -> Iterator[Inclusion]:
    for index in (good.index - 1, good.index + 1, good.index ^ 2, good.size, -1, good.index + (1 << 63)):
        yield good._replace(index=index)
    for size in (good.size * 2, good.size // 2, 0, -1, good.size + (1 << 63)):
        yield good._replace(size=size)
    for leaf in (GARBAGE, b"", good.leaf + b"\x00", good.leaf[:-1]):
        yield good._replace(leaf=leaf)
    for root in (GARBAGE, b"", EMPTY_ROOT, good.root[:-1]):
        yield good._replace(root=root)
    for other in paths_but(good.path, good.root, good.leaf):
        yield good._replace(path=other)


def spoilt_consistencies(good: Consistency) -> Iterator[Consistency]:
    for old in (good.old - 1, good.old + 1, good.old ^ 2, good.new + 1, -1):
        if old != good.old and not (old == 0 and not good.path):
            yield good._replace(old=old)
    for new in (good.new * 2, good.new // 2, 0, -1):
        if new != good.new:
            yield good._replace(new=new)
    if good.old != good.new:
        for root in (GARBAGE, b"", EMPTY_ROOT, good.new_root):
            yield good._replace(old_root=root)
        yield good._replace(old_root=good.new_root, new_root=good.old_root)
    for root in (GARBAGE, b"", EMPTY_ROOT, good.new_root[:-1]):
        yield good._replace(new_root=root)
    for other in paths_but(good.path, good.old_root, good.new_root):
        yield good._replace(path=other)


def test_there_are_as_many_as_there_should_be() -> None:
    assert (len(INCLUSIONS), len(CONSISTENCIES)) == (36, 36)
    assert sum(1 for good in INCLUSIONS for _ in spoilt_inclusions(good)) > 1000
    assert sum(1 for good in CONSISTENCIES for _ in spoilt_consistencies(good)) > 1000


@pytest.mark.parametrize("good", INCLUSIONS, ids=lambda good: f"{good.index} of {good.size}")
def test_what_is_in_a_tree_is_proven_and_nothing_spoilt_is(good: Inclusion) -> None:
    check_inclusion(*good)

    for spoilt in spoilt_inclusions(good):
        if holds_anyway(spoilt, good):
            continue
        with pytest.raises(ProofInvalid):
            check_inclusion(*spoilt)


def holds_anyway(spoilt: Inclusion, good: Inclusion) -> bool:
    """The path of a leaf is another's too when sizes differ below where it turns: the root says which it is.

    A proof binds leaf, root and path; a size that leads through the same turns is not told apart by hashes.
    """
    same = spoilt._replace(size=good.size, index=good.index) == good
    return same and spoilt.size >= 1 and 0 <= spoilt.index < spoilt.size and turns(spoilt) == turns(good)


def turns(case: Inclusion) -> list[bool] | None:
    """On which side each hash of a proof stands, from the leaf up (RFC 6962 2.1.1)."""
    index, leaves, found = case.index, case.size, []
    if case.size > 1 << 20:
        return None
    while leaves > 1:
        k = split(leaves)
        found.append(index < k)
        index, leaves = (index, k) if index < k else (index - k, leaves - k)
    return found[::-1]


@pytest.mark.parametrize("good", CONSISTENCIES, ids=lambda good: f"{good.old} of {good.new}")
def test_what_grew_out_of_a_tree_is_proven_and_nothing_spoilt_is(good: Consistency) -> None:
    check_consistency(*good)

    for spoilt in spoilt_consistencies(good):
        with pytest.raises(ProofInvalid):
            check_consistency(*spoilt)


def test_the_empty_tree_is_a_prefix_of_all_and_has_one_root() -> None:
    for size in range(len(LEAVES) + 1):
        check_consistency(0, size, [], EMPTY_ROOT, mth(LEAVES[:size]))
        with pytest.raises(ProofInvalid):
            check_consistency(0, size, [GARBAGE], EMPTY_ROOT, mth(LEAVES[:size]))
        with pytest.raises(ProofInvalid):
            check_consistency(0, size, [], GARBAGE, mth(LEAVES[:size]))
