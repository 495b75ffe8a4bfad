"""What does `@{reference.path}` stand for in a later part of a composite request?"""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from isthmus.plugins.sandbox.message import Json

from .errors import ApiError
from .parts import Part

_REFERENCE: Final = re.compile(r"@\{(\w+)((?:\.\w+|\[\d+\])+)\}")
_STEP: Final = re.compile(r"\.(\w+)|\[(\d+)\]")


class References:
    """The bodies answered so far, by the reference ids of their parts."""

    def __init__(self) -> None:
        self._bodies: dict[str, Json] = {}

    def add(self, name: str, body: Json) -> None:
        """Keep the body that a part was answered with."""
        self._bodies[name] = body

    def resolve(self, part: Part) -> Part:
        """Return the part with values in place of references; raises ApiError for one that leads nowhere."""
        url = _REFERENCE.sub(lambda match: quote(_text(self._value(match)), safe=""), part.url)
        return Part(part.method, url, self._filled(part.body), part.headers)

    def _filled(self, body: Json) -> Json:
        if isinstance(body, Mapping):
            return {name: self._filled(value) for name, value in body.items()}
        if isinstance(body, str):
            whole = _REFERENCE.fullmatch(body)
            if whole is not None:
                return self._value(whole)
            return _REFERENCE.sub(lambda match: _text(self._value(match)), body)
        if isinstance(body, Sequence):
            return [self._filled(value) for value in body]
        return body

    def _value(self, match: "re.Match[str]") -> Json:
        name, path = match.groups()
        value: Json = self._bodies.get(name)
        for step in _STEP.finditer(path):
            field, index = step.groups()
            if field is not None and isinstance(value, Mapping):
                value = value.get(field)
            elif index is not None and isinstance(value, list) and int(index) < len(value):
                value = value[int(index)]
            else:
                value = None
        if value is None or isinstance(value, Mapping | list):
            message = f"Invalid reference specified. No value for {name}{path} found in {name}"
            raise ApiError(400, "PROCESSING_HALTED", message)
        return value


def _text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
