"""A ref stands for a value, for its owner, in its home, for a day."""

import re
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.core import refs
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import Ref
from isthmus.core.refs import RefVault, RefVaults, Resolved
from isthmus.residency import Label

from .schema import Time

KEY = bytes(32)
PII = Label.of({"pii"}, ("DE",), ("crm-eu",), person=True)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@pytest.fixture
def clock():
    return Time()


@pytest.fixture
def vaults(tmp_path, clock):
    with RefVaults(tmp_path, ("eu", "us", "eu"), KEY, clock) as vaults:
        yield vaults


def one(vaults, value="Falk", *, owner="a", zone="eu", label=PII):
    return vaults.mint(zone, owner, [(value, label)])[0]


@settings(max_examples=50, deadline=None)
@given(values=st.lists(JSONS, min_size=1, max_size=4))
def test_what_goes_in_comes_out(tmp_path_factory, values):
    with RefVaults(tmp_path_factory.mktemp("refs"), ("eu",), KEY, Time()) as vaults:
        minted = vaults.mint("eu", "a", [(value, PII) for value in values])
        assert [vaults.resolve("a", ref) for ref in minted] == [Resolved(value, PII, "eu") for value in values]
        assert all(re.fullmatch("ref_[a-z2-7]{16}", ref.token) for ref in minted)


def test_equal_values_are_one_ref_inside_a_task_and_unrelated_outside(vaults):
    assert one(vaults) == one(vaults)
    others = [
        one(vaults, owner="b"),
        one(vaults, "Falko"),
        one(vaults, zone="us"),
        one(vaults, label=Label.of({"phi"}, ("DE",), person=True)),
    ]
    assert len({one(vaults), *others}) == 5
    assert one(vaults, 1) != one(vaults, "1")


def test_another_owner_a_forgery_and_an_old_ref_look_the_same(vaults, clock):
    mine = one(vaults)
    said = set()
    for owner, ref in (("b", mine), ("a", Ref("ref_" + "a" * 16)), ("a", Ref("")), ("a", Ref(mine.token.upper()))):
        with pytest.raises(InvalidArguments) as caught:
            vaults.resolve(owner, ref)
        said.add(caught.value.sentence)
    clock.now = refs.TTL
    with pytest.raises(InvalidArguments) as caught:
        vaults.resolve("a", mine)
    assert said == {caught.value.sentence}
    assert one(vaults) == mine
    assert vaults.resolve("a", mine).value == "Falk"


def test_minting_again_keeps_a_ref_alive(vaults, clock):
    mine = one(vaults)
    clock.now = refs.TTL - 1
    one(vaults)
    clock.now = refs.TTL + 1
    assert vaults.resolve("a", mine).value == "Falk"


def test_a_full_vault_forgets_the_oldest(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(refs, "CAPACITY", 10)
    with RefVaults(tmp_path, ("eu",), KEY, clock) as vaults:
        minted = []
        for number in range(25):
            clock.now = number
            minted.append(one(vaults, f"value {number}"))
        assert vaults.resolve("a", minted[-1]).value == "value 24"
        kept = sum(1 for ref in minted if _resolves(vaults, ref))
        assert kept <= 10


def _resolves(vaults, ref):
    try:
        vaults.resolve("a", ref)
    except InvalidArguments:
        return False
    return True


def test_a_zone_keeps_its_values_sealed_in_its_own_file(tmp_path, clock):
    with RefVaults(tmp_path, ("eu", "us"), KEY, clock) as vaults:
        one(vaults, "Falk Poeppelbaum", owner="alice@example")
    stored = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert b"Poeppelbaum" not in stored
    assert b"alice" not in stored
    for zone, count in (("eu", 1), ("us", 0)):
        file = tmp_path / f"refs-{zone}.db"
        assert file.stat().st_mode & 0o077 == 0
        db = sqlite3.connect(file)
        assert db.execute("SELECT count(*) FROM refs").fetchone()[0] == count
        db.close()


def test_a_row_moved_to_another_token_or_read_with_another_key_gives_nothing(tmp_path, clock):
    vault = RefVault(tmp_path / "refs.db", "eu", KEY, clock)
    first, second = vault.mint("a", [("one", PII), ("two", PII)])
    vault._db.execute(
        "UPDATE refs SET sealed = (SELECT sealed FROM refs WHERE token = ?) WHERE token = ?",
        (first.token, second.token),
    )
    assert vault.resolve("a", second) is None
    assert vault.resolve("a", first) == Resolved("one", PII, "eu")
    vault.close()
    other = RefVault(tmp_path / "refs.db", "eu", b"x" * 32, clock)
    assert other.resolve("a", first) is None
    other.close()
