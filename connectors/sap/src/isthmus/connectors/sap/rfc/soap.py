"""How are function modules called over SOAP, where RFC itself is out of reach?

Reads only: no two calls share a session. The classic form is the service `/sap/bc/soap/rfc`, the generated one a
service of its own for each function module.
"""

import asyncio
import base64
import concurrent.futures
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import cast
from xml.sax.saxutils import escape, quoteattr

import httpx2

from isthmus.connectors.sap.odata.xml import Element, XmlError, parsed
from isthmus.connectors.sap.rfc.backend import (
    AbapDump,
    AbapRaised,
    BadCall,
    LineLost,
    Logon,
    LogonRefused,
    RfcConnection,
    Scalar,
    Value,
    Values,
)
from isthmus.connectors.sap.rfc.interface import Field, Interface, Parameter
from isthmus.connectors.sap.rfc.settings import SapRfcSettings
from isthmus.core.http import Broken, NotSent, Ready, Unreadable

__all__ = ["SoapBackend"]

_CLASSIC = "urn:sap-com:document:sap:rfc:functions"
_GENERATED = "urn:sap-com:document:sap:soap:functions:mc-style"
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_NAMES_OF_A_FAULT = ("Name", "name", "code", "key")


class SoapBackend:
    """A service of the system itself; requests go over the connection's own HTTP wire, on the loop that made this."""

    name = "SOAP"
    writes = False

    def __init__(self, wire: httpx2.AsyncBaseTransport, url: str, settings: SapRfcSettings) -> None:
        self._wire = wire
        self._url = url.rstrip("/")
        self._path = settings.soap_path
        self._generated = settings.backend == "soap-generated"
        self._loop = asyncio.get_running_loop()

    def connect(self, logon: Logon) -> RfcConnection:
        """Return a session without a state; whether the logon is right shows in the first call."""
        return _Session(self, logon)

    def send(self, function: str, content: bytes, logon: Logon) -> tuple[int, bytes]:
        """Send one call from another thread, and return status and body; raises LineLost."""
        where = self._path.replace("{function}", function.lower())
        url = httpx2.URL(f"{self._url}{where}", params={"sap-client": logon.client, "sap-language": logon.language})
        proof = base64.b64encode(f"{logon.user}:{logon.password}".encode())
        headers = [
            (b"host", url.netloc),
            (b"authorization", b"Basic " + proof),
            (b"content-type", b"text/xml; charset=utf-8"),
            (b"content-length", str(len(content)).encode()),
            (b"accept", b"text/xml"),
            (b"soapaction", quoteattr(_GENERATED if self._generated else _CLASSIC).encode()),
        ]
        request = Ready("POST", url, headers, content, dict(logon.carried))
        answer = asyncio.run_coroutine_threadsafe(self._wire.handle_async_request(request), self._loop)
        try:
            response = answer.result(logon.patience)
        except (NotSent, Broken, Unreadable, concurrent.futures.TimeoutError) as error:
            answer.cancel()
            raise LineLost("the SOAP service did not answer") from error
        return response.status_code, response.content

    def envelope(self, function: Interface, parameters: Values) -> bytes:
        """Write the envelope of a call; a table comes back only where it is sent, if only as an empty one."""
        known = {one.name: one for one in function.parameters}
        empty: Values = {one.name: [] for one in function.parameters if one.table and one.name not in parameters}
        inner = "".join(self._element(known[name], value) for name, value in {**parameters, **empty}.items())
        space, name = (_GENERATED, _camel(function.name)) if self._generated else (_CLASSIC, function.name)
        body = f'<n0:{_tag(name)} xmlns:n0="{space}">{inner}</n0:{_tag(name)}>'
        return f'<s:Envelope xmlns:s="{_ENVELOPE}"><s:Body>{body}</s:Body></s:Envelope>'.encode()

    def _element(self, parameter: Parameter, value: Value) -> str:
        name = _camel(parameter.name) if self._generated else parameter.name
        if parameter.flat:
            return _wrapped(name, _text(parameter.fields[0], cast("Scalar", value)))
        types = {one.name: one for one in parameter.fields}
        if isinstance(value, Mapping):
            return _wrapped(name, _line(types, value))
        rows = cast("Sequence[Mapping[str, Scalar]]", value)
        return _wrapped(name, "".join(_wrapped("item", _line(types, row)) for row in rows))


class _Session:
    def __init__(self, service: SoapBackend, logon: Logon) -> None:
        self._service = service
        self._logon = logon

    def call(self, function: Interface, parameters: Values) -> Values:
        """Call a function module."""
        status, body = self._service.send(function.name, self._service.envelope(function, parameters), self._logon)
        if status == 401:
            raise LogonRefused("the SOAP service does not take name and password")
        if status not in (200, 500):
            raise BadCall(f"the SOAP service answered HTTP {status}; see that its ICF node is active")
        try:
            envelope = parsed(body)
        except XmlError as error:
            raise AbapDump("the SOAP service answered with something that is not its XML") from error
        content = envelope.first("Body")
        answer = next(iter(content.children), None) if content else None
        if answer is None:
            raise AbapDump("the SOAP service answered with an empty envelope")
        if answer.name == "Fault":
            raise _fault(answer)
        return _results(function, answer)

    def ping(self) -> None:
        """Ask for a sign of life; any answer of the service that is no refusal is one."""
        try:
            self.call(Interface("RFC_PING"), {})
        except AbapRaised:
            return

    def close(self) -> None:
        """Do nothing: there is no session."""


def _fault(fault: Element) -> AbapRaised | AbapDump:
    said = next((one.text for one in fault.all("faultstring")), "")
    detail = fault.first("detail")
    inside = list(_all(detail.children)) if detail else []
    key = next((one.text for one in inside if one.name in _NAMES_OF_A_FAULT and one.text), "")
    text = next((one.text for one in inside if one.name.lower() in ("text", "message") and one.text), said)
    return AbapRaised(key, text) if key else AbapDump(text or "the SOAP service answered with a fault")


def _all(elements: Iterable[Element]) -> Iterable[Element]:
    for one in elements:
        yield one
        yield from _all(one.children)


def _results(function: Interface, answer: Element) -> Values:
    known = {_plain(one.name): one for one in function.parameters}
    found = {known[_plain(one.name)].name: one for one in answer.children if _plain(one.name) in known}
    return {name: _value(known[_plain(name)], one) for name, one in found.items()}


def _value(parameter: Parameter, element: Element) -> Value:
    if parameter.flat:
        return element.text
    if parameter.table:
        return [_read(one) for one in element.all("item")]
    return _read(element)


def _read(element: Element) -> Mapping[str, Scalar]:
    return {one.name: one.text for one in element.children}


def _line(types: Mapping[str, Field], line: Mapping[str, Scalar]) -> str:
    return "".join(_wrapped(name, _text(types.get(name), value)) for name, value in line.items())


def _text(field: Field | None, value: Scalar) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = str(value)
    if field is not None and field.type == "D":
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    if field is not None and field.type == "T":
        return f"{text[:2]}:{text[2:4]}:{text[4:]}"
    return escape(text)


def _wrapped(name: str, inner: str) -> str:
    return f"<{_tag(name)}>{inner}</{_tag(name)}>"


def _tag(name: str) -> str:
    """Write a slash, which names may have and tags may not, as SAP does."""
    return name.replace("/", "_-")


def _plain(name: str) -> str:
    return name.replace("_-", "/").replace("_", "").upper()


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
