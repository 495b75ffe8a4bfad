"""How are values and keys written as the API takes them?"""

from collections.abc import Mapping

from isthmus.core.connector import Key
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON

__all__ = ["body_of", "key_text"]


def body_of(values: Mapping[str, JSON]) -> dict[str, JSON]:
    """Write values as the API takes them: several choices are one text, and no value reaches into another record."""
    found: dict[str, JSON] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            raise InvalidArguments(f"{name} takes one value; write to the parts or to the other record", field=name)
        found[name] = ";".join(str(one) for one in value) if isinstance(value, list | tuple) else value
    return found


def key_text(key: Key) -> str:
    """Return a key that an address can hold: the org does not tell an encoded slash from a real one."""
    if not key.value.strip() or "/" in key.value:
        raise InvalidArguments(f"the key in {key.field} is empty or has a slash; use another key", field=key.field)
    return key.value
