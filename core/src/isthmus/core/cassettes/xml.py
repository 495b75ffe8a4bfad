"""How is XML looked through value by value, without anything in it that proves who asked?"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, tostring

from isthmus.core.cassettes.judging import Judgement
from isthmus.core.cassettes.leaves import ROOT, Leaf, Seen, below, speaks
from isthmus.core.records import JSON

__all__ = ["is_xml", "xml_read", "xml_structure", "xml_walked"]

DEEPEST = 60
_PROOFS = (
    "{http://docs.oasis-open.org/wss/",
    "{http://docs.oasis-open.org/ws-sx/",
    "{http://schemas.xmlsoap.org/ws/",
    "{http://www.w3.org/2000/09/xmldsig#",
    "{http://www.w3.org/2009/xmldsig11#",
    "{http://www.w3.org/2001/04/xmlenc#",
    "{urn:oasis:names:tc:SAML:",
)
"""Namespaces that sign, encrypt or name who asks (WS-Security, XML Signature, XML Encryption, SAML)."""


def is_xml(kind: str) -> bool:
    """Tell whether a media type is XML (RFC 7303)."""
    return kind in ("text/xml", "application/xml") or (kind.startswith("application/") and kind.endswith("+xml"))


def xml_read(body: bytes) -> tuple[Element | None, str]:
    """Parse a document without what proves who asked, or say why it cannot be; no entity is ever resolved."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except DefusedXmlException:
        return None, "its XML has a document type or entities"
    except (ParseError, ValueError, LookupError, RecursionError):
        return None, "it says that it is XML, and is not"
    if _is_proof(root.tag):
        return None, "it is nothing but what proves who asked"
    return (root, "") if _bared(root) else (None, "its XML is nested too deeply")


def _bared(root: Element) -> bool:
    """Take out what proves who asked; False where the document is too deep to be walked."""
    level = [root]
    for _ in range(DEEPEST):
        for parent in level:
            for name in [one for one in parent.attrib if _is_proof(one)]:
                del parent.attrib[name]
            for child in [one for one in parent if _is_proof(one.tag)]:
                parent.remove(child)
        level = [child for parent in level for child in parent]
        if not level:
            return True
    return False


def _is_proof(name: str) -> bool:
    return name.startswith(_PROOFS)


def xml_walked(body: bytes, judgement: Judgement, seen: Seen) -> tuple[str | None, str]:
    """Look at every text and every attribute; both are named by their local names."""
    root, why = xml_read(body)
    if root is None:
        return None, why
    if any(speaks(one, judgement) for one in {local(name) for one in root.iter() for name in (one.tag, *one.attrib)}):
        return None, "the names in its XML may be values themselves"
    _walk(root, judgement, seen, ROOT)
    return tostring(root, encoding="unicode"), ""


def _walk(element: Element, judgement: Judgement, seen: Seen, around: Leaf) -> None:
    at = below(local(element.tag), judgement, around, holds=len(element) > 0 or bool(element.attrib))
    for name, value in element.attrib.items():
        # What an id is of is a word of the schema (`type="Employee_ID"`), whoever the id names.
        plain = local(name) == "type" and value.endswith("ID")
        leaf = Leaf(value, "", None) if plain else _filled(below(local(name), judgement, at), value)
        element.set(name, str(seen(leaf)))
    if element.text and element.text.strip():
        element.text = str(seen(_filled(at, element.text)))
    for child in element:
        _walk(child, judgement, seen, at)
        if child.tail and child.tail.strip():
            child.tail = str(seen(_filled(at, child.tail)))


def _filled(at: Leaf, value: str) -> Leaf:
    return Leaf(value, at.name, at.known, at.inside)


def local(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition("}")[2]


def xml_structure(body: bytes) -> JSON:
    """Return what two spellings of one document have in common; None where it is none."""
    root, _ = xml_read(body)
    return None if root is None else _told(root)


def _told(element: Element) -> JSON:
    attributes: dict[str, JSON] = {name: element.attrib[name] for name in sorted(element.attrib)}
    return [element.tag, attributes, *_inside(element)]


def _inside(element: Element) -> Iterator[JSON]:
    if element.text and element.text.strip():
        yield element.text.strip()
    for child in element:
        yield _told(child)
        if child.tail and child.tail.strip():
            yield child.tail.strip()
