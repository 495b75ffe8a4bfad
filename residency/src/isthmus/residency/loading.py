"""How does the text of a policy become zones, consumers and rules?"""

from collections.abc import Mapping

from .countries import UNKNOWN_COUNTRY
from .forms import Form
from .places import Places
from .reading import TOP, FlowPolicyError, Table, country, parse
from .rulebook import Rulebook
from .rules import CONDITIONS, Rule
from .zones import ANYWHERE, INSTRUMENTS, Attestation, Consumer, Transfer, Zone

_ATTESTATION = ("name", "since", "until", "scope", "issuer", "evidence")
_TOP = ("version", "controller", "jurisdictions", "zones", "consumers", "rule")


def read(source: str | Mapping[str, object], places: Places) -> Rulebook:
    """Read a policy; anything not understood is refused."""
    top = Table(parse(source, "policy"), TOP, _TOP)
    if top.number("version") != 1:
        raise top.wrong("version", "1, the only version there is")
    jurisdictions = top.table("jurisdictions", None)
    zones, consumers = top.table("zones", None), top.table("consumers", None)
    return Rulebook(
        controller=top.table("controller", ("name",)).text("name"),
        jurisdictions={name: frozenset(jurisdictions.names(name)) for name in jurisdictions},
        zones={_name(zones, name): _zone(name, zones) for name in zones},
        consumers={_name(consumers, name): _consumer(name, consumers) for name in consumers},
        rules=tuple(_rule(n, row) for n, row in enumerate(top.items("rule"), start=1)),
        places=places,
    )


def _name(table: Table, name: str) -> str:
    if not name.strip() or UNKNOWN_COUNTRY in name:
        problem = f"{name!r} is no name; a name has letters and no {UNKNOWN_COUNTRY!r}"
        raise FlowPolicyError(problem, key=name, where=table.where)
    return name


def _zone(name: str, zones: Table) -> Zone:
    row = zones.table(name, ("countries", "operator", "attests", "transfer", "verified_on"))
    spellings = row.names("countries", required=True)
    named = frozenset(country(text, row.where, "countries") for text in spellings if text != "*")
    return Zone(
        name=name,
        countries=ANYWHERE if "*" in spellings else named,
        operator=row.text("operator", ""),
        attests=tuple(_attestation(item, f"{row.where}.attests[{n}]") for n, item in enumerate(row.items("attests"))),
        transfer=_transfer(row) if "transfer" in row else None,
        verified_on=row.day("verified_on"),
    )


def _attestation(item: object, where: str) -> Attestation:
    row = Table({"name": item} if isinstance(item, str) else item, where, _ATTESTATION)
    return Attestation(
        name=row.text("name"),
        since=row.day("since"),
        until=row.day("until"),
        scope=row.text("scope", ""),
        issuer=row.text("issuer", ""),
        evidence=row.text("evidence", ""),
    )


def _transfer(zone: Table) -> Transfer:
    row = zone.table("transfer", ("EEA", "since", "until", "tia"))
    instrument = row.text("EEA")
    if instrument not in INSTRUMENTS:
        problem = f"unknown transfer instrument {instrument!r}"
        raise FlowPolicyError(problem, key=instrument, where=row.where, known=INSTRUMENTS)
    return Transfer(instrument, row.day("since"), row.day("until"), row.text("tia", ""))


def _consumer(name: str, consumers: Table) -> Consumer:
    row = consumers.table(name, ("client_ids", "zone"))
    return Consumer(name, frozenset(row.names("client_ids")), row.text("zone") if "zone" in row else None)


def _rule(n: int, values: object) -> Rule:
    known = ("id", "allow", "why", *CONDITIONS)
    rule_id = Table(values, f"rule number {n}", None).text("id")
    row = Table(values, f"rule {rule_id!r}", known)
    conditions = {key: frozenset(row.names(key)) for key in CONDITIONS}
    return Rule(id=rule_id, allow=_forms(row), why=row.text("why", ""), **conditions)


def _forms(row: Table) -> frozenset[Form]:
    if "allow" not in row:
        raise row.wrong("allow", "the list of forms the rule leaves")
    names = () if row.value("allow") == [] else row.names("allow")
    known = {form.value: form for form in Form}
    for name in names:
        if name not in known:
            raise FlowPolicyError(f"unknown form {name!r}", key=name, where=row.where, known=known)
    return frozenset(known[name] for name in names)
