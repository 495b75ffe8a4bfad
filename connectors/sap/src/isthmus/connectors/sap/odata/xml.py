"""How is XML from a service read, so that a document can make nothing happen?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

__all__ = ["MOST_BYTES", "Element", "XmlError", "parsed"]

MOST_BYTES = 32 * 1024 * 1024
"""The longest document that is read."""


class XmlError(ValueError):
    """A document that is not read; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Element:
    """An element by its name without the namespace; attributes of another namespace are named `{namespace}name`."""

    name: str
    attributes: Mapping[str, str]
    children: tuple["Element", ...] = ()
    text: str = ""

    def get(self, name: str, default: str = "") -> str:
        """Return an attribute, or the default where it is absent."""
        return self.attributes.get(name, default)

    def all(self, *names: str) -> Iterator["Element"]:
        """Yield the children of these names, in their order."""
        return (one for one in self.children if one.name in names)

    def first(self, name: str) -> "Element | None":
        """Return the first child of this name."""
        return next(self.all(name), None)

    def flag(self, name: str) -> bool:
        """Tell whether an attribute says true; an absent one does not."""
        return self.get(name).strip().lower() == "true"


def parsed(document: bytes) -> Element:
    """Read a document in UTF-8; entities and document types are refused, and nothing is fetched.

    Raises:
        XmlError: it is too long, has a document type, or is not well-formed.
    """
    if len(document) > MOST_BYTES:
        raise XmlError(f"the document is longer than {MOST_BYTES} bytes")
    if b"<!DOCTYPE" in document:
        raise XmlError("the document has a document type, which no service needs; nothing of it was read")
    # One encoding for the parser and for the look above, whatever the document says of itself.
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return _element(etree.fromstring(document, parser))
    except etree.XMLSyntaxError as error:
        raise XmlError(f"the document is not well-formed XML (line {error.lineno})") from None


def _element(node: etree._Element) -> Element:
    return Element(
        node.tag.rpartition("}")[2],
        dict(node.attrib),
        # An entity that is not predefined is a node whose tag is no text.
        tuple(_element(one) for one in node if isinstance(one.tag, str)),
        (node.text or "").strip(),
    )
