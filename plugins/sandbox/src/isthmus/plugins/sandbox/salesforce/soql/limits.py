"""Which statements does the org refuse although they are well-formed?"""

from typing import Final

from isthmus.plugins.sandbox.salesforce.schema import SObject

from .syntax import Call, Comparison, Condition, Logical, Not, Query, SoqlError

MAX_OFFSET: Final = 2_000
_SCOPES: Final = frozenset({"everything", "mine"})


def check(query: Query, sobject: SObject) -> None:
    """Refuse what exceeds a limit of the language or of the object."""
    if query.offset > MAX_OFFSET:
        raise SoqlError("NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MAX_OFFSET}")
    if query.scope is not None and query.scope.lower() not in _SCOPES:
        raise SoqlError("MALFORMED_QUERY", f"scope '{query.scope}' is not supported for {sobject.name}")
    if query.having is not None and not query.group_by:
        raise SoqlError("MALFORMED_QUERY", "having clause requires a group by clause")
    if sobject.metadata:
        _check_metadata(query, sobject)


def _check_metadata(query: Query, sobject: SObject) -> None:
    """Hold EntityDefinition and FieldDefinition to what they support (Tooling API, "SOQL Operation Limitations")."""
    if query.group_by or any(isinstance(each.expression, Call) for each in query.select):
        message = (
            "The requested operation is not yet supported by this SObject storage type, contact salesforce.com support"
        )
        raise SoqlError("MALFORMED_QUERY", message)
    paths = _paths(query.where)
    reified = any(path.startswith("entitydefinition") or path == "durableid" for path in paths)
    if sobject.name == "FieldDefinition" and not reified:
        message = "Where clauses should contain reified column filter: EntityDefinitionId, DurableId"
        raise SoqlError("MALFORMED_QUERY", message)


def _paths(condition: Condition | None) -> list[str]:
    """Return the fields that a condition compares; raises SoqlError at what these tables cannot do."""
    match condition:
        case None:
            return []
        case Not():
            raise SoqlError("MALFORMED_QUERY", "Only equals comparisons permitted")
        case Logical(operator="OR"):
            raise SoqlError("MALFORMED_QUERY", "Disjunctions not supported")
        case Logical(terms=terms):
            return [path for term in terms for path in _paths(term)]
        case Comparison(operator="INCLUDES" | "EXCLUDES"):
            raise SoqlError("MALFORMED_QUERY", "Unsupported filter type")
        case Comparison(operator="=" | "IN", operand=operand):
            return [] if isinstance(operand, Call) else [operand.text.lower()]
        case _:
            raise SoqlError("MALFORMED_QUERY", "Only equals comparisons permitted")
