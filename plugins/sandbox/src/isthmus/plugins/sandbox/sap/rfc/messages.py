"""What does a call ask for, and how is its answer written?"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from . import records as tag
from .dictionary import Elementary, Function, Parameter, Structure
from .records import record, records_of, text
from .values import Line, Value, decoded, encoded, initial, line_of, row_of

_RELEASE: Final = "757"
_GIVEN_BACK: Final = 10
"""What begins the record of a table that the client had sent itself."""


class AbapException(Exception):
    """An exception that a function module raises; `key` is its name."""

    def __init__(self, key: str, message: tuple[str, str] = ("", "000"), *variables: str) -> None:
        super().__init__(key)
        self.key = key
        self.message = message
        self.variables = variables


class ShortDump(Exception):
    """A runtime error that ends the program and its session; the text is what clients get to read."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key = key


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a client, its records sorted by what they are for."""

    function: str
    values: Mapping[str, bytes] = field(default_factory=dict)
    tables: Mapping[str, tuple[bytes, Sequence[bytes]]] = field(default_factory=dict)
    wanted: frozenset[str] = frozenset()
    logon: Mapping[int, bytes] = field(default_factory=dict)


def message_of(body: bytes) -> Message:
    """Read a message; raises Malformed."""
    values: dict[str, bytes] = {}
    tables: dict[str, tuple[bytes, list[bytes]]] = {}
    single: dict[int, bytes] = {}
    wanted, name = set[str](), ""
    for kind, data in records_of(body):
        if kind in (tag.NAME, tag.TABLE, tag.WANTED):
            name = _letters(data)
        if kind == tag.WANTED:
            wanted.add(name)
        elif kind == tag.VALUE:
            values[name] = values.get(name, b"") + data
        elif kind == tag.TABLE:
            tables[name] = (b"", [])
        elif kind == tag.TABLE_ID and name in tables:
            tables[name] = (data, tables[name][1])
        elif kind in (tag.ROW, tag.ROW_BACK) and name in tables:
            tables[name][1].append(data)
        else:
            single[kind] = data
    return Message(_letters(single.get(tag.FUNCTION, b"")), values, tables, frozenset(wanted), single)


def arguments_of(function: Function, message: Message) -> dict[str, Value]:
    """Read the arguments of a call; what is not given is initial.

    Raises:
        ShortDump: an obligatory parameter is missing, or one is given that the function module does not have.
    """
    known = {one.name for one in function.parameters}
    if strange := sorted({*message.values, *message.tables} - known):
        raise ShortDump("CALL_FUNCTION_PARM_UNKNOWN", f"Function {function.name} has no parameter {strange[0]}.")
    for one in function.parameters:
        if one.direction in "IC" and not one.optional and one.name not in message.values:
            raise ShortDump("CALL_FUNCTION_PARM_MISSING", f"Function {function.name} needs parameter {one.name}.")
    return {one.name: _argument(one, message) for one in function.parameters if one.direction != "E"}


def success(function: Function, message: Message, results: Mapping[str, Value]) -> bytes:
    """Write the answer of a call that went well: what the client wants to know, tables of its own by their ids.

    `results` are the arguments as the function module left them, and what it exports.
    """
    parts = [record(tag.ANSWER), record(0x0503), record(tag.RETURN_CODE, bytes(4))]
    for one in function.parameters:
        if one.direction in "EC" and one.name in message.wanted:
            parts += [text(tag.NAME, one.name), record(tag.VALUE, _bytes_of(one, results.get(one.name)))]
    sent = list(message.tables)
    others = [one for one in function.parameters if one.direction == "T" and one.name not in sent]
    for place, one in enumerate(others, start=len(sent) + 1):
        if one.name in message.wanted:
            parts += [text(tag.TABLE, one.name), record(tag.TABLE_ID, struct.pack(">I", place))]
            parts += _rows(one, results.get(one.name), tag.ROW)
    for one in function.parameters:
        if one.direction == "T" and one.name in sent:
            lines = cast("list[Line]", results.get(one.name) or [])
            head = struct.pack(">I", _GIVEN_BACK) + message.tables[one.name][0] + struct.pack(">I", len(lines))
            parts += [record(tag.TABLE_BACK, head), *_rows(one, lines, tag.ROW_BACK)]
            parts.append(record(tag.TABLE_BACK_END, bytes(4)))
    return b"".join([*parts, record(tag.END)])


def raised(error: AbapException) -> bytes:
    """Write the answer of a call that raised an exception; the sentence is for the client to look up."""
    area, number = error.message
    parts = [record(tag.ANSWER)]
    if area:
        parts += [text(tag.MESSAGE_CLASS, area), text(tag.MESSAGE_TYPE, "E")]
    parts.append(text(tag.MESSAGE_NUMBER, number))
    parts += [text(kind, value) for kind, value in zip(tag.VARIABLES, error.variables, strict=False)]
    return b"".join([*parts, text(tag.EXCEPTION, error.key), record(tag.END)])


def dumped(error: ShortDump) -> bytes:
    """Write the answer of a call that ended in a short dump."""
    parts = [record(tag.ANSWER), text(tag.MESSAGE_CLASS, "00"), text(tag.MESSAGE_TYPE, "X")]
    parts += [text(tag.MESSAGE_NUMBER, "341"), text(tag.DUMP, error.key)]
    return b"".join([*parts, text(tag.ERROR_TEXT, str(error)), record(tag.END)])


def welcome(system: str, client: str, user: str) -> bytes:
    """Write the answer to a logon that is accepted."""
    named = ((tag.SYSTEM, system), (0x0451, "00"), (tag.HOST, "sandbox"), (0x0150, user), (0x0151, client))
    told = [text(kind, value) for kind, value in (*named, (0x0013, _RELEASE), (0x0012, _RELEASE))]
    return b"".join([record(tag.ANSWER), *told, record(tag.RETURN_CODE, bytes(4)), record(tag.END)])


def refused(sentence: str) -> bytes:
    """Write the answer to a logon that is not accepted."""
    return b"".join([record(tag.ANSWER), text(tag.ERROR_TEXT, sentence), record(tag.END)])


def _argument(one: Parameter, message: Message) -> Value:
    if one.direction == "T":
        _, rows = message.tables.get(one.name, (b"", []))
        return [line_of(_structure(one), row) for row in rows]
    data = message.values.get(one.name)
    if isinstance(one.type, Structure):
        return line_of(one.type, data or b"") if data else line_of(one.type, row_of(one.type, {}))
    return initial(one.type) if data is None else decoded(one.type, data)


def _bytes_of(one: Parameter, value: Value | None) -> bytes:
    if isinstance(one.type, Structure):
        return row_of(one.type, cast("Line", value or {}))
    return encoded(one.type, initial(one.type) if value is None else cast("str", value))


def _rows(one: Parameter, value: Value | None, kind: int) -> list[bytes]:
    structure, lines = _structure(one), cast("list[Line]", value or [])
    size = record(tag.TABLE_SIZE, struct.pack(">II", structure.width, len(lines)))
    return [size, *[record(kind, row_of(structure, line)) for line in lines]]


def _structure(one: Parameter) -> Structure:
    if isinstance(one.type, Elementary):
        raise TypeError(f"table {one.name} has no structure")
    return one.type


def _letters(data: bytes) -> str:
    return data.decode("utf-16-le").rstrip(" \0") if b"\0" in data else data.decode("latin-1").rstrip()
