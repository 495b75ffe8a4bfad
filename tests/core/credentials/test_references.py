"""Is a secret found where its reference says, and is a missing one explained?"""

import pytest
from keyring.backends.null import Keyring as NullKeyring
from pydantic import TypeAdapter, ValidationError

from isthmus.core.credentials import Reference, Secret, SecretReference, SecretResolver
from isthmus.core.errors import ConfigurationError

REFERENCE = TypeAdapter(Reference)


class Kept:
    """A keyring with one entry."""

    def get_password(self, service, username):
        return "from keyring" if (service, username) == ("crm", "eu/key") else None

    def set_password(self, service, username, password):
        raise AssertionError("a reference is only read")


@pytest.fixture
def resolver(store):
    store.set_secret("crm.key", Secret("of the service"))
    store.set_secret("crm.key", Secret("of anna"), user="anna")
    return SecretResolver(store, {"CRM_KEY": "from env"}, Kept())


def resolve(resolver, text, user=""):
    return resolver.resolve(SecretReference.parse(text), setting="connections.crm.auth.key", user=user).reveal()


def test_finds_each_scheme(resolver, tmp_path):
    path = tmp_path / "secret"
    path.write_text("from file\n")
    path.chmod(0o600)
    assert resolve(resolver, "env:CRM_KEY") == "from env"
    assert resolve(resolver, "keyring:crm/eu/key") == "from keyring"
    assert resolve(resolver, f"file:{path}") == "from file"
    assert resolve(resolver, "sealed:crm.key") == "of the service"


def test_a_person_gets_only_their_own(resolver):
    assert resolve(resolver, "sealed:crm.key", user="anna") == "of anna"
    with pytest.raises(ConfigurationError, match=r"isthmus secret set crm\.key --user ben"):
        resolve(resolver, "sealed:crm.key", user="ben")
    with pytest.raises(ConfigurationError, match="one secret for all"):
        resolve(resolver, "env:CRM_KEY", user="anna")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("env:NOPE", "export NOPE="),
        ("keyring:crm/nope", "keyring set crm nope"),
        ("file:/nowhere/at/all", "create it with mode 0600"),
        ("sealed:nope", "isthmus secret set nope"),
    ],
)
def test_a_missing_secret_names_setting_reference_and_remedy(resolver, text, remedy):
    with pytest.raises(ConfigurationError) as caught:
        resolve(resolver, text)
    sentence = str(caught.value)
    assert "connections.crm.auth.key" in sentence
    assert text.partition(":")[2] in sentence
    assert remedy in sentence


def test_an_empty_variable_is_a_missing_one(store):
    with pytest.raises(ConfigurationError, match="export EMPTY"):
        resolve(SecretResolver(store, {"EMPTY": ""}), "env:EMPTY")


def test_a_keyring_that_keeps_no_secret_is_not_read(store):
    with pytest.raises(ConfigurationError, match="keeps no secret"):
        resolve(SecretResolver(store, {}, NullKeyring()), "keyring:crm/key")


def test_a_secret_set_meanwhile_is_found(resolver, store):
    store.set_secret("crm.key", Secret("newer"))
    assert resolve(resolver, "sealed:crm.key") == "newer"


@pytest.mark.parametrize("value", ["CANARY-hunter2", "CANARY:hunter2", "env:", "keyring:CANARY", 17, None, ["CANARY"]])
def test_a_secret_in_place_of_a_reference_is_refused_without_repeating_it(value):
    with pytest.raises(ValidationError) as caught:
        REFERENCE.validate_python(value)
    messages = [problem["msg"] for problem in caught.value.errors()]
    assert "CANARY" not in "".join(messages)
    assert "reference" in messages[0]


def test_a_reference_survives_a_round_trip():
    reference = REFERENCE.validate_python("sealed:crm-eu.client_secret")
    assert REFERENCE.dump_json(reference) == b'"sealed:crm-eu.client_secret"'
