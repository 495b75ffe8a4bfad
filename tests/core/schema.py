"""A small system of records for tests of the pure modules: people, their companies and their cases."""

from isthmus.core.connector import FieldFacts, FieldType, ObjectFacts
from isthmus.core.errors import NotFound
from isthmus.core.metadata import Metadata, Overlay

PII, INTERNAL = frozenset({"pii"}), frozenset({"internal"})
ID = FieldFacts("Id", FieldType.ID, classes=INTERNAL, createable=False, updateable=False)


def objects() -> dict[str, ObjectFacts]:
    person = [
        ID,
        FieldFacts("Name", classes=PII),
        FieldFacts("Email", classes=PII),
        FieldFacts("Title", classes=INTERNAL),
        FieldFacts("Mood", FieldType.CHOICE, label="Mood", classes=PII, choices=("good", "bad")),
        FieldFacts("Notes", FieldType.TEXT, classes=PII, filterable=False, sortable=False, groupable=False),
        FieldFacts("Born", FieldType.DATE, classes=PII),
        FieldFacts("Country", classes=INTERNAL),
        FieldFacts("CompanyId", FieldType.REFERENCE, classes=INTERNAL, references=("Company",), relationship="Company"),
        FieldFacts("BossId", FieldType.REFERENCE, classes=INTERNAL, references=("Person",), relationship="Boss"),
    ]
    company = [
        ID,
        FieldFacts("Name", classes=INTERNAL),
        FieldFacts("Size", FieldType.INTEGER, classes=INTERNAL),
        FieldFacts("Worth", FieldType.NUMBER, classes=INTERNAL),
        FieldFacts("Listed", FieldType.BOOLEAN, classes=INTERNAL),
        FieldFacts("Founded", FieldType.DATETIME, classes=INTERNAL),
        FieldFacts("Number", classes=INTERNAL, unique=True),
    ]
    case = [
        ID,
        FieldFacts("Mail", classes=PII),
        FieldFacts("Subject", classes=INTERNAL),
        FieldFacts("Status", FieldType.CHOICE, classes=INTERNAL, choices=("New", "Closed")),
        FieldFacts("Number", classes=INTERNAL, createable=False, updateable=False),
        FieldFacts("PersonId", FieldType.REFERENCE, classes=INTERNAL, references=("Person",), relationship="Person"),
        FieldFacts("Stamp", FieldType.DATETIME, classes=INTERNAL, createable=False, updateable=False),
    ]
    return {
        "Person": ObjectFacts(
            "Person", named(person), person=True, country=("Country",), default_fields=("Id", "Name")
        ),
        "Company": ObjectFacts("Company", named(company)),
        "Case": ObjectFacts(
            "Case", named(case), country=("Person.Country",), state_field="Status", version_field="Stamp"
        ),
    }


def named(fields: list[FieldFacts]) -> dict[str, FieldFacts]:
    return {one.name: one for one in fields}


class Reader:
    """What a connector would read, and how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, name: str) -> ObjectFacts:
        self.asked.append(name)
        for known, facts in objects().items():
            if known.casefold() == name.casefold():
                return facts
        raise NotFound(f"there is no object {name!r}", object=name)


class Time:
    """Seconds that only a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def metadata(overlay: Overlay | None = None, *, read: Reader | None = None, clock: Time | None = None) -> Metadata:
    return Metadata(overlay or Overlay({}, {}), clock or Time()).read_by(read or Reader())
