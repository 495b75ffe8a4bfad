"""How does the instance say no?"""

from isthmus.plugins.sandbox.message import Reply


class ApiError(Exception):
    """One refusal: status, message and detail, which may be null."""

    def __init__(self, status: int, message: str, detail: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.detail = detail

    def reply(self) -> Reply:
        """Return the answer that carries this refusal."""
        error = {"message": self.message, "detail": self.detail}
        return Reply(self.status, {"error": error, "status": "failure"})


class TokenError(Exception):
    """One refusal of the token endpoint (RFC 6749, section 5.2)."""

    def __init__(self, error: str, description: str, status: int = 401) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description

    def reply(self) -> Reply:
        """Return the answer that carries this refusal."""
        return Reply(self.status, {"error_description": self.description, "error": self.error})


def not_authenticated() -> ApiError:
    """Say that nobody, or nobody known, is asking."""
    return ApiError(401, "User Not Authenticated", "Required to provide Auth information")


def no_such_resource() -> ApiError:
    """Say that a path leads nowhere."""
    return ApiError(400, "Requested URI does not represent any resource")


def no_such_table(name: str) -> ApiError:
    """Say that there is no such table."""
    return ApiError(400, f"Invalid table {name}", f"Table {name} does not exist")


def no_record() -> ApiError:
    """Say that a row is missing, or hidden from this user, which looks the same."""
    return ApiError(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")


def closed_table() -> ApiError:
    """Say that a table is not open to web services."""
    return ApiError(403, "User Not Authorized", "Failed API level ACL Validation")


def may_not_query() -> ApiError:
    """Say that no row of a table is for this user."""
    return ApiError(403, "Insufficient rights to query records")


def acl_failed(what: str) -> ApiError:
    """Say that this user may not do that to a row; `what` is Insert, Update or Delete."""
    return ApiError(403, "Operation Failed", f"ACL Exception {what} Failed due to security constraints")


def aborted(table: str, name: str, sys_id: str, message: str = "") -> ApiError:
    """Say that a business rule stopped a write."""
    said = f"{message} " if message else ""
    detail = f"{said}Operation against file '{table}' was aborted by Business Rule '{name}^{sys_id}'."
    return ApiError(403, "Operation Failed", f"{detail} Business Rule Stack:{name}")


def bad_body(detail: str) -> ApiError:
    """Say that the body is not what the resource takes."""
    return ApiError(400, "Exception while reading request", detail)
