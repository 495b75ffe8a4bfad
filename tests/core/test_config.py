"""isthmus.toml is read whole or refused with the key, its place and the nearest right one."""

import pytest

from isthmus.core.config import load_config
from isthmus.core.errors import ConfigurationError

GOOD = """
version = 1
name = "acme.example"
zone = "eu"
[users.alice]
[agents.support]
owner = "alice"
[clients.desktop]
agent = "support"
consumer = "model"
user = "alice"
[connections.crm]
connector = "salesforce"
url = "https://acme.example"
zone = "eu"
[connections.crm.auth]
kind = "client_credentials"
token_endpoint = "https://acme.example/token"
client_id = "id"
client_secret = "env:SECRET"
[systems.crm]
connections = ["crm"]
[systems.crm.route]
"*" = "crm"
"""


def load(folder, text):
    path = folder / "isthmus.toml"
    path.write_text(text)
    return load_config(path)


def test_a_good_one_is_read_with_its_defaults(tmp_path):
    config = load(tmp_path, GOOD)
    assert config.state == (tmp_path / ".isthmus").resolve()
    assert config.path("flows.toml").parent == tmp_path.resolve()
    assert config.file.connections["crm"].identity == "service"
    assert config.file.connections["crm"].budget.reserve == 0.2
    assert config.file.systems["crm"].route == {"*": "crm"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version = 1", "version = 1\nplugin = []", "unknown key 'plugin' in the top level; did you mean 'plugins'?"),
        ('owner = "alice"', 'owner = "alice"\nmaxrisk = 3', "unknown key 'maxrisk' in [agents.support]; did you mean 'max_risk'?"),
        ('zone = "eu"\n[connections', 'zone = "eu"\nbudget = { reserv = 0.1 }\n[connections', "[connections.crm.budget]; did you mean 'reserve'?"),
        ("client_id", "clientid", "did you mean 'client_id'?"),
        ('"client_credentials"', '"password"', "connections.crm.auth"),
        ('url = "https://acme.example"\n', "", "connections.crm.url is missing; add it"),
        ('consumer = "model"', "consumer = 3", "clients.desktop.consumer"),
        ('zone = "eu"\n[connections', 'zone = "eu"\nidentity = "both"\n[connections', "connections.crm.identity"),
        ('["crm"]', "[]", "systems.crm.connections"),
        ('["crm"]', '["crn"]', "did you mean 'crm'?"),
        ('"*" = "crm"', '"*" = "cmr"', "did you mean 'crm'?"),
        ('user = "alice"', 'user = "alicia"', "clients.desktop.user names 'alicia', which is not defined; did you mean 'alice'?"),
        ('agent = "support"', 'agent = "x"', "clients.desktop.agent names 'x'"),
        ('name = "acme.example"', 'name = "a b"', "name"),
        ("version = 1", "version = 2", "version"),
        ("version = 1", "version =", "is not TOML"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_place_and_remedy(tmp_path, old, new, said):
    assert old in GOOD
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert said in caught.value.sentence
    assert caught.value.sentence.startswith("isthmus.toml")
    assert "\n" not in caught.value.sentence


def test_a_connection_serves_one_system_and_has_a_plain_name(tmp_path):
    with pytest.raises(ConfigurationError, match="serves two systems"):
        load(tmp_path, GOOD + '[systems.sales]\nconnections = ["crm"]\n')
    with pytest.raises(ConfigurationError, match="has no ':' or '/'"):
        load(
            tmp_path,
            GOOD.replace("[connections.crm", '[connections."a:b"')
            .replace('["crm"]', '["a:b"]')
            .replace('= "crm"', '= "a:b"'),
        )


def test_a_folder_or_nothing_in_its_place(tmp_path):
    for path in (tmp_path, tmp_path / "none.toml"):
        with pytest.raises(ConfigurationError, match="`isthmus init` writes a commented one"):
            load_config(path)
