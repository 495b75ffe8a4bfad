import time
import xml.etree.ElementTree as ET
from itertools import pairwise
from xml.sax.saxutils import escape

import httpx2
import pytest

from isthmus.plugins.sandbox import SalesforceOrg
from isthmus.plugins.sandbox.salesforce.xml_text import XmlError, read_xml

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
PARTNER = "urn:partner.soap.sforce.com"
XML = {"content-type": "text/xml", "soapaction": "login"}


def message(username: str, password: str, *, urn: str = PARTNER, organization: str | None = None) -> str:
    scope = f"<u:LoginScopeHeader><u:organizationId>{organization}</u:organizationId></u:LoginScopeHeader>"
    header = f"<e:Header>{scope}</e:Header>" if organization else ""
    inner = f"<u:username>{escape(username)}</u:username><u:password>{escape(password)}</u:password>"
    return (
        f'<?xml version="1.0"?><e:Envelope xmlns:e="{ENVELOPE}" xmlns:u="{urn}">{header}'
        f"<e:Body><u:login>{inner}</u:login></e:Body></e:Envelope>"
    )


def post(org: SalesforceOrg, content: str | bytes, path: str = "u/59.0") -> httpx2.Response:
    return httpx2.post(f"{org.url}/services/Soap/{path}", content=content, headers=XML, verify=False, timeout=20)


def full_password(org: SalesforceOrg, login: str = "alice") -> tuple[str, str]:
    username = org.usernames[login]
    return username, "".join(org.passwords.of(username))


def texts(answer: httpx2.Response) -> dict[str, str]:
    return {each.tag.rpartition("}")[2]: each.text or "" for each in ET.fromstring(answer.content).iter()}


@pytest.mark.parametrize(("path", "urn"), [("u/59.0", PARTNER), ("c/40.0", "urn:enterprise.soap.sforce.com")])
def test_password_and_token_open_a_login(org: SalesforceOrg, path: str, urn: str) -> None:
    username, password = full_password(org)
    answer = post(org, message(username, password, urn=urn), path)
    found = texts(answer)
    assert (answer.status_code, found["userName"]) == (200, username)
    assert found["serverUrl"] == f"{org.url}/services/Soap/{path}/{org.org_id[:15]}"
    assert (found["organizationId"], found["sessionSecondsValid"]) == (org.org_id, "7200")
    bearer = {"authorization": f"Bearer {found['sessionId']}"}
    me = httpx2.get(f"{org.url}/services/oauth2/userinfo", headers=bearer, verify=False).json()
    assert me["user_id"] == found["userId"]


def test_credentials_hold_what_a_login_needs(org: SalesforceOrg) -> None:
    known = org.credentials()["logins"]
    assert isinstance(known, dict)
    assert set(known) == set(org.usernames)
    one = known["alice"]
    assert post(org, message(one["username"], one["password"] + one["security_token"])).status_code == 200


@pytest.mark.parametrize(
    ("login", "change", "code"),
    [
        ("alice", lambda text: text + "x", "INVALID_LOGIN"),
        ("alice", lambda _: "", "INVALID_LOGIN"),
        ("erin", lambda text: text, "INVALID_LOGIN"),  # no longer active
        ("alice", lambda text: text[:-24], "LOGIN_MUST_USE_SECURITY_TOKEN"),
    ],
)
def test_a_wrong_login_is_a_fault_with_the_vendors_code(org: SalesforceOrg, login: str, change, code: str) -> None:
    username, password = full_password(org, login)
    answer = post(org, message(username, change(password)))
    found = texts(answer)
    assert (answer.status_code, found["exceptionCode"]) == (500, code)
    assert found["faultcode"] == f"sf:{code}"
    assert found["exceptionMessage"].startswith("Invalid username, password, security token; or user locked out.")
    assert org.journal.entries[-1].error == code


def test_an_unknown_user_looks_like_a_wrong_password(org: SalesforceOrg) -> None:
    nobody = post(org, message("nobody@eu.kessmar.example", "x"))
    wrong = post(org, message(org.username, "x"))
    assert nobody.content == wrong.content


def test_inside_the_trusted_network_a_password_is_enough(org: SalesforceOrg) -> None:
    username = org.usernames["bob"]
    plain = org.passwords.of(username)[0]
    org.passwords.trusts_network = True
    assert post(org, message(username, plain, organization=org.org_id[:15])).status_code == 200
    assert (
        texts(post(org, message(username, plain, organization="00Dxx0000000001")))["exceptionCode"] == "INVALID_LOGIN"
    )


@pytest.mark.parametrize("version", ["30.0", "65.0", "59.1"])
def test_versions_without_this_login_say_so(org: SalesforceOrg, version: str) -> None:
    answer = post(org, message(*full_password(org)), f"u/{version}")
    assert (answer.status_code, texts(answer)["exceptionCode"]) == (500, "UNSUPPORTED_API_VERSION")


LETTERS = "abcdefghijklmnopqrst"
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {letter} "{f"&{before};" * 10}">' for before, letter in pairwise(LETTERS)
)
HOSTILE = {
    "billion laughs": (LAUGHS + "]><x>&t;</x>").encode(),
    "quadratic blow-up": f'<!DOCTYPE x [<!ENTITY a "{"a" * 50_000}">]><x>{"&a;" * 5_000}</x>'.encode(),
    "outside entity": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><x>&a;</x>',
    "document type in UTF-16": '<?xml version="1.0"?><!DOCTYPE x SYSTEM "http://127.0.0.1/x"><x/>'.encode("utf-16"),
    "undeclared entity": b"<x>&a;</x>",
    "a thousand levels": b"<x>" * 1_000 + b"</x>" * 1_000,
    "no XML": b"login please",
    "nothing": b"",
    "unknown encoding": b'<?xml version="1.0" encoding="rot13"?><x/>',
    "half a message": b"<x><y></x>",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_xml_is_refused_quickly(org: SalesforceOrg, kind: str) -> None:
    start = time.perf_counter()
    answer = post(org, HOSTILE[kind])
    assert time.perf_counter() - start < 2
    assert (answer.status_code, texts(answer)["faultcode"]) == (500, "soapenv:Client")
    with pytest.raises(XmlError):
        read_xml(HOSTILE[kind])


@pytest.mark.parametrize("body", ["<x/>", f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body/></e:Envelope>'])
def test_another_message_is_no_login(org: SalesforceOrg, body: str) -> None:
    assert "No operation available" in texts(post(org, body))["faultstring"]


def test_a_login_of_the_other_flavour_is_no_operation_here(org: SalesforceOrg) -> None:
    answer = post(org, message(*full_password(org)), "c/59.0")
    assert "No operation available for request login" in texts(answer)["faultstring"]


def test_no_password_is_written_down(org: SalesforceOrg) -> None:
    username, password = full_password(org)
    post(org, message(username, password))
    form = {"grant_type": "password", "client_id": org.client_id, "client_secret": org.client_secret}
    httpx2.post(
        f"{org.url}/services/oauth2/token", data={**form, "username": username, "password": password}, verify=False
    )
    written = str(org.journal.entries)
    assert org.journal.entries[-2].user == username
    assert not any(secret in written for secret in org.passwords.of(username))


def test_a_lost_answer_to_a_login_still_logged_in(org: SalesforceOrg) -> None:
    org.faults.arm("lost_token_answer")
    with pytest.raises(httpx2.RemoteProtocolError):
        post(org, message(*full_password(org)))
    assert (org.journal.entries[-1].status, org.journal.entries[-1].user) == (None, org.usernames["alice"])


def grant(org: SalesforceOrg, login: str = "alice", **change: str) -> dict[str, str]:
    username, password = full_password(org, login)
    form = {"grant_type": "password", "client_id": org.client_id, "client_secret": org.client_secret}
    form |= {"username": username, "password": password}
    return httpx2.post(f"{org.url}/services/oauth2/token", data={**form, **change}, verify=False).json()


def test_the_password_grant_opens_a_login_without_a_refresh_token(org: SalesforceOrg) -> None:
    answer = grant(org)
    assert answer["access_token"].startswith(org.org_id[:15])
    assert "refresh_token" not in answer


def test_the_password_grant_is_refused_as_the_vendor_does(org: SalesforceOrg) -> None:
    failed = {"error": "invalid_grant", "error_description": "authentication failure"}
    assert grant(org, password="wrong") == failed
    assert grant(org, username="nobody") == failed
    assert grant(org, "erin") == failed
    assert grant(org, password=org.passwords.of(org.usernames["alice"])[0]) == failed  # the token is missing
    assert grant(org, "dave")["error_description"] == "user hasn't approved this consumer"
    assert grant(org, client_secret="wrong")["error"] == "invalid_client"
    org.allows_password_grant = False
    assert grant(org) == failed
