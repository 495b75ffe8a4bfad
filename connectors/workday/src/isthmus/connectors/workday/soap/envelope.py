"""How is a request to a web service written? From templates of our own, each value escaped where it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from isthmus.connectors.workday.ids import checked_id, is_wid
from isthmus.connectors.workday.soap.xml import BSVC, ENVELOPE
from isthmus.core.connector import Action
from isthmus.core.errors import InvalidArguments
from isthmus.core.operation import Effect
from isthmus.core.records import JSON

__all__ = ["WRITES", "Asked", "enter_time_off", "envelope", "get_request", "write_action"]

_DAY: Mapping[str, JSON] = {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_TEXT: Mapping[str, JSON] = {"type": "string", "minLength": 1, "maxLength": 2000}
WRITES = frozenset({"Enter_Time_Off"})
"""The operations that write and of which a template is known."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a read asks for: records by their ids, or a page of all; `entered` freezes what was known by then."""

    operation: str
    item: str
    groups: Sequence[str]
    references: Sequence[str] = ()
    page: int = 1
    count: int = 100
    effective: str | None = None
    entered: str | None = None


def envelope(body: str) -> bytes:
    """Wrap a request; what proves who asks is put into the header on its way out, below all that could log it."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><soapenv:Envelope xmlns:soapenv="{ENVELOPE}" xmlns:bsvc="{BSVC}">'
        f"<soapenv:Header/><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    ).encode()


def get_request(asked: Asked, version: str) -> bytes:
    """Write a read."""
    references = "".join(_wrapped(f"{asked.item}_Reference", _id(one)) for one in asked.references)
    dates = [("As_Of_Effective_Date", asked.effective), ("As_Of_Entry_DateTime", asked.entered)]
    told = "".join(_leaf(name, value) for name, value in dates if value)
    told += _leaf("Page", str(asked.page)) + _leaf("Count", str(asked.count))
    inner = (
        (_wrapped("Request_References", references) if references else "")
        + _wrapped("Response_Filter", told)
        + _wrapped("Response_Group", "".join(_leaf(one, "true") for one in asked.groups))
    )
    return envelope(_request(asked.operation, version, inner))


def enter_time_off(arguments: Mapping[str, JSON], version: str, *, auto_complete: bool) -> bytes:
    """Write a request to enter time off; it is left to the process unless settings let it skip its approvals."""
    days = arguments.get("days")
    entries = [one for one in (days if isinstance(days, Sequence) else ()) if isinstance(one, Mapping)]
    if not entries:
        raise InvalidArguments("time off needs days", field="days")
    comment = arguments.get("comment")
    parameters = (
        _leaf("Auto_Complete", "true" if auto_complete else "false")
        + _leaf("Run_Now", "true")
        + _leaf("Discard_On_Exit_Validation_Error", "true")
        + (_wrapped("Comment_Data", _leaf("Comment", str(comment))) if comment else "")
    )
    data = _wrapped("Worker_Reference", _id(str(arguments.get("worker", "")))) + "".join(_entry(one) for one in entries)
    inner = _wrapped("Business_Process_Parameters", parameters) + _wrapped("Enter_Time_Off_Data", data)
    return envelope(_request("Enter_Time_Off", version, inner))


def write_action(operation: str, *, auto_complete: bool) -> Action:
    """Describe an operation that writes."""
    day: Mapping[str, JSON] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["date", "requested", "timeOffType"],
        "properties": {"date": _DAY, "requested": {"type": "string", "pattern": r"^-?[0-9]{1,4}(\.[0-9]{1,3})?$"},
                       "timeOffType": _TEXT, "comment": _TEXT},
    }  # fmt: skip
    parameters: dict[str, Mapping[str, JSON]] = {
        "worker": _TEXT, "days": {"type": "array", "minItems": 1, "maxItems": 366, "items": day}, "comment": _TEXT,
    }  # fmt: skip
    if auto_complete:
        parameters["autoComplete"] = {"type": "boolean", "description": "skip the approvals of the process"}
    return Action(
        operation, "Enter time off for a worker on given days; answers with its event, which may wait for approval.",
        frozenset({Effect.EXECUTE}), parameters, ("worker", "days"),
        classes=frozenset({"internal"}),
    )  # fmt: skip


def _entry(told: Mapping[str, JSON]) -> str:
    kind = str(told.get("timeOffType", ""))
    reference = kind if "=" in kind or is_wid(kind) else f"Time_Off_Type_ID={kind}"
    inner = _leaf("Date", str(told.get("date", ""))) + _leaf("Requested", str(told.get("requested", "")))
    inner += _wrapped("Time_Off_Type_Reference", _id(reference))
    inner += _leaf("Comment", str(told["comment"])) if told.get("comment") else ""
    return _wrapped("Enter_Time_Off_Entry_Data", inner)


def _request(operation: str, version: str, inner: str) -> str:
    return f'<bsvc:{operation}_Request bsvc:version="{version}">{inner}</bsvc:{operation}_Request>'


def _id(id: str) -> str:
    """Write an id with its type; a text without one is a WID. Raises InvalidArguments."""
    kind, found, value = checked_id(id).partition("=")
    if not found:
        kind, value = "WID", id
    return f"<bsvc:ID bsvc:type={quoteattr(_plain(kind))}>{escape(_plain(value))}</bsvc:ID>"


def _leaf(name: str, text: str) -> str:
    # A carriage return that is written as it is would arrive as a line feed (XML 1.0 section 2.11).
    return f"<bsvc:{name}>{escape(_plain(text), {chr(13): '&#13;'})}</bsvc:{name}>"


def _wrapped(name: str, inner: str) -> str:
    return f"<bsvc:{name}>{inner}</bsvc:{name}>"


def _plain(text: str) -> str:
    """Return a text that XML 1.0 can hold; raises InvalidArguments (section 2.2)."""
    bad = any(ord(one) < 32 and one not in "\t\n\r" for one in text)
    if bad or any(0xD800 <= ord(one) <= 0xDFFF or ord(one) in (0xFFFE, 0xFFFF) for one in text):
        raise InvalidArguments("a value holds letters that no XML can carry")
    return text
