"""Which countries form the EEA, which are adequate, and what does a host name hint at, on a given day?"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from importlib.resources import files
from types import MappingProxyType
from typing import TypeVar

from .digests import digest
from .reading import TOP, FlowPolicyError, Table, country, parse


def in_force(since: date | None, until: date | None, on: date) -> bool:
    """Say whether a dated fact holds; both ends are inclusive, an absent end is open."""
    return (since is None or since <= on) and (until is None or on <= until)


@dataclass(frozen=True, slots=True)
class Membership:
    """Say from when to when countries belong to a jurisdiction."""

    countries: frozenset[str]
    since: date | None
    until: date | None


@dataclass(frozen=True, slots=True)
class Adequacy:
    """One adequacy decision (GDPR Art. 45); `condition` is an attestation the recipient's zone must hold."""

    country: str
    since: date | None
    until: date | None
    scope: str
    condition: str
    source: str
    as_of: date

    def holds(self, on: date) -> bool:
        """Say whether the decision is in force."""
        return in_force(self.since, self.until, on)


@dataclass(frozen=True, slots=True)
class Region:
    """Say where a vendor's region lies, and whether the vendor confines processing there to the EEA and Switzerland."""

    code: str
    country: str
    eu_access: bool


@dataclass(frozen=True, slots=True)
class HostFact:
    """Say what a host name of this pattern hints at: countries, or those of the region its `code` group names."""

    pattern: re.Pattern[str]
    countries: frozenset[str]
    regions: str


@dataclass(frozen=True, slots=True)
class Places:
    """Dated facts about countries and hosts; an overlay replaces rows by their name."""

    as_of: date
    jurisdictions: Mapping[str, tuple[Membership, ...]]
    adequacy: Mapping[str, Adequacy]
    regions: Mapping[str, Mapping[str, Region]]
    hosts: Mapping[str, HostFact]
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", digest(self))

    @classmethod
    def load(cls, *sources: str | Mapping[str, object]) -> "Places":
        """Read the facts; a later source replaces the rows of an earlier one by name.

        Raises:
            FlowPolicyError: a key is unknown or a value has the wrong type.
        """
        merged: dict[str, dict[str, object]] = {section: {} for section in _SECTIONS}
        as_of: date | None = None
        for source in sources:
            top = Table(parse(source, "places"), TOP, ("as_of", *_SECTIONS))
            as_of = top.day("as_of") or as_of
            for section in _SECTIONS:
                rows = top.table(section, None)
                merged[section].update({name: rows.value(name) for name in rows})
        if as_of is None:
            raise FlowPolicyError("key 'as_of' is missing; expected a date", key="as_of", where=TOP)
        return cls(
            as_of=as_of,
            jurisdictions=_frozen({name: _memberships(name, row) for name, row in merged["jurisdictions"].items()}),
            adequacy=_frozen({name: _adequacy(name, row) for name, row in merged["adequacy"].items()}),
            regions=_frozen({name: _regions(name, row) for name, row in merged["regions"].items()}),
            hosts=_frozen({name: _host(name, row, merged["regions"]) for name, row in merged["hosts"].items()}),
        )

    @staticmethod
    @functools.cache
    def shipped() -> "Places":
        """Give the facts this package carries."""
        return Places.load(_shipped_text())

    @staticmethod
    def overlaid(overlay: str | Mapping[str, object]) -> "Places":
        """Give the shipped facts with an operator's rows in place of those of the same name."""
        return Places.load(_shipped_text(), overlay)

    def members(self, name: str, on: date) -> frozenset[str]:
        """List the countries of a shipped jurisdiction; none, if there is no such jurisdiction."""
        rows = self.jurisdictions.get(name, ())
        return frozenset().union(*(row.countries for row in rows if in_force(row.since, row.until, on)))

    def hint_for_host(self, host: str) -> frozenset[str] | None:
        """Say which countries a host name hints at; a hint contradicts a declared zone, it never proves one."""
        name = host.strip().casefold().rsplit(":", 1)[0].rstrip(".")
        hints = [hint for fact in self.hosts.values() if (hint := self._hint(fact, name)) is not None]
        return frozenset.intersection(*hints) or None if hints else None

    def _hint(self, fact: HostFact, name: str) -> frozenset[str] | None:
        found = fact.pattern.search(name)
        if found is None:
            return None
        if not fact.regions:
            return fact.countries
        region = self.regions[fact.regions].get(found["code"])
        return None if region is None else frozenset({region.country})


def hint_for_host(host: str) -> frozenset[str] | None:
    """Ask the shipped facts which countries a host name hints at."""
    return Places.shipped().hint_for_host(host)


_V = TypeVar("_V")
_SECTIONS = ("jurisdictions", "adequacy", "regions", "hosts")


@functools.cache
def _shipped_text() -> str:
    return files(__package__).joinpath("places.toml").read_text(encoding="utf-8")


def _memberships(name: str, values: object) -> tuple[Membership, ...]:
    row = Table(values, f"jurisdictions.{name}", ("source", "members"))
    rows = (
        Table(entry, f"{row.where}.members[{n}]", ("countries", "since", "until"))
        for n, entry in enumerate(row.items("members"))
    )
    return tuple(Membership(_countries(entry), entry.day("since"), entry.day("until")) for entry in rows)


def _adequacy(name: str, values: object) -> Adequacy:
    row = Table(values, f"adequacy.{name}", ("since", "until", "scope", "condition", "source", "as_of"))
    as_of = row.day("as_of")
    if as_of is None:
        raise row.wrong("as_of", "a date")
    return Adequacy(
        country=country(name, row.where, "adequacy"),
        since=row.day("since"),
        until=row.day("until"),
        scope=row.text("scope", ""),
        condition=row.text("condition", ""),
        source=row.text("source"),
        as_of=as_of,
    )


def _regions(name: str, values: object) -> Mapping[str, Region]:
    row = Table(values, f"regions.{name}", ("source", "as_of", "eu_access", "codes"))
    codes = row.table("codes", None)
    place = {code: country(key, codes.where, key) for key in codes for code in codes.names(key)}
    confined = set(row.names("eu_access"))
    for code in sorted(confined - place.keys()):
        raise FlowPolicyError(f"unknown region {code!r} in eu_access", key=code, where=row.where, known=place)
    return _frozen({code: Region(code, at, code in confined) for code, at in place.items()})


def _host(name: str, values: object, regions: Mapping[str, object]) -> HostFact:
    row = Table(values, f"hosts.{name}", ("pattern", "countries", "regions"))
    try:
        pattern = re.compile(row.text("pattern"))
    except re.error as exc:
        raise row.wrong("pattern", f"a regular expression ({exc})") from exc
    vendor = row.text("regions", "")
    if vendor and vendor not in regions:
        raise FlowPolicyError(f"unknown regions {vendor!r}", key=vendor, where=row.where, known=regions)
    if bool(vendor) == ("countries" in row) or (vendor and "code" not in pattern.groupindex):
        raise row.wrong("pattern", "either `countries`, or `regions` and a group named `code`")
    return HostFact(pattern, frozenset() if vendor else _countries(row), vendor)


def _countries(row: Table) -> frozenset[str]:
    return frozenset(country(text, row.where, "countries") for text in row.names("countries", required=True))


def _frozen(rows: dict[str, _V]) -> Mapping[str, _V]:
    return MappingProxyType(rows)
