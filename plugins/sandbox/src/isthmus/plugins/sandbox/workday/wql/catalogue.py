"""Which data sources are there, with which fields?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, cast

from isthmus.plugins.sandbox.workday.users import data_file

SOURCES: Final = 1_530
"""How many data sources a tenant has, most of them without rows for anybody here."""

_NOUNS: Final = (
    "Requisition", "Candidate", "Applicant", "Benefit", "Dependent", "Expense", "Supplier", "Invoice", "Ledger",
    "Journal", "Budget", "Award", "Grant", "Project", "Task", "Skill", "Course", "Certification", "Review", "Goal",
    "Shift", "Schedule", "Asset", "Contract", "Settlement", "Tax", "Deduction", "Location", "Room", "Vehicle",
)  # fmt: skip
_ADJECTIVES: Final = (
    "Active", "Inactive", "Pending", "Approved", "Denied", "Current", "Former", "Future", "Trended", "Audited",
    "Internal", "External", "Primary", "Secondary", "Assigned", "Open", "Closed",
)  # fmt: skip
_SCOPES: Final = ("", "ForMyOrganization", "InDateRange")


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `type` is the vendor's word, `domain` what a user must see of a worker to see it."""

    alias: str
    type: str
    domain: str = ""

    @property
    def descriptor(self) -> str:
        """Return the name as it is shown."""
        return (
            "".join(f" {each}" if each.isupper() else each for each in self.alias.removeprefix("cf_")).strip().title()
        )


@dataclass(frozen=True, slots=True)
class Source:
    """One data source: `rows` names what it is made of, empty where it holds nothing for anybody here."""

    alias: str
    name: str
    object: str
    description: str
    rows: str
    fields: Mapping[str, Field]
    dated: bool
    domain: str
    secured: bool
    filters: Mapping[str, str]
    parameters: tuple[tuple[str, str], ...]


@cache
def sources() -> Mapping[str, Source]:
    """Return all data sources by alias: those with rows first, then those that only fill the catalogue."""
    told = cast("Sequence[Mapping[str, object]]", data_file("wql.toml")["source"])
    found = {str(each["alias"]): _source(each) for each in told}
    return {**found, **{each.alias: each for each in _others(SOURCES - len(found))}}


def _source(told: Mapping[str, object]) -> Source:
    rows = cast("Sequence[Sequence[str]]", told["fields"])
    return Source(
        alias=str(told["alias"]),
        name=str(told["name"]),
        object=str(told["object"]),
        description=str(told.get("description", "")),
        rows=str(told.get("rows", "")),
        fields={row[0]: Field(*row) for row in rows},
        dated=bool(told.get("dated", False)),
        domain=str(told.get("domain", "")),
        secured=bool(told.get("secured", True)),
        filters=dict(cast("Sequence[tuple[str, str]]", told.get("filters", []))),
        parameters=tuple((each[0], each[1]) for each in cast("Sequence[Sequence[str]]", told.get("parameters", []))),
    )


def _others(count: int) -> list[Source]:
    base = (("classOfInstance1", "Single instance"), ("workdayID", "Text"), ("createdMoment", "Date"))
    fields = {alias: Field(alias, type) for alias, type in base}
    names = [(noun, word, scope) for scope in _SCOPES for noun in _NOUNS for word in _ADJECTIVES]
    return [
        Source(
            alias=f"{word.lower()}{noun}s{scope}",
            name=f"{word} {noun}s{scope and ' '}{scope}",
            object=noun,
            description="" if place % 255 == 0 else f"Accesses {noun} as the primary business object.",
            rows="",
            fields=fields,
            dated=place % 2 == 0,
            domain="",
            secured=True,
            filters={},
            parameters=(),
        )
        for place, (noun, word, scope) in enumerate(names[:count])
    ]
