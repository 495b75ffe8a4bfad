"""Which rows did a user touch last?"""

from isthmus.plugins.sandbox.message import Json, Reply

from .call import Call
from .errors import ApiError
from .store import Row

_TOUCHES = frozenset({"created", "updated", "viewed"})
_MOST = 200


class Recent:
    """Keep, per user, the rows made, changed or read `FOR VIEW`, the latest last."""

    def __init__(self) -> None:
        self._touched: dict[str, dict[tuple[str, str], None]] = {}

    def note(self, user: str, action: str, name: str, key: str) -> None:
        """Note that a user did something to a row."""
        if action not in _TOUCHES:
            return
        mine = self._touched.setdefault(user, {})
        mine.pop((name, key), None)
        mine[name, key] = None
        if len(mine) > _MOST:
            del mine[next(iter(mine))]

    def of(self, user: str) -> list[tuple[str, str]]:
        """Return object and id of the touched rows, the latest first."""
        return list(reversed(self._touched.get(user, {})))


def recent(call: Call) -> Reply:
    """Answer `GET /recent?limit=`."""
    given = call.request.query.get("limit", str(_MOST))
    if not given.isdecimal():
        raise ApiError(400, "INVALID_QUERY_PARAMETER", "limit must be a number")
    return Reply(200, recent_items(call)[: int(given)])


def recent_items(call: Call, name: str | None = None) -> list[Json]:
    """Return what the user touched last, of one object or of all; rows that are gone by now are left out."""
    found: list[Json] = []
    for touched, key in call.org.recent.of(call.user_id):
        sobject = call.view.object(touched)
        row: Row | None = call.store[touched].rows.get(key)
        if sobject is None or row is None or row["IsDeleted"] or name not in (None, touched):
            continue
        path = f"{call.base}/sobjects/{touched}/{key}"
        title = row[sobject.name_field]
        found.append({"attributes": {"type": touched, "url": path}, "Id": key, "Name": title})
    return found
