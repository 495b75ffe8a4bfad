"""Which bodies does a hostile or broken system send, and how is a sound one bent out of shape?"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from isthmus.core.records import JSON

__all__ = ["BODIES", "GARBLED", "bent"]

Where: TypeAlias = tuple[str | int, ...]

BODIES: Mapping[str, bytes] = {
    "no body": b"",
    "an HTML page": b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "JSON cut off": b'{"error": {"message": "hal',
    "an empty object": b"{}",
    "an empty array": b"[]",
    "null": b"null",
    "a number": b"7",
    "a text": b'"no"',
    "an array of nothing": b"[null]",
    "an array of arrays": b"[[[]]]",
    "an array of texts": b'["no"]',
    "an error that is null": b'{"error": null, "errors": null, "message": null, "code": null}',
    "an error that is a number": b'{"error": 7, "errors": 7, "message": 7, "code": 7}',
    "an error that is a list": b'{"error": [], "errors": [[]], "message": [], "code": {}}',
    "a list of odd errors": b'[{"message": 7, "errorCode": null, "fields": 7}, 7]',
    "bytes that are no text": b"\xff\xfe\x00\xc3(",
    "a lone surrogate": b'{"message": "\\ud800", "code": "\\udfff"}',
    "a name twice": b'{"error": 1, "error": 2}',
    "a huge number": b'{"code": 1e999, "error": ' + b"9" * 5_000 + b"}",
    "JSON without bottom": b"[" * 50_000,
    "deep JSON": b'{"error":' * 200 + b"1" + b"}" * 200,
}
GARBLED = ("", " ", "x", "-1", "NaN", "1e999", "0", "9" * 400, "=", "a=b", "1/0", "1/x", "/", ";;;", "1/2/3", "²/³")
OTHERS: Sequence[JSON] = (None, 7, -1.5, True, "k1t", [], {}, [7], {"k1t": 7}, "9" * 3_000)
FEW, SHARE = 12, 2
"""A body with more places than FEW gets only SHARE of the values in each, in turn."""


def bent(body: bytes, others: Sequence[JSON] = OTHERS) -> list[bytes]:
    """Put other values in each place of a JSON body, one at a time; of a list only the first entry counts."""
    try:
        sound: JSON = json.loads(body)
    except (ValueError, RecursionError):
        return []
    places = list(_places(sound))
    share = len(others) if len(places) <= FEW else min(SHARE, len(others))
    return [
        json.dumps(_put(sound, place, others[(at * share + turn) % len(others)])).encode()
        for at, place in enumerate(places)
        for turn in range(share)
    ]


def _places(value: JSON, here: Where = ()) -> Iterator[Where]:
    yield here
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _places(one, (*here, name))
    elif isinstance(value, list) and value:
        yield from _places(value[0], (*here, 0))


def _put(value: JSON, place: Where, other: JSON) -> JSON:
    if not place:
        return other
    first, rest = place[0], place[1:]
    if isinstance(value, Mapping) and isinstance(first, str):
        return {**value, first: _put(value[first], rest, other)}
    if isinstance(value, list) and isinstance(first, int):
        return [_put(one, rest, other) if at == first else one for at, one in enumerate(value)]
    return value
