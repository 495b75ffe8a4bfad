"""What do the columns of an answer look like, for clients that ask with `columns=true`?"""

from collections.abc import Mapping
from typing import Final

from isthmus.plugins.sandbox.message import Json
from isthmus.plugins.sandbox.salesforce.schema import NUMERIC, TEXTUAL, Field

from .groups import Grouping
from .records import Children, Part, Tree, Variants
from .syntax import Call
from .values import Column

_APEX: Final[Mapping[str, str]] = {
    **dict.fromkeys(TEXTUAL, "String"),
    **dict.fromkeys(("id", "reference"), "Id"),
    **dict.fromkeys(("double", "currency", "percent"), "Double"),
    "int": "Integer",
    "boolean": "Boolean",
    "date": "Date",
    "datetime": "Datetime",
    "address": "Address",
}


def tree_columns(tree: Tree) -> list[Json]:
    """Describe the columns of records."""
    return [_part(name, part) for name, part in tree.parts.items()]


def group_columns(grouping: Grouping) -> list[Json]:
    """Describe the columns of groups."""
    found: list[Json] = []
    for output in grouping.outputs:
        if isinstance(output.operand, Call):
            number = output.column.field.type in NUMERIC
            found.append(_entry(output.name, aggregate=True, displayName=output.operand.text, numberType=number))
        else:
            found.append(_field(output.name, output.column.field))
    return found


def _part(name: str, part: Part) -> Json:
    if isinstance(part, Column):
        return _field(name, part.field)
    if isinstance(part, Children):
        return _entry(name, aggregate=True, custom=name.endswith("__r"), joinColumns=tree_columns(part.tree))
    if isinstance(part, Tree):
        key = part.locate.references[-1].name if part.locate else None
        return _entry(name, custom=name.endswith("__r"), foreignKeyName=key, joinColumns=tree_columns(part))
    return _entry(name, joinColumns=_variants(part))


def _variants(part: Variants) -> list[Json]:
    trees = [*part.trees.values(), *([part.otherwise] if part.otherwise else [])]
    merged: dict[str, Json] = {}
    for tree in trees:
        for name, inner in tree.parts.items():
            merged.setdefault(name, _part(name, inner))
    return list(merged.values())


def _field(name: str, field: Field) -> Json:
    return _entry(
        name,
        apexType=_APEX.get(field.type, "String"),
        booleanType=field.type == "boolean",
        custom=field.custom,
        insertable=not field.read_only,
        numberType=field.type in NUMERIC,
        textType=field.type in TEXTUAL,
        updatable=not field.read_only,
    )


def _entry(name: str, **known: Json) -> Mapping[str, Json]:
    return {
        "aggregate": False,
        "apexType": None,
        "booleanType": False,
        "columnName": name,
        "custom": False,
        "displayName": name,
        "foreignKeyName": None,
        "insertable": False,
        "joinColumns": [],
        "numberType": False,
        "textType": False,
        "updatable": False,
        **known,
    }
