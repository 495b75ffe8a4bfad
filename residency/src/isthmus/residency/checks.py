"""What in this policy should an operator look at before it bites?"""

from collections.abc import Iterator
from datetime import date

from .classes import covers
from .places import Adequacy
from .rulebook import Rulebook
from .zones import Consumer, Zone

_STALE_ZONE_DAYS = 90
_STALE_PLACES_DAYS = 365


def findings(rulebook: Rulebook, on: date) -> list[str]:
    """List what is stale, expired, open-ended or uncovered, each with its remedy."""
    found: list[str] = []
    for zone in rulebook.zones.values():
        found += _zone(zone, on)
        found += _adequacy(zone, rulebook, on)
    for consumer in rulebook.consumers.values():
        found += _consumer(consumer)
    found += _unheld(rulebook)
    found += _uncovered(rulebook, on)
    age = (on - rulebook.places.as_of).days
    if age > _STALE_PLACES_DAYS:
        found.append(f"places: the shipped facts are {age} days old; update isthmus-residency or overlay newer rows")
    return found


def _zone(zone: Zone, on: date) -> Iterator[str]:
    subject = f"zone {zone.name!r}"
    if zone.verified_on is None:
        yield f"{subject} was never verified; check where it runs and set verified_on"
    elif (on - zone.verified_on).days > _STALE_ZONE_DAYS:
        yield f"{subject} was last verified on {zone.verified_on}; check where it runs and renew verified_on"
    elif zone.verified_on > on:
        yield f"{subject} says verified_on {zone.verified_on}, which is in the future; correct the date"
    if zone.anywhere:
        yield f"{subject} may run anywhere; name its countries, or expect the strictest answers"
    yield from _attested(zone, on)


def _attested(zone: Zone, on: date) -> Iterator[str]:
    subject = f"zone {zone.name!r}"
    for attestation in zone.attests:
        name = f"{subject} attestation {attestation.name!r}"
        if attestation.until is None:
            yield f"{name} has no until and never expires; give its end date"
        elif attestation.until < on:
            yield f"{name} expired on {attestation.until} and counts as absent; renew or remove it"
    if zone.transfer is not None:
        if not zone.transfer.holds(on):
            yield f"{subject} transfer instrument {zone.transfer.instrument!r} is not in force on {on}; renew it"
        if not zone.transfer.assessment:
            yield f"{subject} names {zone.transfer.instrument!r} without tia; name the transfer impact assessment"


def _adequacy(zone: Zone, rulebook: Rulebook, on: date) -> Iterator[str]:
    abroad = zone.countries - rulebook.places.members("EEA", on)
    for row in (rulebook.places.adequacy[country] for country in sorted(abroad & rulebook.places.adequacy.keys())):
        subject = f"zone {zone.name!r}: the adequacy decision for {row.country} ({row.source})"
        if row.until is not None and row.until < on:
            yield f"{subject} ended on {row.until}; overlay its successor or name a transfer instrument"
        elif row.scope and _relied_upon(row, zone, on):
            yield f"{subject} is limited: {row.scope}; make sure the operator is within it"


def _relied_upon(row: Adequacy, zone: Zone, on: date) -> bool:
    return row.holds(on) and (not row.condition or zone.attests_to(row.condition, on))


def _consumer(consumer: Consumer) -> Iterator[str]:
    subject = f"consumer {consumer.name!r}"
    if consumer.zone is None:
        yield f"{subject} has no zone and is treated as anywhere; name the zone in which results are consumed"
    if not consumer.client_ids:
        yield f"{subject} has no client_ids, so no client can be it; list its authenticated client identities"


def _unheld(rulebook: Rulebook) -> Iterator[str]:
    held = {attestation.name for zone in rulebook.zones.values() for attestation in zone.attests}
    for rule in rulebook.rules:
        for name in sorted(rule.unless_attested - held):
            yield f"rule {rule.id!r} waits for attestation {name!r}, which no zone holds; check the spelling"


def _uncovered(rulebook: Rulebook, on: date) -> Iterator[str]:
    """Find countries of a declared jurisdiction whose subjects' personal data no rule speaks about."""
    personal = [rule for rule in rulebook.rules if not rule.data or any(covers(named, "pii") for named in rule.data)]
    if any(not rule.subjects for rule in personal):
        return
    covered = frozenset[str]().union(*(rulebook.members(rule.subjects, on) for rule in personal))
    for name in rulebook.jurisdictions:
        left = sorted(rulebook.members(frozenset({name}), on) - covered)
        if left:
            places = ", ".join(left)
            yield f"jurisdiction {name!r}: no rule on pii has subjects in {places}; add one, or they go clear anywhere"
