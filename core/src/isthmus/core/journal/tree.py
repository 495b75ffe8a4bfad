"""How does the log grow, and how is it proven: the Merkle tree of RFC 6962, section 2.1."""

import hashlib
from collections.abc import Callable, Iterable, Sequence

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "Growth",
    "NodeLookup",
    "consistency_proof",
    "inclusion_proof",
    "root_of",
    "verify_consistency",
]

HASH_BYTES = 32
_sha256 = hashlib.sha256
EMPTY_ROOT = _sha256(b"").digest()

NodeLookup = Callable[[int, int], bytes]
"""Find the root of a complete subtree by (level, index); its leaves start at `index << level`."""


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into their parent."""
    return _sha256(b"\x01" + left + right).digest()


class Growth:
    """The right edge of a tree while entries are appended.

    The edge is the roots of the complete subtrees that make up the tree, largest first.
    """

    def __init__(self, size: int, edge: bytes) -> None:
        if len(edge) != size.bit_count() * HASH_BYTES:
            raise ValueError(f"the right edge of {size} entries is {size.bit_count()} hashes, not {len(edge)} bytes")
        self.size = size
        self.edge = edge

    @property
    def root(self) -> bytes:
        """Return the root of everything appended so far."""
        return _fold([self.edge[at : at + HASH_BYTES] for at in range(0, len(self.edge), HASH_BYTES)])

    def extend(self, entries: Iterable[bytes]) -> list[bytes]:
        """Add entries; for each, join the roots of the subtrees that it completes, from its own leaf up."""
        edge, size, completed = self.edge, self.size, []
        for data in entries:
            found = roots = _sha256(b"\x00" + data).digest()
            at = size
            while at & 1:
                found = _sha256(b"\x01" + edge[-HASH_BYTES:] + found).digest()
                edge, at = edge[:-HASH_BYTES], at >> 1
                roots += found
            edge += found
            size += 1
            completed.append(roots)
        self.size, self.edge = size, edge
        return completed


def root_of(lookup: NodeLookup, low: int, high: int) -> bytes:
    """Compute the root over the entries low to high-1, where `low` is aligned to the range's size."""
    edge, at = [], low
    for level in reversed(range((high - low).bit_length())):
        if (high - low) >> level & 1:
            edge.append(lookup(level, at >> level))
            at += 1 << level
    return _fold(edge)


def inclusion_proof(lookup: NodeLookup, index: int, size: int) -> list[bytes]:
    """List the siblings from the leaf up that lead from entry `index` to the root of `size` entries."""
    if not 0 <= index < size:
        raise ValueError(f"entry {index} is not among the first {size}")
    low, high, path = 0, size, []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(root_of(lookup, middle, high))
            high = middle
        else:
            path.append(root_of(lookup, low, middle))
            low = middle
    return path[::-1]


def consistency_proof(lookup: NodeLookup, old: int, size: int) -> list[bytes]:
    """List the hashes that show the first `old` entries to be unchanged among `size`."""
    if not 0 < old <= size:
        raise ValueError(f"nothing can be proven from {old} to {size} entries")
    low, high, path, whole = 0, size, [], True
    while old < high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(root_of(lookup, middle, high))
            high = middle
        else:
            path.append(root_of(lookup, low, middle))
            low, whole = middle, False
    if not whole:
        path.append(root_of(lookup, low, high))
    return path[::-1]


def verify_consistency(old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether the proof shows that the tree of `size` extends the tree of `old` entries."""
    if not 0 < old <= size:
        return False
    left = list(proof)

    def rebuild(wanted: int, width: int, whole: bool) -> tuple[bytes, bytes] | None:  # noqa: FBT001
        # Walks the tree the way the proof was made, taking hashes from its end: (old part's root, whole root).
        if wanted == width and whole:
            return old_root, old_root
        if not left:
            return None
        last = left.pop()
        if wanted == width:
            return last, last
        middle = _split(width)
        if wanted <= middle:
            below = rebuild(wanted, middle, whole)
            return below and (below[0], node_hash(below[1], last))
        below = rebuild(wanted - middle, width - middle, False)  # noqa: FBT003
        return below and (node_hash(last, below[0]), node_hash(last, below[1]))

    return rebuild(old, size, True) == (old_root, root) and not left  # noqa: FBT003


def _split(width: int) -> int:
    return 1 << (width - 1).bit_length() - 1


def _fold(edge: Sequence[bytes]) -> bytes:
    if not edge:
        return EMPTY_ROOT
    found = edge[-1]
    for left in reversed(edge[:-1]):
        found = node_hash(left, found)
    return found
