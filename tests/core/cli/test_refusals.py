"""Does every wrong input give one sentence with its remedy, and send nothing?"""

from collections.abc import Callable

import pytest

from isthmus.core.cli import main

from .conftest import Shell

CLIENT = ("--client", "desktop-us")
GET = ("call", "get", "object=Case", "id=crm-eu~5008d0000000001AAA", *CLIENT)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("call", "query", "objct=Case", *CLIENT), 2, "unknown argument 'objct'; did you mean 'object'?"),
        (("call", "qery", "object=Case", *CLIENT), 2, "no tool 'qery' for this client; did you mean 'query'?"),
        (("call", "query", "object", *CLIENT), 2, "argument 1 is not of the form key=value"),
        (("call", "query", "where={", *CLIENT), 2, "argument 'where' is not JSON"),
        (("call", "query", "--arguments", "[]", *CLIENT), 2, "--arguments takes a JSON object"),
        (("call", "query", "object=Case", "--arguments", "{}", *CLIENT), 2, "not both"),
        (("call", "query", "object=Case", "--client", "desktop-uk"), 2, "did you mean 'desktop-us'?"),
        (("call", "query", "object=Case"), 2, "with --client, one of desktop-eu, desktop-us"),
        (("tools", "--system", "crn"), 2, "no system 'crn'; did you mean 'crm'?"),
        (("task", "new", "--client", "nobody"), 2, "client 'nobody' is not in the configuration"),
        (("approvals", "show", "ap_000"), 1, "no approval 'ap_000'; `isthmus approvals list --all`"),
        (("approvals", "approve", "ap_000", "--as", "mria"), 2, "did you mean 'maria'?"),
        (("intents", "settle", "0000"), 1, "no open intent '0000'; `isthmus intents list`"),
        (("audit", "show", "--attempt", "0000"), 1, "no call '0000'; `isthmus audit show`"),
        (("secret", "set", "isthmus.signing.eu"), 2, "isthmus's own; choose another"),
        (("policy", "explain", "qery", *CLIENT), 2, "did you mean 'query'?"),
        (("policy", "matrix", "--object", "crm/Nothing"), 2, "--object SYSTEM/Object"),
    ],
)
def test_says_what_is_wrong_and_what_to_do(shell: Shell, words: tuple[str, ...], code: int, told: str) -> None:
    before = shell.sent()
    assert told in shell.fails(*words, code=code)
    if words[:2] != ("policy", "matrix"):
        assert shell.sent() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("adit",), 'Unknown command "adit". Did you mean "audit"?'),
        (("audit", "shw"), 'Unknown command "shw". Did you mean "show"?'),
        (("audit", "show", "--lst", "3"), "Unknown option: --lst. Did you mean --last?"),
        (("audit", "show", "--last", "0"), "--last"),
        (("audit", "verify", "--checkpoint", "nowhere.txt"), "nowhere.txt"),
        (("approvals", "approve", "ap_000"), "--as"),
        (("secret", "set"), "`isthmus secret set --help` says what there is"),
    ],
)
def test_wrong_usage_names_the_nearest_right_one(shell: Shell, words: tuple[str, ...], told: str) -> None:
    assert told in shell.fails(*words, code=2)


@pytest.mark.parametrize(
    "words",
    [("doctor",), ("policy", "check")],
)
def test_a_missing_configuration_is_a_finding(shell: Shell, words: tuple[str, ...]) -> None:
    shell.config.unlink()
    done = shell(*words)
    assert done.code == 1
    assert "`isthmus init` writes a commented one" in done.out
    assert shell(*words, "--json").json["ok"] is False


def test_a_missing_configuration_names_init(shell: Shell) -> None:
    shell.config.unlink()
    for words in (GET, ("tools",), ("approvals", "list"), ("audit", "verify"), ("secret", "list")):
        assert "`isthmus init` writes a commented one" in shell.fails(*words, code=2)


def test_a_misspelt_key_names_the_right_one(shell: Shell) -> None:
    shell.rewrite("sealing_key", "sealing_kee")
    assert "unknown key 'sealing_kee' in the top level; did you mean 'sealing_key'?" in shell.fails("tools", code=2)


def test_a_broken_policy_names_file_and_rule(shell: Shell) -> None:
    policy = shell.config.with_name("policy.cedar")
    policy.write_text(policy.read_text().replace("Isthmus::Action::", "Isthmus::Actio::", 1))
    assert "policy.cedar" in shell.fails(*GET, code=2)
    assert shell.sent() == 0


def test_a_sealing_key_that_others_can_read_is_refused(shell: Shell) -> None:
    shell.config.with_name("sealing.key").chmod(0o644)
    assert "chmod 600" in shell.fails(*GET, code=2)
    assert shell.sent() == 0


def test_a_missing_secret_is_named_with_the_way_to_set_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EU_SECRET")
    assert "`export EU_SECRET=...`" in shell.fails(*GET, code=2)
    assert shell.sent() == 0


def test_an_unreachable_org_is_named(shell: Shell, unreachable: Callable[[str], None]) -> None:
    unreachable("eu")
    told = shell.fails(*GET)
    assert "crm-eu" in told or "127.0.0.1:9" in told
    assert shell.sent() == 0


def test_a_denied_call_names_its_rule(shell: Shell) -> None:
    found = shell.ok_json("call", "query", "object=Account", "limit=1", *CLIENT)["records"][0]
    words = ("call", "update", "object=Account", f"id={found['id']}", "values.Industry=Energy", *CLIENT)
    assert "manager has to approve" in shell.fails(*words)
    assert not [one for org in shell.house.sandbox.salesforce.values() for one in org.journal.entries if one.effects]


def test_without_json_there_is_the_sentence_alone(shell: Shell) -> None:
    done = shell("task", "new", "--client", "nobody")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith("error: client 'nobody' is not in the configuration")


def test_the_path_of_the_configuration_may_come_from_the_environment(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ISTHMUS_CONFIG", str(shell.config))
    assert main(["--json", "approvals", "list"]) == 0
    assert capsys.readouterr().out == '{\n  "approvals": []\n}\n'
