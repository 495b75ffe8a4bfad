"""Which values, and which services to hold them, do the properties range over?"""

import base64
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from isthmus.connectors.sap.odata.edm import (
    EdmType,
    EntitySet,
    EntityType,
    Enumeration,
    Kind,
    Primitive,
    Property,
    Service,
    Version,
)

from .grammar import clock, moment

COLOUR = Enumeration("T.Colour", {"Red": 0, "Green": 1, "Blue": 2})
NASTY = (
    *(
        "'",
        "''",
        "' or 1 eq 1",
        "')",
        "'),",
        "%27",
        "%2527",
        "\\'",
        "\\",
        '"',
        "(",
        ")",
        ",",
        "=",
        "/",
        "..",
        "?",
        "#",
        "&",
        ";",
    ),
    *(
        "\r\n",
        "\x00",
        "\u2028",
        "𝄞",
        "null",
        "true",
        "datetime'",
        "guid'",
        "X'",
        "T.Colour'",
        " and ",
        " or ",
        "eq",
        "$filter",
        "+",
    ),
    *("K='", "K", "1", "é", " "),
)
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.lists(st.sampled_from(NASTY), max_size=6).map("".join),
)


@dataclass(frozen=True)
class Case:
    """A value of a type: as a caller gives it, as it stands in our JSON, and as the grammar reads it."""

    kind: Kind
    given: Any
    ours: Any
    means: Any


def _whole(kind, low, high):
    return st.integers(low, high).map(lambda n: Case(kind, n, n if abs(n) < 2**53 else str(n), n))


def _floats(kind, width):
    finite = st.floats(allow_nan=False, allow_infinity=False, width=width)
    return finite.map(lambda x: Case(kind, x, x, x))


@st.composite
def _decimals(draw):
    digits = draw(st.integers(-(10**25), 10**25))
    exact = Decimal(digits).scaleb(-draw(st.integers(0, 12)))
    plain = f"{exact:f}"
    number = float(exact)
    ours = number if Decimal(repr(number)) == exact else None
    given = draw(st.sampled_from([plain, number] if ours is not None else [plain]))
    return Case(Primitive.DECIMAL, given, ours, exact)


def _guids():
    return st.uuids().map(lambda u: Case(Primitive.GUID, str(u), str(u), uuid.UUID(str(u))))


@st.composite
def _instants(draw, kind, *, milliseconds):
    naive = draw(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)))  # noqa: DTZ001 a zone comes below
    naive = naive.replace(microsecond=naive.microsecond // 1000 * 1000 if milliseconds else naive.microsecond)
    zone = timezone(timedelta(minutes=draw(st.integers(-720, 720))))
    aware = naive.replace(tzinfo=zone)
    text = aware.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    given = draw(st.sampled_from([aware, aware.isoformat(), text]))
    return Case(kind, given, text, moment(text))


@st.composite
def _days(draw):
    day = draw(st.dates())
    return Case(Primitive.DATE, draw(st.sampled_from([day, day.isoformat()])), day.isoformat(), day)


@st.composite
def _clocks(draw, kind):
    told = draw(st.times())
    assert isinstance(told, time)
    return Case(kind, draw(st.sampled_from([told, told.isoformat()])), told.isoformat(), clock(told.isoformat()))


def _bytes():
    def case(raw: bytes) -> Case:
        text = base64.b64encode(raw).decode()
        return Case(Primitive.BINARY, text, text, raw)

    return st.binary(max_size=20).map(case)


def _durations():
    parts = st.tuples(st.integers(0, 9_999), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
    return parts.map(lambda p: "P{}DT{}H{}M{}S".format(*p)).map(lambda t: Case(Primitive.DURATION, t, t, t))


_BOTH = {
    Primitive.STRING: texts.map(lambda t: Case(Primitive.STRING, t, t, t)),
    Primitive.BOOLEAN: st.booleans().map(lambda b: Case(Primitive.BOOLEAN, b, b, b)),
    Primitive.BYTE: _whole(Primitive.BYTE, 0, 255),
    Primitive.SBYTE: _whole(Primitive.SBYTE, -128, 127),
    Primitive.INT16: _whole(Primitive.INT16, -(2**15), 2**15 - 1),
    Primitive.INT32: _whole(Primitive.INT32, -(2**31), 2**31 - 1),
    Primitive.INT64: _whole(Primitive.INT64, -(2**63), 2**63 - 1),
    Primitive.DECIMAL: _decimals(),
    Primitive.DOUBLE: _floats(Primitive.DOUBLE, 64),
    Primitive.SINGLE: _floats(Primitive.SINGLE, 32),
    Primitive.GUID: _guids(),
    Primitive.BINARY: _bytes(),
}
CASES = {
    Version.V2: {
        **_BOTH,
        Primitive.DATE_TIME: _instants(Primitive.DATE_TIME, milliseconds=True),
        Primitive.DATE_TIME_OFFSET: _instants(Primitive.DATE_TIME_OFFSET, milliseconds=True),
        Primitive.TIME: _clocks(Primitive.TIME),
    },
    Version.V4: {
        **_BOTH,
        Primitive.DATE: _days(),
        Primitive.DATE_TIME_OFFSET: _instants(Primitive.DATE_TIME_OFFSET, milliseconds=False),
        Primitive.TIME_OF_DAY: _clocks(Primitive.TIME_OF_DAY),
        Primitive.DURATION: _durations(),
        COLOUR: st.sampled_from(list(COLOUR.members)).map(lambda m: Case(COLOUR, m, m, ("T.Colour", m))),
    },
}
KINDS = [(version, kind) for version, cases in CASES.items() for kind in cases]


def same(means, read) -> bool:
    """Tell whether what was read is what was meant: numbers by their amount."""
    if isinstance(means, float) and isinstance(read, Decimal):
        return float(read) == means
    return bool(means == read) and (isinstance(means, bool) is isinstance(read, bool))


def made(version: Version, kinds: dict[str, Kind], keys: tuple[str, ...] = (), *, nullable: bool = True) -> Service:
    """Return a service with one set S of these properties."""
    properties = {
        name: Property(name, EdmType(kind, nullable=nullable and name not in keys)) for name, kind in kinds.items()
    }
    entity = EntityType("T.S", keys, properties, {})
    return Service(version, {"S": EntitySet("S", entity, properties, {})}, {"T.S": entity})


__all__ = ["CASES", "COLOUR", "KINDS", "NASTY", "Case", "date", "made", "same", "texts"]
