"""Does what is stored show that a write happened whose answer was lost?"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation

from isthmus.connectors.salesforce.ids import full_id, is_id
from isthmus.core.connector import Pending, Settlement
from isthmus.core.records import JSON, Row

__all__ = ["LONGEST_TRANSACTION", "MERGED", "altered", "same_value", "settle", "settle_delete"]

LONGEST_TRANSACTION = 600.0
"""Seconds after which a write that is not there will not appear any more (the vendor ends transactions at 10 min)."""

MERGED = frozenset({"Account", "Contact", "Lead"})
"""Objects whose records are merged into one; what is left over of the others names it in MasterRecordId."""

_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T.+")


def settle(pending: Pending, row: Row | None) -> Settlement:
    """Judge a create, an update or an upsert by the record as it is now; None where there is none.

    A record that holds other values than were sent may have been changed since, or made by somebody else with the
    same key: neither is proof.
    """
    if row is None:
        # An update of a record that is gone may have happened before it went.
        return Settlement.CANNOT_TELL if pending.key is None else _absent(pending)
    same = all(same_value(value, row.fields.get(name)) for name, value in pending.values.items())
    if pending.version is not None and row.version == pending.version:
        # Versions have whole seconds, so an equal one rules out a write only where the values differ too.
        return Settlement.CANNOT_TELL if same else _absent(pending)
    return Settlement.HAPPENED if same else Settlement.CANNOT_TELL


def settle_delete(pending: Pending, found: Sequence[Mapping[str, JSON]]) -> Settlement:
    """Judge a delete by the record among all rows, deleted ones included; a hidden or purged one tells nothing.

    A merge deletes too, and a record that lives and has changed may have been deleted and brought back.
    """
    if not found:
        return Settlement.CANNOT_TELL
    row = found[0]
    if row.get("IsDeleted") is True:
        return Settlement.CANNOT_TELL if row.get("MasterRecordId") else Settlement.HAPPENED
    moved = pending.version is not None and row.get("SystemModstamp") != pending.version
    return Settlement.CANNOT_TELL if moved else _absent(pending)


def altered(sent: Mapping[str, JSON], stored: Row) -> dict[str, JSON]:
    """Return what is stored otherwise than it was sent: a trigger, a flow or a rule of the org changed it."""
    return {name: stored.fields.get(name) for name in sent if not same_value(sent[name], stored.fields.get(name))}


def same_value(sent: JSON, stored: JSON) -> bool:
    """Tell whether the org, given `sent`, would give back `stored`.

    Texts come back trimmed, empty ones as null (a checkbox: false), instants in UTC to the second, ids with 18
    characters, several choices in the org's own order. Rounding to a field's scale is not guessed.
    """
    if isinstance(sent, list | tuple):
        sent = ";".join(str(one) for one in sent)
    if sent is None or (isinstance(sent, str) and not sent.strip()):
        return stored is None or stored is False
    if isinstance(stored, bool) or isinstance(sent, bool):
        return str(sent).strip().casefold() == str(stored).strip().casefold()
    if isinstance(stored, int | float):
        return _number(sent) == _number(stored)
    return isinstance(stored, str) and _same_text(str(sent), stored)


def _absent(pending: Pending) -> Settlement:
    return Settlement.NOT_HAPPENED if pending.age > LONGEST_TRANSACTION else Settlement.CANNOT_TELL


def _number(value: JSON) -> Decimal | None:
    try:
        return Decimal(str(value).strip())
    except InvalidOperation:
        return None


def _same_text(sent: str, stored: str) -> bool:
    sent, stored = _lines(sent), _lines(stored)
    if sent == stored or (is_id(sent) and full_id(sent) == stored):
        return True
    if _MOMENT.fullmatch(stored):
        return _instant(sent) is not None and _instant(sent) == _instant(stored)
    if ";" in stored:
        return sorted(sent.split(";")) == sorted(stored.split(";"))
    return _clock(sent) is not None and _clock(sent) == _clock(stored)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _instant(text: str) -> datetime | None:
    """Read an instant to the second; one without a zone could be any."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC).replace(microsecond=0) if found.tzinfo else None


def _clock(text: str) -> time | None:
    try:
        return time.fromisoformat(text).replace(tzinfo=None) if ":" in text else None
    except ValueError:
        return None
