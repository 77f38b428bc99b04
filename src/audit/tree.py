"""RFC 6962 Merkle tree arithmetic.

Pure functions over hashes: no storage, no clock, no keys. A log, a receipt and a
stranger with a pencil must all arrive at the same root.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import TypeAlias

from audit.errors import BadInput

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()

Nodes: TypeAlias = Callable[[int, int], bytes]
"""The hash of the complete subtree of 2**height leaves that begins at leaf `position * 2**height`.

Called as `nodes(height, position)`, and only for subtrees that are complete in the tree at hand.
"""


class ProofInvalid(BadInput):
    """A proof does not lead from what it claims to prove to the signed root."""

    code = "PROOF_INVALID"
    zh = "默克尔证明不成立。"
    hint = "The entry, the proof and the checkpoint do not belong together. Ask for the receipt again."
    hint_zh = "条目、证明与检查点不匹配，请重新获取回执。"


def leaf_hash(data: bytes) -> bytes:
    """Hash an entry (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + data).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """The hashes of many entries, in one go: a call for each would cost as much as the hashing."""
    return [sha256(b"\x00" + data).digest() for data in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash the parent of two nodes. The prefix differs from a leaf's, so no entry can pose as a node."""
    return sha256(b"\x01" + left + right).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, or over roots of complete subtrees of one size (the last may be smaller).

    Pairing neighbours and carrying an odd one up gives the RFC's tree: its split, the largest
    power of two below n, never cuts through a pair.
    """
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        # `node_hash`, written out: a call for each would cost as much as the hashing.
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs] + odd
    return level[0]


def nodes_of(hashes: Sequence[bytes]) -> Nodes:
    """Nodes of a tree whose leaf hashes are all at hand. For small trees: nothing is remembered."""

    def nodes(height: int, position: int) -> bytes:
        return root(hashes[position << height : (position + 1) << height])

    return nodes


def range_root(nodes: Nodes, begin: int, end: int) -> bytes:
    """The root over leaves `[begin, end)`, where `begin` is a multiple of a power of two >= end - begin."""
    if begin == end:
        return EMPTY_ROOT
    width = end - begin
    if width & (width - 1) == 0:
        height = width.bit_length() - 1
        return nodes(height, begin >> height)
    middle = begin + _split(width)
    return node_hash(range_root(nodes, begin, middle), range_root(nodes, middle, end))


def inclusion_path(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """The path of leaf `index` in the tree of `size` leaves, from the leaf up (RFC 9162 section 2.1.3.1)."""
    if not 0 <= index < size:
        raise ProofInvalid(f"no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(range_root(nodes, middle, end))
            end = middle
        else:
            path.append(range_root(nodes, begin, middle))
            begin = middle
    return path[::-1]


def consistency_path(nodes: Nodes, old: int, new: int) -> list[bytes]:
    """The proof that the tree of `old` leaves is a prefix of that of `new` (RFC 9162 section 2.1.4.1)."""
    if not 0 <= old <= new:
        raise ProofInvalid(f"a tree of {old} is no prefix of a tree of {new}")
    if old in {0, new}:
        return []
    path: list[bytes] = []
    begin, end, whole = 0, new, True
    while old != end:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append(range_root(nodes, middle, end))
            end = middle
        else:
            path.append(range_root(nodes, begin, middle))
            begin, whole = middle, False
    # The old tree's own root is what the verifier already has, when it is a complete subtree.
    if not whole:
        path.append(range_root(nodes, begin, end))
    return path[::-1]


def inclusion_root(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Where `path` leads from the leaf hash `leaf` (RFC 9162 section 2.1.3.2). Raises `ProofInvalid`."""
    _refuse_lengths([leaf, *path])
    if not 0 <= index < size:
        raise ProofInvalid(f"no leaf {index} in a tree of {size}")
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            raise ProofInvalid("the inclusion path is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise ProofInvalid("the inclusion path is too short")
    return r


def check_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes) -> None:
    """Follow `path` from `leaf` (a leaf hash) to the root. Raises `ProofInvalid`."""
    _refuse_lengths([expected])
    if inclusion_root(leaf, index, size, path) != expected:
        raise ProofInvalid("the inclusion path leads to another root")


def check_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Follow RFC 9162 section 2.1.4.2 to both roots. Raises `ProofInvalid`."""
    _refuse_lengths([old_root, new_root, *path])
    if not 0 <= old <= new:
        raise ProofInvalid(f"a tree of {old} is no prefix of a tree of {new}")
    if old == 0 and old_root != EMPTY_ROOT:
        raise ProofInvalid("an empty tree has another root")
    if old in {0, new}:
        if path:
            raise ProofInvalid("nothing is left to prove, yet the path is not empty")
        if old == new and old_root != new_root:
            raise ProofInvalid("trees of one size have two roots")
        return
    if not path:
        raise ProofInvalid("the consistency path is empty")
    steps = list(path) if old & (old - 1) else [old_root, *path]
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = steps[0]
    for c in steps[1:]:
        if sn == 0:
            raise ProofInvalid("the consistency path is too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise ProofInvalid("the consistency path is too short")
    if fr != old_root:
        raise ProofInvalid("the consistency path leads to another old root")
    if sr != new_root:
        raise ProofInvalid("the consistency path leads to another new root")


def _split(width: int) -> int:
    """The largest power of two smaller than `width` (RFC 6962 section 2.1)."""
    return 1 << ((width - 1).bit_length() - 1)


def _refuse_lengths(hashes: Sequence[bytes]) -> None:
    # Joined hashes of other lengths could be cut elsewhere and hash the same: check every one.
    if any(len(each) != HASH_SIZE for each in hashes):
        raise ProofInvalid(f"a hash is not {HASH_SIZE} bytes long")
