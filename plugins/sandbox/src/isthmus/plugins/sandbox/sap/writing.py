"""How are rows made, changed and deleted, with all that hangs below them?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Reply

from . import rules
from .bodies import Sent, fit, read_body, required
from .errors import Refused, bad, forbidden
from .keys import address, etag, journal_id
from .odata.options import Options
from .reading import entity
from .resolve import Target
from .schema import Table, owner_of
from .store import Row
from .values import Value

if TYPE_CHECKING:
    from .call import Call

_TENS: Final = 10


def create(call: "Call", target: Target) -> Reply:
    """Answer POST on a collection; raises Refused."""
    table = target.table
    _allow(call, "create", table)
    sent = read_body(call, table, call.json)
    above: dict[str, Value] = {}
    if target.link is not None and target.owner is not None:
        above = {theirs: target.owner[ours] for theirs, ours in target.link.on}
        _unlocked(call, table, {**table.blank, **above})
    with call.store.unit_of_work():
        row = _made(call, table, sent, above)
        rules.settle(call, table, row)
        row = call.store.get(table.name, call.store.key_of(table, row)) or row
    rules.comment(call, table, row)
    where = f"{call.root}{address(call.service, table, row)}"
    mark = etag(call.store, table, row, call.version)
    headers = {"Location": where, **({"ETag": mark} if mark else {})}
    if call.version == 4 and "return=minimal" in call.request.headers.get("prefer", ""):
        return call.nothing({**headers, "OData-EntityId": where, "Preference-Applied": "return=minimal"})
    shown = Options() if call.takes("bare_create") else _as_sent(call, sent)
    return call.reply(201, entity(call, table, row, shown), headers)


def _as_sent(call: "Call", sent: Sent) -> Options:
    """Return options that show what a deep insert made."""
    return Options(
        expand={call.service.nav_of(link): _as_sent(call, rows[0] if rows else Sent()) for link, rows in sent.below}
    )


def _made(call: "Call", table: Table, sent: Sent, above: Mapping[str, Value]) -> Row:
    """Make a row and those sent below it."""
    given = {name: value for name, value in sent.values.items() if value is not None and _takes(table, name)}
    values = {**table.blank, **call.landscape.altered(call, table, given), **above}
    _number(call, table, values)
    required(call, table, values)
    rules.prepare(call, table, values)
    if not call.view.sees(table, values) and owner_of(table.name) is None:
        raise forbidden(f"No authorization to create '{call.service.set_of(table)}' with these values")
    try:
        row = call.store.insert(table, values)
    except KeyError:
        text = f"{table.label} {journal_id(table, values)} already exists"
        raise Refused(409 if call.version == 4 else 400, "/IWBEP/CM_MGW_RT/001", text) from None
    call.did("created", table, row)
    for link, rows in sent.below:
        if not link.owns:
            raise bad(f"'{call.service.nav_of(link)}' cannot be created together with '{call.service.set_of(table)}'")
        inherited = {theirs: row[ours] for theirs, ours in link.on}
        for each in rows:
            _made(call, call.service.tables[link.table], each, inherited)
    return row


def _takes(table: Table, name: str) -> bool:
    return not table.fields[name].computed


def _number(call: "Call", table: Table, values: dict[str, Value]) -> None:
    """Draw the last field of the key where nobody gave one: from a range, or after those of the same owner."""
    name = next((each for each in table.key if table.fields[each].computed), table.key[-1])
    if table.number is None or values[name] not in (None, ""):
        return
    if table.number > _TENS:
        number = call.store.next_number(table.name)
    else:
        others = {each: values[each] for each in table.key if each != name}
        last = max((int(str(row[name])) for row in call.store.find(table.name, **others)), default=0)
        number = last + table.number if others else call.store.next_number(table.name)
    values[name] = call.store.pad(table, name, str(number))


def update(call: "Call", target: Target, *, replacing: bool) -> Reply:
    """Answer PATCH, MERGE, or PUT (which is `replacing`) on a row; raises Refused."""
    table, row = target.table, _there(target)
    _allow(call, "update", table)
    _match(call, table, row)
    _unlocked(call, table, row)
    sent = read_body(call, table, {target.field: call.json.get("value")} if target.field else call.json)
    if sent.below:
        raise bad("Deep updates are not supported", "/IWBEP/CM_MGW_RT/178")
    changes = fit(call, table, row, call.landscape.altered(call, table, sent.values))
    if replacing:
        blank = {name: table.blank[name] for name, field in table.fields.items() if field.writable}
        changes = {**{name: value for name, value in blank.items() if name not in table.key}, **changes}
    with call.store.unit_of_work():
        rules.check_change(call, table, row, changes)
        changed = call.store.change(table, row, {**changes, **rules.changer(call, table)})
        call.did("updated", table, changed)
        rules.settle(call, table, changed)
        changed = call.store.get(table.name, call.store.key_of(table, changed)) or changed
    mark = etag(call.store, table, changed, call.version)
    headers = {"ETag": mark} if mark else {}
    if call.version == 2 or "return=minimal" in call.request.headers.get("prefer", ""):
        return call.nothing(headers)
    return call.reply(200, entity(call, table, changed, Options()), headers)


def delete(call: "Call", target: Target) -> Reply:
    """Answer DELETE on a row; raises Refused."""
    table, row = target.table, _there(target)
    if target.field:
        raise bad("A property cannot be deleted")
    _allow(call, "delete", table)
    _match(call, table, row)
    _unlocked(call, table, row)
    with call.store.unit_of_work():
        rules.check_delete(call, table, row)
        root, above = call.store.root_of(table, row)
        _gone(call, table, row)
        if root is not table:
            rules.settle(call, root, above)
    return call.nothing()


def _gone(call: "Call", table: Table, row: Row) -> None:
    for link in table.links.values():
        if link.owns:
            for each in call.store.follow(link, row):
                _gone(call, call.store.tables[link.table], each)
    call.store.delete(table, row)
    call.did("deleted", table, row)


def _there(target: Target) -> Row:
    if target.row is None:
        raise Refused(405, "/IWBEP/CM_MGW_RT/029", "Method not allowed on a collection")
    return target.row


def _allow(call: "Call", operation: str, table: Table) -> None:
    if operation in table.denied:
        text = f"'{operation}' is not supported by entity set '{call.service.set_of(table)}'"
        raise Refused(405, "/IWBEP/CM_MGW_RT/029", text)
    if not call.user.may_write(call.service.area):
        raise forbidden(f"User {call.user.name} has no authorization to {operation} {table.label}")


def _match(call: "Call", table: Table, row: Row) -> None:
    """Check the precondition: a row with an ETag is changed only by whoever knows its state."""
    mark = etag(call.store, table, row, call.version)
    given = call.request.headers.get("if-match", "")
    if mark is None or given == "*":
        return
    if not given:
        text = "The data service request is required to be conditional. Try using the 'If-Match' header."
        raise Refused(428, "/IWBEP/CM_MGW_RT/151", text)
    if mark not in [each.strip() for each in given.split(",")]:
        raise Refused(412, "/IWBEP/CM_MGW_RT/150", "Precondition failed: the entity was changed since it was read")


def _unlocked(call: "Call", table: Table, row: Row) -> None:
    """Raise Refused where somebody else holds the enqueue lock of the object."""
    root, above = call.store.root_of(table, row)
    name = journal_id(root, above)
    holder = call.landscape.locks.get((root.name, name), "")
    fault = call.takes("locked")
    if fault is not None:
        holder = fault.text("user", "BOB")
    if holder and holder != call.user.name:
        status = int(fault.number("status", 423)) if fault else 423 if call.version == 4 else 400
        raise Refused(status, "V1/042", f"{root.label} {name} is locked by user {holder}")
