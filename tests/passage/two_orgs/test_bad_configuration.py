"""What is wrong with a configuration is told in one sentence, with what to do about it."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.config import load_config
from isthmus.core.errors import ConfigurationError, CredentialError, IsthmusError, RetryLater, UpstreamError

from .conftest import Desk, TwoOrgs


def edit(file: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    return change


def add(file: str, text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / file
        path.write_text(path.read_text() + text)

    return change


def remove(file: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).unlink()


MAIN = "isthmus.toml"
MISTAKES = {
    "an unknown key at the top": (
        edit(MAIN, 'zone = "eu"', 'zone = "eu"\nsealing_kee = "x"'),
        "did you mean 'sealing_key'?",
    ),
    "an unknown key in a connection": (edit(MAIN, "sees_all_rows", "sees_all_row"), "did you mean 'sees_all_rows'?"),
    "an unknown key of a credential": (edit(MAIN, "token_endpoint", "token_endpont"), "did you mean 'token_endpoint'?"),
    "an unknown kind of credential": (
        edit(MAIN, 'kind = "client_credentials"', 'kind = "client_credential"'),
        "client_credentials",
    ),
    "a key that is missing": (edit(MAIN, 'name = "kessmar.example"', ""), "name is missing; add it"),
    "a version from the future": (edit(MAIN, "version = 1", "version = 9"), "version"),
    "a connector that nobody has": (
        edit(MAIN, 'connector = "salesforce"', 'connector = "salesfource"'),
        "did you mean 'salesforce'?",
    ),
    "a zone that no rule knows": (edit(MAIN, 'zone = "us"\nsees', 'zone = "usa"\nsees'), "crm-us.zone names 'usa'"),
    "a system of unknown connections": (
        edit(MAIN, '["crm-eu", "crm-us"]', '["crm-eu", "crm-uss"]'),
        "did you mean 'crm-us'?",
    ),
    "a route to nowhere": (edit(MAIN, 'EEA = "crm-eu"', 'EEA = "crm-fr"'), "'crm-fr', which is not defined"),
    "an owner whom nobody knows": (edit(MAIN, 'owner = "alice"', 'owner = "alise"'), "did you mean 'alice'?"),
    "a client of an unknown agent": (edit(MAIN, 'agent = "support"', 'agent = "suport"'), "did you mean 'support'?"),
    "an address that is none": (edit(MAIN, 'url = "http://', 'url = "htp://'), "write it as https://host"),
    "a file that is not TOML": (add(MAIN, "\n= 3"), "is not TOML"),
    "no sealing key": (remove("sealing.key"), "sealing.key"),
    "a sealing key that others may read": (lambda folder: (folder / "sealing.key").chmod(0o644), "chmod 600"),
    "a sealing key that is none": (lambda folder: (folder / "sealing.key").write_text("short"), "sealing"),
    "flow rules with an unknown word": (edit("flows.toml", 'allow = ["drop"]', 'alow = ["drop"]'), "alow"),
    "flow rules with an unknown form": (edit("flows.toml", '"mask"', '"blur"'), "blur"),
    "flow rules with an unknown zone": (edit("flows.toml", 'zone = "us"', 'zone = "mars"'), "mars"),
    "flow rules that are not there": (remove("flows.toml"), "`isthmus init` writes one"),
    "a policy that does not parse": (add("policy.cedar", "permit (principal"), "policy.cedar"),
    "a policy with a misspelt attribute": (
        add("policy.cedar", '@id("x") forbid (principal, action, resource) when { context.purpos == "x" };'),
        "purpos",
    ),
    "a policy without an id": (add("policy.cedar", "forbid (principal, action, resource);"), "@id"),
    "no policy": (remove("policy.cedar"), "cedar"),
    "a sequence rule with an unknown key": (
        add("sequences.toml", '[[sequence]]\nid = "a"\ndenny = "x.y.z"\n'),
        "denny",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_mistake_is_named_with_its_remedy(house: TwoOrgs, mistake):
    change, said = MISTAKES[mistake]
    path = house.write()
    change(house.folder)
    start = house.mark()
    with pytest.raises(ConfigurationError) as caught:
        async with open_gateway(load_config(path), Surroundings(environ=house.environ)):
            pass
    sentence = caught.value.sentence
    assert said in sentence
    assert len(sentence) < 500
    assert "Traceback" not in sentence
    assert not any(secret in sentence for secret in house.environ.values())
    assert house.sent(start, lookups=True) == []


async def test_a_configuration_that_is_not_there(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="`isthmus init` writes a commented one"):
        load_config(tmp_path / "isthmus.toml")


async def first_call(house: TwoOrgs, path: Path) -> IsthmusError:
    async with open_gateway(load_config(path), Surroundings(environ=house.environ, clock=house.clock)) as gateway:
        with pytest.raises(IsthmusError) as caught:
            await Desk(gateway, house.caller("us")).query("Account", ["Name"])
    assert not any(secret in str(caught.value.details()) for secret in house.environ.values() if secret)
    return caught.value


async def test_a_secret_that_is_missing(house: TwoOrgs):
    path = house.write()
    del house.environ["US_SECRET"]
    start = house.mark()
    error = await first_call(house, path)
    assert isinstance(error, ConfigurationError | CredentialError)
    assert "US_SECRET" in error.sentence
    assert [name for name, _ in house.sent(start) if name == "us"] == []


async def test_a_secret_that_is_wrong(house: TwoOrgs):
    path = house.write()
    house.environ["US_SECRET"] = "f00d" * 16
    error = await first_call(house, path)
    assert isinstance(error, CredentialError)
    assert "crm-us" in error.sentence + error.object


async def test_an_org_that_nobody_answers_for(house: TwoOrgs):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        path = house.write()
        path.write_text(path.read_text().replace(house.sandbox.salesforce["us"].url, f"http://127.0.0.1:{port}"))
        error = await first_call(house, path)
    assert isinstance(error, RetryLater | UpstreamError)
    assert "crm-us" in error.sentence + error.object
    assert "cannot be reached" in error.sentence or "could not be reached" in error.sentence


async def test_an_org_whose_name_does_not_resolve(house: TwoOrgs):
    path = house.write()
    path.write_text(path.read_text().replace(house.sandbox.salesforce["us"].url, "https://nobody.invalid"))
    error = await first_call(house, path)
    assert isinstance(error, RetryLater | UpstreamError)
    assert "crm-us" in error.sentence + error.object
