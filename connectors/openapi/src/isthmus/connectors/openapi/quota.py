"""What does an answer say of the service's limits?

RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers, both its list of items and the older single
fields), and the X-RateLimit-* fields that came before them.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from isthmus.core.connector import QuotaReading
from isthmus.core.http import Response
from isthmus.core.resilience import http_date

__all__ = ["quota_of"]

_COUNT = re.compile(r"[0-9]{1,15}")
_ITEM = re.compile(
    r'\s*(?:"(?P<name>[^"]{0,60})"|(?P<bare>[A-Za-z0-9*][\w*.:/-]{0,60}))(?P<rest>(?:\s*;[^,]*)*)\s*(?:,|$)'
)
_PARAMETER = re.compile(r";\s*(?P<name>[a-z][a-z0-9_.*-]{0,20})=(?:\"(?P<text>[^\"]*)\"|(?P<value>[^;,\s]+))")
_OLD = re.compile(r"\b(?P<name>limit|remaining|reset)=(?P<value>[0-9]{1,15})")
_EPOCH = 1_000_000_000
_MILLIS = 1_000_000_000_000
_FAR = 10 * 365 * 86_400
MOST = 8


def quota_of(response: Response) -> tuple[QuotaReading, ...]:
    """Read the limits of an answer; none where it tells none that can be understood."""
    at = _date(response)
    policies = dict(_items(response.headers.get("ratelimit-policy", "")))
    found = tuple(_of_items(response.headers.get("ratelimit", ""), policies, at))
    return found or tuple(_of_fields(response, policies, at))


def _of_items(text: str, policies: Mapping[str, Mapping[str, str]], at: datetime | None) -> Iterator[QuotaReading]:
    """Read `"name";r=50;t=30` against `"name";q=100;w=60`, and the older `limit=100, remaining=50, reset=30`."""
    old = {one["name"]: one["value"] for one in _OLD.finditer(text)}
    if {"limit", "remaining"} <= old.keys():
        window = next((told.get("w", "") for told in policies.values()), "")
        if (reading := _reading(old["limit"], old["remaining"], old.get("reset", ""), window, "", at)) is not None:
            yield reading
        return
    for name, told in _items(text):
        policy = policies.get(name, {})
        limit = policy.get("q", told.get("q", ""))
        # Without a policy nothing says how much there is in all; what is left is at most that.
        reading = _reading(
            limit or told.get("r", ""), told.get("r", ""), told.get("t", ""), policy.get("w", ""), name, at
        )
        if reading is not None:
            yield reading


def _of_fields(
    response: Response, policies: Mapping[str, Mapping[str, str]], at: datetime | None
) -> Iterator[QuotaReading]:
    for prefix in ("ratelimit-", "x-ratelimit-", "x-rate-limit-"):
        limit, remaining, reset = (response.headers.get(prefix + one, "") for one in ("limit", "remaining", "reset"))
        limit, _, policy = limit.partition(",")
        told = {one["name"]: one["value"] or "" for one in _PARAMETER.finditer(policy)}
        window = told.get("w") or next((one.get("w", "") for one in policies.values()), "")
        reading = _reading(limit.strip(), remaining.strip(), reset.strip(), window, "", at)
        if reading is not None:
            yield reading
            return


def _items(text: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    position = 0
    for _ in range(MOST):
        found = _ITEM.match(text, position) if position < len(text) else None
        if found is None:
            return
        position = found.end()
        told = {one["name"]: one["text"] or one["value"] or "" for one in _PARAMETER.finditer(found["rest"])}
        bare = found["bare"] or ""
        if bare.isdigit():
            # Before items had names, a policy was its quota: `100;w=60`.
            told.setdefault("q", bare)
        yield found["name"] or ("" if bare.isdigit() else bare), told


def _reading(
    limit: str, remaining: str, reset: str, window: str, quota: str, at: datetime | None
) -> QuotaReading | None:
    left = _count(remaining)
    most = _count(limit)
    if most is None or left is None:
        return None
    seconds = _count(window)
    return QuotaReading(
        limit=max(most, left),
        remaining=left,
        window=float(seconds) if seconds else None,
        resets_at=_moment(reset, at),
        at=at,
        quota=quota,
    )


def _count(text: str) -> int | None:
    """Read a count; some services write it as a decimal."""
    whole, _, part = text.partition(".")
    return int(whole) if _COUNT.fullmatch(whole) and (not part or part.isdigit()) else None


def _moment(reset: str, at: datetime | None) -> datetime | None:
    """Read when a window ends: seconds from the answer on, or since 1970, or milliseconds since then."""
    told = _count(reset)
    if told is None:
        return None
    if told >= _EPOCH:
        seconds = told / 1000 if told >= _MILLIS else told
        return datetime.fromtimestamp(seconds, UTC) if seconds < 10 * _EPOCH else None
    return at + timedelta(seconds=told) if at is not None and told < _FAR else None


def _date(response: Response) -> datetime | None:
    return http_date(response.headers.get("date", ""))
