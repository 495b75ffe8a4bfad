"""On which legal basis does a flow leave the EEA (GDPR Chapter V), and what does it cost where there is none?"""

from dataclasses import dataclass

from .classes import PSEUDONYMOUS, is_personal
from .countries import UNKNOWN_COUNTRY
from .places import Places
from .rules import Flow

NONE_NEEDED = "none-needed"
MISSING = "MISSING"
UNKNOWN_SUBJECT = "unknown-subject"


@dataclass(frozen=True, slots=True)
class Basis:
    """The basis to record, and whether it still permits the value itself."""

    name: str
    permits_clear: bool


def transfer_basis(flow: Flow, places: Places) -> Basis:
    """Find the basis of a flow of personal data out of the EEA.

    The subject's country counts, not where the record lies now: parking a record abroad does not free it. A subject of
    unknown country may be an EEA subject, so it is no better off. Pseudonyms are personal data and get a basis, but
    what is pseudonymous already stays as it is.
    """
    eea = places.members("EEA", flow.on)
    personal = {found for found in flow.label.classes if is_personal(found)}
    known, unknown = bool(flow.label.countries & eea), UNKNOWN_COUNTRY in flow.label.countries
    abroad = flow.zone.countries - eea
    if not personal or not abroad or not (known or unknown):
        return Basis(NONE_NEEDED, permits_clear=True)
    found = _adequate(flow, abroad, places) or _instrument(flow)
    permits = found is not None or personal == {PSEUDONYMOUS}
    if unknown and (found is not None or not known):
        return Basis(UNKNOWN_SUBJECT, permits)
    return Basis(found or MISSING, permits)


def _adequate(flow: Flow, abroad: frozenset[str], places: Places) -> str | None:
    for country in abroad:
        row = places.adequacy.get(country)
        if row is None or not row.holds(flow.on):
            return None
        if row.condition and not flow.zone.attests_to(row.condition, flow.on):
            return None
    return f"art45:{','.join(sorted(abroad))}"


def _instrument(flow: Flow) -> str | None:
    transfer = flow.zone.transfer
    return f"art46:{transfer.instrument}" if transfer is not None and transfer.holds(flow.on) else None
