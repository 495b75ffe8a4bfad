"""How is an answer of the Table API read, and what in it is not to be believed?"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isthmus.connectors.servicenow.ids import is_id
from isthmus.connectors.servicenow.values import plain
from isthmus.core.connector import FieldType
from isthmus.core.errors import UpstreamError
from isthmus.core.http import Response
from isthmus.core.records import JSON, Row

__all__ = ["Listed", "listed", "record_of", "row_of", "strange", "text_at"]

ID, VERSION, CLASS = "sys_id", "sys_mod_count", "sys_class_name"
_COUNT = re.compile(r"[0-9]{1,12}")

Kinds = Mapping[str, FieldType]


@dataclass(frozen=True, slots=True)
class Listed:
    """Records of one page, and how many the instance counted before it left out those that may not be read."""

    records: Sequence[Mapping[str, JSON]]
    total: int | None


def listed(answer: Response) -> Listed:
    """Read a list of records."""
    body = answer.json()
    found = body.get("result") if isinstance(body, Mapping) else None
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise strange()
    told = answer.headers.get("x-total-count", "")
    return Listed(found, int(told) if _COUNT.fullmatch(told) else None)


def record_of(answer: Response) -> Mapping[str, JSON]:
    """Read one record."""
    body = answer.json()
    found = body.get("result") if isinstance(body, Mapping) else None
    if not isinstance(found, Mapping):
        raise strange()
    return found


def row_of(object: str, raw: Mapping[str, JSON], kinds: Kinds) -> Row:
    """Read one record into typed values by path; what this identity may not see is missing, and missing is None."""
    id = text_at(raw, ID)
    if not is_id(id):
        raise strange()
    values = {path: plain(raw.get(path), kind) for path, kind in kinds.items()}
    version = text_at(raw, VERSION)
    return Row(object, id, values, version or None)


def text_at(raw: Mapping[str, JSON], name: str) -> str:
    """Return the text of a field in any of the API's forms; empty where there is none."""
    found = raw.get(name)
    if isinstance(found, Mapping):
        found = found.get("value")
    return found if isinstance(found, str) else ""


def strange() -> UpstreamError:
    """Say that an answer is not used."""
    return UpstreamError(
        "the instance answered with JSON of another shape than documented, or about something else; it was not used",
        code="unreadable_answer",
    )
