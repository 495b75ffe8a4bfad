"""What does an OpenAPI document say, as far as a call needs it?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from isthmus.connectors.openapi.schemas import Schema

__all__ = ["Argument", "Body", "Document", "In", "Operation", "Parameter", "Reply", "Scheme", "Style"]


class In(StrEnum):
    """Where an argument goes in a request."""

    PATH = "path"
    QUERY = "query"
    HEADER = "header"
    COOKIE = "cookie"
    BODY = "body"


class Style(StrEnum):
    """How a parameter of several parts is written (OpenAPI 3.1 section 4.8.12.3)."""

    SIMPLE = "simple"
    LABEL = "label"
    MATRIX = "matrix"
    FORM = "form"
    SPACE = "spaceDelimited"
    PIPE = "pipeDelimited"
    DEEP = "deepObject"
    JSON = "json"
    """Not a style of the standard: the value is one JSON text (`content`)."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation."""

    name: str
    place: In
    schema: Schema
    required: bool = False
    style: Style = Style.SIMPLE
    explode: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """What an operation takes as its body; `properties` is None where it is one value and no object of known parts.

    `styles` say how parts of a form are written, `types` the media types of parts of a multipart body.
    """

    media: str
    schema: Schema
    required: bool = False
    properties: Mapping[str, Schema] | None = None
    needed: frozenset[str] = frozenset()
    styles: Mapping[str, tuple[Style, bool]] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    description: str = ""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of the flat input of an operation: the parameter or the part of the body called `target`.

    An empty `target` in the body is the whole body.
    """

    name: str
    place: In
    target: str
    schema: Schema
    required: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What an operation answers when it succeeds; an empty media type is no body."""

    media: str = ""
    schema: Schema = field(default_factory=dict)
    headers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Scheme:
    """One security scheme: its type, and what more tells how the credential is sent.

    `place` and `parameter` are those of an API key; `method` the HTTP scheme (RFC 9110 section 11.1) in lower case;
    `flows` the OAuth 2 flows.
    """

    name: str
    type: str
    place: str = ""
    parameter: str = ""
    method: str = ""
    flows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; `problem` says why it cannot be called, where it cannot.

    `security` lists alternatives, each the names of the schemes that go together; without any, nothing is asked.
    """

    id: str
    method: str
    template: str
    summary: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    reply: Reply = Reply()
    security: tuple[tuple[str, ...], ...] = ()
    arguments: tuple[Argument, ...] = ()
    extensions: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    def parameter(self, place: In, name: str) -> Parameter | None:
        """Return a parameter."""
        return next((one for one in self.parameters if one.place is place and one.name == name), None)

    @property
    def path_names(self) -> tuple[str, ...]:
        """Name the path parameters in the order of the path."""
        known = [one.name for one in self.parameters if one.place is In.PATH]
        return tuple(sorted(known, key=lambda name: self.template.find("{" + name + "}")))


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document; `servers` are named for whoever looks, and never called."""

    title: str
    version: str
    operations: Mapping[str, Operation]
    schemes: Mapping[str, Scheme] = field(default_factory=dict)
    servers: tuple[str, ...] = ()
