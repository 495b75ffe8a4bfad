"""Does the store keep generations, leases and secrets so that two processes never disagree?"""

import sqlite3
import stat
import subprocess
import sys
import threading

import pytest

from isthmus.core.credentials import SealingKey, Secret, SQLiteSecretStore
from isthmus.core.credentials.store import SecretStoreError, Slot, State
from isthmus.core.errors import ConfigurationError

SLOT = Slot("crm", "", "tokens")
ONE, TWO, THREE = Secret("CANARY-value-one"), Secret("CANARY-value-two"), Secret("CANARY-value-three")


@pytest.fixture
def other(deployment):
    with deployment.store() as other:
        yield other


def states(store, slot=SLOT):
    return [(one.number, one.state, one.value) for one in store.read(slot).generations]


def test_a_new_generation_becomes_current_in_one_step(store, other):
    store.adopt(SLOT, ONE, after=0)
    lease = store.acquire(SLOT, seconds=30)
    store.begin(SLOT, after=1, fence=lease.fence)
    assert states(other) == [(2, State.PENDING, None), (1, State.CURRENT, ONE)]
    assert store.promote(SLOT, 2, TWO, fence=lease.fence).value == TWO
    assert states(other) == [(2, State.CURRENT, TWO)]


def test_only_one_of_two_builds_on_the_same_generation(store, other):
    assert store.adopt(SLOT, ONE, after=0)
    assert other.adopt(SLOT, TWO, after=0) is None
    assert store.begin(SLOT, after=1, fence=1)
    assert other.begin(SLOT, after=1, fence=2) is None
    assert states(store) == [(2, State.PENDING, None), (1, State.CURRENT, ONE)]


def test_overlapping_generations_drain_and_are_revoked(store):
    store.adopt(SLOT, ONE, after=0)
    store.begin(SLOT, after=1, fence=1, value=TWO)
    assert store.settle(SLOT, 2, State.VERIFIED, fence=1)
    assert store.promote(SLOT, 2, TWO, fence=1, retire=State.DRAINING)
    assert states(store) == [(2, State.CURRENT, TWO), (1, State.DRAINING, ONE)]
    assert store.settle(SLOT, 1, State.REVOKED, fence=1)
    assert states(store) == [(2, State.CURRENT, TWO), (1, State.REVOKED, None)]


def test_a_withdrawn_intent_leaves_what_was(store):
    store.adopt(SLOT, ONE, after=0)
    store.begin(SLOT, after=1, fence=1)
    assert not store.withdraw(SLOT, 2, fence=7)
    assert store.withdraw(SLOT, 2, fence=1)
    assert states(store) == [(1, State.CURRENT, ONE)]


def test_the_holder_of_the_true_answer_may_still_save_it(store):
    store.adopt(SLOT, ONE, after=0)
    store.begin(SLOT, after=1, fence=1)
    assert store.settle(SLOT, 2, State.REAUTH_REQUIRED, fence=2)
    assert store.read(SLOT).reauth_required
    assert store.promote(SLOT, 2, TWO, fence=2) is None
    assert store.promote(SLOT, 2, TWO, fence=1)
    assert states(store) == [(2, State.CURRENT, TWO)]


def test_new_consent_beats_a_late_answer(store):
    store.adopt(SLOT, ONE, after=0)
    store.begin(SLOT, after=1, fence=1)
    store.adopt(SLOT, THREE, after=2)
    assert store.promote(SLOT, 2, TWO, fence=1) is None
    assert states(store) == [(3, State.CURRENT, THREE)]


def test_a_generation_that_was_overtaken_is_not_promoted(store):
    store.begin(SLOT, after=0, fence=1)
    store.begin(SLOT, after=1, fence=2)
    assert store.promote(SLOT, 1, ONE, fence=1) is None
    assert store.promote(SLOT, 2, TWO, fence=2)


def test_a_fenced_out_holder_settles_nothing(store):
    store.begin(SLOT, after=0, fence=5)
    assert not store.settle(SLOT, 1, State.REAUTH_REQUIRED, fence=4)
    assert store.read(SLOT).pending is not None


def test_current_is_reached_by_promotion_only(store):
    with pytest.raises(ValueError, match="promote"):
        store.settle(SLOT, 1, State.CURRENT, fence=1)


def test_a_lease_excludes_until_it_ends(deployment, store, other):
    lease = store.acquire(SLOT, seconds=30)
    assert other.acquire(SLOT, seconds=30) is None
    assert other.acquire(Slot("crm", "anna", "tokens"), seconds=30)
    deployment.clock.advance(31)
    taken = other.acquire(SLOT, seconds=30)
    assert taken.fence == lease.fence + 1
    store.release(lease)
    assert store.acquire(SLOT, seconds=30) is None
    other.release(taken)
    assert store.acquire(SLOT, seconds=30).fence == taken.fence + 1


def test_a_lease_from_before_the_clock_was_set_back_is_over(deployment, store):
    store.acquire(SLOT, seconds=30)
    deployment.clock.advance(-86_400)
    assert store.acquire(SLOT, seconds=30)


def test_only_one_of_many_threads_gets_the_lease(deployment):
    won, start = [], threading.Barrier(6)

    def taker():
        with deployment.store() as mine:
            start.wait()
            won.append(mine.acquire(SLOT, seconds=30))

    threads = [threading.Thread(target=taker) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(lease is not None for lease in won) == 1


def test_named_secrets_are_kept_replaced_and_removed(store, other):
    store.set_secret("crm.key", ONE)
    store.set_secret("crm.key", TWO)
    store.set_secret("crm.key", THREE, user="anna")
    assert other.secret("crm.key") == TWO
    assert other.secret("crm.key", user="anna") == THREE
    assert other.secret("crm.key", user="ben") is None
    assert other.add_secret("crm.key", ONE) == TWO
    assert store.secret_names() == (("crm.key", ""), ("crm.key", "anna"))
    assert other.remove_secret("crm.key")
    assert not other.remove_secret("crm.key")
    assert store.secret("crm.key") is None


def test_no_value_is_in_the_files_and_only_we_may_read_them(deployment, store):
    store.adopt(SLOT, ONE, after=0)
    store.set_secret("crm.key", TWO)
    files = list(deployment.path.parent.glob("secrets.db*"))
    assert {file.name for file in files} == {"secrets.db", "secrets.db-wal", "secrets.db-shm"}
    for file in files:
        assert b"CANARY" not in file.read_bytes()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_wider_mode_is_narrowed(deployment):
    deployment.path.touch(0o644)
    deployment.store().close()
    assert stat.S_IMODE(deployment.path.stat().st_mode) == 0o600


def test_every_commit_is_synced(store):
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_sealed_value_opens_only_in_its_own_row(deployment, store):
    store.set_secret("cheap", ONE)
    store.set_secret("dear", TWO)
    with sqlite3.connect(deployment.path) as raw:
        raw.execute("UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'dear') WHERE name = 'cheap'")
    raw.close()
    with pytest.raises(ConfigurationError, match="changed or moved"):
        store.secret("cheap")


def test_another_zone_or_key_opens_nothing(deployment, store):
    store.set_secret("name", ONE)
    key = SealingKey(deployment.key)
    with SQLiteSecretStore(deployment.path, key, zone="us") as us, pytest.raises(ConfigurationError):
        us.secret("name")
    other = SealingKey(SealingKey.generate())
    with SQLiteSecretStore(deployment.path, other, zone="eu") as lost, pytest.raises(ConfigurationError) as caught:
        lost.secret("name")
    assert key.key_id in str(caught.value)


def test_a_broken_or_newer_file_is_one_sentence(deployment):
    deployment.path.write_bytes(b"not a database " * 100)
    with pytest.raises(SecretStoreError, match=r"secrets\.db cannot be used"):
        deployment.store()


def test_a_newer_schema_is_refused(deployment, store):
    store._db.execute("PRAGMA user_version = 99")
    with pytest.raises(SecretStoreError, match="newer isthmus"):
        deployment.store()


def test_a_full_disk_changes_nothing_and_is_one_sentence(store):
    store.adopt(SLOT, ONE, after=0)
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(SecretStoreError, match="free space"):
        store.set_secret("large", Secret("x" * 100_000))
    store._db.execute("PRAGMA max_page_count = 1000000")
    assert states(store) == [(1, State.CURRENT, ONE)]
    store.set_secret("large", Secret("x" * 100_000))


def test_processes_may_create_it_at_the_same_moment(tmp_path):
    script = (
        "import sys; from pathlib import Path; from isthmus.core.credentials import *\n"
        "key = SealingKey(Secret(sys.stdin.read()))\n"
        "with SQLiteSecretStore(Path(sys.argv[1]), key, zone='eu') as store: store.set_secret(sys.argv[2], Secret('x'))"
    )
    key = SealingKey.generate()
    path = tmp_path / "new" / "secrets.db"
    starters = [
        subprocess.Popen([sys.executable, "-c", script, str(path), str(number)], stdin=subprocess.PIPE)
        for number in range(3)
    ]
    for starter in starters:
        starter.stdin.write(key.reveal().encode())
        starter.stdin.close()
    assert [starter.wait() for starter in starters] == [0, 0, 0]
    with SQLiteSecretStore(path, SealingKey(key), zone="eu") as store:
        assert len(store.secret_names()) == 3
