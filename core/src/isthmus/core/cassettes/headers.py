"""Which headers are written, and how?"""

import re
from collections.abc import Mapping

from isthmus.core.cassettes.leaves import Leaf, Seen

__all__ = ["ANTI_FORGERY", "HEADERS", "headers_walked", "media_type"]

HEADERS = frozenset(
    {"content-type", "etag", "last-modified", "location", "link", "retry-after", "sforce-limit-info", "sforce-locator",
     "sforce-numberofrecords", "x-total-count", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
     "x-csrf-token", "odata-version",
     "dataserviceversion", "if-match", "accept"}
)  # fmt: skip
"""The only headers that are written."""
ANTI_FORGERY = "x-csrf-token"
"""A token that only proves who asked before; a replay needs any."""
_PLAIN = frozenset({"odata-version", "dataserviceversion", "retry-after"})
_PARAMETER = r"\s*;\s*(?:charset|odata|odata\.\w+|ieee754compatible|type|q)=\"?[\w./+-]*\"?"
_MEDIA = re.compile(rf"[\w.+*/-]+(?:{_PARAMETER})*", re.ASCII | re.IGNORECASE)
_KINDS = ("content-type", "accept")


def media_type(value: str) -> str:
    """Return a media type with those of its parameters that say how a body is written, up to the first other one."""
    return ", ".join(found[0] for one in value.split(",") if (found := _MEDIA.match(one.strip())) is not None)


def headers_walked(found: Mapping[str, str], seen: Seen) -> dict[str, str]:
    """Return the headers of a part of a batch as they are written."""
    told = {}
    for name, value in sorted(found.items()):
        if name == ANTI_FORGERY:
            told[name] = "replayed"
        elif name in _KINDS:
            told[name] = media_type(value)
        elif name in HEADERS:
            told[name] = value if name in _PLAIN else str(seen(Leaf(value, "", None)))
    return told
