"""How does a tenant say no?"""

from collections.abc import Sequence
from dataclasses import dataclass

from isthmus.plugins.sandbox.message import Json, Reply


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a request; `code` is empty where the vendor gives none."""

    text: str
    code: str = ""
    field: str = ""
    path: str = ""

    def as_json(self) -> dict[str, Json]:
        """Return the problem as it stands in `errors`."""
        told = {"error": self.text, "code": self.code, "field": self.field, "path": self.path}
        return {name: value for name, value in told.items() if value}


class Refused(Exception):
    """A refusal in JSON: bare, or with problems."""

    def __init__(
        self, status: int, error: str, problems: Sequence[Problem] = (), headers: "dict[str, str] | None" = None
    ) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.problems = tuple(problems)
        self.headers = headers or {}

    @property
    def told(self) -> str:
        """Return the refusal in short, for the journal."""
        codes = " ".join(each.code for each in self.problems if each.code)
        return f"{codes} {self.error}".strip()

    def reply(self) -> Reply:
        """Return the answer."""
        body: dict[str, Json] = {"error": self.error}
        if self.problems:
            body["errors"] = [each.as_json() for each in self.problems]
        return Reply(self.status, body, dict(self.headers))


class Fault(Exception):
    """A refusal in SOAP: a validation fault with details, or a bare one."""

    def __init__(self, code: str, text: str, detail: "tuple[str, str] | None" = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.detail = detail
        """The detailed message and the XPath of what is wrong; None where the vendor sends no detail."""


class Bare(Exception):
    """An answer that something in front of the tenant makes."""

    def __init__(self, reply: Reply, error: str) -> None:
        super().__init__(error)
        self.reply = reply
        self.error = error


def page(status: int, title: str, headers: "dict[str, str] | None" = None) -> Bare:
    """Return an HTML page."""
    html = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Bare(Reply(status, html.encode(), headers or {}, "text/html;charset=UTF-8"), title)


def not_found() -> Refused:
    """Say that something is missing, or hidden from this user, which looks the same."""
    return Refused(404, "Not found")


def invalid() -> Refused:
    """Say that a request makes no sense, or that its surface is not enabled."""
    return Refused(400, "Invalid request")


def forbidden() -> Refused:
    """Say that domain security keeps this user away."""
    return Refused(403, "Permission denied")


def rejected(*problems: Problem) -> Refused:
    """Say which rules of the business a request breaks; codes stand before the texts too."""
    told = [
        Problem(f"{each.code} {each.text}" if each.code else each.text, each.code, each.field, each.path)
        for each in problems
    ]
    return Refused(400, "Validation error occurred", told)
