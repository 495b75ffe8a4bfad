"""Where does something run or end up, and what is attested about that place?"""

from dataclasses import dataclass
from datetime import date

from .countries import UNKNOWN_COUNTRY, normalise_country
from .places import in_force

ANYWHERE = frozenset({UNKNOWN_COUNTRY})
INSTRUMENTS = frozenset({"scc-2021-m1", "scc-2021-m2", "scc-2021-m3", "scc-2021-m4", "bcr"})


@dataclass(frozen=True, slots=True)
class Attestation:
    """A promise about a zone, such as `hipaa-baa`; past `until` it is absent. Both ends are inclusive."""

    name: str
    since: date | None = None
    until: date | None = None
    scope: str = ""
    issuer: str = ""
    evidence: str = ""

    def holds(self, on: date) -> bool:
        """Say whether the attestation is valid."""
        return in_force(self.since, self.until, on)


@dataclass(frozen=True, slots=True)
class Transfer:
    """The instrument of GDPR Art. 46 that carries EEA data to a zone: standard clauses or binding corporate rules.

    `assessment` names the transfer impact assessment. Derogations of Art. 49 are for single transfers and are no
    property of a zone.
    """

    instrument: str
    since: date | None = None
    until: date | None = None
    assessment: str = ""

    def holds(self, on: date) -> bool:
        """Say whether the instrument is in force."""
        return in_force(self.since, self.until, on)


@dataclass(frozen=True, slots=True)
class Zone:
    """Something that runs or stores: the set of countries it may use, who operates it, what is attested.

    No country, or one that is no ISO 3166-1 country, means anywhere.
    """

    name: str
    countries: frozenset[str]
    operator: str = ""
    attests: tuple[Attestation, ...] = ()
    transfer: Transfer | None = None
    verified_on: date | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "countries", frozenset(map(normalise_country, self.countries)) or ANYWHERE)

    @property
    def anywhere(self) -> bool:
        """Say whether nothing is known about the place."""
        return UNKNOWN_COUNTRY in self.countries

    def attests_to(self, name: str, on: date) -> bool:
        """Say whether the zone holds a valid attestation of this name."""
        return any(attestation.name == name and attestation.holds(on) for attestation in self.attests)


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who receives results: authenticated client identities and the zone in which results are consumed."""

    name: str
    client_ids: frozenset[str] = frozenset()
    zone: str | None = None


NOWHERE_KNOWN = Zone(UNKNOWN_COUNTRY, ANYWHERE)
ANYONE = Consumer(UNKNOWN_COUNTRY)
