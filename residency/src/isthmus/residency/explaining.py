"""Why was this the answer, and what would have changed it?"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from .countries import UNKNOWN_COUNTRY
from .labels import Label
from .rulebook import Decision, Rulebook
from .rules import Flow
from .transfers import MISSING, UNKNOWN_SUBJECT
from .zones import Attestation, Transfer, Zone


def explain(rulebook: Rulebook, flow: Flow) -> list[str]:
    """Tell a decision in lines, the first of which states it."""
    decision = rulebook.judge(flow)
    lines = [f"{_label(flow.label)} {_way(flow)}: {decision.form.value}, basis {decision.basis}"]
    rules = {rule.id: rule for rule in rulebook.rules}
    lines += [f"rule {rules[rule_id].text()}" for rule_id in decision.rules]
    if not decision.rules:
        lines.append("no rule took a form away")
    if decision.basis in (MISSING, UNKNOWN_SUBJECT):
        lines.append(_basis(flow, decision))
    if flow.origin is None:
        lines.append("the origin zone is not in this policy, so a ref would have no home and is not offered")
    lines += [f"zone {flow.zone.name} {_attestation(found, flow.on)}" for found in flow.zone.attests]
    lines += [f"would be {form}: {change}" for change, form in _changes(rulebook, flow, decision)]
    lines += [f"becomes {form}: {change}" for change, form in _expiries(rulebook, flow, decision)]
    return lines


def _label(label: Label) -> str:
    return f"{' + '.join(sorted(label.classes))} of {', '.join(sorted(label.countries)) or 'no subject'}"


def _way(flow: Flow) -> str:
    origin = flow.origin.name if flow.origin else "an unknown zone"
    if flow.consumer is None:
        receiver = "a system"
    elif flow.consumer.name == UNKNOWN_COUNTRY:
        receiver = "an unknown consumer"
    else:
        receiver = f"consumer {flow.consumer.name}"
    place = "anywhere" if flow.zone.anywhere else ", ".join(sorted(flow.zone.countries))
    zone = "an unknown zone" if flow.zone.name == UNKNOWN_COUNTRY else f"zone {flow.zone.name}"
    purpose = f"for {flow.purpose!r}" if flow.purpose else "for no stated purpose"
    return f"from {origin} to {receiver} in {zone} ({place}) {purpose} on {flow.on}"


def _basis(flow: Flow, decision: Decision) -> str:
    transfer = flow.zone.transfer
    if transfer is not None and transfer.holds(flow.on):
        return f"{decision.basis}: {transfer.instrument} covers EEA subjects; whether this is one is not known"
    subject = "an EEA subject" if decision.basis == MISSING else "a subject of unknown country, maybe of the EEA,"
    return (
        f"{decision.basis}: data of {subject} leaves the EEA, and zone {flow.zone.name} has neither an adequacy "
        "decision for every country nor a transfer instrument in force; this alone takes clear from personal data"
    )


def _attestation(found: Attestation, on: date) -> str:
    state = "attests" if found.holds(on) else "no longer or not yet attests"
    since = f" since {found.since}" if found.since else ""
    until = f" until {found.until}" if found.until else " without an end date"
    evidence = f", evidence {found.evidence}" if found.evidence else ""
    return f"{state} {found.name}{since}{until}{evidence}"


def _changes(rulebook: Rulebook, flow: Flow, decision: Decision) -> Iterator[tuple[str, str]]:
    """Judge the flow again with one thing changed; give the changes that reveal more."""
    for change, altered in _alternatives(rulebook, flow, decision):
        form = rulebook.judge(altered).form
        if form > decision.form:
            yield change, form.value


def _alternatives(rulebook: Rulebook, flow: Flow, decision: Decision) -> Iterator[tuple[str, Flow]]:
    deciding = [rule for rule in rulebook.rules if rule.id in decision.rules]
    conditions = {row.condition for row in rulebook.places.adequacy.values() if row.country in flow.zone.countries}
    wanted = {name for rule in deciding for name in rule.unless_attested} | conditions - {""}
    for name in sorted(wanted):
        if not flow.zone.attests_to(name, flow.on):
            yield f"if zone {flow.zone.name} attested {name}", replace(flow, zone=_attesting(flow.zone, name))
    if decision.basis in (MISSING, UNKNOWN_SUBJECT):
        covered = replace(flow.zone, transfer=Transfer("scc-2021-m2"))
        yield f"if zone {flow.zone.name} had a transfer instrument for EEA data", replace(flow, zone=covered)
    if UNKNOWN_COUNTRY in flow.label.countries:
        for country in sorted(flow.zone.countries - {UNKNOWN_COUNTRY}):
            known = replace(flow.label, countries=flow.label.countries - {UNKNOWN_COUNTRY} | {country})
            yield f"if the unknown subject were known to be in {country}", replace(flow, label=known)
    for purpose in sorted({name for rule in deciding for name in rule.unless_purpose}):
        yield f"if the purpose were {purpose!r}", replace(flow, purpose=purpose)
    for zone in sorted(rulebook.zones.values(), key=lambda zone: zone.name):
        yield f"if it were received in zone {zone.name}", replace(flow, zone=zone)


def _attesting(zone: Zone, name: str) -> Zone:
    return replace(zone, attests=(*zone.attests, Attestation(name)))


def _expiries(rulebook: Rulebook, flow: Flow, decision: Decision) -> Iterator[tuple[str, str]]:
    """Judge the flow again on the day after each end date ahead; give those that reveal less."""
    ends = {found.until for found in flow.zone.attests}
    ends |= {row.until for row in rulebook.places.adequacy.values() if row.country in flow.zone.countries}
    ends |= {flow.zone.transfer.until} if flow.zone.transfer is not None else set()
    for end in sorted(end for end in ends if end is not None and end >= flow.on):
        form = rulebook.judge(replace(flow, on=end + timedelta(days=1))).form
        if form < decision.form:
            yield f"after {end}", form.value
