"""What does the org of the benchmarks hold? Contacts of 2 KB, table rows of 13 fields, and what describes them."""

import json
from array import array
from collections.abc import Mapping
from itertools import accumulate

OBJECT = "Contact"
VERSION = "62.0"
RECORD_BYTES = 2_048
RECORDS = 256
"""How many records are read in turn."""
PAGE = 2_000
FIRST = 1_000_000
"""The number of the first record; a record's id is its number, so that a cursor tells where a page begins."""

ROW = {
    "Name": "Anna Berger {0}",
    "FirstName": "Anna",
    "LastName": "Berger {0}",
    "Email": "anna.berger{0}@kessmar.example",
    "Phone": "+49 30 5550 {0}",
    "Title": "Head of Purchasing",
    "Department": "Purchasing",
    "AccountId": "001000001000000AAA",
    "MailingCity": "Berlin",
    "MailingCountryCode": "DE",
    "LeadSource": "Web",
    "SystemModstamp": "2026-10-01T08:30:00.000+0000",
}
"""A table row without its id: 13 fields with it."""
RECORD = ROW | {
    "Salutation": "Ms.",
    "MobilePhone": "+49 151 5550 {0}",
    "Fax": None,
    "MailingStreet": "Lindenstrasse 12",
    "MailingPostalCode": "10969",
    "Birthdate": "1984-02-29",
    "AssistantName": None,
    "OwnerId": "005000001000000AAA",
    "ReportsToId": None,
    "HasOptedOutOfEmail": False,
    "DoNotCall": False,
    "IsDeleted": False,
    "CreatedDate": "2024-01-15T10:00:00.000+0000",
    "CreatedById": "005000001000000AAA",
    "LastModifiedDate": "2026-10-01T08:30:00.000+0000",
    "LastModifiedById": "005000001000000AAA",
    "Description": "",
}
FIELDS = ("Id", *RECORD)
ROW_FIELDS = ("Id", *ROW)
_TYPES = {
    "Id": "id", "AccountId": "reference", "OwnerId": "reference", "ReportsToId": "reference",
    "CreatedById": "reference", "LastModifiedById": "reference", "Email": "email", "Phone": "phone",
    "MobilePhone": "phone", "Fax": "phone", "LeadSource": "picklist", "Salutation": "picklist",
    "MailingCountryCode": "picklist", "MailingStreet": "textarea", "Description": "textarea", "Birthdate": "date",
    "HasOptedOutOfEmail": "boolean", "DoNotCall": "boolean", "IsDeleted": "boolean", "CreatedDate": "datetime",
    "LastModifiedDate": "datetime", "SystemModstamp": "datetime",
}  # fmt: skip
_TARGETS = {"AccountId": "Account", "ReportsToId": "Contact"}


def record_id(number: int) -> str:
    """Write the 18-character id of a record; without capitals in it the last three are always AAA."""
    return f"003{FIRST + number:012d}AAA"


def record(number: int, *, version: str = VERSION) -> bytes:
    """Write one whole record, filled up to its 2 KB."""
    found = _filled(number, RECORD, version)
    found["Description"] = "x" * (RECORD_BYTES - len(_json(found)))
    return _json(found)


def describe() -> bytes:
    """Write the describe answer of the object."""
    fields = [
        {
            "name": name,
            "label": name,
            "type": _TYPES.get(name, "string"),
            "nillable": name != "Id",
            "createable": True,
            "updateable": True,
            "filterable": True,
            "sortable": True,
            "groupable": True,
            "nameField": name == "Name",
            "picklistValues": [],
            "referenceTo": [_TARGETS.get(name, "User")] if _TYPES.get(name) == "reference" else [],
            "relationshipName": name[:-2] if _TYPES.get(name) == "reference" else None,
        }
        for name in FIELDS
    ]
    return _json({"name": OBJECT, "label": OBJECT, "createable": True, "updateable": True, "deletable": True,
                  "fields": fields})  # fmt: skip


def classified() -> bytes:
    """Write the rows of FieldDefinition."""
    rows = [
        {"QualifiedApiName": name, "SecurityClassification": "Internal", "ComplianceGroup": None} for name in FIELDS
    ]
    return _json({"totalSize": len(rows), "done": True, "records": rows})


class Table:
    """All rows as one text, so that a page is a slice of it."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        head, tail = _json(_filled(0, {}, VERSION))[:-1], _json(ROW)[1:].decode()
        parts = tail.split("{0}")
        zero = record_id(0)
        shape = [head.decode(), *parts]

        def one(number: int) -> bytes:
            start = shape[0].replace(zero, record_id(number))
            return (start + "," + str(number).join(shape[1:])).encode()

        found = [one(number) for number in range(rows)]
        self._ends = array("Q", accumulate((len(row) + 1 for row in found), initial=0))
        self._text = b",".join(found)

    def page(self, first: int, count: int) -> bytes:
        """Return the rows `first` to `first + count`, as they stand between the brackets."""
        last = min(first + count, self.rows)
        return self._text[self._ends[first] : self._ends[last] - 1] if first < last else b""


class Sheet:
    """The same rows as CSV, every value in quotes as bulk jobs give them."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.head = (",".join(f'"{name}"' for name in ROW_FIELDS) + "\n").encode()
        shape = ("".join(f',"{value}"' for value in ROW.values()) + "\n").split("{0}")
        found = [f'"{record_id(number)}"{str(number).join(shape)}'.encode() for number in range(rows)]
        self._ends = array("Q", accumulate((len(row) for row in found), initial=0))
        self._text = b"".join(found)

    def page(self, first: int, count: int) -> bytes:
        """Return the header and the rows `first` to `first + count`."""
        return self.head + self._text[self._ends[first] : self._ends[min(first + count, self.rows)]]


def _filled(number: int, shape: Mapping[str, object], version: str) -> dict[str, object]:
    where = f"/services/data/v{version}/sobjects/{OBJECT}/{record_id(number)}"
    values = {name: value.format(number) if isinstance(value, str) else value for name, value in shape.items()}
    return {"attributes": {"type": OBJECT, "url": where}, "Id": record_id(number), **values}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
