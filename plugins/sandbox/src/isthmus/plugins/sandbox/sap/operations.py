"""What do function imports, actions and functions do?"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final, cast

from isthmus.plugins.sandbox.message import Json, Reply

from .bodies import text_of
from .errors import Refused, bad, forbidden, not_found
from .keys import etag
from .odata.options import Options
from .odata.paths import value_of
from .odata.tokens import tokens
from .reading import entity
from .resolve import Target
from .rules import business
from .schema import Operation, Table
from .store import Row
from .values import NotThatType, Value, shown, taken

if TYPE_CHECKING:
    from .call import Call

_Done = dict[str, Value]


def import_function(call: "Call", operation: Operation) -> Reply:
    """Answer a function import of V2, whose arguments are literals in the query; raises Refused and Malformed."""
    needed = "GET" if operation.reads else "POST"
    if call.method != needed:
        raise Refused(405, "/IWBEP/CM_MGW_RT/029", f"Function import '{operation.name}' is called with {needed}")
    arguments: dict[str, Value] = {}
    for field in operation.parameters:
        text = call.query.get(field.name)
        if text is None:
            raise bad(f"Parameter '{field.name}' of '{operation.name}' is missing", "/IWBEP/CM_MGW_RT/171", field.name)
        words = tokens(text, 2)
        if len(words) != 1 or words[0].literal is None:
            raise bad(f"Invalid value of parameter '{field.name}'", "/IWBEP/CM_MGW_RT/172", field.name)
        arguments[field.name] = value_of(field, words[0].literal, 2)
    table = call.service.tables[operation.on]
    row = call.view.get(table, tuple(arguments[name] for name in table.key))
    if row is None:
        raise not_found(operation.name)
    done = _do(call, operation, table, row, arguments)
    values: dict[str, Json] = {each.name: shown(each, done.get(each.name), 2) for each in operation.result}
    about: Json = {"type": f"{call.service.namespace}.{operation.returns}"}
    return call.reply(200, {"d": {operation.name: {"__metadata": about, **values}}})


def act(call: "Call", target: Target) -> Reply:
    """Answer a bound action or function of V4; raises Refused and Malformed."""
    operation, row, table = target.operation, target.row, target.table
    if operation is None or row is None:
        raise not_found("operation")
    needed = "GET" if operation.reads else "POST"
    if call.method != needed:
        raise Refused(405, "/IWBEP/CM_V4S_RUN/100", f"'{operation.name}' is called with {needed}")
    arguments = dict(target.arguments or {})
    if not operation.reads:
        arguments = _arguments(call, operation)
        _match(call, table, row)
    done = _do(call, operation, table, row, arguments)
    if operation.returns in call.service.tables:
        changed = call.store.get(table.name, call.store.key_of(table, row)) or row
        return call.reply(200, entity(call, table, changed, Options(), "x/y"))
    [result] = operation.result
    written = shown(result, done[result.name], 4, exact=call.exact)
    return call.reply(200, {"@odata.context": "../$metadata#Edm.Decimal", "value": written})


def _arguments(call: "Call", operation: Operation) -> dict[str, Value]:
    fields = {each.name: each for each in operation.parameters}
    found: dict[str, Value] = {}
    for name, value in call.json.items():
        if name not in fields:
            raise bad(f"'{name}' is no parameter of '{operation.name}'", "/IWBEP/CM_V4S_RUN/021", name)
        try:
            found[name] = taken(fields[name], value, 4)
        except NotThatType as error:
            raise bad(f"Invalid value of parameter '{name}': {error}", "/IWBEP/CM_V4S_RUN/026", name) from None
    return found


def _match(call: "Call", table: Table, row: Row) -> None:
    given, mark = call.request.headers.get("if-match", "*"), etag(call.store, table, row, 4)
    if given not in ("*", mark):
        raise Refused(412, "/IWBEP/CM_V4S_RUN/150", "Precondition failed: the entity was changed since it was read")


def _do(call: "Call", operation: Operation, table: Table, row: Row, arguments: Mapping[str, Value]) -> _Done:
    if not operation.reads and not call.user.may_write(call.service.area):
        raise forbidden(f"User {call.user.name} has no authorization to change {table.label}")
    with call.store.unit_of_work():
        return _DEEDS[operation.does](call, table, row, arguments)


def _decided(call: "Call", table: Table, row: Row, status: str, verb: str) -> _Done:
    name = text_of(table, row, "SalesOrder")
    if not call.user.approves and call.user.login != "integration":
        raise forbidden(f"User {call.user.name} may not {verb} approval requests")
    if row["SalesDocApprovalStatus"] != "A":
        raise business("APPRVL_SD/015", f"Sales order {name} has no open approval request")
    call.did("updated", table, call.store.change(table, row, {"SalesDocApprovalStatus": status}))
    call.says("APPRVL_SD/020", f"The decision to {verb} sales order {name} was saved", "success")
    return {"IsInvalid": False}


def _release_order(call: "Call", table: Table, row: Row, _arguments: Mapping[str, Value]) -> _Done:
    return _decided(call, table, row, "B", "release")


def _reject_order(call: "Call", table: Table, row: Row, _arguments: Mapping[str, Value]) -> _Done:
    return _decided(call, table, row, "C", "reject")


def _open_amount(call: "Call", _table: Table, row: Row, _arguments: Mapping[str, Value]) -> _Done:
    items = call.store.find("SalesOrderItem", SalesOrder=row["SalesOrder"])
    open_items = [cast("Decimal", each["NetAmount"]) for each in items if each["SDProcessStatus"] != "C"]
    return {"amount": sum(open_items, Decimal("0.000"))}


def _cancel_invoice(call: "Call", table: Table, row: Row, arguments: Mapping[str, Value]) -> _Done:
    if row["ReverseDocument"]:
        raise business("M8/407", f"Invoice document {text_of(table, row, 'SupplierInvoice')} was already cancelled")
    number = call.store.pad(table, "SupplierInvoice", str(call.store.next_number("SupplierInvoice")))
    posted = arguments.get("PostingDate") or call.landscape.clock.now().date()
    year = str(posted)[:4]
    values = {**row, "SupplierInvoice": number, "FiscalYear": year, "PostingDate": posted}
    reversal = call.store.insert(table, values)
    call.did("created", table, reversal)
    changed = call.store.change(table, row, {"ReverseDocument": number, "ReverseDocumentFiscalYear": year})
    call.did("updated", table, changed)
    return {"ReverseDocument": number, "FiscalYear": year, "Success": True}


def _release_invoice(call: "Call", table: Table, row: Row, _arguments: Mapping[str, Value]) -> _Done:
    if not row["PaymentBlockingReason"]:
        raise business("MRM/088", "The invoice is not blocked for payment")
    values: _Done = {"PaymentBlockingReason": "", "SupplierInvoiceStatus": "5"}
    call.did("updated", table, call.store.change(table, row, values))
    return {"Success": True}


_DEEDS: "Final[Mapping[str, Callable[[Call, Table, Row, Mapping[str, Value]], _Done]]]" = {
    "release_order": _release_order,
    "reject_order": _reject_order,
    "open_amount": _open_amount,
    "cancel_invoice": _cancel_invoice,
    "release_invoice": _release_invoice,
}
