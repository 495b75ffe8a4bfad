"""How is XML from a tenant read, so that a document can make nothing happen?"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from isthmus.core.errors import UpstreamError

__all__ = ["BSVC", "ENVELOPE", "WSSE", "depth_checked", "local", "named", "parsed"]

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
BSVC = "urn:com.workday/bsvc"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
MOST_BYTES = 32 << 20
DEEPEST = 60


def parsed(body: bytes) -> Element:
    """Read a document; document types and entities are refused.

    Raises:
        UpstreamError: it is too long, too deep, has a document type or is not well-formed.
    """
    if len(body) > MOST_BYTES:
        raise _unreadable(f"is longer than {MOST_BYTES} bytes; ask for fewer records or response groups")
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except DefusedXmlException as error:
        raise _unreadable("has a document type or entities, which no answer needs") from error
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        raise _unreadable("is not well-formed XML") from error
    return depth_checked(root)


def depth_checked(root: Element) -> Element:
    """Return a document that is no deeper than any answer needs to be; raises UpstreamError."""
    level = [root]
    for _ in range(DEEPEST):
        level = [child for parent in level for child in parent]
        if not level:
            return root
    raise _unreadable("is nested too deeply")


def local(element: Element) -> str:
    """Return the name of an element or attribute without its namespace."""
    return element.tag.rpartition("}")[2]


def named(parent: Element, name: str, space: str = BSVC) -> Iterator[Element]:
    """Yield the children of a name; the prefix of a namespace may be any."""
    return (one for one in parent if one.tag == f"{{{space}}}{name}")


def _unreadable(why: str) -> UpstreamError:
    return UpstreamError(f"the tenant's XML {why}; the answer was not used", code="unreadable_answer")
