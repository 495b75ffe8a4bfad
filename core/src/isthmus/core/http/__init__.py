"""How does a request of a connector reach its system, and nothing else?"""

from isthmus.core.http.address import Ready, content_of
from isthmus.core.http.answer import HEAVIEST, Response, Whole, parse_json
from isthmus.core.http.certified import CertifiedWire
from isthmus.core.http.chain import ChainParts, compose
from isthmus.core.http.credential import CookieJars
from isthmus.core.http.effect import Dialect
from isthmus.core.http.face import Http, QueryString, query_string
from isthmus.core.http.failure import NO_ANSWER
from isthmus.core.http.faults import Broken, NotSent, Unreadable
from isthmus.core.http.origin import Origin
from isthmus.core.http.path import Path, path
from isthmus.core.http.scope import CallScope, Meter, sending_of
from isthmus.core.http.signed import SignedWire
from isthmus.core.http.target import METHOD_OVERRIDES, parameters, read_parameters, segments
from isthmus.core.http.wire import AiohttpWire, Carrier, WireSettings

__all__ = [
    "HEAVIEST",
    "METHOD_OVERRIDES",
    "NO_ANSWER",
    "AiohttpWire",
    "Broken",
    "CallScope",
    "Carrier",
    "CertifiedWire",
    "ChainParts",
    "CookieJars",
    "Dialect",
    "Http",
    "Meter",
    "NotSent",
    "Origin",
    "Path",
    "QueryString",
    "Ready",
    "Response",
    "SignedWire",
    "Unreadable",
    "Whole",
    "WireSettings",
    "compose",
    "content_of",
    "parameters",
    "parse_json",
    "path",
    "query_string",
    "read_parameters",
    "segments",
    "sending_of",
]
