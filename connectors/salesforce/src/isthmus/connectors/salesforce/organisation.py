"""Which organisation is behind a connection, who are we there, and what may we still ask of it?"""

from collections.abc import Mapping, Sequence

from isthmus.connectors.salesforce.ids import full_id, is_id
from isthmus.core.connector import Probe, QuotaReading
from isthmus.core.records import JSON, Query, Row

__all__ = ["ORGANISATION", "probe_of", "user_in"]

ORGANISATION = Query(
    "Organization",
    ("Id", "Name", "InstanceName", "IsSandbox", "OrganizationType", "NamespacePrefix", "TrialExpirationDate"),
    limit=1,
)
_DAY = 86_400.0


def probe_of(identity: JSON, rows: Sequence[Row], limits: Mapping[str, JSON]) -> Probe:
    """Put together what `doctor` shows."""
    facts = _facts(rows[0].fields) if rows else {}
    return Probe(identity=user_in(identity) or "unknown", facts=facts, quotas=_quotas(limits))


def user_in(identity: JSON) -> str:
    """Return the user's id from an address that ends in /id/<org>/<user>."""
    last = identity.rpartition("/")[2] if isinstance(identity, str) else ""
    return full_id(last) if is_id(last) else ""


def _facts(told: Mapping[str, JSON]) -> dict[str, str]:
    """Name what is known. No answer of the org says where it runs; its instance can be looked up."""
    found = {
        "organisation": _text(told.get("Name")),
        "id": _text(told.get("Id")),
        "edition": _text(told.get("OrganizationType")),
    }
    trial, sandbox = _text(told.get("TrialExpirationDate"))[:10], told.get("IsSandbox")
    if isinstance(sandbox, bool):
        found["kind"] = "sandbox" if sandbox else "trial" if trial else "production"
    found["trial until"] = trial
    found["namespace"] = _text(told.get("NamespacePrefix"))
    instance = _text(told.get("InstanceName"))
    if instance:
        found |= {"instance": instance, "region": "not told by the org, see status.salesforce.com"}
    return {name: value for name, value in found.items() if value}


def _quotas(limits: Mapping[str, JSON]) -> tuple[QuotaReading, ...]:
    daily = limits.get("DailyApiRequests")
    most, left = (daily.get("Max"), daily.get("Remaining")) if isinstance(daily, Mapping) else (None, None)
    if type(most) is not int or type(left) is not int:  # and not true or false
        return ()
    return (QuotaReading(limit=most, remaining=left, window=_DAY),)


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else ""
