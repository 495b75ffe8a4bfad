"""What does an operation take as its body, and of which parts is it made?"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from isthmus.connectors.openapi.document import Body, Style
from isthmus.connectors.openapi.references import BadDocument, Place, Texts
from isthmus.connectors.openapi.schemas import Direction, Schemas

__all__ = ["FORM", "MULTIPART", "BodyReader", "is_json"]

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
DEEPEST = 10
_SHAPES = frozenset({"oneOf", "anyOf", "not", "if", "dependentSchemas", "dependentRequired", "patternProperties",
                     "minProperties", "maxProperties", "propertyNames", "const", "enum"})  # fmt: skip
"""What says more of an object than its parts do each by itself: such a body is one argument."""


def is_json(media: str) -> bool:
    """Tell whether a media type is JSON (RFC 6839 suffixes included)."""
    kind = media.partition(";")[0].strip().lower()
    return kind.endswith(("/json", "+json")) or kind in ("*/*", "application/*")


@dataclass(slots=True)
class _Parts:
    properties: dict[str, Place] = field(default_factory=dict)
    needed: set[str] = field(default_factory=set)


class BodyReader:
    """Reads the bodies of one document."""

    def __init__(self, texts: Texts, schemas: Schemas) -> None:
        self._texts = texts
        self._schemas = schemas

    def body(self, place: Place) -> Body | None:
        """Return the body of an operation in the media type that says most; raises BadDocument."""
        if place.value is None:
            return None
        told = self._texts.resolve(place)
        content = told.at("content").members()
        media = next((name for name in content if is_json(name)), None)
        media = media or next((name for name in content if _kind(name) == FORM), None)
        media = media or next((name for name in content if _kind(name) == MULTIPART), None)
        if media is None:
            raise BadDocument(f"its body is {', '.join(content) or 'nothing'}, and JSON or a form can be sent")
        schema = content[media].at("schema")
        parts = self._parts(schema)
        # JSON is sent under the name that the document gives it, letter for letter.
        kind = _kind(media) if not is_json(media) else "application/json" if "*" in media else _plain(media)
        if parts is None and not is_json(media):
            raise BadDocument(f"its {kind} body has no named parts")
        properties = parts and {
            name: self._schemas.of(one, Direction.SENT)
            for name, one in parts.properties.items()
            if not self._schemas.hides(one, Direction.SENT)
        }
        styles, types = self._encoding(content[media].at("encoding")) if not is_json(media) else ({}, {})
        return Body(
            kind,
            self._schemas.of(schema, Direction.SENT),
            told.flag("required"),
            properties or None,
            frozenset(parts.needed & set(properties)) if parts and properties else frozenset(),
            styles,
            types,
            told.text("description"),
        )

    def _parts(self, place: Place) -> _Parts | None:
        found = _Parts()
        return found if self._collect(place, found, 0) and found.properties else None

    def _collect(self, place: Place, found: _Parts, depth: int) -> bool:
        """Gather the properties of an object and of what it is all of; False where it is more than its parts."""
        told = self._texts.resolve(place)
        raw = told.value
        if not isinstance(raw, Mapping) or depth > DEEPEST or raw.keys() & _SHAPES or raw.get("nullable") is True:
            return False
        if raw.get("type", "object") != "object":
            return False
        for name, one in told.at("properties").members().items():
            if name in found.properties:
                return False
            found.properties[name] = one
        required = raw.get("required")
        found.needed |= {one for one in required if isinstance(one, str)} if isinstance(required, list) else set()
        return all(self._collect(one, found, depth + 1) for one in told.at("allOf").each())

    def _encoding(self, place: Place) -> tuple[Mapping[str, tuple[Style, bool]], Mapping[str, str]]:
        styles, types = dict[str, tuple[Style, bool]](), dict[str, str]()
        for name, one in place.members().items():
            style = one.text("style") or Style.FORM.value
            if style not in (Style.FORM, Style.SPACE, Style.PIPE, Style.DEEP):
                raise BadDocument(f"the style {style[:30]!a} of the part {name[:60]!a} is none for it")
            if one.text("style") or "explode" in one.members():
                styles[name] = Style(style), one.flag("explode", default=style == Style.FORM)
            if one.text("contentType"):
                types[name] = one.text("contentType").partition(",")[0].strip()
        return styles, types


def _plain(media: str) -> str:
    return media.partition(";")[0].strip()


def _kind(media: str) -> str:
    return _plain(media).lower()
