"""Which short text stands for exactly this content, whatever its layout and order?"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from re import Pattern


def digest(part: object) -> str:
    """Give the SHA-256 over the canonical JSON of a frozen value; a part with a digest of its own counts by it."""
    canonical = json.dumps(_plain(part, outermost=True), sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def _plain(part: object, *, outermost: bool = False) -> object:
    """Turn a value into JSON data in which order carries no meaning."""
    if is_dataclass(part):
        known = None if outermost else getattr(part, "digest", None)
        return known or {item.name: _plain(getattr(part, item.name)) for item in fields(part) if item.init}
    if isinstance(part, Mapping):
        return {key: _plain(value) for key, value in part.items()}
    if isinstance(part, (frozenset, tuple)):
        return sorted((_plain(item) for item in part), key=_sortable)
    if isinstance(part, Enum):
        return part.value
    if isinstance(part, Pattern):
        return part.pattern
    return part.isoformat() if isinstance(part, date) else part


def _sortable(part: object) -> str:
    return json.dumps(part, sort_keys=True)
