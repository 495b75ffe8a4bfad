"""How does an answer look to a person? Short records as a table, wide ones as blocks, refs and gaps named."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from isthmus.core.cli.output import facts, legible, table
from isthmus.core.records import JSON

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["render"]

MOST_COLUMNS = 5
LONGEST_CELL = 40
Node = Mapping[str, JSON]


def render(found: Node) -> Iterator["RenderableType"]:
    """Render what `as_json` made of a result."""
    if "answer" in found:
        yield from _answer(found)
    elif "records" in found:
        yield from _page(found)
    elif "groups" in found:
        groups = _nodes(found["groups"])
        yield from _rows(groups, tuple(dict.fromkeys(name for one in groups for name in one)))
        yield _ending(len(groups), "group", found)
    elif "objects" in found:
        rows = [
            (_text(one.get("name")), _text(one.get("label")), _text(one.get("may"))) for one in _nodes(found["objects"])
        ]
        yield table(("object", "label", "may"), rows, "label")
    elif "fields" in found and isinstance(found.get("object"), Mapping):
        yield from _description(found)
    else:
        yield from _record(found)


def _answer(found: Node) -> Iterator["RenderableType"]:
    """Show what an action gave back, and the records that it names."""
    yield legible(_text(found.get("object")))
    told = [*_node(found.get("answer")).items(), ("records", found.get("records"))]
    yield facts([(f"  {name}", _text(value)) for name, value in told])
    yield from _gaps([found])


def _page(found: Node) -> Iterator["RenderableType"]:
    records = _nodes(found["records"])
    names = tuple(dict.fromkeys(name for one in records for name in _node(one.get("fields"))))
    flat = [{"id": one.get("id"), **_node(one.get("fields"))} for one in records]
    columns = ("id", *(name for name in names if name.casefold() != "id"))
    if len(columns) <= MOST_COLUMNS and all(
        len(_text(one.get(name))) <= LONGEST_CELL for one in flat for name in columns
    ):
        yield from _rows(flat, columns)
        yield from _gaps(records)
    else:
        for one in records:
            yield from _record(one)
            yield ""
    yield _ending(len(records), "record", found)


def _rows(rows: Sequence[Node], columns: Sequence[str]) -> Iterator["RenderableType"]:
    if rows:
        yield table(columns, ([_text(one.get(name)) for name in columns] for one in rows), columns[-1])


def _record(one: Node) -> Iterator["RenderableType"]:
    heading = f"{_text(one.get('object'))} {_text(one.get('id'))}"
    if "created" in one:
        heading += "  created" if one["created"] is True else "  changed"
    yield legible(heading)
    values = [(f"  {name}", _text(value)) for name, value in _node(one.get("fields")).items()]
    about = [(f"  {name}", _text(one.get(name))) for name in ("version", "guard")]
    if any(value for _, value in (*values, *about)):
        yield facts([*values, *about])
    for below in _nodes(one.get("below")):
        yield legible(f"  with {_text(below.get('object'))} {_text(below.get('id'))}")
    for note in _nodes(one.get("notes")):
        named = " ".join(_text(note.get(name)) for name in ("severity", "code", "field") if note.get(name))
        said = f": {_text(note['vendor_text'])}" if note.get("vendor_text") else ""
        yield legible(f"  the system says ({named}){said}")
    yield from _gaps([one])


def _gaps(records: Sequence[Node]) -> Iterator[str]:
    """Say once for each set of rules which fields were not released as they are."""
    gaps: dict[str, dict[str, None]] = {}
    for one in (gap for record in records for gap in _nodes(record.get("withheld"))):
        gaps.setdefault(_text(one.get("rules")), {})[_text(one.get("what"))] = None
    for rules, names in gaps.items():
        yield legible(f"withheld: {', '.join(names)} (by {rules or 'no rule that allows them'})")


def _description(found: Node) -> Iterator["RenderableType"]:
    about = _node(found["object"])
    told = [(name, _text(about.get(name))) for name in ("name", "label", "state_field", "dated")]
    yield facts([*told, ("children", ", ".join(_node(found.get("children"))))])
    yield ""
    rows = [
        (_text(one.get("name")), _text(one.get("type")), _text(one.get("classes")), _notes(one))
        for one in _nodes(found["fields"])
    ]
    yield table(("field", "type", "classes", "notes"), rows, "notes")
    actions = [
        (_text(one.get("name")), ", ".join(_node(one.get("arguments"))), _text(one.get("description")))
        for one in _nodes(found.get("actions"))
    ]
    if actions:
        yield ""
        yield table(("action", "arguments", "what it is"), actions, "arguments", "what it is")


def _notes(one: Node) -> str:
    said = [word for word in ("required", "read_only") if one.get(word)]
    said += [f"refers to {_text(one.get('references'))}"] if one.get("references") else []
    said += [f"one of {_text(one.get('choices'))}"] if one.get("choices") else []
    return "; ".join(said).replace("_", "-")


def _ending(count: int, noun: str, found: Node) -> str:
    said = f"{count} {noun}{'' if count == 1 else 's'}"
    if found.get("after"):
        said += "; there are more (--json gives `after`, which continues)"
    elif found.get("complete") is False:
        said += "; there may be more that this identity cannot see"
    for one in _nodes(found.get("withheld")):
        said += f"\nwithheld: {_text(one.get('what'))} (by {_text(one.get('rules'))})"
    return legible(said)


def _text(value: JSON) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case {"ref": str(token)}:
            return token
        case list():
            return ", ".join(_text(one) for one in value)
        case dict():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)


def _node(value: JSON) -> Node:
    return value if isinstance(value, Mapping) else {}


def _nodes(value: JSON) -> list[Node]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
