"""Does the tree agree with RFC 6962, with public vectors, and with the shortest possible builder?"""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.core.journal.notes import consistent, included
from isthmus.core.journal.tree import (
    EMPTY_ROOT,
    Growth,
    consistency_proof,
    inclusion_proof,
    root_of,
    verify_consistency,
)

VECTORS = Path(__file__).parents[4] / "shared/fixtures/tlog/merkle-testdata"
LEAVES = [f"entry {index}".encode() for index in range(300)]

needs_vectors = pytest.mark.skipif(not VECTORS.exists(), reason=f"the public vectors are not at {VECTORS.name}")


def naive_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


class Tree:
    def __init__(self, leaves: list[bytes]) -> None:
        growth = Growth(0, b"")
        self.roots = [growth.root]
        self.nodes: dict[tuple[int, int], bytes] = {}
        for leaf in leaves:
            last, (roots,) = growth.size, growth.extend([leaf])
            self.nodes |= {(at // 32, last >> at // 32): roots[at : at + 32] for at in range(0, len(roots), 32)}
            self.roots.append(growth.root)

    def __call__(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree(LEAVES)


def vectors(folder: str) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted((VECTORS / folder).rglob("*.json"))]


def decoded(vector: dict, name: str) -> bytes:
    return base64.b64decode(vector[name] or "")


def path_of(vector: dict) -> list[bytes]:
    return [base64.b64decode(item) for item in vector["proof"] or []]


@needs_vectors
@pytest.mark.parametrize(("folder", "positives"), [("inclusion", 6), ("subtreeinclusion", 12)])
def test_inclusion_vectors(folder: str, positives: int) -> None:
    good = 0
    for vector in vectors(folder):
        start, end = vector.get("start", 0), vector.get("end", vector.get("treeSize", 0))
        # A valid subtree starts at a multiple of the power of two that its width fills.
        aligned = start >= 0 and end > start and start % (1 << (end - start - 1).bit_length()) == 0
        size, index = end - start if end >= start else 0, vector["leafIdx"] - start
        answer = aligned and included(
            index, size, decoded(vector, "leafHash"), path_of(vector), decoded(vector, "root")
        )
        assert answer is not vector["wantErr"], vector
        good += answer
    assert good == positives


@needs_vectors
def test_consistency_vectors() -> None:
    good = 0
    for vector in vectors("consistency"):
        old, size, path = vector["size1"], vector["size2"], path_of(vector)
        first, second = decoded(vector, "root1"), decoded(vector, "root2")
        answers = {consistent(old, size, path, first, second), verify_consistency(old, first, size, second, path)}
        assert answers == {not vector["wantErr"]}, vector
        good += not vector["wantErr"]
    assert good == 6


@needs_vectors
def test_subtree_consistency_vectors_that_start_at_zero() -> None:
    chosen = [vector for vector in vectors("subtreeconsistency") if vector["start"] == 0 and vector["end"] > 0]
    for vector in chosen:
        old, size, path = vector["end"], vector["size"], path_of(vector)
        first, second = decoded(vector, "root1"), decoded(vector, "root2")
        assert consistent(old, size, path, first, second) is not vector["wantErr"], vector
    assert any(not vector["wantErr"] for vector in chosen)


def test_hashes_of_nothing_are_those_of_the_rfc() -> None:
    assert EMPTY_ROOT.hex().startswith("e3b0c442")
    assert Tree([b""]).roots[1].hex().startswith("6e340b9c")


def test_roots_of_every_size_match_the_naive_builder(tree: Tree) -> None:
    for size in range(301):
        assert tree.roots[size] == naive_root(LEAVES[:size])
        assert size == 0 or root_of(tree, 0, size) == tree.roots[size]


def test_every_entry_of_every_size_is_proven(tree: Tree) -> None:
    for size in [*range(1, 66), 127, 128, 129, 255, 256, 257, 300]:
        for index in range(size):
            path = inclusion_proof(tree, index, size)
            leaf = tree(0, index)
            inner = (index ^ (size - 1)).bit_length()
            assert len(path) == inner + (index >> inner).bit_count()
            assert included(index, size, leaf, path, tree.roots[size])
            assert not included(index, size, leaf, [*path, leaf], tree.roots[size])
            assert not path or not included(index, size, leaf, path[:-1], tree.roots[size])


def test_every_pair_of_sizes_is_consistent(tree: Tree) -> None:
    for size in range(1, 301):
        for old in range(1, size + 1) if size < 80 or size > 297 else (1, size // 2 or 1, size - 1 or 1, size):
            path = consistency_proof(tree, old, size)
            assert consistent(old, size, path, tree.roots[old], tree.roots[size])
            assert verify_consistency(old, tree.roots[old], size, tree.roots[size], path)


@given(size=st.integers(2, 300), data=st.data())
def test_both_verifiers_agree_on_damaged_proofs(tree: Tree, size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size))
    path = consistency_proof(tree, old, size)
    damage = data.draw(st.sampled_from(["flip", "drop", "add", "swap", "shift"]))
    first, second, claimed = tree.roots[old], tree.roots[size], old
    if damage == "flip" and path:
        path[data.draw(st.integers(0, len(path) - 1))] = bytes(32)
    elif damage == "drop" and path:
        del path[data.draw(st.integers(0, len(path) - 1))]
    elif damage == "swap":
        first, second = second, first
    elif damage == "shift":
        claimed = old - 1
    else:
        path.insert(data.draw(st.integers(0, len(path))), bytes(32))
    answer = consistent(claimed, size, path, first, second)
    assert answer == verify_consistency(claimed, first, size, second, path)
    assert answer is (damage == "swap" and old == size)


@pytest.mark.parametrize(("index", "size"), [(1, 1), (-1, 1), (0, 0), (0, -1), (0.0, 1), (False, 1), ("0", 1), (2, 1)])
def test_an_index_outside_the_tree_is_never_included(index: object, size: object) -> None:
    leaf = hashlib.sha256(b"\x00").digest()
    assert not included(index, size, leaf, [], leaf)


@pytest.mark.parametrize(("old", "size"), [(0, 0), (0, 1), (-1, 1), (2, 1), (1.0, 1), (True, 1), ("1", 1), (1, "1")])
def test_sizes_that_are_none_are_never_consistent(old: object, size: object) -> None:
    root = hashlib.sha256(b"\x00").digest()
    assert not consistent(old, size, [], root, root)


def test_growing_at_once_or_one_by_one_is_the_same() -> None:
    together, singly = Growth(0, b""), Growth(0, b"")
    roots = together.extend(LEAVES)
    assert roots == [singly.extend([leaf])[0] for leaf in LEAVES]
    assert (together.size, together.edge, together.root) == (300, singly.edge, naive_root(LEAVES))


def test_an_edge_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="right edge of 3 entries"):
        Growth(3, bytes(32))
