"""Which forms does one rule leave, and which flows does it concern?"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from .classes import covers
from .countries import UNKNOWN_COUNTRY
from .forms import Form
from .labels import Label
from .zones import ANYONE, Consumer, Zone

Members = Callable[[frozenset[str]], frozenset[str]]
"""Resolve names of jurisdictions and countries to countries, on the day of the flow."""


CONDITIONS = ("data", "subjects", "outside", "inside", "unless_attested", "purpose", "unless_purpose", "consumer")


@dataclass(frozen=True, slots=True)
class Flow:
    """A value on its way; `origin` is None where the zone is not known, `consumer` None where a system receives it."""

    label: Label
    origin: Zone | None
    consumer: Consumer | None
    zone: Zone
    purpose: str
    on: date


@dataclass(frozen=True, slots=True)
class Rule:
    """Leave only the forms in `allow` to the flows concerned; an empty key does not narrow down whom it concerns.

    What is unknown about a flow never keeps a rule away. All of `unless_attested` must be held to lift the rule.
    """

    id: str
    allow: frozenset[Form]
    data: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    outside: frozenset[str] = frozenset()
    inside: frozenset[str] = frozenset()
    unless_attested: frozenset[str] = frozenset()
    purpose: frozenset[str] = frozenset()
    unless_purpose: frozenset[str] = frozenset()
    consumer: frozenset[str] = frozenset()
    why: str = ""

    def concerns(self, flow: Flow, members: Members) -> bool:
        """Say whether the rule narrows this flow."""
        return (
            self._about(flow.label, members)
            and self._towards(flow.zone.countries, members)
            and self._addressed(flow.consumer)
            and (not self.purpose or not flow.purpose or flow.purpose in self.purpose)
            and flow.purpose not in self.unless_purpose
            and not (self.unless_attested and all(flow.zone.attests_to(name, flow.on) for name in self.unless_attested))
        )

    def _about(self, label: Label, members: Members) -> bool:
        if self.data and not any(covers(named, found) for named in self.data for found in label.classes):
            return False
        return (
            not self.subjects
            or UNKNOWN_COUNTRY in label.countries
            or not label.countries.isdisjoint(members(self.subjects))
        )

    def _towards(self, countries: frozenset[str], members: Members) -> bool:
        if self.outside and countries <= members(self.outside):
            return False
        return not self.inside or UNKNOWN_COUNTRY in countries or not countries.isdisjoint(members(self.inside))

    def _addressed(self, consumer: Consumer | None) -> bool:
        if not self.consumer or consumer is ANYONE:
            return True
        return consumer is not None and consumer.name in self.consumer

    def text(self) -> str:
        """Say what the rule does, in the words of the policy file."""
        parts = [
            f"{key} {' '.join(sorted(getattr(self, key)))}"
            for key in (
                "data",
                "subjects",
                "outside",
                "inside",
                "unless_attested",
                "purpose",
                "unless_purpose",
                "consumer",
            )
            if getattr(self, key)
        ]
        allowed = " ".join(form.value for form in sorted(self.allow, reverse=True)) or "nothing"
        reason = f" ({self.why})" if self.why else ""
        return f"{self.id}: {', '.join(parts) or 'everything'} -> {allowed}{reason}"
