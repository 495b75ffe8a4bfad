"""One invoke is one unit of work: all of it is kept, or nothing, or it is found out which."""

from contextlib import suppress
from dataclasses import replace

import msgspec
import pytest
from tests.connectors.sap.rfc.conftest import Erp
from tests.passage.conftest import FastClock

from isthmus.core.caller import Principal
from isthmus.core.errors import (
    ConfigurationError,
    CredentialError,
    Denied,
    InvalidArguments,
    NotFound,
    OutcomeUnknown,
    RetryLater,
    UpstreamRejected,
)
from isthmus.core.gateway import Gateway
from isthmus.core.http import CallScope, Meter
from isthmus.core.journal import IntentState
from isthmus.core.resilience import Deadline
from isthmus.core.results import Answer, as_json
from isthmus.plugins.sandbox.sap.rfc import RfcEndpoint, RfcFault

CREATE, CHANGE = "BAPI_SALESORDER_CREATEFROMDAT2", "BAPI_SALESORDER_CHANGE"
COMMIT, ROLLBACK = "BAPI_TRANSACTION_COMMIT", "BAPI_TRANSACTION_ROLLBACK"
ORDER = {
    "ORDER_HEADER_IN": {
        "DOC_TYPE": "TA",
        "SALES_ORG": "1710",
        "DISTR_CHAN": "10",
        "PURCH_NO_C": "R-1",
        "REQ_DATE_H": "2026-12-24",
    },
    "ORDER_ITEMS_IN": [{"ITM_NUMBER": "10", "MATERIAL": "TG12", "TARGET_QTY": "3.5"}],
    "ORDER_PARTNERS": [{"PARTN_ROLE": "AG", "PARTN_NUMB": "17100001"}],
}
METADATA = {"RFC_GET_FUNCTION_INTERFACE", "DDIF_FIELDINFO_GET", "RFCPING"}


def work(sap: RfcEndpoint) -> list[str]:
    return [one for one in sap.called if one not in METADATA]


def orders(sap: RfcEndpoint) -> list[object]:
    return [one.header["PURCH_NO_C"] for one in sap.orders.committed.values()]


async def call(gateway: Gateway, erp: Erp, function: str, arguments: dict) -> Answer:
    return await gateway.session(erp.caller()).invoke("erp", function, "call", arguments)


async def test_describes_a_function_module_by_its_interface(gateway: Gateway, erp: Erp) -> None:
    told = as_json(await gateway.session(erp.caller()).describe("erp", CREATE))
    [action] = told["actions"]
    assert action["name"] == "call"
    assert action["required"] == ["ORDER_HEADER_IN"]
    quantity = action["arguments"]["ORDER_ITEMS_IN"]["items"]["properties"]["TARGET_QTY"]
    assert quantity["pattern"] == r"^-?[0-9]{1,10}(\.[0-9]{1,3})?$"
    assert "SALESDOCUMENT" not in action["arguments"]


async def test_reads_structures_and_tables_exactly(gateway: Gateway, erp: Erp) -> None:
    sent = {
        "RFCFLOAT": 0.5,
        "RFCCHAR4": "äb",
        "RFCINT4": -7,
        "RFCHEX3": "YWJj",
        "RFCDATE": "2026-11-22",
        "RFCTIME": "11:00:01",
    }
    told = await call(
        gateway, erp, "STFC_STRUCTURE", {"IMPORTSTRUCT": sent, "RFCTABLE": [{"RFCINT4": 3, "RFCDATE": None}]}
    )
    assert {name: told.values["ECHOSTRUCT"][name] for name in sent} == sent
    [first, more] = told.values["RFCTABLE"]
    assert (first["RFCINT4"], first["RFCDATE"], first["RFCTIME"]) == (3, None, "00:00:00")
    assert more["RFCINT4"] == -6


async def test_creates_and_commits_in_one_session(gateway: Gateway, erp: Erp, sap: RfcEndpoint) -> None:
    told = await call(gateway, erp, CREATE, ORDER)
    assert work(sap) == [CREATE, COMMIT]
    [order] = [one for one in sap.orders.committed.values() if one.header["PURCH_NO_C"] == "R-1"]
    assert (order.partners["AG"], order.header["REQ_DATE_H"], str(order.net)) == ("0017100001", "20261224", "27.82")
    assert told.records == (order.number.lstrip("0"),)
    assert [one["TYPE"] for one in told.values["RETURN"]] == ["S", "S", "S"]


async def test_finds_a_customer_by_its_number_without_zeros(gateway: Gateway, erp: Erp) -> None:
    told = await call(
        gateway, erp, "BAPI_SALESORDER_GETLIST", {"CUSTOMER_NUMBER": "17100001", "SALES_ORGANIZATION": "1710"}
    )
    [row] = told.values["SALES_ORDERS"]
    assert (row["SD_DOC"], row["SOLD_TO"], row["NET_VALUE"], row["CREATION_DATE"]) == (
        "1",
        "17100001",
        "175.0000",
        None,
    )


async def test_a_read_commits_nothing(gateway: Gateway, erp: Erp, sap: RfcEndpoint) -> None:
    await call(gateway, erp, "STFC_CONNECTION", {"REQUTEXT": "hello"})
    assert work(sap) == ["STFC_CONNECTION"]


async def test_a_message_of_type_e_rolls_back(gateway: Gateway, erp: Erp, sap: RfcEndpoint) -> None:
    wrong = {**ORDER, "ORDER_ITEMS_IN": [{"ITM_NUMBER": "10", "MATERIAL": "NOPE"}]}
    with pytest.raises(UpstreamRejected, match="nothing was kept") as refused:
        await call(gateway, erp, CREATE, wrong)
    assert work(sap) == [CREATE, ROLLBACK]
    assert "R-1" not in orders(sap)
    assert refused.value.field == "SALES_ITEM_IN"
    assert gateway.parts.journal.view().open_intents() == ()


async def test_a_unit_of_work_is_kept_as_a_whole_or_not_at_all(gateway: Gateway, erp: Erp, sap: RfcEndpoint) -> None:
    change = {
        "SALESDOCUMENT": "1",
        "ORDER_HEADER_IN": {"PURCH_NO_C": "NEW"},
        "ORDER_HEADER_INX": {"UPDATEFLAG": "U", "PURCH_NO_C": "X"},
    }
    told = await call(gateway, erp, "two_orders", {CREATE: ORDER, CHANGE: change})
    assert work(sap) == [CREATE, CHANGE, COMMIT]
    assert set(told.values) == {CREATE, CHANGE}
    assert {"R-1", "NEW"} <= set(orders(sap))
    sap.reset()
    with pytest.raises(UpstreamRejected):
        await call(gateway, erp, "two_orders", {CREATE: ORDER, CHANGE: {**change, "SALESDOCUMENT": "999"}})
    assert work(sap) == [CREATE, CHANGE, ROLLBACK]
    assert not {"R-1", "NEW"} & set(orders(sap))


async def test_the_line_cut_after_the_commit_is_read_back_as_done(gateway: Gateway, erp: Erp, sap: RfcEndpoint) -> None:
    sap.fail(COMMIT, RfcFault.DROP_AFTER)
    told = await call(gateway, erp, CREATE, ORDER)
    assert told.records == ("4",)
    assert work(sap) == [CREATE, COMMIT, "BAPI_SALESORDER_GETLIST"]
    assert orders(sap).count("R-1") == 1


@pytest.mark.parametrize("function", [CREATE, COMMIT])
async def test_the_line_cut_before_the_commit_stays_unknown_until_absence_proves_it(
    erp: Erp, sap: RfcEndpoint, function: str
) -> None:
    sap.fail(function, RfcFault.DROP_BEFORE)
    async with erp.open() as gateway:
        with pytest.raises(OutcomeUnknown) as unknown:
            await call(gateway, erp, CREATE, ORDER)
        with pytest.raises(OutcomeUnknown):
            await call(gateway, erp, CREATE, ORDER)
        assert work(sap).count(CREATE) == 1
        assert "R-1" not in orders(sap)
        erp.clock.jump(600)
        await call(gateway, erp, CREATE, ORDER)
        assert orders(sap).count("R-1") == 1
        assert gateway.parts.journal.view().intent(unknown.value.intent).state is IntentState.NOT_HAPPENED


async def test_what_could_not_be_read_back_is_found_out_later(gateway: Gateway, erp: Erp, sap: RfcEndpoint) -> None:
    sap.fail(COMMIT, RfcFault.DROP_AFTER)
    for _ in range(12):
        sap.fail("BAPI_SALESORDER_GETLIST", RfcFault.DROP_BEFORE)
    with pytest.raises(OutcomeUnknown) as unknown:
        await call(gateway, erp, CREATE, ORDER)
    assert [one.id for one in gateway.parts.journal.view().open_intents()] == [unknown.value.intent]
    told = None
    while told is None:
        # Until the line holds again, and the system is trusted again, a repetition reads back and sends nothing else.
        erp.clock.jump(60)
        with suppress(OutcomeUnknown, RetryLater):
            told = await call(gateway, erp, CREATE, ORDER)
    assert told.records == ("4",)
    assert gateway.parts.journal.view().intent(unknown.value.intent).state is IntentState.HAPPENED
    assert orders(sap).count("R-1") == work(sap).count(CREATE) == 1


async def test_a_write_without_a_way_to_read_it_back_stays_unknown(
    gateway: Gateway, erp: Erp, sap: RfcEndpoint
) -> None:
    sap.fail(COMMIT, RfcFault.DROP_AFTER)
    change = {
        "SALESDOCUMENT": "1",
        "ORDER_HEADER_IN": {"PURCH_NO_C": "NEW"},
        "ORDER_HEADER_INX": {"UPDATEFLAG": "U", "PURCH_NO_C": "X"},
    }
    with pytest.raises(OutcomeUnknown):
        await call(gateway, erp, CHANGE, change)
    assert work(sap) == [CHANGE, COMMIT]


async def test_a_short_dump_of_a_write_is_no_proof_that_nothing_happened(
    gateway: Gateway, erp: Erp, sap: RfcEndpoint
) -> None:
    sap.fail(CHANGE, RfcFault.DUMP)
    with pytest.raises(OutcomeUnknown):
        await call(gateway, erp, CHANGE, {"SALESDOCUMENT": "1", "ORDER_HEADER_INX": {"UPDATEFLAG": "U"}})
    assert work(sap) == [CHANGE]


async def test_a_read_is_repeated_where_the_line_breaks(gateway: Gateway, erp: Erp, sap: RfcEndpoint) -> None:
    sap.fail("STFC_CONNECTION", RfcFault.DROP_AFTER)
    told = await call(gateway, erp, "STFC_CONNECTION", {"REQUTEXT": "again"})
    assert told.values["ECHOTEXT"] == "again"


@pytest.mark.parametrize(
    ("function", "arguments", "setting"),
    [
        ("BAPI_USER_CHANGE", {}, "settings.functions lists it: it changes users"),
        ("RFC_READ_TABLE", {"QUERY_TABLE": "USR02"}, "settings.tables says: it holds users or secrets"),
        ("RFC_READ_TABLE", {"QUERY_TABLE": "T000"}, "only the tables in connections.erp-eu.settings.tables"),
        ("RFC_READ_TABLE", {"QUERY_TABLE": " usr02"}, "holds users or secrets"),
    ],
)
async def test_a_dangerous_call_is_refused_unsent(
    gateway: Gateway, erp: Erp, sap: RfcEndpoint, function: str, arguments: dict, setting: str
) -> None:
    with pytest.raises(Denied, match=setting):
        await call(gateway, erp, function, arguments)
    assert work(sap) == []


async def test_reads_a_table_that_the_settings_name(gateway: Gateway, erp: Erp) -> None:
    told = await call(gateway, erp, "RFC_READ_TABLE", {"QUERY_TABLE": "VBAK", "FIELDS": [{"FIELDNAME": "VBELN"}]})
    assert told.values["DATA"][0] == {"WA": "0000000001"}


async def test_names_the_setting_for_a_function_that_is_not_listed(
    gateway: Gateway, erp: Erp, sap: RfcEndpoint
) -> None:
    with pytest.raises(Denied, match=r"connections\.erp-eu\.settings\.functions"):
        await call(gateway, erp, "BAPI_PO_CREATE1", {})
    assert not sap.called


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"REQUTEXT": "x" * 256}, "REQUTEXT"),
        ({"REQUTEXT": 5}, "REQUTEXT"),
        ({"REQUTEXT": "x", "RESPTEXT": "y"}, "RESPTEXT"),
        ({}, "REQUTEXT"),
    ],
)
async def test_arguments_that_do_not_fit_are_refused_unsent(
    gateway: Gateway, erp: Erp, sap: RfcEndpoint, arguments: dict, field: str
) -> None:
    with pytest.raises(InvalidArguments) as refused:
        await call(gateway, erp, "STFC_CONNECTION", arguments)
    assert refused.value.field == field
    assert work(sap) == []


async def test_a_function_module_that_is_not_there_is_not_found(gateway: Gateway, erp: Erp) -> None:
    with pytest.raises(NotFound):
        await call(gateway, erp, "Z_NOPE", {})


async def test_a_wrong_password_is_tried_once(erp: Erp, sap: RfcEndpoint) -> None:
    erp.password = "wrong"
    async with erp.open() as gateway:
        for _ in range(8):
            with pytest.raises(CredentialError):
                await call(gateway, erp, "STFC_CONNECTION", {"REQUTEXT": "x"})
    assert sap.users.failed == {"ISTHMUS": 1}


async def test_a_locked_record_is_waited_for(erp: Erp, sap: RfcEndpoint) -> None:
    other = sap.orders.begin("BOB")
    order = sap.orders.committed["0000000001"]
    other.put(replace(order, header={**order.header, "PMNTTRMS": "0001"}))
    change = {
        "SALESDOCUMENT": "1",
        "ORDER_HEADER_IN": {"PURCH_NO_C": "NEW"},
        "ORDER_HEADER_INX": {"UPDATEFLAG": "U", "PURCH_NO_C": "X"},
    }

    class Meanwhile(FastClock):
        async def sleep(self, seconds: float) -> None:
            if CHANGE in sap.called:
                other.rollback()
            await super().sleep(seconds)

    erp.clock = Meanwhile()
    async with erp.open() as gateway:
        await call(gateway, erp, CHANGE, change)
    assert orders(sap)[0] == "NEW"
    assert list(sap.called).count(CHANGE) == 2


async def test_an_unreachable_system_was_sent_nothing(erp: Erp) -> None:
    erp.url = "rfc://127.0.0.1:3300"
    async with erp.open() as gateway:
        with pytest.raises(RetryLater, match="Nothing was sent"):
            await call(gateway, erp, "STFC_CONNECTION", {"REQUTEXT": "x"})


async def test_a_password_does_not_go_over_the_net_in_plain_text(erp: Erp) -> None:
    erp.url = "rfc://sap.example:3300"
    with pytest.raises(ConfigurationError, match=r"settings\.way\.snc"):
        async with erp.open():
            pass


async def test_lists_what_the_settings_name_and_nothing_that_is_never_called(gateway: Gateway, erp: Erp) -> None:
    listed = as_json(await gateway.session(erp.caller()).describe("erp"))["objects"]
    named = {one["name"] for one in listed}
    assert {CREATE, "two_orders", "STFC_CONNECTION"} <= named
    assert "BAPI_USER_CHANGE" not in named


async def test_doctor_learns_by_which_package_it_logs_on(gateway: Gateway, erp: Erp, sap: RfcEndpoint) -> None:
    connection = gateway.parts.systems["erp"].connections["erp-eu"]
    looking = msgspec.structs.replace(connection.looking_up(""), objects=frozenset())
    scope = CallScope(Principal("erp-eu"), looking, Deadline.after(10, connection.clock), None, Meter(), "c0ffee")
    probed = await connection.bind(scope).probe()
    assert (probed.facts["door"], "endorses" in probed.facts["notice"]) == ("rfc", True)
    assert probed.facts["package"].split()[0] in ("line", "saprfclib")
    assert not work(sap)
