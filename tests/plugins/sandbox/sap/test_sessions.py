import httpx2
import pytest

from isthmus.plugins.sandbox import SapLandscape

from .conftest import BP, SO, SO4, UNUSED, Open

FETCH = {"x-csrf-token": "Fetch"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_token_comes_with_its_cookies(landscape: SapLandscape, session: Open, method: str) -> None:
    client = session(landscape)
    answer = client.request(method, f"{SO}/", headers=FETCH)
    assert answer.headers["x-csrf-token"] not in ("", "Required")
    assert set(client.cookies) == {"SAP_SESSIONID_KE1_100", "sap-usercontext"}
    again = client.get(f"{BP}/", headers=FETCH)
    assert again.headers["x-csrf-token"] == answer.headers["x-csrf-token"]


def test_the_session_cookie_has_one_of_two_names(landscape: SapLandscape, session: Open, order: object) -> None:
    landscape.sessions.cookie = landscape.sessions.names[1]
    client = session(landscape, SO)
    assert "sap-XSRF_KE1_100" in client.cookies
    assert client.post("A_SalesOrder", json=order).status_code == 201


def test_without_a_trailing_slash_one_is_sent_on(landscape: SapLandscape, session: Open) -> None:
    answer = session(landscape).head(SO, headers=FETCH)
    assert (answer.status_code, answer.headers["location"]) == (307, f"{SO}/")


def refused(answer: httpx2.Response) -> bool:
    said = answer.headers.get("x-csrf-token"), answer.headers["content-type"].partition(";")[0], answer.text
    return answer.status_code == 403 and said == ("Required", "text/plain", "CSRF token validation failed")


def test_a_write_needs_token_and_cookie_of_the_same_user(
    landscape: SapLandscape, session: Open, orders: httpx2.Client, order: object
) -> None:
    other = session(landscape, SO, "alice")
    bare = session(landscape)
    assert refused(bare.post(f"{SO}/A_SalesOrder", json=order))
    assert refused(bare.post(f"{SO}/A_SalesOrder", json=order, headers={"x-csrf-token": "Fetch"}))
    assert refused(other.post("A_SalesOrder", json=order, headers={"x-csrf-token": orders.headers["x-csrf-token"]}))
    other.cookies = orders.cookies
    other.headers["x-csrf-token"] = orders.headers["x-csrf-token"]
    assert refused(other.post("A_SalesOrder", json=order))
    orders.cookies.clear()
    assert refused(orders.post("A_SalesOrder", json=order))
    assert [each.effects for each in landscape.journal.entries if each.method == "POST"] == [()] * 5


def test_the_journal_tells_whose_cookie_came(landscape: SapLandscape, session: Open, orders: httpx2.Client) -> None:
    other = session(landscape, SO, "alice")
    other.cookies = orders.cookies
    other.get("A_SalesOrder/$count")
    entry = landscape.journal.entries[-1]
    assert (entry.user, entry.cookie_user) == ("alice", "integration")


def test_a_session_ends_after_half_an_hour_unused(
    landscape: SapLandscape, orders: httpx2.Client, order: object
) -> None:
    landscape.clock.advance(minutes=29)
    assert orders.post("A_SalesOrder", json=order).status_code == 201
    landscape.clock.advance(minutes=29)
    assert orders.post("A_SalesOrder", json=order).status_code == 201
    landscape.clock.advance(minutes=30)
    assert refused(orders.post("A_SalesOrder", json=order))


def test_batches_need_a_token_too(landscape: SapLandscape, session: Open) -> None:
    headers = {"content-type": "multipart/mixed; boundary=b"}
    assert refused(session(landscape).post(f"{SO}/$batch", content=b"", headers=headers))


def test_one_session_logs_its_user_on_without_more(landscape: SapLandscape, orders: httpx2.Client) -> None:
    alone = httpx2.Client(base_url=landscape.url, cookies=orders.cookies, verify=UNUSED)
    with alone:
        assert alone.get(f"{SO}/A_SalesOrder('1')").status_code == 200
        landscape.sessions.end_all()
        assert alone.get(f"{SO}/A_SalesOrder('1')").status_code == 401


def test_another_client_is_another_system(landscape: SapLandscape, session: Open) -> None:
    client = session(landscape)
    assert client.get(f"{SO4}/SalesOrder('1')", headers={"sap-client": "100"}).status_code == 200
    for wrong in (client.get(f"{SO4}/?sap-client=200"), client.get(f"{SO4}/", headers={"sap-client": "200"})):
        assert (wrong.status_code, "Client 200" in wrong.text) == (401, True)


def test_rows_and_services_are_those_of_the_user(landscape: SapLandscape, session: Open) -> None:
    theirs = {row["SalesOrder"]: row["SalesOrganization"] for row in landscape.rows("SalesOrder")}
    alice, bob, dave = (session(landscape, user=each) for each in ("alice", "bob", "dave"))
    ours = {user: client.get(f"{SO}/A_SalesOrder/$count").text for user, client in (("1010", alice), ("1020", bob))}
    assert ours == {each: str(sum(found == each for found in theirs.values())) for each in ("1010", "1020")}
    hidden = next(key for key, organization in theirs.items() if organization == "1020")
    assert alice.get(f"{SO4}/SalesOrder('{hidden}')").status_code == 404
    assert alice.get(f"{SO4}/SalesOrderItem(SalesOrder='{hidden}',SalesOrderItem='10')").status_code == 404
    assert alice.get(f"{SO4}/SalesOrderItem/$count?$filter=SalesOrder eq '{hidden}'").text == "0"
    refusal = dave.get(f"{SO}/")
    assert (refusal.status_code, refusal.json()["error"]["code"]) == (403, "/IWFND/CM_MGW/096")
