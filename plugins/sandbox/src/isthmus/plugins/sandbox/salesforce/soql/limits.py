"""Which statements does the org refuse although they are well-formed?"""

from typing import Final

from isthmus.plugins.sandbox.salesforce.schema import SObject

from .joins import check_joins, joins
from .syntax import (
    Call,
    Comparison,
    Condition,
    Logical,
    Macro,
    Not,
    Path,
    Query,
    Selected,
    SoqlError,
    TypeOf,
    is_aggregate,
    is_bare_count,
    malformed,
    required,
)

MAX_OFFSET: Final = 2_000
_MAX_MACRO_ROWS: Final = 200
_MAX_CHILDREN: Final = 20
_MAX_GROUPED: Final = 3
_MAX_DEPTH: Final = 5
_FILE_KEYS: Final = frozenset({"id", "contentdocumentid", "latestpublishedversionid"})
_LINK_KEYS: Final = frozenset({"linkedentityid", "contentdocumentid"})
_SCOPES: Final = frozenset({"everything", "mine"})


def check(query: Query, sobject: SObject, depth: int) -> None:
    """Refuse what exceeds a limit of the language or of the object; `depth` counts the statements around this one."""
    if query.offset > MAX_OFFSET:
        raise SoqlError("NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MAX_OFFSET}")
    _check_scope(query, sobject)
    _check_columns(query, depth)
    if is_bare_count(query):
        _check_bare_count(query)
    elif is_aggregate(query):
        _check_groups(query, depth)
    if query.having is not None and not query.group_by:
        raise malformed("having clause requires a group by clause")
    check_joins(query.where, sobject, nested=depth > 0)
    if any(joins(query.having)):
        raise malformed("Semi join sub-selects are only allowed in WHERE clauses")
    if sobject.metadata:
        _check_metadata(query, sobject)
    if sobject.grants and depth == 0 and not asks_by_id(query):
        raise malformed(
            f"Implementation restriction: {sobject.name} requires a filter by a single Id on ContentDocumentId or "
            "LinkedEntityId using the equals operator or multiple Id's using the IN operator."
        )


def asks_by_id(query: Query) -> bool:
    """Say whether every file that the statement finds, or every link to one, is asked for by an id that it names."""
    keys = _LINK_KEYS if query.object.lower() == "contentdocumentlink" else _FILE_KEYS
    return any(
        each.operator in ("=", "IN") and isinstance(each.operand, Path) and each.operand.parts[-1].lower() in keys
        for each in required(query.where)
    )


def _check_scope(query: Query, sobject: SObject) -> None:
    scope = (query.scope or "everything").lower()
    if scope not in _SCOPES or (scope == "mine" and "ownerid" not in sobject.by_name):
        raise malformed(f"scope '{query.scope}' is not supported for {sobject.name}")


def _check_columns(query: Query, depth: int) -> None:
    children = [each.expression for each in query.select if isinstance(each.expression, Query)]
    if len(children) > _MAX_CHILDREN:
        raise malformed(f"a statement may not have more than {_MAX_CHILDREN} child relationship queries")
    if children and depth + 1 >= _MAX_DEPTH:
        raise malformed("SOQL statements may not query aggregate relationships more than five levels deep")
    if any(each.offset for each in children) and query.limit != 1:
        raise malformed("OFFSET in a subquery is only allowed where the parent query has LIMIT 1")
    for each in query.select:
        macro = each.expression
        if not isinstance(macro, Macro) or macro.group == "STANDARD":
            continue
        if query.limit is None or query.limit > _MAX_MACRO_ROWS:
            raise malformed(f"The SOQL FIELDS function must have a LIMIT of at most {_MAX_MACRO_ROWS}", macro.at)


def _check_bare_count(query: Query) -> None:
    if len(query.select) > 1 or query.select[0].alias or query.group_by or query.order_by:
        raise malformed("COUNT() must be alone: without other columns, alias, GROUP BY and ORDER BY", query.at)


def _check_groups(query: Query, depth: int) -> None:
    if depth:
        raise malformed("only root queries support aggregate expressions", query.at)
    if not query.group_by and query.limit is not None:
        raise malformed("Non-grouped query that uses overall aggregate functions cannot also use LIMIT")
    if query.grouping and len(query.group_by) > _MAX_GROUPED:
        raise malformed(
            f"GROUP BY {query.grouping} takes at most {_MAX_GROUPED} fields", query.group_by[_MAX_GROUPED].at
        )
    if any(isinstance(each.expression, Macro | TypeOf | Query) for each in query.select):
        raise malformed("a grouped statement selects only fields and aggregate functions", query.at)


def _check_metadata(query: Query, sobject: SObject) -> None:
    """Hold EntityDefinition and FieldDefinition to what they support (Tooling API, "SOQL Operation Limitations")."""
    if query.group_by or any(_computes(each) for each in query.select):
        message = (
            "The requested operation is not yet supported by this SObject storage type, contact salesforce.com support"
        )
        raise malformed(message)
    paths = _paths(query.where)
    reified = any(path.startswith("entitydefinition") or path == "durableid" for path in paths)
    if sobject.name == "FieldDefinition" and not reified:
        raise malformed("Where clauses should contain reified column filter: EntityDefinitionId, DurableId")


def _computes(selected: Selected) -> bool:
    return isinstance(selected.expression, Call)


def _paths(condition: Condition | None) -> list[str]:
    """Return the fields that a condition compares; raises SoqlError at what these tables cannot do."""
    match condition:
        case None:
            return []
        case Not():
            raise malformed("Only equals comparisons permitted")
        case Logical(operator="OR"):
            raise malformed("Disjunctions not supported")
        case Logical(terms=terms):
            return [path for term in terms for path in _paths(term)]
        case Comparison(operator="INCLUDES" | "EXCLUDES"):
            raise malformed("Unsupported filter type")
        case Comparison(operator="=" | "IN", operand=operand):
            return [] if isinstance(operand, Call) else [operand.text.lower()]
        case _:
            raise malformed("Only equals comparisons permitted")
