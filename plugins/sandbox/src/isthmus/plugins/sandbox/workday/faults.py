"""Which mishaps can befall a tenant's answers?"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

FAULTS: Final[Mapping[str, str]] = {
    "lost_answer": "do what was asked, then close the connection without an answer",
    "lost_request": "close the connection without an answer; nothing is done",
    "expire_token": "end the access token that the request carries: 401",
    "rate_limit": "429 with Retry-After of `seconds` (default 30)",
    "unavailable": "503 with Retry-After of `seconds` (default 30) and an HTML page of maintenance",
    "bad_gateway": "502 with an HTML page of the reverse proxy",
    "gateway_timeout": "504 with an HTML page; committed=True does what was asked first",
    "server_error": "500 with a bare error; committed=True does what was asked first",
    "processing_fault": "a SOAP fault of the server at 500; committed=True does what was asked first",
    "hide_rows": "a page lacks each second row, as rows outside the caller's security do; total says the same",
    "shifted_rows": "a page begins one row later: a row before it has gone while pages were read",
    "missing_entry": "a report comes without Report_Entry",
    "broken_report": "a streamed report ends after `rows` rows (default 1), in the middle of a row",
    "xml_bomb": "an XML answer with a document type whose entities grow; style=deep nests `depth` elements instead",
    "drop_field": "the write of `field` comes to nothing, and nothing says so",
    "delayed_completion": "the event that the request starts or ends stays in progress for `seconds` (default 60)",
    "slow": "answer only after `seconds` of real time (default 1)",
    "slow_body": "send the head at once and the body in drops over `seconds` of real time (default 1)",
    "gzip_bomb": "do what was asked, then answer with `megabytes` of blanks, compressed (default 65)",
    "consent_denied": "the person at the authorize endpoint says no",
    "token_refused": "400 from the token endpoint with `error` (default invalid_grant)",
    "lost_token_answer": "issue a token and spend the old one, then close the connection without an answer",
}

_BILLION: Final = (
    b'<?xml version="1.0"?><!DOCTYPE bomb [<!ENTITY a "haha">%s]>'
    b'<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Body>&%s;</env:Body></env:Envelope>'
)


def bomb(style: str, depth: int) -> bytes:
    """Return XML that harms careless readers: entities that grow tenfold each, or elements nested deeply."""
    if style == "deep":
        return b"<a>" * depth + b"</a>" * depth
    names = [chr(each).encode() for each in range(ord("a"), ord("k"))]
    declared = b"".join(b'<!ENTITY %s "%s">' % (next_, b"&%s;" % name * 10) for name, next_ in pairwise(names))
    return _BILLION % (declared, names[-1])
