"""How does the org say no?"""

from collections.abc import Sequence

from isthmus.plugins.sandbox.message import Json, Reply


class ApiError(Exception):
    """One refusal in the form of the REST API: an array with message, errorCode and, for writes, fields."""

    def __init__(self, status: int, code: str, message: str, fields: Sequence[str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields

    def reply(self) -> Reply:
        """Return the answer that carries this refusal."""
        body: dict[str, Json] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            body["fields"] = list(self.fields)
        return Reply(self.status, [body])

    def as_row(self) -> dict[str, Json]:
        """Return this refusal as collections and trees write it, beside other rows."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields or ())}


class TokenError(Exception):
    """One refusal of the token endpoint (RFC 6749, section 5.2)."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description

    def reply(self) -> Reply:
        """Return the answer that carries this refusal."""
        return Reply(self.status, {"error": self.error, "error_description": self.description})


def not_found() -> ApiError:
    """Say that a resource is missing, or hidden from this user, which looks the same."""
    return ApiError(404, "NOT_FOUND", "The requested resource does not exist")


def no_such_key(name: str) -> ApiError:
    """Say that a URL names no usable key field."""
    message = f"Provided external ID field does not exist or is not accessible: {name}"
    return ApiError(404, "NOT_FOUND", message)


def session_expired() -> ApiError:
    """Say that the access token is worth nothing (any more)."""
    return ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")
