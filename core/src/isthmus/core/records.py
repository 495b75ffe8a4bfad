"""What agents send and receive: records, pages, queries, conditions and refs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

__all__ = [
    "JSON",
    "QUALIFIER",
    "Aggregate",
    "AllOf",
    "AnyOf",
    "Compare",
    "Condition",
    "InQuery",
    "Masked",
    "Measure",
    "Negated",
    "Operator",
    "Order",
    "Page",
    "Query",
    "Record",
    "Ref",
    "Relative",
    "Row",
    "Rows",
    "Untyped",
    "Value",
    "Withheld",
]

QUALIFIER = "~"
"""Stands in an id between the connection and the system's own id; a URL may hold it anywhere (RFC 3986 section 2.3)."""

MOST_ROWS = 2_000
"""The most records of one page; systems answer no more at a time, so the page after a full one may be empty."""

MOST_LINES = 10_000
"""The most lines of one load."""

USUAL_LINES = 1_500
"""The lines of one part of a load where nothing else is said: as many as batches of 50 write within a call's time."""

MOST_BATCH = 10_000
"""The most records of one page of an export."""

JSON: TypeAlias = bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"] | None


@dataclass(frozen=True, slots=True)
class Ref:
    """An opaque stand-in for a value that stays in its home zone; `token` starts with `ref_`."""

    token: str

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> "CoreSchema":
        """Let a pydantic model hold refs; in JSON one is `{"ref": token}`, as arguments take it."""
        from pydantic_core import core_schema as schema

        shape = schema.typed_dict_schema(
            {"ref": schema.typed_dict_field(schema.str_schema())}, extra_behavior="forbid", total=True
        )
        told = schema.no_info_after_validator_function(lambda found: cls(found["ref"]), shape)
        return schema.json_or_python_schema(
            json_schema=told,
            python_schema=schema.union_schema([schema.is_instance_schema(cls), told]),
            serialization=schema.plain_serializer_function_ser_schema(
                lambda ref: {"ref": ref.token}, return_schema=shape, when_used="json"
            ),
        )


class Masked(str):
    """The text that stands for a masked value: the name of its field in brackets."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> "CoreSchema":
        """Let a pydantic model tell masks from texts."""
        from pydantic_core import core_schema as schema

        return schema.json_or_python_schema(
            json_schema=schema.no_info_after_validator_function(cls, schema.str_schema()),
            python_schema=schema.is_instance_schema(cls),
            serialization=schema.to_string_ser_schema(),
        )


class Untyped(str):
    """A literal of a query text whose language writes all literals alike; it gets the type of its field."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Relative:
    """A relative date in the system's own words, such as `TODAY` or `LAST_N_DAYS` with a count."""

    name: str
    count: int | None = None


Value: TypeAlias = (
    bool
    | int
    | float
    | Decimal
    | str
    | date
    | datetime
    | time
    | Ref
    | Relative
    | Sequence["Value"]
    | Mapping[str, "Value"]
    | None
)


class Operator(StrEnum):
    """How a condition compares (OData 4.01 words where it has one)."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    INCLUDES = "includes"
    EXCLUDES = "excludes"


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison; `value` is a tuple for `in`, `not_in`, `includes` and `excludes`."""

    field: str
    op: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class InQuery:
    """Membership in the values of one field of another query (a semi-join, or an anti-join when negated)."""

    field: str
    query: "Query"
    negated: bool = False


@dataclass(frozen=True, slots=True)
class AllOf:
    """True when every term is."""

    terms: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True when at least one term is."""

    terms: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Negated:
    """True when the term is not."""

    term: "Condition"


Condition: TypeAlias = Compare | InQuery | AllOf | AnyOf | Negated


@dataclass(frozen=True, slots=True)
class Order:
    """One sort key; missing values come first in both directions."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A read of many records of one object; `after` continues an earlier page.

    `as_of` is the day whose truth is read (ISO 8601), where the object keeps more than today's; empty is today.
    """

    object: str
    select: tuple[str, ...] = ()
    where: Condition | None = None
    order_by: tuple[Order, ...] = ()
    limit: int = 50
    after: str | None = None
    as_of: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of an aggregate; `function` is count, count_distinct, sum, avg, min or max."""

    function: str
    field: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A read of figures over groups of records."""

    object: str
    measures: tuple[Measure, ...]
    group_by: tuple[str, ...] = ()
    where: Condition | None = None
    limit: int = 200


class Row(msgspec.Struct, frozen=True, gc=False):
    """One record as a connector read it: values by field path, before labels and forms."""

    object: str
    id: str
    fields: Mapping[str, JSON]
    version: str | None = None


class Rows(tuple[Row, ...]):
    """Rows of an answer from which the system left out others that this identity may not read.

    How many is not said: a count of what nobody may see would tell of it.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Withheld:
    """Something that was kept back, and the rules that did it."""

    what: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a system says beside a success, such as a warning; `field` is what it is about, if it tells.

    `severity` is success, info, warning or error, `code` the system's own word for it. `text` is the system's own
    sentence: data, which may speak of anybody. It is empty for a consumer that may not read such data.
    """

    severity: str
    code: str = ""
    field: str = ""
    text: str = ""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record as it is released: every field in the form that the flow rules allow.

    `withheld` names the dropped fields. `guard` tells who enforced the version of a write: the server, or a
    read just before it. `altered` names the fields that the system stored otherwise than a write asked, and `fields`
    holds them as they are now. `below` are object and id of each record that a create made along with it, in the order
    in which they were given. `notes` are what the system says beside the success of a write.
    """

    object: str
    id: str
    fields: Mapping[str, Value]
    version: str | None = None
    withheld: tuple[Withheld, ...] = ()
    guard: str | None = None
    created: bool | None = None
    altered: tuple[str, ...] = ()
    below: tuple[tuple[str, str], ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Some records; `after` fetches the rest, `complete` is False where rows may be hidden or were withheld.

    `deleted` are ids of records that are gone, where the page tells what changed; its `after` is good for later, too.
    """

    records: tuple[Record, ...]
    after: str | None = None
    total: int | None = None
    complete: bool = False
    withheld: tuple[Withheld, ...] = field(default=())
    deleted: tuple[str, ...] = ()


def comparisons(condition: Condition | None) -> Iterator[Compare | InQuery]:
    """Yield the leaves of a condition tree, left to right."""
    match condition:
        case None:
            return
        case AllOf(terms) | AnyOf(terms):
            for term in terms:
                yield from comparisons(term)
        case Negated(term):
            yield from comparisons(term)
        case _:
            yield condition
