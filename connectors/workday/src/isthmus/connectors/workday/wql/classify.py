"""What would a request to the WQL service do? It only reads, and the query says what."""

import re
from collections.abc import Mapping, Sequence

from httpx2 import Request

from isthmus.connectors.workday.ids import is_id
from isthmus.connectors.workday.settings import WorkdaySettings
from isthmus.core.errors import UpstreamError
from isthmus.core.http import parameters, parse_json, segments
from isthmus.core.operation import Effect, RequestClass

__all__ = ["WqlClassifier"]

_LITERAL = re.compile(r"'[^'\\]*'")
_FORM = re.compile(
    r"SELECT (?P<names>\w+(?:, \w+)*) FROM (?P<source>\w+)(?:\((?:\w+ = \?)(?:, \w+ = \?)*\))?"
    r"(?: WHERE (?P<where>[\w\s?=!<>(),.-]+?))?(?: ORDER BY \w+ (?:ASC|DESC)(?:, \w+ (?:ASC|DESC))*)? LIMIT [0-9]{1,5}",
    re.ASCII,
)
_WORDS = re.compile(r"\b(?:SELECT|FROM|JOIN|UNION|HAVING|LIMIT|PARAMETERS|GROUP)\b", re.IGNORECASE)
_METADATA = (RequestClass(Effect.READ, metadata=True),)


class WqlClassifier:
    """Classifies by the data sources of a connection."""

    def __init__(self, settings: WorkdaySettings) -> None:
        self._objects = {one.source or alias: f"wql.{alias}" for alias, one in settings.sources.items()}
        root = f"{settings.rest}/{settings.wql}/{settings.tenant}"
        self._form = re.compile(f"{re.escape(root)}(?P<rest>(?:/[^/]+)+)")

    def __call__(self, request: Request) -> Sequence[RequestClass]:
        """Classify one request; an empty answer means that it is not known to be harmless."""
        steps, params = segments(request, self._form), parameters(request)
        if not self._objects or steps is None or params is None:
            return ()
        match request.method, steps:
            case "POST", ["data"] if not params:
                return self._query(request.content)
            case "GET", ["dataSources"] | ["dataSources", _, "fields"] if _paged(params) and not request.content:
                return _METADATA if all(is_id(one) for one in steps[1:2]) else ()
            case "GET", ["dataSources", id] if is_id(id) and not params and not request.content:
                return _METADATA
        return ()

    def _query(self, content: bytes) -> Sequence[RequestClass]:
        try:
            body = parse_json(content)
        except UpstreamError:
            return ()
        text = body.get("query") if isinstance(body, Mapping) and body.keys() == {"query"} else None
        if not isinstance(text, str):
            return ()
        found = _FORM.fullmatch(_LITERAL.sub("?", text))
        if found is None or found["source"] not in self._objects or _WORDS.search(found["where"] or ""):
            return ()
        return (RequestClass(Effect.READ, self._objects[found["source"]]),)


def _paged(params: Mapping[str, str]) -> bool:
    limit, offset = params.get("limit", "1"), params.get("offset", "0")
    figures = all(one.isascii() and one.isdecimal() and len(one) < 9 for one in (limit, offset))
    return figures and params.keys() <= {"limit", "offset"} and 1 <= int(limit) <= 100
