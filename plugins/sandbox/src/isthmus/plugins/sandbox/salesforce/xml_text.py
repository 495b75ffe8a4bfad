"""How is XML from a stranger read without being hurt by it?"""

from typing import Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

_DEEPEST: Final = 64


class XmlError(ValueError):
    """The text is not well-formed, or uses what nobody needs and attackers do."""


def read_xml(body: bytes) -> Element:
    """Return the root element, with names as `{namespace}local`.

    A document type is refused where it begins, so no entity is ever declared and none can grow.

    Raises:
        XmlError: the text is not well-formed, has a document type, or nests deeper than 64 elements.
    """
    builder = TreeBuilder()
    depth = 0

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise XmlError(f"elements are nested deeper than {_DEEPEST}")
        builder.start(_full(name), {_full(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_full(name))

    def refuse(*_: object) -> None:
        raise XmlError("a document type (DOCTYPE) is not allowed here")

    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(body, True)  # noqa: FBT003 - the parser's own signature
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise XmlError(str(error)) from None
    return builder.close()


def local(element: Element) -> str:
    """Return an element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def child_text(element: Element, name: str) -> str | None:
    """Return the text of the first child with this local name, or None where there is none."""
    return next((each.text or "" for each in element if local(each) == name), None)


def _full(name: str) -> str:
    return "{" + name if "}" in name else name
