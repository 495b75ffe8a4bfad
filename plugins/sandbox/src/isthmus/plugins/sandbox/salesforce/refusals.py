"""Which rules and circumstances of an org can a test let it refuse a request by?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .errors import ApiError

_WRITES: Final = frozenset({"POST", "PATCH", "DELETE", "PUT"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """One way to say no; `told` describes it, `path` is what an address must hold for it to come up at all."""

    told: str
    status: int
    code: str
    message: str
    writes: bool = False
    path: str = ""

    def concerns(self, method: str, path: str) -> bool:
        """Say whether the org could refuse this request so."""
        if self.writes and not (method in _WRITES and "/sobjects/" in path):
            return False
        return self.path in path

    def error(self) -> ApiError:
        """Return the refusal as the API tells it."""
        return ApiError(self.status, self.code, self.message, [] if self.writes else None)


REFUSALS: Final[Mapping[str, Refusal]] = {
    "validation_rule": Refusal(
        "a validation rule says no", 400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Close the tasks first.", writes=True
    ),
    "duplicate_rule": Refusal(
        "a duplicate rule says no", 400, "DUPLICATES_DETECTED", "Use one of these records?", writes=True
    ),
    "failing_trigger": Refusal(
        "a trigger fails and takes the write back",
        400,
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "OnChange: execution of BeforeUpdate caused by: System.NullPointerException",
        writes=True,
    ),
    "storage_full": Refusal(
        "no room for another record", 400, "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", writes=True
    ),
    "deleted_meanwhile": Refusal(
        "somebody deleted the record", 404, "ENTITY_IS_DELETED", "entity is deleted", writes=True
    ),
    "changed_meanwhile": Refusal(
        "the record is not the one that was read",
        412,
        "PRECONDITION_FAILED",
        "The request's precondition does not hold for this record",
        writes=True,
    ),
    "missing_right": Refusal(
        "the user lacks a right", 403, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id"
    ),
    "api_disabled": Refusal(
        "the org has no API", 403, "API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner"
    ),
    "not_found": Refusal("missing, or hidden", 404, "NOT_FOUND", "The requested resource does not exist"),
    "hidden_field": Refusal("a field is missing, or hidden", 400, "INVALID_FIELD", "No such column 'Secret__c'"),
    "query_timeout": Refusal(
        "a query runs too long", 400, "QUERY_TIMEOUT", "Your query request was running for too long.", path="/query"
    ),
}
