"""How are values and keys written as the API takes them?"""

from collections.abc import Mapping

from isthmus.core.connector import Key
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON

__all__ = ["EMPTIED", "cell_of", "flat_values", "key_text"]

EMPTIED = "#N/A"
"""What empties a field in CSV; an empty cell leaves it as it is (Bulk API 2.0 guide, "Prepare CSV Files")."""


def flat_values(values: Mapping[str, JSON]) -> dict[str, JSON]:
    """Write several choices as one text; no value reaches into another record."""
    found: dict[str, JSON] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            raise InvalidArguments(f"{name} takes one value; write to the parts or to the other record", field=name)
        found[name] = ";".join(str(one) for one in value) if isinstance(value, list | tuple) else value
    return found


def cell_of(name: str, value: JSON) -> str:
    """Write a flat value as a cell; raises InvalidArguments for a text that would empty the field."""
    match value:
        case None | "":
            return EMPTIED
        case bool():
            return "true" if value else "false"
        case str() if value.strip() == EMPTIED:
            raise InvalidArguments(
                f"the text {EMPTIED!r} means empty in a load; write this record by itself", field=name
            )
        case _:
            return str(value)


def key_text(key: Key) -> str:
    """Return a key that an address can hold: the org does not tell an encoded slash from a real one."""
    if not key.value.strip() or "/" in key.value:
        raise InvalidArguments(f"the key in {key.field} is empty or has a slash; use another key", field=key.field)
    return key.value
