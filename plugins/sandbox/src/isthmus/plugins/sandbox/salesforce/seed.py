"""Which rows does an org hold when it opens?"""

import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib.resources import files
from random import Random

from isthmus.plugins.sandbox.people import Company, Enterprise, Human

from .access import load_people
from .store import Row, Store, Value

_LANGUAGE = {"eu": ("de", "DE", "de_DE", "DEU12"), "us": ("en_US", "US", "en_US", "USA234")}
_ADDRESS = ("city", "country", "geocodeAccuracy", "latitude", "longitude", "postalCode", "state", "street")
_NOWHERE: Mapping[str, str | None] = dict.fromkeys(_ADDRESS)


class Seeder:
    """Fill one org with its share of the enterprise."""

    def __init__(self, store: Store, enterprise: Enterprise, home: str, seed: int) -> None:
        self._store = store
        self._enterprise = enterprise
        self._home = home
        self._random = Random(f"isthmus salesforce {home} {seed}")  # noqa: S311 - made-up rows, no secret
        self._start = store.clock.now()
        self._owners: list[str] = []
        self._root = ""
        self._accounts: dict[int, str] = {}
        self._contacts: list[Row] = []

    def fill(self) -> None:
        """Make all rows."""
        self._states()
        self._users()
        self._organization()
        self._definitions()
        for company in self._enterprise.companies:
            if company.home == self._home:
                self._account(company)
        for human in self._enterprise.humans:
            if human.home == self._home:
                self._contact(human)
        for number, contact in enumerate(self._contacts):
            self._follow_ups(number, contact)

    def _before(self, most_days: int) -> datetime:
        minutes = self._random.randrange(most_days * 24 * 60)
        return self._start - timedelta(days=1, minutes=minutes)

    def _states(self) -> None:
        text = (files(__package__) / "data" / "reference_rows.toml").read_text("utf-8")
        data = tomllib.loads(text)
        for row in data.pop("RecordType"):
            self._store.insert("RecordType", {**row, "IsActive": True}, "", self._start - timedelta(days=900))
        for name, rows in data.items():
            for order, row in enumerate(rows, start=1):
                flags = {flag: value for flag, value in row.items() if flag.startswith("Is")}
                values = {"MasterLabel": row["label"], "ApiName": row["label"], "SortOrder": order}
                default = {"IsDefault": bool(row.get("default", False))}
                self._store.insert(name, {**values, **default, **flags}, "", self._start - timedelta(days=900))

    def _users(self) -> None:
        _, people = load_people()
        _, country, locale, _ = _LANGUAGE[self._home]
        for person in people:
            username = f"{person.login}@{self._home}.kessmar.example"
            values: dict[str, Value] = {
                "Username": username,
                "Email": username,
                "LastName": person.family,
                "FirstName": person.given,
                "Alias": person.alias,
                "IsActive": person.active,
                "UserType": "Standard",
                "CountryCode": country,
                "TimeZoneSidKey": "GMT",
                "LocaleSidKey": locale,
            }
            row = self._store.insert("User", values, self._root, self._start - timedelta(days=800))
            self._root = self._root or str(row["Id"])
            if person.owns:
                self._owners.append(str(row["Id"]))

    def _organization(self) -> None:
        language, country, locale, instance = _LANGUAGE[self._home]
        values: dict[str, Value] = {
            "Name": f"Kessmar {self._home.upper()}",
            "Country": country,
            "InstanceName": instance,
            "IsSandbox": True,
            "OrganizationType": "Developer Edition",
            "LanguageLocaleKey": language,
            "DefaultLocaleSidKey": locale,
            "TimeZoneSidKey": "GMT",
            "PrimaryContact": "Integration Service",
            "FiscalYearStartMonth": 1,
            "SignupCountryIsoCode": country,
            "UiSkin": "Theme3",
            "WebToCaseDefaultOrigin": "Web",
            "DefaultAccountAccess": "Edit",
            "DefaultCalendarAccess": "HideDetailsInsert",
            "DefaultCampaignAccess": "All",
            "DefaultCaseAccess": "ReadEditTransfer",
            "DefaultContactAccess": "ControlledByParent",
            "DefaultLeadAccess": "ReadEditTransfer",
            "DefaultOpportunityAccess": "Edit",
            "DefaultPricebookAccess": "ReadSelect",
            "Address": {**_NOWHERE, "country": country},
            "MonthlyPageViewsEntitlement": 0,
            "MonthlyPageViewsUsed": 0,
            "NumKnowledgeService": 2,
        }
        self._store.insert("Organization", values, self._root, self._start - timedelta(days=900))

    def _definitions(self) -> None:
        entities, definitions = self._store["EntityDefinition"], self._store["FieldDefinition"]
        for sobject in self._store.schema.objects.values():
            row = entities.blank() | {
                "Id": "000000000000000AAA",
                "DurableId": sobject.name,
                "QualifiedApiName": sobject.name,
                "DeveloperName": sobject.name.removesuffix("__c"),
                "Label": sobject.label,
                "PluralLabel": sobject.label_plural,
                "KeyPrefix": sobject.prefix,
                "IsQueryable": True,
                "IsCustomizable": not sobject.metadata,
            }
            entities.put(sobject.name, row)
            for column in sobject.fields:
                key = f"{sobject.name}.{column.name}"
                row = definitions.blank() | {
                    "Id": "000000000000000AAA",
                    "DurableId": key,
                    "QualifiedApiName": column.name,
                    "EntityDefinitionId": sobject.name,
                    "DeveloperName": column.name.removesuffix("__c"),
                    "Label": column.label,
                    "Length": column.length,
                    "DataType": f"{column.type.capitalize()}({column.length})" if column.length else column.type,
                    "IsNillable": column.nillable,
                    "IsIndexed": column.is_key or column.unique,
                    "IsCalculated": column.calculated,
                    "BusinessStatus": "Active",
                    "SecurityClassification": column.security,
                    "ComplianceGroup": column.compliance,
                }
                definitions.put(key, row)

    def _owner(self) -> str:
        return self._random.choice(self._owners)

    def _account(self, company: Company) -> None:
        values: dict[str, Value] = {
            "Name": company.name,
            "Type": self._random.choice(["Customer", "Customer", "Prospect", "Partner"]),
            "BillingStreet": company.street,
            "BillingCity": company.city,
            "BillingState": company.state,
            "BillingPostalCode": company.postal_code,
            "BillingCountry": company.country_name,
            "BillingCountryCode": company.country,
            "Phone": company.phone,
            "Website": f"https://{company.domain}",
            "AccountNumber": f"A{company.number:06d}",
            "Industry": company.industry,
            "AnnualRevenue": float(company.revenue),
            "NumberOfEmployees": company.employees,
            "OwnerId": self._owner(),
            "Customer_Number__c": f"C-{company.number:06d}",
            "Legacy_Number__c": f"L-{company.number // 2:05d}",
        }
        row = self._store.insert("Account", values, self._root, self._before(700))
        self._accounts[company.number] = str(row["Id"])

    def _contact(self, human: Human) -> None:
        values: dict[str, Value] = {
            "AccountId": self._accounts[human.company],
            "LastName": human.family,
            "FirstName": human.given,
            "Salutation": human.salutation,
            "MailingStreet": human.street,
            "MailingCity": human.city,
            "MailingState": human.state,
            "MailingPostalCode": human.postal_code,
            "MailingCountry": human.country_name,
            "MailingCountryCode": human.country or None,
            "Phone": human.phone,
            "MobilePhone": human.mobile,
            "Email": human.email,
            "Title": human.title,
            "Department": human.department,
            "LeadSource": self._random.choice(["Web", "Phone Inquiry", "Partner Referral", "Other", None]),
            "Birthdate": human.born.isoformat(),
            "OwnerId": self._owner(),
            "HasOptedOutOfEmail": self._random.random() < 0.1,
            "SSN__c": human.national_id,
            "Diagnosis__c": human.diagnosis,
            "Card_Last_Digits__c": f"{self._random.randrange(10**4):04d}",
            "Interests__c": human.interests,
            "Hobby__c": human.hobby,
        }
        self._contacts.append(self._store.insert("Contact", values, self._root, self._before(600)))

    def _follow_ups(self, number: int, contact: Row) -> None:
        """Give every few contacts a case, a deal, an invoice, a note, a task, and add a lead now and then."""
        if number % 3 == 0:
            self._case(contact)
        if number % 4 == 0:
            self._opportunity(contact)
        if number % 5 == 0:
            self._invoice(number, contact)
        if number % 16 == 0:
            self._note(number, contact)
        if number % 10 == 0:
            self._task(contact)
        if number % 25 == 0:
            self._lead(contact)

    def _case(self, contact: Row) -> None:
        reason = self._random.choice(["Delivery", "Billing", "Installation", "Quality", "Other"])
        values: dict[str, Value] = {
            "ContactId": contact["Id"],
            "AccountId": contact["AccountId"],
            "Type": self._random.choice(["Question", "Problem", "Feature Request"]),
            "Status": self._random.choices(["New", "Working", "Escalated", "On Hold", "Closed"], [4, 3, 1, 1, 5])[0],
            "Reason": reason,
            "Origin": self._random.choice(["Phone", "Email", "Web"]),
            "Subject": f"{reason} question from {contact['LastName']}",
            "Priority": self._random.choices(["High", "Medium", "Low"], [1, 4, 2])[0],
            "Description": f"{contact['Name']} can be reached under {contact['Phone']}.",
            "OwnerId": contact["OwnerId"],
        }
        self._store.insert("Case", values, self._root, self._before(300))

    def _opportunity(self, contact: Row) -> None:
        stage = self._random.choice(list(self._store["OpportunityStage"]))
        close = self._start.date() + timedelta(days=self._random.randrange(-200, 200))
        values: dict[str, Value] = {
            "AccountId": contact["AccountId"],
            "ContactId": contact["Id"],
            "Name": f"{self._random.choice(['Spare parts', 'Retrofit', 'Service plan', 'New line'])} {close.year}",
            "StageName": stage["ApiName"],
            "Amount": float(self._random.randrange(5, 5_000) * 100),
            "Probability": float(self._random.randrange(0, 101, 5)),
            "CloseDate": close.isoformat(),
            "Type": self._random.choice(["New Business", "Existing Business"]),
            "OwnerId": contact["OwnerId"],
        }
        self._store.insert("Opportunity", values, self._root, self._before(300))

    def _invoice(self, number: int, contact: Row) -> None:
        due = self._start.date() + timedelta(days=self._random.randrange(-120, 60))
        values: dict[str, Value] = {
            "OwnerId": contact["OwnerId"],
            "Invoice_Number__c": f"{self._home.upper()}-{100_000 + number}",
            "Account__c": contact["AccountId"],
            "Contact__c": contact["Id"],
            "Amount__c": round(self._random.uniform(40, 25_000), 2),
            "Due_Date__c": due.isoformat(),
            "Status__c": self._random.choice(["Open", "Paid", "Paid", "Overdue"]),
            "IBAN__c": f"XX00 0000 0000 {number:08d}",
        }
        self._store.insert("Invoice__c", values, self._root, self._before(150))

    def _note(self, number: int, contact: Row) -> None:
        values: dict[str, Value] = {
            "OwnerId": contact["OwnerId"],
            "Name": f"Note {number}",
            "Serial_Number__c": f"SN-{number % 97:05d}",
            "Account__c": contact["AccountId"],
            "Contact__c": contact["Id"],
            "Score__c": round(self._random.uniform(0, 100), 2),
            "Body__c": "Bearings checked, seals renewed.",
        }
        self._store.insert("Asset_Note__c", values, self._root, self._before(150))

    def _task(self, contact: Row) -> None:
        values: dict[str, Value] = {
            "WhoId": contact["Id"],
            "WhatId": contact["AccountId"],
            "Subject": self._random.choice(["Call", "Email", "Send Letter"]),
            "ActivityDate": (self._start.date() + timedelta(days=self._random.randrange(-30, 30))).isoformat(),
            "Status": self._random.choice(["Not Started", "In Progress", "Completed"]),
            "Priority": "Normal",
            "OwnerId": contact["OwnerId"],
        }
        self._store.insert("Task", values, self._root, self._before(60))

    def _lead(self, contact: Row) -> None:
        values: dict[str, Value] = {
            "LastName": self._random.choice(self._contacts)["LastName"],
            "FirstName": contact["FirstName"],
            "Company": f"{contact['LastName']} Trading",
            "City": contact["MailingCity"],
            "Country": contact["MailingCountry"],
            "CountryCode": contact["MailingCountryCode"],
            "Email": f"lead.{len(self._store['Lead'].rows)}@{self._home}.prospects.example",
            "LeadSource": "Web",
            "Status": self._random.choice(list(self._store["LeadStatus"]))["ApiName"],
            "OwnerId": contact["OwnerId"],
        }
        self._store.insert("Lead", values, self._root, self._before(60))
