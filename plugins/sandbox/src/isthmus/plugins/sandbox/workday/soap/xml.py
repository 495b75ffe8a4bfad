"""How are envelopes read, and how are elements, references and faults written?"""

import re
from dataclasses import dataclass
from functools import cache
from string import Template
from typing import Final
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from isthmus.plugins.sandbox.message import Reply
from isthmus.plugins.sandbox.salesforce.xml_text import XmlError, local, read_xml
from isthmus.plugins.sandbox.workday.errors import Fault
from isthmus.plugins.sandbox.workday.refs import Thing, Things
from isthmus.plugins.sandbox.workday.users import data_text

SPACE: Final = "urn:com.workday/bsvc"
ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
MEDIA: Final = "text/xml; charset=UTF-8"
VALIDATION: Final = "SOAP-ENV:Client.validationError"
_TAG: Final = re.compile(r"<(/?)([A-Z]\w*)")
_ATTRIBUTE: Final = re.compile(r' ([A-Z]\w*)="')
_REF: Final = re.compile(r'<wd:(\w+) ref="([^"]*)"/>')


@dataclass(frozen=True, slots=True)
class Asked:
    """What an envelope asks for: the operation's element, and who asks, both empty where there is no such header."""

    body: Element
    username: str
    password: str


def read_envelope(content: bytes) -> Asked:
    """Read an envelope; raises Fault."""
    try:
        root = read_xml(content)
    except XmlError as error:
        raise Fault(VALIDATION, "Validation error occurred. Invalid request", (str(error), "")) from None
    body = next((each for each in root if local(each) == "Body"), None)
    if local(root) != "Envelope" or body is None or len(body) != 1:
        raise Fault(VALIDATION, "Validation error occurred. Invalid request", ("No operation was found", ""))
    token = next((each for each in root.iter() if local(each) == "UsernameToken"), None)
    said = {} if token is None else {local(each): each.text or "" for each in token}
    return Asked(body[0], said.get("Username", "").strip(), said.get("Password", ""))


def child(element: Element | None, *path: str) -> Element | None:
    """Return the first element below these names."""
    for name in path:
        element = None if element is None else next((each for each in element if local(each) == name), None)
    return element


def children(element: Element | None, name: str) -> list[Element]:
    """Return the children with this name."""
    return [] if element is None else [each for each in element if local(each) == name]


def text_of(element: Element | None, *path: str) -> str:
    """Return the text of the element below these names, without blanks around it; empty where there is none."""
    found = child(element, *path)
    return "" if found is None else (found.text or "").strip()


def is_true(element: Element | None, *path: str) -> bool:
    """Read a boolean: `true` and `1` are the same."""
    return text_of(element, *path).lower() in ("true", "1")


def attribute(element: Element, name: str) -> str:
    """Return an attribute, in whichever namespace it stands."""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


def referred(things: Things, reference: Element | None, *kinds: str) -> Thing:
    """Return the instance that a reference names by one of its ids; raises Fault."""
    told = [(attribute(each, "type"), (each.text or "").strip()) for each in children(reference, "ID")]
    for kind, value in told:
        found = things.find(value if kind == "WID" else f"{kind}={value}", *kinds)
        if found is not None:
            return found
    kind, value = told[0] if told else ("", "")
    text = f"Invalid ID value.  '{value}' is not a valid ID value for type = '{kind}'"
    raise Fault(VALIDATION, f"Validation error occurred. {text}", (text, ""))


def el(name: str, inside: str = "", **attributes: str) -> str:
    """Write an element; `inside` is XML already."""
    shown = "".join(f" wd:{key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<wd:{name}{shown}>{inside}</wd:{name}>"


def leaf(name: str, value: object) -> str:
    """Write an element with text; booleans are 1 and 0."""
    text = str(int(value)) if isinstance(value, bool) else str(value)
    return el(name, escape(text))


def ref(name: str, *things: Thing) -> str:
    """Write a reference by the WID and the reference ids of what it names."""
    ids = [("WID", things[0].wid), *((each.kind, each.key) for each in things)]
    return el(name, "".join(el("ID", escape(value), type=kind) for kind, value in ids))


@cache
def template(name: str) -> Template:
    """Read a template, and give its names their prefix."""
    text = data_text(name).replace("\n", "")
    return Template(_ATTRIBUTE.sub(r' wd:\1="', _TAG.sub(r"<\1wd:\2", text)))


def filled(text: str, things: Things) -> str:
    """Write out what a template says shortly: `ref="Kind=key"` becomes the WID and that id."""

    def expand(match: re.Match[str]) -> str:
        named = [each.partition("=") for each in match[2].split(";")]
        return ref(match[1], *(things.of(kind, key) for kind, _, key in named))

    return _REF.sub(expand, text)


def reply(inside: str) -> Reply:
    """Return an envelope."""
    text = (
        f"<?xml version='1.0' encoding='UTF-8'?><env:Envelope xmlns:env=\"{ENVELOPE}\"><env:Body>{inside}"
        "</env:Body></env:Envelope>"
    )
    return Reply(200, text.encode(), media_type=MEDIA)


def fault_reply(fault: Fault) -> Reply:
    """Return a fault: 500, whoever is to blame, and with other prefixes than answers have."""
    detail = ""
    if fault.detail is not None:
        message, path = fault.detail
        told = f"<wd:Message>{escape(message)}</wd:Message><wd:Detail_Message></wd:Detail_Message>"
        kind = "Validation" if "Client" in fault.code else "Processing"
        error = f"<wd:{kind}_Error>{told}<wd:Xpath>{escape(path)}</wd:Xpath></wd:{kind}_Error>"
        if kind == "Processing":
            error = told
        detail = f"<detail><wd:{kind}_Fault>{error}</wd:{kind}_Fault></detail>"
    security = f' xmlns:wsse="{WSSE}"' if fault.code.startswith("wsse:") else ""
    text = (
        f'<?xml version="1.0" encoding="utf-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="{ENVELOPE}"{security}>'
        "<SOAP-ENV:Body>"
        f'<SOAP-ENV:Fault xmlns:SOAP-ENV="{ENVELOPE}" xmlns:wd="{SPACE}"><faultcode>{fault.code}</faultcode>'
        f"<faultstring>{escape(fault.text)}</faultstring>{detail}</SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>"
    )
    return Reply(500, text.encode(), media_type=MEDIA)
