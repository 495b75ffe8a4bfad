"""Is a value sealed for exactly one purpose, and does the key come from a safe place?"""

import base64
import itertools
import os
import sqlite3
import threading
from contextlib import closing

import keyring.backends.fail
import keyring.backends.null
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from isthmus.core.credentials import Purpose, SealingKey, Secret, load_sealing_key, signing_key
from isthmus.core.errors import ConfigurationError

KEY = SealingKey(SealingKey.generate())


class MemoryKeyring(KeyringBackend):
    """A keyring backend as third parties write them."""

    priority = 0.1

    def __init__(self):
        super().__init__()
        self.kept = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password


class PlaintextKeyring(MemoryKeyring):
    priority = 0.1


class Chain(MemoryKeyring):
    priority = 0.1
    backends = (MemoryKeyring(), PlaintextKeyring())


class Locked(MemoryKeyring):
    priority = 0.1

    def get_password(self, service, username):
        raise KeyringLocked("no")


@given(st.binary(max_size=200), st.text(max_size=10), st.lists(st.text(max_size=5), max_size=3).map(tuple))
def test_opens_what_it_sealed(value, zone, context):
    sealed = KEY.seal(value, zone=zone, context=context)
    assert sealed.startswith(b"v1" + bytes.fromhex(KEY.key_id))
    assert KEY.open(sealed, zone=zone, context=context) == value


@given(st.data())
def test_opens_nothing_that_was_touched(data):
    sealed = bytearray(KEY.seal(b"value", zone="eu", context=("a",)))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ConfigurationError):
        KEY.open(bytes(sealed), zone="eu", context=("a",))


@pytest.mark.parametrize(
    "other",
    [
        {"zone": "us", "context": ("a", "b")},
        {"zone": "eu", "context": ("ab",)},
        {"zone": "eu", "context": ("a", "b", "")},
        {"zone": "eu", "context": ("a", "b"), "purpose": Purpose.REFS},
    ],
)
def test_opens_only_where_it_belongs(other):
    sealed = KEY.seal(b"value", zone="eu", context=("a", "b"))
    with pytest.raises(ConfigurationError, match="changed or moved"):
        KEY.open(sealed, **other)


def test_short_rubbish_is_refused():
    for length in range(40):
        with pytest.raises(ConfigurationError):
            KEY.open(b"v1" + b"x" * length, zone="eu", context=())


def test_subkeys_differ_by_purpose_and_zone():
    pairs = itertools.product(Purpose, ["eu", "us", ""])
    assert len({KEY.subkey(purpose, zone) for purpose, zone in pairs}) == len(Purpose) * 3


def test_subkeys_are_stable():
    """The expected values were computed with hmac alone; another derivation would lose every sealed value."""
    key = SealingKey(Secret(base64.urlsafe_b64encode(bytes(range(32))).decode()))
    assert key.key_id == "1df24ab965e34361"
    assert key.subkey(Purpose.REFS, "eu").hex()[:16] == "a05c62c4fa7da299"


def test_an_older_key_still_opens_and_the_first_one_seals():
    old, new = SealingKey.generate(), SealingKey.generate()
    sealed = SealingKey(old).seal(b"value", zone="eu", context=())
    rotated = SealingKey(Secret(f"{new.reveal()}\n{old.reveal()}\n"))
    assert rotated.open(sealed, zone="eu", context=()) == b"value"
    assert SealingKey(new).open(rotated.seal(b"value", zone="eu", context=()), zone="eu", context=()) == b"value"
    with pytest.raises(ConfigurationError, match=SealingKey(old).key_id):
        SealingKey(new).open(sealed, zone="eu", context=())


@pytest.mark.parametrize("text", ["", "short", "not base64 at all!", base64.b64encode(bytes(31)).decode()])
def test_a_malformed_key_is_refused_without_repeating_it(text):
    with pytest.raises(ConfigurationError, match="openssl rand") as caught:
        SealingKey(Secret(text))
    assert not text or text not in str(caught.value)


def load(setting, tmp_path, environ=None, keyring=None):
    return load_sealing_key(setting, state=tmp_path / "state", environ=environ or {}, keyring=keyring)


def test_a_private_file_gives_the_key(tmp_path):
    text = SealingKey.generate()
    path = tmp_path / "key"
    path.write_text(text.reveal() + "\n")
    path.chmod(0o600)
    assert load(f"file:{path}", tmp_path).key_id == SealingKey(text).key_id


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused(tmp_path, mode):
    path = tmp_path / "key"
    path.write_text(SealingKey.generate().reveal())
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load(f"file:{path}", tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused(tmp_path):
    path = tmp_path / "key"
    path.write_text(SealingKey.generate().reveal())
    path.chmod(0o600)
    os.chown(path, 65534, -1)
    with pytest.raises(ConfigurationError, match="owner 65534"):
        load(f"file:{path}", tmp_path)


def test_a_missing_file_or_a_folder_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file"):
        load(f"file:{tmp_path}/nowhere", tmp_path)
    with pytest.raises(ConfigurationError, match="not a regular file"):
        load(f"file:{tmp_path}", tmp_path)


def test_a_service_credential_gives_the_key(tmp_path):
    text = SealingKey.generate()
    (tmp_path / "isthmus").write_text(text.reveal())
    (tmp_path / "isthmus").chmod(0o440)
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert load("credential:isthmus", tmp_path, environ).key_id == SealingKey(text).key_id


@pytest.mark.parametrize("name", ["", "..", "../key", "a/b"])
def test_a_service_credential_is_a_plain_name(tmp_path, name):
    with pytest.raises(ConfigurationError, match="plain name"):
        load(f"credential:{name}", tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_outside_a_service_there_is_no_service_credential(tmp_path):
    with pytest.raises(ConfigurationError, match="LoadCredentialEncrypted=key"):
        load("credential:key", tmp_path)


def test_the_keyring_key_is_made_once(tmp_path):
    backend = MemoryKeyring()
    first = load("keyring", tmp_path, keyring=backend)
    assert load("keyring", tmp_path, keyring=backend).key_id == first.key_id
    assert list(backend.kept) == [("isthmus", "sealing-key")]


def test_many_starters_agree_on_one_key(tmp_path):
    backend, found = MemoryKeyring(), []
    start = threading.Barrier(8)

    def starter():
        start.wait()
        found.append(load("keyring", tmp_path, keyring=backend).key_id)

    threads = [threading.Thread(target=starter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    "backend", [keyring.backends.fail.Keyring(), keyring.backends.null.Keyring(), PlaintextKeyring(), Chain()]
)
def test_a_keyring_that_keeps_no_secret_is_refused(tmp_path, backend):
    with pytest.raises(ConfigurationError, match=r"keeps no secret; .*credential:<name>"):
        load("keyring", tmp_path, keyring=backend)


def test_a_locked_keyring_is_one_sentence(tmp_path):
    with pytest.raises(ConfigurationError, match=r"KeyringLocked.*unlock"):
        load("keyring", tmp_path, keyring=Locked())


@pytest.mark.parametrize("setting", ["", "file:", "vault:x", "KEYRING", "keyring:isthmus"])
def test_an_unknown_place_is_refused(tmp_path, setting):
    with pytest.raises(ConfigurationError, match="write one of them"):
        load(setting, tmp_path)


def test_the_signing_key_of_a_zone_is_made_once_and_sealed(deployment, store):
    first = signing_key(store, "eu").private_bytes_raw()
    with deployment.store() as other:
        assert signing_key(other, "eu").private_bytes_raw() == first
        assert signing_key(other, "us").private_bytes_raw() != first
    with closing(sqlite3.connect(deployment.path)) as raw:
        (sealed,) = raw.execute("SELECT sealed FROM secrets WHERE name LIKE '%.eu'").fetchone()
    assert base64.b64encode(first) not in sealed
