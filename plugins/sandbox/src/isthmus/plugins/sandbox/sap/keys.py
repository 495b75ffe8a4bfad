"""How is a row named in a URL, in a journal and in an ETag?"""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Final
from urllib.parse import quote
from uuid import UUID

from .schema import Field, Service, Table
from .store import Row, Store
from .values import Value, outer, to_the_second

_SAFE: Final = "'(),=:~-._"


def literal(field: Field, value: Value, version: int) -> str:
    """Return a value as a literal of a URL, not yet percent-encoded."""
    match value:
        case str():
            return "'" + outer(field, value).replace("'", "''") + "'"
        case bool():
            return str(value).lower()
        case datetime():
            text = to_the_second(value) + "Z"
            return f"datetimeoffset'{text}'" if version == 2 else text
        case date():
            return f"datetime'{value.isoformat()}T00:00:00'" if version == 2 else value.isoformat()
        case time():
            return value.strftime("time'PT%HH%MM%SS'" if version == 2 else "%H:%M:%S")
        case UUID():
            return f"guid'{value}'" if version == 2 else str(value)
        case _:
            text = f"{value:f}" if isinstance(value, Decimal) else str(value)
            return text + ({"dec": "M", "long": "L"}.get(field.kind, "") if version == 2 else "")


def predicate(table: Table, row: Row, version: int = 2) -> str:
    """Return a row's key as it stands in brackets, not yet percent-encoded."""
    if len(table.key) == 1:
        [name] = table.key
        return literal(table.fields[name], row[name], version)
    return ",".join(f"{name}={literal(table.fields[name], row[name], version)}" for name in table.key)


def journal_id(table: Table, row: Row) -> str:
    """Return what the journal calls a row: a single key bare, several ones as V2 writes them."""
    if len(table.key) == 1:
        [name] = table.key
        return outer(table.fields[name], str(row[name]))
    return predicate(table, row)


def address(service: Service, table: Table, row: Row) -> str:
    """Return a row's path below the service's root."""
    return f"{service.set_of(table)}({quote(predicate(table, row, service.version), safe=_SAFE)})"


def etag(store: Store, table: Table, row: Row, version: int) -> str | None:
    """Return what stands for the state of a row, or of the root above it; some rows have none."""
    if not table.etag:
        return None
    if table.etag == "root":
        table, row = store.root_of(table, row)
    moment = store.changed(row)
    if version == 4:
        return f'W/"SADL-{moment:%Y%m%d%H%M%S}{moment.microsecond:06d}"'
    text = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}0Z"
    return f"W/\"datetimeoffset'{quote(text, safe='')}'\""
