"""By which ids is an instance known, in this tenant and to the world?"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from isthmus.plugins.sandbox.message import Json

_FIXED: Final[Mapping[tuple[str, str], str]] = {
    ("Action", "Submit"): "d9e4223e446c11de98360015c5e6daf6",
    ("Absence_Category", "Leave_of_Absence"): "17bd6531c90c100016d74f8dfae007d0",
    ("Absence_Category", "Absence_Table"): "17bd6531c90c100016da3f5b554007d2",
}
"""Ids that are the same in all tenants, because the vendor delivers what they stand for."""

WORKER: Final = "Employee_ID"
ORGANIZATION: Final = "Organization_Reference_ID"
APPLICANT: Final = "Applicant_ID"


@dataclass(frozen=True, slots=True)
class Thing:
    """One instance: `kind` is the type of its reference id, `key` that id; `wid` and `number` hold in one tenant."""

    kind: str
    key: str
    descriptor: str
    wid: str
    number: str

    @property
    def ref(self) -> dict[str, Json]:
        """Return the instance as JSON refers to it."""
        return {"descriptor": self.descriptor, "id": self.wid}


class Things:
    """All instances of one tenant."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant
        self._things: dict[tuple[str, str], Thing] = {}
        self._by_mark: dict[str, Thing] = {}
        self._kinds: dict[str, int] = {}

    def of(self, kind: str, key: str, descriptor: str = "") -> Thing:
        """Return the instance with this reference id; the first who asks names it."""
        known = self._things.get((kind, key))
        if known is not None:
            return known
        wid = _FIXED.get((kind, key)) or hashlib.sha256(f"{self._tenant} {kind} {key}".encode()).hexdigest()[:32]
        major = self._kinds.setdefault(kind, 200 + len(self._kinds))
        thing = Thing(kind, key, descriptor or key.replace("_", " "), wid, f"{major}${len(self._things) + 1}")
        self._things[kind, key] = thing
        self._by_mark[wid] = self._by_mark[thing.number] = thing
        return thing

    def any(self, mark: str) -> Thing | None:
        """Return the instance that a WID, `n$m` or `Type=Value` names, whatever it is."""
        kind, _, key = mark.partition("=")
        return self._by_mark.get(mark) or self._things.get((kind, key))

    def find(self, mark: str, *kinds: str) -> Thing | None:
        """Return the instance of one of these kinds that a WID, `n$m` or `Type=Value` names."""
        thing = self.any(mark)
        return thing if thing is not None and thing.kind in kinds else None
