"""How does a page continue? By the sort keys of the last record, sealed into `after`; and how do several legs merge?"""

import base64
import hashlib
import heapq
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from isthmus.core.errors import InvalidArguments, UpstreamError
from isthmus.core.records import JSON, AllOf, AnyOf, Compare, Condition, Operator, Order, Query, Row, Value

__all__ = ["Cursor", "CursorSeal", "after_condition", "endless", "merged", "query_digest", "went_on", "went_on_empty"]

Scalar: TypeAlias = bool | int | float | str | None
MOST_EMPTY = 100
"""Batches of an export without a record in a row: a job has one or two, a system that hides whole pages some more."""
_BEGUN: tuple[Scalar, ...] = (None, None, 0, 1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where each leg stands: the sort keys and id of its last record, or None where it has not begun or is `done`."""

    legs: Mapping[str, tuple[Scalar, ...] | None] = field(default_factory=dict)
    done: frozenset[str] = frozenset()


class CursorSeal:
    """Seal cursors so that only the same caller can continue the same query under the same policy."""

    def __init__(self, key: bytes, nonce: Callable[[bytes], bytes] = lambda _: os.urandom(12)) -> None:
        """`nonce` makes 12 bytes that no other cursor sealed with this key has, given what is to be sealed."""
        self._seal = AESGCM(key)
        self._nonce = nonce

    def seal(self, cursor: Cursor, bound_to: str) -> str:
        """Return the `after` of a page; `bound_to` names caller, query and policy."""
        plain = json.dumps({"legs": dict(cursor.legs), "done": sorted(cursor.done)}).encode()
        nonce = self._nonce(plain + bound_to.encode())
        return base64.urlsafe_b64encode(nonce + self._seal.encrypt(nonce, plain, bound_to.encode())).decode()

    def open(self, after: str, bound_to: str) -> Cursor:
        """Return the cursor; raises InvalidArguments, without telling a forged one from a foreign one."""
        try:
            sealed = base64.urlsafe_b64decode(after.encode())
            plain = json.loads(self._seal.decrypt(sealed[:12], sealed[12:], bound_to.encode()))
        except (ValueError, InvalidTag) as error:
            raise InvalidArguments(
                "`after` does not continue this query; repeat the query as it was, or start again without `after`",
                field="after",
            ) from error
        legs = {name: tuple(keys) if keys is not None else None for name, keys in plain["legs"].items()}
        return Cursor(legs, frozenset(plain["done"]))


def query_digest(query: Query, more: str) -> str:
    """Digest a query without its `after`, with whatever else binds a page."""
    return hashlib.sha256(f"{replace(query, after=None)!r}|{more}".encode()).hexdigest()


def after_condition(order_by: Sequence[Order], id_field: str, last: Sequence[Value]) -> Condition:
    """Say "comes after `last`" as a condition, given that missing values come first in both directions."""
    orders = [*order_by, Order(id_field)]
    branches: list[Condition] = []
    for position, order in enumerate(orders):
        beyond = _beyond(order, last[position])
        if beyond is not None:
            equal = [Compare(one.field, Operator.EQ, last[at]) for at, one in enumerate(orders[:position])]
            branches.append(AllOf((*equal, beyond)) if equal else beyond)
    return AnyOf(tuple(branches)) if len(branches) > 1 else branches[0]


def _beyond(order: Order, value: Value) -> Condition | None:
    if value is None:
        return Compare(order.field, Operator.NE, None)
    if isinstance(value, bool):
        # Booleans have no order operators in most query languages; only one value can lie beyond.
        return Compare(order.field, Operator.EQ, not value) if value is order.descending else None
    return Compare(order.field, Operator.LT if order.descending else Operator.GT, value)


def went_on(passed: tuple[Scalar, ...], first: str, target: str) -> tuple[Scalar, ...]:
    """Note the first record of one more batch of an export, which brings every record once.

    Of all batches before, two are remembered: the last one, and one that moves up at every power of two, so that a
    circle of any length is found (R. Brent, An improved Monte Carlo factorization algorithm, BIT 20, 1980).

    Raises:
        UpstreamError: a batch with this record came before; what follows would come again for ever.
    """
    last, mark, steps, most = passed[:4] or _BEGUN
    if first in (last, mark) or not isinstance(steps, int) or not isinstance(most, int):
        raise endless(target)
    if steps + 1 == most:
        return first, first, 0, most * 2
    return first, mark, steps + 1, most


def went_on_empty(passed: tuple[Scalar, ...], target: str) -> tuple[Scalar, ...]:
    """Note one more batch of an export that has no record and goes on elsewhere.

    Raises:
        UpstreamError: there were `MOST_EMPTY` of them in a row.
    """
    walk, empty = passed[:4] or _BEGUN, passed[4] if len(passed) > 4 else 0
    if not isinstance(empty, int) or empty >= MOST_EMPTY:
        raise UpstreamError(
            f"{target} gave {MOST_EMPTY} batches without a record, each leading to another; start again, with a "
            "narrower condition, or report it to the connector's author",
            code="endless",
            object=target,
        )
    return *walk, empty + 1


def endless(target: str) -> UpstreamError:
    """Return the error of a system that gives the same records again and again."""
    return UpstreamError(
        f"{target} gives the same records again, so this would never end; start again, with a narrower condition",
        code="endless",
        object=target,
    )


def merged(
    legs: Mapping[str, Sequence[Row]], order_by: Sequence[Order], limit: int
) -> tuple[Mapping[str, Sequence[Row]], Sequence[str]]:
    """Keep the first `limit` rows of sorted legs: those of each leg, and the leg of each in the order of all."""
    if len(legs) == 1:
        ((name, rows),) = legs.items()
        return {name: rows[:limit]}, [name] * min(len(rows), limit)
    streams = [[(_Rank(row, order_by), name) for row in rows] for name, rows in sorted(legs.items())]
    homes = [name for _, name in islice(heapq.merge(*streams, key=lambda one: one[0]), limit)]
    return {name: rows[: homes.count(name)] for name, rows in legs.items()}, homes


class _Rank:
    """The place of a row in an order; text is compared without case, as systems of record do."""

    def __init__(self, row: Row, order_by: Sequence[Order]) -> None:
        self._keys = [(row.fields.get(order.field), order.descending) for order in order_by]

    def __lt__(self, other: "_Rank") -> bool:
        for (mine, descending), (theirs, _) in zip(self._keys, other._keys, strict=True):
            left, right = _comparable(mine), _comparable(theirs)
            if left == right:
                continue
            if left[0] != right[0]:
                return left[0] < right[0]
            return (right < left) if descending else (left < right)
        return False


def _comparable(value: JSON) -> tuple[int, float, str]:
    if value is None:
        return (0, 0.0, "")
    if isinstance(value, bool | int | float):
        return (1, float(value), "")
    return (2, 0.0, str(value).casefold())
