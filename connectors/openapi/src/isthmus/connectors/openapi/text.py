"""How does the text of a document, JSON or YAML, become JSON values, and nothing else?

Of YAML that is what JSON can say (the core schema of YAML 1.2): no tags, no anchors and aliases, no merge keys.
"""

import re
from collections.abc import Iterator

import yaml

from isthmus.core.errors import ConfigurationError, UpstreamError
from isthmus.core.http import parse_json
from isthmus.core.records import JSON

__all__ = ["MOST_BYTES", "read_text"]

MOST_BYTES = 16 << 20
DEEPEST = 100

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?[0-9]{1,40}")
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]{1,40}|[0-9]{1,40}(?:\.[0-9]{0,40})?)(?:[eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, JSON] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read_text(raw: bytes, name: str) -> JSON:
    """Parse a document; raises ConfigurationError naming the file, the place and what to change."""
    if len(raw) > MOST_BYTES:
        raise ConfigurationError(f"{name} has more than {MOST_BYTES >> 20} MB; split it or cut what is not used")
    if raw.lstrip()[:1] in (b"{", b"["):
        try:
            return parse_json(raw)
        except UpstreamError as error:
            raise ConfigurationError(
                f"{name} is no JSON that every reader understands alike: {error.sentence}"
            ) from error
    try:
        events = yaml.parse(raw.decode("utf-8-sig"), Loader=_LOADER)
        return _Reader(events, name).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark is not None else ""
        raise ConfigurationError(
            f"{name} is no YAML{place}: {getattr(error, 'problem', None) or 'unreadable'}"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{name} is not UTF-8; write it anew as UTF-8") from error


class _Reader:
    """Builds values from the events of one YAML stream."""

    def __init__(self, events: Iterator[yaml.Event], name: str) -> None:
        self._events = events
        self._name = name

    def document(self) -> JSON:
        """Return the one document of the stream."""
        found, seen = None, False
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if seen:
                    raise self._refused(event, "holds several documents; keep one")
                seen, found = True, self._value(next(self._events), 0)
        return found

    def _value(self, event: yaml.Event, depth: int) -> JSON:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise self._refused(event, "has an anchor or alias; write a $ref")
        if depth > DEEPEST:
            raise self._refused(event, f"is nested deeper than {DEEPEST} levels")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if getattr(event, "tag", None) is not None:
            raise self._refused(event, "has a tag; leave it out")
        return self._mapping(depth) if isinstance(event, yaml.MappingStartEvent) else self._list(depth)

    def _list(self, depth: int) -> JSON:
        found: list[JSON] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._value(event, depth + 1))
        return found

    def _mapping(self, depth: int) -> JSON:
        found: dict[str, JSON] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor is not None:
                raise self._refused(event, "has a key that is no plain text")
            # A status such as 200 is a name, whatever it looks like.
            key = event.value
            if key in found:
                raise self._refused(event, f"has the key {key[:60]!a} twice")
            found[key] = self._value(next(self._events), depth + 1)
        return found

    def _scalar(self, event: yaml.ScalarEvent) -> JSON:
        if event.tag is not None:
            raise self._refused(event, "has a tag; leave it out")
        text: str = event.value
        if not event.implicit[0]:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        return float(text) if _NUMBER.fullmatch(text) else text

    def _refused(self, event: yaml.Event, why: str) -> ConfigurationError:
        return ConfigurationError(f"{self._name}, line {event.start_mark.line + 1}, {why}")
