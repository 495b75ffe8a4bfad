"""What does the body of a write say, and does the table take it?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from isthmus.plugins.sandbox.message import Json

from .errors import bad
from .schema import Link, Table
from .shown import MESSAGES
from .values import NotThatType, Value, outer, taken

if TYPE_CHECKING:
    from .call import Call


@dataclass
class Sent:
    """The values that were sent for one row, and those for rows below it."""

    values: dict[str, Value] = field(default_factory=dict)
    below: "list[tuple[Link, list[Sent]]]" = field(default_factory=list)


def read_body(call: "Call", table: Table, body: Mapping[str, Json]) -> Sent:
    """Read what was sent for a row and those below it; raises Refused."""
    sent, links = Sent(), dict(call.service.links(table))
    for name, value in body.items():
        if name in ("__metadata", MESSAGES) or "@" in name:
            # Some clients send back, empty, whatever a row holds.
            continue
        if name in links:
            _nested(call, sent, links[name], value)
        elif name in table.fields:
            sent.values[name] = _value(call, table, name, value)
        else:
            text = f"Property '{name}' is invalid; it is not part of '{call.service.set_of(table)}'"
            raise bad(text, "/IWBEP/CM_MGW_RT/022", name)
    return sent


def _nested(call: "Call", sent: Sent, link: Link, value: Json) -> None:
    if isinstance(value, Mapping) and "__deferred" in value:
        return
    if call.version == 2 and isinstance(value, Mapping) and "results" in value:
        value = value["results"]
    rows = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if not all(isinstance(each, Mapping) for each in rows):
        raise bad(f"'{call.service.nav_of(link)}' must hold objects")
    inner = call.service.tables[link.table]
    sent.below.append((link, [read_body(call, inner, each) for each in rows if isinstance(each, Mapping)]))


def _value(call: "Call", table: Table, name: str, value: Json) -> Value:
    exact = "ieee754compatible=true" in call.request.headers.get("content-type", "").lower().replace(" ", "")
    try:
        return taken(table.fields[name], value, call.version, exact=exact)
    except NotThatType as error:
        code = "CX_SXML_PARSE_ERROR/001560AA0E081DEB8CA398CC1690D406" if call.version == 2 else "/IWBEP/CM_V4S_RUN/026"
        raise bad(f"Property '{name}' has an invalid value: {error}", code, name) from None


def fit(call: "Call", table: Table, row: Mapping[str, Value], values: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values that an update may set: V2 drops the others in silence, V4 refuses them."""
    fitting: dict[str, Value] = {}
    for name, value in values.items():
        if table.fields[name].writable and name not in table.key:
            fitting[name] = value
        elif call.version == 4 and value != row[name]:
            raise bad(f"Property '{name}' is read-only", "/IWBEP/CM_V4S_RUN/127", name)
    return {name: _unset(table, name) if value is None else value for name, value in fitting.items()}


def _unset(table: Table, name: str) -> Value:
    return table.blank[name]


def required(call: "Call", table: Table, row: Mapping[str, Value]) -> None:
    """Raise Refused where a field that must be there is not."""
    for name, each in table.fields.items():
        if "must" in each.marks and row.get(name) in (None, ""):
            raise bad(f"Property '{name}' of '{call.service.set_of(table)}' is mandatory", "/IWBEP/CM_MGW_RT/177", name)


def text_of(table: Table, row: Mapping[str, Value], name: str) -> str:
    """Return a text as the outside knows it."""
    return outer(table.fields[name], str(row[name] or ""))
