"""How does a landscape say no?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape

from isthmus.plugins.sandbox.message import Json, Reply

from .values import as_bytes

_NUMERIC: Final = {"success": 1, "info": 2, "warning": 3, "error": 4}


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the application; `target` names the field it is about."""

    code: str
    text: str
    severity: str = "error"
    target: str = ""

    def in_v2(self) -> dict[str, Json]:
        """Return it as the sap-message header and error details of V2 write it."""
        return {"code": self.code, "message": self.text, "severity": self.severity, "target": self.target}

    def in_v4(self) -> dict[str, Json]:
        """Return it as the sap-messages header of V4 writes it."""
        found: dict[str, Json] = {"code": self.code, "message": self.text, "numericSeverity": _NUMERIC[self.severity]}
        return {**found, "target": self.target} if self.target else found


@dataclass
class Refused(Exception):
    """One refusal, written as the version of the service does."""

    status: int
    code: str
    text: str
    details: tuple[Message, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    target: str = ""

    def __post_init__(self) -> None:
        super().__init__(self.text)


@dataclass
class Bare(Exception):
    """A refusal that no OData service made: plain text or HTML."""

    reply: Reply
    error: str

    def __post_init__(self) -> None:
        super().__init__(self.error)


def in_v2(refusal: Refused, service: str, transaction: str, at: datetime, language: str) -> Reply:
    """Return a refusal as Gateway writes it in OData V2."""
    details: list[Json] = [{**each.in_v2(), "propertyref": "", "transition": False} for each in refusal.details]
    inner: dict[str, Json] = {
        "application": {
            "component_id": "",
            "service_namespace": "/SAP/",
            "service_id": service,
            "service_version": "0001",
        },
        "transactionid": transaction,
        "timestamp": f"{at:%Y%m%d%H%M%S}.{at.microsecond:06d}0",
        "Error_Resolution": {
            "SAP_Transaction": "Run transaction /IWFND/ERROR_LOG on the hub system and search for the transaction ID",
            "SAP_Note": "See SAP Note 1797736 for error analysis",
        },
        "errordetails": details,
    }
    message = {"lang": language, "value": refusal.text}
    body: Json = {"error": {"code": refusal.code, "message": message, "innererror": inner}}
    return Reply(refusal.status, as_bytes(body), dict(refusal.headers), "application/json;charset=utf-8")


def in_v4(refusal: Refused) -> Reply:
    """Return a refusal as OData V4 writes it."""
    error: dict[str, Json] = {"code": refusal.code, "message": refusal.text}
    if refusal.target:
        error["target"] = refusal.target
    if refusal.details:
        error["details"] = [
            {
                "code": each.code,
                "message": each.text,
                **({"target": each.target} if each.target else {}),
                "@Common.numericSeverity": _NUMERIC[each.severity],
            }
            for each in refusal.details
        ]
    return Reply(refusal.status, as_bytes({"error": error}), dict(refusal.headers), "application/json;charset=utf-8")


def in_xml(refusal: Refused) -> Reply:
    """Return a refusal as Gateway writes it in XML, whatever was asked for."""
    text = (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<error xmlns="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">'
        f'<code>{escape(refusal.code)}</code><message xml:lang="en">{escape(refusal.text)}</message></error>'
    )
    return Reply(refusal.status, text.encode(), dict(refusal.headers), "application/xml;charset=utf-8")


def page(status: int, title: str, text: str = "", headers: Mapping[str, str] | None = None) -> Bare:
    """Return an HTML page of the server in front."""
    body = f"<html><head><title>{title}</title></head><body><h1>{status} {title}</h1><p>{text}</p></body></html>"
    return Bare(Reply(status, body.encode(), dict(headers or {}), "text/html;charset=utf-8"), title)


def header(messages: tuple[Message, ...], version: int) -> dict[str, str]:
    """Return the header that tells of messages beside a success."""
    if not messages:
        return {}
    if version == 4:
        return {"sap-messages": json.dumps([each.in_v4() for each in messages])}
    first, *others = [each.in_v2() for each in messages]
    return {"sap-message": json.dumps({**first, "details": others})}


def bad(text: str, code: str = "/IWBEP/CM_MGW_RT/021", target: str = "") -> Refused:
    """Say that a request makes no sense."""
    return Refused(400, code, text, target=target)


def not_found(what: str) -> Refused:
    """Say that there is no such thing, or none for this user, which looks the same."""
    return Refused(404, "/IWBEP/CX_MGW_RESOURCE_NOT_FOUND", f"Resource not found for segment '{what}'")


def forbidden(text: str) -> Refused:
    """Say that the user may not do that."""
    return Refused(403, "/IWFND/CM_MGW/096", text)
