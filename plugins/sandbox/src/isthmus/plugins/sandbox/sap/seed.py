"""Which rows does a landscape hold when it opens?"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from random import Random
from typing import Final, cast
from uuid import UUID

from isthmus.plugins.sandbox.clock import Clock
from isthmus.plugins.sandbox.people import Company, Enterprise, Human

from .schema import data_file
from .store import Row, Store
from .trade import Trade, products
from .values import Value

_TITLES: Final = {"Mr.": "0002", "Ms.": "0001", "Dr.": "0002", "Prof.": "0002"}
_LANGUAGES: Final = {"DE": "DE", "FR": "FR", "GB": "EN", "US": "EN", "": "EN"}
_FIRMS: Final = 10_100_000
_PEOPLE: Final = 17_000_000
_MILLI: Final = Decimal("0.001")


class Beginning:
    """What a landscape begins with, made up once and copied as often as somebody begins anew."""

    def __init__(self, home: str, enterprise: Enterprise, seed: int, opened: datetime) -> None:
        self._home = home
        self._enterprise = enterprise
        self._seed = seed
        self._opened = opened

    @cached_property
    def _store(self) -> Store:
        store = Store(Clock(self._opened))
        Seeder(store, self._enterprise, self._home, self._seed).fill()
        return store

    def store(self, clock: Clock) -> Store:
        """Return a copy that reads this clock."""
        return self._store.copied(clock)


class Seeder:
    """Fill one landscape with its share of the enterprise."""

    def __init__(self, store: Store, enterprise: Enterprise, home: str, seed: int) -> None:
        self._store = store
        self._enterprise = enterprise
        self._home = home
        self._random = Random(f"isthmus sap seed {home} {seed}")  # noqa: S311 - made-up rows, no secret
        self._opened = store.clock.now()
        self._place = cast("Mapping[str, Mapping[str, object]]", data_file("seed.toml")["homes"])[home]
        self._customers: list[str] = []
        self._suppliers: list[str] = []
        self._addresses = 20_000

    def fill(self) -> None:
        """Make all rows."""
        for row in products():
            self._product(row)
        for company in self._enterprise.companies:
            if company.home == self._home:
                self._firm(company)
        for human in self._enterprise.humans:
            if human.home == self._home:
                self._human(human)
        Trade(self._store, self._random, self._home, self._customers, self._suppliers).fill()

    def _insert(self, table: str, values: Mapping[str, Value], at: datetime | None = None) -> Row:
        return self._store.insert(self._store.tables[table], values, at or self._opened - timedelta(days=400))

    def _guid(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)

    def _made(self) -> dict[str, Value]:
        day = (self._opened - timedelta(days=self._random.randrange(400, 2_000))).date()
        return {"CreationDate": day, "CreationTime": time(9, self._random.randrange(60)), "CreatedByUser": "MIGRATION"}

    def _firm(self, company: Company) -> None:
        number = f"{_FIRMS + company.number:010d}"
        is_supplier = company.number % 5 == 1
        values: dict[str, Value] = {
            **self._made(),
            "BusinessPartner": number,
            "Customer": number,
            "Supplier": number if is_supplier else "",
            "AuthorizationGroup": ("SALE", "FINA", "", "")[company.number % 4],
            "BusinessPartnerCategory": "2",
            "BusinessPartnerFullName": company.name,
            "BusinessPartnerName": company.name,
            "OrganizationBPName1": company.name[:40],
            "BusinessPartnerGrouping": "BP02",
            "BusinessPartnerUUID": self._guid(),
            "CorrespondenceLanguage": _LANGUAGES[company.country],
            "Industry": company.industry.upper()[:10],
            "SearchTerm1": company.name.upper()[:20],
            "BusinessPartnerIsBlocked": company.number % 40 == 11,
            "LastChangedByUser": "MIGRATION",
        }
        self._insert("BusinessPartner", values)
        made = cast("date", values["CreationDate"])
        self._insert("Customer", {"Customer": number, "CustomerName": company.name, "CreationDate": made})
        self._customers.append(number)
        roles = ["FLCU00", "FLCU01"]
        if is_supplier:
            self._insert("Supplier", {"Supplier": number, "SupplierName": company.name, "CreationDate": made})
            self._suppliers.append(number)
            roles.append("FLVN01")
        self._roles(number, roles)
        tax = {"DE": "DE0", "FR": "FR0", "GB": "GB0"}.get(company.country, "US0")
        self._insert(
            "BusinessPartnerTaxNumber", {"BusinessPartner": number, "BPTaxType": tax, "BPTaxNumber": f"X{number}"}
        )
        self._address(number, "", company, f"info@{company.domain}", company.phone, "")

    def _human(self, human: Human) -> None:
        number = f"{_PEOPLE + human.number:010d}"
        name = f"{human.given} {human.family}"
        values: dict[str, Value] = {
            **self._made(),
            "BusinessPartner": number,
            "AuthorizationGroup": ("SALE", "FINA", "", "")[human.number % 4],
            "BusinessPartnerCategory": "1",
            "BusinessPartnerFullName": name,
            "BusinessPartnerName": name,
            "BusinessPartnerGrouping": "BP02",
            "BusinessPartnerUUID": self._guid(),
            "FirstName": human.given,
            "LastName": human.family,
            "FormOfAddress": _TITLES[human.salutation],
            "AcademicTitle": {"Dr.": "0001", "Prof.": "0002"}.get(human.salutation, ""),
            "CorrespondenceLanguage": _LANGUAGES[human.country],
            "BirthDate": human.born,
            "NaturalPersonEmployerName": f"{_FIRMS + human.company}",
            "IsNaturalPerson": "X",
            "SearchTerm1": human.family.upper()[:20],
            "BusinessPartnerIsBlocked": human.number % 60 == 13,
            "BusinessPurposeFlag": "X" if human.number % 50 == 7 else "",
            "LastChangedByUser": "MIGRATION",
        }
        self._insert("BusinessPartner", values)
        self._roles(number, ["BUP001"])
        tax: dict[str, Value] = {"BusinessPartner": number, "BPTaxType": "ID1", "BPTaxNumber": human.national_id[:20]}
        self._insert("BusinessPartnerTaxNumber", tax)
        self._address(number, name, human, human.email, human.phone, human.mobile)

    def _roles(self, number: str, roles: Sequence[str]) -> None:
        start = self._opened - timedelta(days=2_000)
        until = datetime(9999, 12, 31, 23, 59, 59, tzinfo=self._opened.tzinfo)
        for role in roles:
            values: dict[str, Value] = {"BusinessPartner": number, "BusinessPartnerRole": role}
            self._insert("BusinessPartnerRole", {**values, "ValidFrom": start, "ValidTo": until})

    def _address(self, number: str, name: str, where: Company | Human, email: str, phone: str, mobile: str) -> None:
        self._addresses += 1
        key = f"{self._addresses:010d}"
        person = key if name else ""
        first, _, rest = where.street.partition(" ")
        front, _, last = where.street.rpartition(" ")
        street, house = (rest, first) if first.isdecimal() else (front, last)
        until = datetime(9999, 12, 31, 23, 59, 59, tzinfo=self._opened.tzinfo)
        values: dict[str, Value] = {
            "BusinessPartner": number,
            "AddressID": key,
            "ValidityStartDate": self._opened - timedelta(days=2_000),
            "ValidityEndDate": until,
            "AddressUUID": self._guid(),
            "CityName": where.city,
            "Country": where.country,
            "FullName": name or getattr(where, "name", ""),
            "HouseNumber": house,
            "Language": _LANGUAGES[where.country],
            "Person": person,
            "PostalCode": where.postal_code,
            "Region": where.state[:3],
            "StreetName": street,
        }
        self._insert("BusinessPartnerAddress", values)
        at: dict[str, Value] = {"AddressID": key, "Person": person, "OrdinalNumber": "001"}
        mail: dict[str, Value] = {"EmailAddress": email, "SearchEmailAddress": email.upper()[:20]}
        self._insert("AddressEmailAddress", {**at, **mail, "IsDefaultEmailAddress": True})
        for place, each in enumerate((phone, mobile), start=1):
            if each:
                dialled: dict[str, Value] = {
                    "OrdinalNumber": f"{place:03d}",
                    "DestinationLocationCountry": where.country,
                    "IsDefaultPhoneNumber": place == 1,
                    "PhoneNumber": each,
                    "InternationalPhoneNumber": each.replace(" ", ""),
                    "PhoneNumberType": "1" if place == 1 else "3",
                }
                self._insert("AddressPhoneNumber", {**at, **dialled})

    def _product(self, row: Sequence[str]) -> None:
        name, kind, group, unit, weight, _, english, german = row
        values: dict[str, Value] = {
            **self._made(),
            "Product": name,
            "ProductType": kind,
            "GrossWeight": Decimal(weight),
            "NetWeight": (Decimal(weight) * Decimal("0.9")).quantize(_MILLI),
            "WeightUnit": "KG",
            "BaseUnit": unit,
            "ProductGroup": group,
            "CountryOfOrigin": "DE",
            "ItemCount": self._random.randrange(10**12),
            "ShelfLife": self._random.randrange(1_000),
            "PackagingLevels": self._random.randrange(4),
            "AverageRating": self._random.randrange(10, 51) / 10,
        }
        self._insert("Product", values)
        for language, text in (("EN", english), ("DE", german)):
            self._insert("ProductDescription", {"Product": name, "Language": language, "ProductDescription": text})
        plant = str(self._place["plant"])
        self._insert("ProductPlant", {"Product": name, "Plant": plant, "PurchasingGroup": "001"})
