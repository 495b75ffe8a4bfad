"""How is an answer of the org read, and what in it is not to be believed?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from isthmus.connectors.salesforce.queries import flat_row, flat_rows
from isthmus.core.errors import UpstreamError
from isthmus.core.http import Response
from isthmus.core.records import JSON, Row
from isthmus.core.table import Layout

__all__ = ["Batch", "done", "found_row", "new_id", "nodes_of", "object_of", "read_nodes", "read_rows", "strange"]

T = TypeVar("T")

LONGEST_ID = 40

LAYOUT = Layout(
    rows="records",
    id="Id",
    version="SystemModstamp",
    said=(("totalSize", int), ("done", bool), ("nextRecordsUrl", str)),
    inside=("attributes", ("type", "url")),
)
"""REST API guide, resource Query: what an answer says beside its records, and every record of itself."""


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """A part of an answer; unless it is `done`, the rest is at `following`."""

    rows: Sequence[T]
    done: bool
    following: str | None


def read_rows(answer: Response, *, object: str, paths: tuple[str, ...]) -> Batch[Row]:
    """Read rows; an answer of another shape than documented goes the longer way."""
    found = LAYOUT.read(answer, object, paths)
    if found is not None:
        return _batch(found.rows, found.said)
    nodes = read_nodes(answer)
    return Batch(flat_rows(object, nodes.rows, paths), nodes.done, nodes.following)


def read_nodes(answer: Response) -> Batch[Mapping[str, JSON]]:
    """Read records as they stand in the answer."""
    page = object_of(answer)
    return _batch(nodes_of(page.get("records")), page)


def _batch(rows: Sequence[T], said: Mapping[str, JSON]) -> Batch[T]:
    done, following = said.get("done"), said.get("nextRecordsUrl")
    if not isinstance(done, bool):
        raise strange()
    return Batch(rows, done, following if isinstance(following, str) else None)


def object_of(answer: Response) -> Mapping[str, JSON]:
    """Read an answer that is one JSON object."""
    body = answer.json()
    if not isinstance(body, Mapping):
        raise strange()
    return body


def nodes_of(found: JSON) -> list[Mapping[str, JSON]]:
    """Take a list of JSON objects for what it is."""
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise strange()
    return found


def strange() -> UpstreamError:
    """Say that an answer is not used."""
    return UpstreamError(
        "the org answered with JSON of another shape than documented, or about something else; it was not used",
        code="unreadable_answer",
    )


def new_id(answer: Response) -> str:
    """Read the id that a write gave."""
    found = object_of(answer).get("id")
    if not isinstance(found, str) or len(found) > LONGEST_ID:
        raise UpstreamError("the org accepted the write but gave no id")
    return found


def done(answer: Response) -> None:
    """Refuse to believe that a change happened unless the answer is the one that says so: 204, with nothing in it."""
    if answer.status != 204:
        raise UpstreamError("the org gave an answer to a write that is not understood", code="unreadable_answer")


def found_row(object: str, answer: Response, fields: Sequence[str]) -> Row | None:
    """Read a record, or that there is none: only the org's own words say so, not those of a proxy."""
    if answer.status == 200:
        return flat_row(object, object_of(answer), fields)
    answer.json()
    return None
