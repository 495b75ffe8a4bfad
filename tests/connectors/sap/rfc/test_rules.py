"""What may be called, what a return parameter says, and what reading back proves."""

import importlib.metadata
import importlib.util

import pytest
from pydantic import ValidationError

from isthmus.connectors.sap.rfc.allowed import check_call, check_listed, denied_always
from isthmus.connectors.sap.rfc.backends import backend_for, logon_to
from isthmus.connectors.sap.rfc.pyrfc_client import PyrfcBackend, owner_of_pyrfc
from isthmus.connectors.sap.rfc.readback import questions, settle
from isthmus.connectors.sap.rfc.returns import messages_in, refusals_in
from isthmus.connectors.sap.rfc.settings import SapRfcSettings
from isthmus.core.connector import Pending, Settlement
from isthmus.core.errors import ConfigurationError, Denied

DANGEROUS = [
    *(
        "RFC_ABAP_INSTALL_AND_RUN",
        "SXPG_COMMAND_EXECUTE",
        "SXPG_CALL_SYSTEM",
        "/SDF/RFC_SEND_EMAIL",
        "BAPI_USER_CREATE1",
    ),
    *("BAPI_USER_ACTGROUPS_ASSIGN", "SUSR_RFC_USER_INTERFACE", "RODPS_REPL_ODP_OPEN", "BAPI_TRANSACTION_COMMIT"),
    *("RFC_REMOTE_EXEC", "ARFC_DEST_SHIP", "/SAPDS/RFC_STREAM_READ_TABLE", "TH_POPUP"),
]


@pytest.mark.parametrize("function", DANGEROUS)
def test_the_dangerous_are_never_called_whatever_the_list_says(function: str) -> None:
    assert denied_always(function)
    with pytest.raises(Denied, match=r"connections\.erp\.settings\.functions lists it"):
        check_listed("erp", function, {function})


@pytest.mark.parametrize("function", ["BAPI_SALESORDER_CHANGE", "STFC_CONNECTION", "Z_SALES", "/ACME/ORDER_GET"])
def test_the_others_are_called_where_the_list_says(function: str) -> None:
    check_listed("erp", function, {function})
    with pytest.raises(Denied, match=r"is not in connections\.erp\.settings\.functions"):
        check_listed("erp", function, set())


@pytest.mark.parametrize("function", ["RFC_READ_TABLE", "BBP_RFC_READ_TABLE", "/BODS/RFC_READ_TABLE2", "Z_MY_READER"])
@pytest.mark.parametrize(
    "table", ["USR02", "usr02", "UST04", "UST10S", "USH02", "AGR_USERS", "DEVACCESS", "RFCDES", "SNCSYSACL"]
)
def test_no_setting_lets_secrets_be_read(function: str, table: str) -> None:
    with pytest.raises(Denied, match="users or secrets"):
        check_call("erp", function, {table, table.upper()}, {"QUERY_TABLE": table})


def test_other_tables_are_read_where_the_settings_say() -> None:
    check_call("erp", "RFC_READ_TABLE", {"T001"}, {"QUERY_TABLE": "T001"})
    check_call("erp", "RFC_GET_TABLE_ENTRIES", {"T001"}, {"TABLE_NAME": "T001"})
    with pytest.raises(Denied, match=r"settings\.tables"):
        check_call("erp", "RFC_READ_TABLE", {"T001"}, {"QUERY_TABLE": "T002"})
    with pytest.raises(Denied, match=r"settings\.tables"):
        check_call("erp", "RFC_READ_TABLE", {"T001"}, {})
    check_call("erp", "BAPI_X", set(), {"TABNAME": "T002"})


RETURN2 = {"TYPE": "E", "ID": "V1", "NUMBER": "311", "MESSAGE": "no", "PARAMETER": "P", "ROW": 2, "FIELD": "F"}


@pytest.mark.parametrize(
    ("results", "failed"),
    [
        ({"RETURN": RETURN2}, ["V1/311"]),
        ({"RETURN": [{**RETURN2, "TYPE": "S"}, {**RETURN2, "TYPE": "A"}]}, ["V1/311"]),
        ({"RETURN": [{**RETURN2, "TYPE": "W"}, {**RETURN2, "TYPE": "I"}]}, []),
        ({"RETURN": {**RETURN2, "TYPE": ""}}, []),
        ({"MESSAGES": [RETURN2]}, ["V1/311"]),
        ({"RETURN": {"TYPE": "E", "CODE": "V4010", "MESSAGE": "none"}}, ["V4010"]),
        ({"ITEMS": [{"TYPE": "E", "MESSAGE": "a text of the record"}]}, []),
        ({"Return": {"Type": "E", "Id": "V1", "Number": "849", "Message": "credit limit"}}, ["V1/849"]),
        ({}, []),
    ],
)
def test_no_exception_is_no_success(results: dict, failed: list[str]) -> None:
    assert [one.number for one in refusals_in(results)] == failed


def test_a_message_tells_its_place() -> None:
    [found] = messages_in({"RETURN": [RETURN2]})
    assert (found.parameter, found.row, found.field) == ("P", 2, "F")


READ_BACK = {
    "function": "LIST",
    "table": "ORDERS",
    "id": "NUMBER",
    "conclusive_after": 60,
    "arguments": {"CUSTOMER": "PARTNERS.0.NUMBER", "AREA": "=1710", "GONE": "NOT.THERE"},
    "match": {"REFERENCE": "HEADER.REFERENCE"},
}
SETTINGS = SapRfcSettings.model_validate(
    {
        "functions": {"MAKE": {"effect": "create", "read_back": READ_BACK}, "LIST": {"effect": "read"}, "BARE": {}},
        "units": {"both": ["BARE", "MAKE"]},
    }
)
VALUES = {"HEADER": {"REFERENCE": "R-1"}, "PARTNERS": [{"NUMBER": "7"}]}
MINE, OTHER = {"REFERENCE": "R-1", "NUMBER": "4"}, {"REFERENCE": "R-2", "NUMBER": "5"}


@pytest.mark.parametrize(("object", "values"), [("MAKE", VALUES), ("both", {"BARE": {}, "MAKE": VALUES})])
def test_asks_by_what_the_lost_call_was_given(object: str, values: dict) -> None:
    asked = questions(SETTINGS, Pending("invoke", object, values=values, action="call"))
    assert asked is not None
    assert (asked.function, asked.arguments, asked.wanted) == (
        "LIST",
        {"CUSTOMER": "7", "AREA": "1710"},
        {"REFERENCE": "R-1"},
    )


@pytest.mark.parametrize(
    ("object", "values"), [("MAKE", {}), ("MAKE", {"HEADER": {"REFERENCE": ""}}), ("BARE", VALUES)]
)
def test_asks_nothing_where_nothing_would_tell(object: str, values: dict) -> None:
    assert questions(SETTINGS, Pending("invoke", object, values=values, action="call")) is None


@pytest.mark.parametrize(
    ("told", "age", "settled"),
    [
        ({"ORDERS": [OTHER, MINE]}, 0, Settlement.HAPPENED),
        ({"ORDERS": [MINE, {**MINE, "ITEM": "2"}]}, 0, Settlement.HAPPENED),
        ({"ORDERS": [MINE, {**MINE, "NUMBER": "6"}]}, 99, Settlement.CANNOT_TELL),
        ({"ORDERS": [OTHER]}, 59, Settlement.CANNOT_TELL),
        ({"ORDERS": [OTHER]}, 60, Settlement.NOT_HAPPENED),
        ({}, 99, Settlement.CANNOT_TELL),
    ],
)
def test_only_one_record_with_the_reference_proves_it(told: dict, age: float, settled: Settlement) -> None:
    asked = questions(SETTINGS, Pending("invoke", "MAKE", values=VALUES, action="call"))
    assert asked is not None
    found, outcome = settle(asked, told, age)
    assert found is settled
    assert (outcome.records if outcome else None) == (("4",) if settled is Settlement.HAPPENED else None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"units": {"both": ["NOPE"]}},
        {"functions": {"A": {}}, "units": {"A": ["A"]}},
        {"functions": {"A": {}}, "units": {"two": ["A", "A"]}},
        {"functions": {"A": {"effect": "read", "read_back": {"function": "B", "table": "T", "match": {}}}}},
        {"way": {"password": "x"}},
        {"client": "1"},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong: dict) -> None:
    with pytest.raises(ValidationError):
        SapRfcSettings.model_validate(wrong)


@pytest.mark.parametrize("url", ["rfc://sap.example:3300", "http://sap.example"])
def test_a_password_in_plain_text_stays_on_the_machine(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"settings\.way\.snc_"):
        logon_to("erp", SapRfcSettings(), url)
    for allowed in ({"way": {"snc_partnername": "p:CN=S4H"}}, {"plain_text": True}):
        assert logon_to("erp", SapRfcSettings.model_validate(allowed), url).host == "sap.example"
    assert logon_to("erp", SapRfcSettings(), "rfc://127.0.0.1:3300").port == 3300


def test_the_owner_of_pyrfc_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    owners: list[str] = []
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: {"pyrfc": owners} if owners else {})
    assert owner_of_pyrfc() == ""
    with pytest.raises(ConfigurationError, match="no package for RFC is installed"):
        PyrfcBackend()
    owners += ["erpl-pyrfc", "erpl-pyrfc"]
    assert owner_of_pyrfc() == "erpl-pyrfc"
    owners.append("pyrfcx")
    with pytest.raises(ConfigurationError, match="erpl-pyrfc and pyrfcx overwrite each other's files"):
        owner_of_pyrfc()


def test_without_a_package_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"install isthmus-sap\[saprfclib\]"):
        backend_for(SapRfcSettings(), None, "rfc://127.0.0.1")
