"""The RFC endpoint keeps what an application server keeps: logons, units of work, locks and lines that break."""

import socket
import struct
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.connectors.sap.rfc.line import ORDER, Line, call, log_on

from isthmus.connectors.sap.rfc.backend import AbapDump, AbapRaised, LogonRefused
from isthmus.plugins.sandbox import Sandbox
from isthmus.plugins.sandbox.sap.rfc import RfcEndpoint, RfcFault

CREATE, COMMIT = "BAPI_SALESORDER_CREATEFROMDAT2", "BAPI_TRANSACTION_COMMIT"


@pytest.fixture
def sap(sandbox: Sandbox) -> RfcEndpoint:
    sandbox.sap_rfc.reset()
    return sandbox.sap_rfc


@pytest.fixture
def port(sap: RfcEndpoint) -> int:
    return int(sap.credentials()["url"].rpartition(":")[2])


@pytest.fixture
def line(sap: RfcEndpoint, port: int) -> Iterator[Line]:
    line = log_on(port, "ALICE", sap.users.password("ALICE"))
    yield line
    line.close()


@pytest.fixture
def other(sap: RfcEndpoint, port: int) -> Iterator[Line]:
    line = log_on(port, "BOB", sap.users.password("BOB"))
    yield line
    line.close()


def order(line: Line, number: str) -> dict[str, object] | None:
    told = call(line, "BAPISDORDER_GETDETAILEDLIST", I_BAPI_VIEW={"HEADER": "X"}, SALES_DOCUMENTS=[{"VBELN": number}])
    return told["ORDER_HEADERS_OUT"][0] if told["ORDER_HEADERS_OUT"] else None


def soon(told: Callable[[], object]) -> bool:
    until = time.monotonic() + 5
    while not (found := told()) and time.monotonic() < until:
        time.sleep(0.01)
    return bool(found)


def test_refuses_a_wrong_password_and_locks_the_user_after_five(sap: RfcEndpoint, port: int) -> None:
    for _ in range(5):
        with pytest.raises(LogonRefused, match="Name or password is incorrect"):
            log_on(port, "BOB", "wrong")
    with pytest.raises(LogonRefused, match="too many failed attempts"):
        log_on(port, "BOB", sap.users.password("BOB"))
    sap.users.unlock("BOB")
    log_on(port, "BOB", sap.users.password("BOB")).close()


@pytest.mark.parametrize(("user", "client"), [("EVE", "100"), ("ALICE", "200")])
def test_knows_its_users_and_its_client(sap: RfcEndpoint, port: int, user: str, client: str) -> None:
    with pytest.raises(LogonRefused):
        log_on(port, user, sap.users.password("ALICE"), client)


def test_gives_structures_and_tables_back(line: Line) -> None:
    sent = {"RFCFLOAT": 1.5, "RFCCHAR4": "äb", "RFCINT1": 255, "RFCINT2": -3, "RFCINT4": -7, "RFCHEX3": b"abc"}
    told = call(line, "STFC_STRUCTURE", IMPORTSTRUCT=sent, RFCTABLE=[{"RFCINT4": 3}])
    assert {name: told["ECHOSTRUCT"][name] for name in sent} == sent
    assert [row["RFCINT4"] for row in told["RFCTABLE"]] == [3, -6]


def test_keeps_nothing_that_is_not_committed(line: Line, other: Line) -> None:
    number = call(line, CREATE, **ORDER)["SALESDOCUMENT"]
    assert order(other, number) is None
    line.close()
    time.sleep(0.2)  # as long as an update without a wait takes, several times over
    assert order(other, number) is None


def test_keeps_what_is_committed(line: Line, other: Line) -> None:
    number = call(line, CREATE, **ORDER)["SALESDOCUMENT"]
    call(line, COMMIT, WAIT="X")
    line.close()
    found = order(other, number)
    assert found is not None
    assert (found["PURCH_NO"], str(found["NET_VAL_HD"])) == ("R-1", "27.82")


def test_a_commit_that_does_not_wait_is_seen_a_moment_later(line: Line, other: Line) -> None:
    number = call(line, CREATE, **ORDER)["SALESDOCUMENT"]
    call(line, COMMIT)
    assert order(other, number) is None
    assert soon(lambda: order(other, number))


def test_rolls_back(line: Line, other: Line) -> None:
    number = call(line, CREATE, **ORDER)["SALESDOCUMENT"]
    call(line, "BAPI_TRANSACTION_ROLLBACK")
    call(line, COMMIT, WAIT="X")
    assert order(other, number) is None


def test_creates_nothing_in_a_test_run_or_with_an_unknown_material(line: Line) -> None:
    tested = call(line, CREATE, **ORDER, TESTRUN="X")
    wrong = call(line, CREATE, **{**ORDER, "ORDER_ITEMS_IN": [{"ITM_NUMBER": "000010", "MATERIAL": "NOPE"}]})
    assert [tested["SALESDOCUMENT"], wrong["SALESDOCUMENT"]] == ["", ""]
    assert [(one["TYPE"], one["ID"], one["NUMBER"]) for one in wrong["RETURN"]] == [
        ("E", "V1", "382"),
        ("E", "V4", "219"),
    ]


def test_ignores_what_the_x_structure_does_not_flag(line: Line) -> None:
    flags = {"UPDATEFLAG": "U", "PURCH_NO_C": "X"}
    header = {"PURCH_NO_C": "NEW", "PMNTTRMS": "0001"}
    changed = call(
        line,
        "BAPI_SALESORDER_CHANGE",
        SALESDOCUMENT="0000000001",
        ORDER_HEADER_IN=header,
        ORDER_HEADER_INX=flags,
        RETURN=[],
    )
    call(line, COMMIT, WAIT="X")
    assert {one["TYPE"] for one in changed["RETURN"]} == {"S"}
    found = order(line, "0000000001")
    assert found is not None
    assert (found["PURCH_NO"], found["PMNTTRMS"]) == ("NEW", "")


def test_an_order_is_locked_until_its_change_is_committed(line: Line, other: Line) -> None:
    change = {"SALESDOCUMENT": "0000000001", "ORDER_HEADER_INX": {"UPDATEFLAG": "U"}}
    call(line, "BAPI_SALESORDER_CHANGE", **change)
    [refused] = call(other, "BAPI_SALESORDER_CHANGE", **change)["RETURN"]
    assert (refused["ID"], refused["NUMBER"], refused["MESSAGE_V1"]) == ("MC", "601", "ALICE")
    call(line, COMMIT, WAIT="X")
    assert call(other, "BAPI_SALESORDER_CHANGE", **change)["RETURN"][0]["TYPE"] == "S"


def test_raises_what_is_not_there_and_ends_a_session_with_a_short_dump(line: Line, other: Line) -> None:
    with pytest.raises(AbapRaised) as raised:
        call(line, "Z_NOPE")
    assert (raised.value.key, raised.value.number) == ("FU_NOT_FOUND", "FL/046")
    number = call(line, CREATE, **ORDER)["SALESDOCUMENT"]
    with pytest.raises(AbapDump, match="needs parameter REQUTEXT"):
        call(line, "STFC_CONNECTION")
    with pytest.raises(OSError, match=r"line was closed|reset|[Bb]roken pipe"):
        call(line, COMMIT, WAIT="X")
    assert order(other, number) is None


@pytest.mark.parametrize(("fault", "kept"), [(RfcFault.DROP_BEFORE, False), (RfcFault.DROP_AFTER, True)])
def test_breaks_the_line_before_or_after_the_commit(
    sap: RfcEndpoint, line: Line, other: Line, fault: RfcFault, *, kept: bool
) -> None:
    sap.fail(COMMIT, fault)
    number = call(line, CREATE, **ORDER)["SALESDOCUMENT"]
    with pytest.raises(OSError, match=r"line was closed|reset"):
        call(line, COMMIT, WAIT="X")
    assert (order(other, number) is not None) is kept


def test_describes_what_it_has(line: Line) -> None:
    told = call(line, "RFC_GET_FUNCTION_INTERFACE", FUNCNAME="BAPI_SALESORDER_GETLIST")["PARAMS"]
    named = {one["PARAMETER"]: (one["PARAMCLASS"], one["TABNAME"], one["EXID"], one["OPTIONAL"]) for one in told}
    assert named["CUSTOMER_NUMBER"] == ("I", "BAPI1007", "C", "")
    assert named["SALES_ORDERS"] == ("T", "BAPIORDERS", "u", "")
    fields = call(line, "DDIF_FIELDINFO_GET", TABNAME="BAPIORDERS")["DFIES_TAB"]
    older = call(line, "RFC_GET_STRUCTURE_DEFINITION", TABNAME="BAPIORDERS")["FIELDS"]
    assert [int(one["OFFSET"]) for one in fields] == [one["OFFSET"] for one in older]
    price = next(one for one in fields if one["FIELDNAME"] == "NET_PRICE")
    assert (price["DATATYPE"], price["INTTYPE"], price["LENG"], price["DECIMALS"]) == ("DEC", "P", "000023", "000004")


def test_reads_one_table_only(line: Line) -> None:
    told = call(line, "RFC_READ_TABLE", QUERY_TABLE="VBAK", DELIMITER="|", FIELDS=[{"FIELDNAME": "VBELN"}], ROWCOUNT=1)
    assert [one["WA"] for one in told["DATA"]] == ["0000000001"]
    with pytest.raises(AbapRaised) as raised:
        call(line, "RFC_READ_TABLE", QUERY_TABLE="USR02")
    assert raised.value.key == "TABLE_NOT_AVAILABLE"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200), framed=st.booleans())
def test_any_bytes_end_at_most_their_own_line(sandbox: Sandbox, data: bytes, framed: bool) -> None:
    sap = sandbox.sap_rfc
    port = int(sap.credentials()["url"].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
        body = bytes.fromhex("06cb0200").ljust(80, b"\0") + data if framed else data
        raw.sendall(struct.pack(">I", len(body)) + body)
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(4096):
            pass
    line = log_on(port, "ISTHMUS", sap.users.password("ISTHMUS"))
    assert call(line, "STFC_CONNECTION", REQUTEXT="still here")["ECHOTEXT"] == "still here"
    line.close()
