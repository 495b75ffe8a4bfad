"""What does a BAPI say in its return parameter? That no exception came says nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from isthmus.core.records import JSON

__all__ = ["Message", "messages_in", "refusals_in"]

_FAILED = frozenset("EA")
_KINDS = frozenset("SIWEA")


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its type (S, I, W, E or A), its class and number as `V1/311`, and its sentence."""

    type: str
    number: str
    text: str
    parameter: str = ""
    row: int = 0
    field: str = ""

    @property
    def failed(self) -> bool:
        """Tell whether nothing may be committed."""
        return self.type in _FAILED

    def plain(self) -> Mapping[str, JSON]:
        """Return it as JSON."""
        told = {"type": self.type, "number": self.number, "text": self.text, "parameter": self.parameter}
        return {**told, "row": self.row, "field": self.field}


def messages_in(results: Mapping[str, object]) -> Sequence[Message]:
    """Return the messages of a call.

    A return parameter is a structure or a table like BAPIRET2, BAPIRET1 or BAPIRETURN, mostly named RETURN: whatever
    has a type and a sentence of messages is taken for one, since some function modules name theirs otherwise.
    """
    return tuple(_message(line) for value in results.values() for line in _lines(value) if _is_message(line))


def refusals_in(results: Mapping[str, object]) -> Sequence[Message]:
    """Return the messages that forbid a commit."""
    return tuple(one for one in messages_in(results) if one.failed)


def _lines(value: object) -> Iterator[Mapping[str, object]]:
    lines = [value] if isinstance(value, Mapping) else value
    for one in lines if isinstance(lines, Sequence) and not isinstance(lines, str | bytes) else ():
        if isinstance(one, Mapping):
            # Generated SOAP services write the same names in another case.
            yield {str(name).upper(): told for name, told in one.items()}


def _is_message(line: Mapping[str, object]) -> bool:
    return "MESSAGE" in line and ("NUMBER" in line or "CODE" in line) and str(line.get("TYPE", "")).strip() in _KINDS


def _message(line: Mapping[str, object]) -> Message:
    area, number = str(line.get("ID", "")).strip(), str(line.get("NUMBER", line.get("CODE", ""))).strip()
    row = str(line.get("ROW", 0)).strip()
    return Message(
        str(line["TYPE"]).strip(),
        f"{area}/{number}" if area else number,
        str(line["MESSAGE"]).strip(),
        str(line.get("PARAMETER", "")).strip(),
        int(row) if row.isdigit() else 0,
        str(line.get("FIELD", "")).strip(),
    )
