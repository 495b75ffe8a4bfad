"""How does the system answer function modules over SOAP, each call a session of its own?"""

import base64
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final, cast
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from isthmus.plugins.sandbox.message import Reply, Request
from isthmus.plugins.sandbox.salesforce.xml_text import XmlError, local, read_xml

from .dictionary import Elementary, Function, Parameter, Structure, dictionary
from .functions import Session, run
from .messages import AbapException, ShortDump
from .values import Line, Scalar, Value, initial

if TYPE_CHECKING:
    from .endpoint import RfcEndpoint

__all__ = ["SoapService"]

CLASSIC: Final = "urn:sap-com:document:sap:rfc:functions"
GENERATED: Final = "urn:sap-com:document:sap:soap:functions:mc-style"
_ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
_PATH: Final = re.compile(r"/sap/bc/(?P<classic>soap/rfc)/?|/sap/bc/srt/rfc/sap/(?P<name>[^/]+)(/.*)?")
_DATE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)")


class SoapService:
    """Answer `/sap/bc/soap/rfc` and the services generated for each function module, for the same users and orders."""

    def __init__(self, system: "RfcEndpoint") -> None:
        self._system = system

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        path = _PATH.fullmatch(request.path)
        if path is None:
            return Reply(404, b"<html><body>Service cannot be reached</body></html>", media_type="text/html")
        name, password = request.basic or ("", "")
        user, why = self._system.users.check(
            name, password.encode("latin-1", "replace"), request.query.get("sap-client", self._system.client)
        )
        if why:
            return Reply(401, why.encode(), {"WWW-Authenticate": 'Basic realm="S4H"'}, "text/plain")
        try:
            return self._answer(request.body, user, camel=path["classic"] is None)
        except XmlError as error:
            return _fault("soap-env:Client", "", str(error))
        except AbapException as error:
            return _fault("rfc:Error", error.key, f"{error.key} {' '.join(error.variables)}".strip())
        except ShortDump as error:
            return _fault("rfc:Error", error.key, str(error))

    def _answer(self, content: bytes, user: str, *, camel: bool) -> Reply:
        asked = _payload(read_xml(content))
        known = {_plain(one): one for one in dictionary().functions}
        function = dictionary().functions.get(known.get(_plain(local(asked)), "") if camel else local(asked))
        if function is None:
            raise AbapException("FU_NOT_FOUND", ("FL", "046"), local(asked))
        self._system.called.append(function.name)
        session = Session(self._system.system, user, self._system.orders.begin(user))
        sent = {_plain(local(each)) if camel else local(each): each for each in asked}
        given = {one.name: sent[key] for one in function.parameters if (key := _key(one, camel=camel)) in sent}
        results = run(session, function, _arguments(function, given, camel=camel))
        session.work.rollback()
        inner = "".join(
            _written(one.name, _xml(one.type, results.get(one.name), camel=camel), camel=camel)
            for one in function.parameters
            if one.direction in "EC" or (one.direction == "T" and one.name in given)
        )
        name, space = (
            (_camel(function.name) + "Response", GENERATED) if camel else (f"{function.name}.Response", CLASSIC)
        )
        return _reply(200, f'<n0:{name} xmlns:n0="{space}">{inner}</n0:{name}>')


def _payload(envelope: Element) -> Element:
    body = next((one for one in envelope if local(one) == "Body"), None)
    if local(envelope) != "Envelope" or body is None or len(body) != 1:
        raise XmlError("an envelope holds a body with one element")
    return body[0]


def _arguments(function: Function, given: Mapping[str, Element], *, camel: bool) -> dict[str, Value]:
    told: dict[str, Value] = {}
    for one in function.parameters:
        element = given.get(one.name)
        if element is None and one.direction in "IC" and not one.optional:
            raise ShortDump("CALL_FUNCTION_PARM_MISSING", f"Function {function.name} needs parameter {one.name}.")
        told[one.name] = _argument(one, element, camel=camel)
    return told


def _argument(one: Parameter, element: Element | None, *, camel: bool) -> Value:
    if isinstance(one.type, Elementary):
        return _read(one.type, "" if element is None else element.text or "")
    if one.direction == "T":
        return [_line(one.type, row, camel=camel) for row in (element if element is not None else ())]
    return _line(one.type, element, camel=camel)


def _line(structure: Structure, element: Element | None, *, camel: bool) -> Line:
    found = (
        {} if element is None else {_plain(local(each)) if camel else local(each): each.text or "" for each in element}
    )
    return {
        field.name: _read(field.type, found.get(_plain(field.name) if camel else field.name, ""))
        for field in structure.fields
    }


def _read(type: Elementary, text: str) -> Scalar:
    """Read a value as XML Schema writes it."""
    if not text.strip():
        return initial(type)
    if type.exid == "D":
        return _DATE.sub(r"\1\2\3", text)
    if type.exid == "T":
        return text.replace(":", "")
    if type.exid in "Isb":
        return int(text)
    if type.exid == "P":
        return Decimal(text)
    if type.exid == "F":
        return float(text)
    return base64.b64decode(text) if type.exid in "Xy" else text


def _xml(type: Elementary | Structure, value: Value | None, *, camel: bool) -> str:
    if isinstance(type, Elementary):
        return _text(type, initial(type) if value is None else cast("Scalar", value))
    if isinstance(value, list):
        return "".join(f"<item>{_xml(type, row, camel=camel)}</item>" for row in value)
    line = cast("Line", value or {})
    return "".join(
        _written(field.name, _text(field.type, line.get(field.name, initial(field.type))), camel=camel)
        for field in type.fields
    )


def _text(type: Elementary, value: Scalar) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if type.exid == "P":
        return str(Decimal(str(value)).quantize(Decimal(1).scaleb(-type.decimals)))
    text = str(value)
    if type.exid == "D":
        return f"{text[:4]}-{text[4:6]}-{text[6:8]}"
    return f"{text[:2]}:{text[2:4]}:{text[4:6]}" if type.exid == "T" else escape(text)


def _written(name: str, inner: str, *, camel: bool) -> str:
    tag = _camel(name) if camel else name
    return f"<{tag}>{inner}</{tag}>"


def _key(one: Parameter, *, camel: bool) -> str:
    return _plain(one.name) if camel else one.name


def _plain(name: str) -> str:
    return name.replace("_", "").upper()


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _fault(code: str, key: str, said: str) -> Reply:
    detail = f'<detail><rfc:Exception xmlns:rfc="{CLASSIC}"><Name>{escape(key)}</Name></rfc:Exception></detail>'
    words = f"<faultcode>{code}</faultcode><faultstring>{escape(said)}</faultstring>{detail if key else ''}"
    return _reply(500, f"<soap-env:Fault>{words}</soap-env:Fault>")


def _reply(status: int, inner: str) -> Reply:
    body = f'<soap-env:Envelope xmlns:soap-env="{_ENVELOPE}"><soap-env:Body>{inner}</soap-env:Body></soap-env:Envelope>'
    return Reply(status, f'<?xml version="1.0" encoding="utf-8"?>{body}'.encode(), media_type="text/xml; charset=utf-8")
