"""Which fields are personal, by either source, and which records are blocked?"""

from datetime import date

import pytest

from isthmus.connectors.sap.describe import object_facts
from isthmus.connectors.sap.odata.edm import EdmType, Personal, Primitive, Property
from isthmus.connectors.sap.personal import blocking_fields, classes_of, is_about_persons, is_blocked

from .odata.documents import ORDERS, PARTNER, PURCHASE, service, v4

TEXT = EdmType(Primitive.STRING, max_length=40)
TODAY = date(2026, 11, 23)


def vocabulary(terms, entity=""):
    return v4(
        f"""<EntityType Name="A"><Key><PropertyRef Name="K"/></Key><Property Name="K" Type="Edm.String"/>
        <Property Name="F" Type="Edm.String" MaxLength="9">{terms}</Property>
        <Property Name="D" Type="Edm.Date"/>{entity}</EntityType>""",
        '<EntitySet Name="As" EntityType="T.A"/>',
    )


@pytest.mark.parametrize("name", ["CostCtrResponsiblePersonName", "CostCtrResponsibleUser", "ResponsibleEmployee"])
def test_who_is_responsible_is_a_person(name):
    document = v4(
        f"""<EntityType Name="A"><Key><PropertyRef Name="K"/></Key><Property Name="K" Type="Edm.String"/>
        <Property Name="{name}" Type="Edm.String" MaxLength="20"/></EntityType>""",
        '<EntitySet Name="As" EntityType="T.A"/>',
    )
    assert object_facts("cost", document, "cost.As").fields[name].classes == {"pii"}


def term(name, more=""):
    return f'<Annotation Term="PersonalData.{name}"{more}/>'


@pytest.mark.parametrize(
    ("object", "field", "classes"),
    [
        ("A_BusinessPartner", "LastName", {"pii"}),
        ("A_BusinessPartner", "BirthDate", {"pii"}),
        ("A_BusinessPartner", "BusinessPartner", {"internal"}),
        ("A_BusinessPartner", "TradingPartner", {"unclassified"}),
        ("A_AddressEmailAddress", "EmailAddress", {"pii"}),
        ("A_AddressPhoneNumber", "PhoneNumber", {"pii"}),
        ("A_BusinessPartnerAddress", "StreetName", {"pii"}),
        ("A_BusinessPartnerAddress", "Country", {"internal"}),
        ("A_BusinessPartnerBank", "IBAN", {"financial"}),
        ("A_BusinessPartnerPaymentCard", "CardNumber", {"financial.card"}),
        ("A_BusinessPartnerPaymentCard", "CardHolder", {"pii", "financial.card"}),
        ("A_BusinessPartnerTaxNumber", "BPTaxNumber", {"pii"}),
        ("A_AddressEmailAddress", "AddressCommunicationRemarkText", {"free_text", "pii"}),
        ("A_CustomerCompanyText", "LongText", {"free_text"}),
    ],
)
def test_knows_what_the_names_of_published_services_mean(object, field, classes):
    told = object_facts("bp", service(PARTNER), f"bp.{object}").fields[field]
    assert told.classes == classes
    assert told.source == ("default" if classes == {"unclassified"} else "shipped table")


@pytest.mark.parametrize(
    ("document", "object", "person"),
    [
        (PARTNER, "A_BusinessPartner", True),
        (PARTNER, "A_AddressEmailAddress", True),
        (PARTNER, "A_Customer", True),
        (PARTNER, "A_BuPaIdentification", True),
        (PARTNER, "A_CustomerSalesArea", False),
        (ORDERS, "Customer", True),
        (ORDERS, "SalesOrderManage", False),
        (PURCHASE, "C_PurchaseOrderTP", False),
    ],
)
def test_knows_which_sets_are_about_persons(document, object, person):
    assert is_about_persons(service(document).sets[object]) is person


def test_finds_the_country_of_a_partner_in_its_addresses():
    found = service(PARTNER)
    told = object_facts("bp", found, "bp.A_BusinessPartner")
    assert told.country == ("to_BusinessPartnerAddress.Country",)
    assert told.relation("to_BusinessPartnerAddress").references == ("bp.A_BusinessPartnerAddress",)
    assert object_facts("bp", found, "bp.A_BusinessPartnerAddress").country == ("Country",)
    assert object_facts("bp", found, "bp.A_AddressEmailAddress").country == ()


@pytest.mark.parametrize(
    ("terms", "classes"),
    [
        (term("IsPotentiallyPersonal"), {"pii"}),
        (term("IsPotentiallyPersonal", ' Bool="false"'), {"unclassified"}),
        (term("IsPotentiallySensitive"), {"pii.special"}),
        (term("FieldSemantics", ' EnumMember="PersonalData.FieldSemanticsType/DataSubjectID"'), {"pii"}),
        (term("IsPotentiallyPersonal") + term("IsPotentiallySensitive"), {"pii", "pii.special"}),
        ('<Annotation Term="Communication.IsEmailAddress"/>', {"pii"}),
        ("", {"unclassified"}),
    ],
)
def test_takes_the_word_of_the_vocabulary(terms, classes):
    told = object_facts("x", vocabulary(terms), "x.As").fields["F"]
    assert told.classes == classes
    assert told.source == ("default" if classes == {"unclassified"} else "org metadata")


def test_adds_the_vocabulary_to_the_table():
    both = Property("IBAN", TEXT, personal=Personal(personal=True))
    assert classes_of(both, person=False) == (frozenset({"financial", "pii"}), "org metadata")
    known = Property("Language", TEXT, personal=Personal(sensitive=True))
    assert classes_of(known, person=True) == (frozenset({"pii.special"}), "org metadata")


def test_takes_the_subjects_of_data_for_persons():
    for semantics, person in (("DataSubject", True), ("DataSubjectDetails", True), ("Other", False)):
        entity = f'<Annotation Term="PersonalData.EntitySemantics" EnumMember="PersonalData.EntitySemanticsType/{semantics}"/>'
        assert is_about_persons(vocabulary("", entity).sets["As"]) is person


def test_takes_everything_on_a_business_card_for_personal():
    card = """<Annotation Term="Communication.Contact"><Record><PropertyValue Property="fn" Path="F"/></Record></Annotation>"""
    assert object_facts("x", vocabulary("", card), "x.As").fields["F"].classes == {"pii"}


def test_hides_what_may_be_used_for_no_purpose_any_more():
    entities = service(PARTNER).sets["A_BPDataController"]
    assert blocking_fields(entities) == ("BusinessPurposeFlag",)
    assert is_blocked({"BusinessPurposeFlag": "X"}, entities, TODAY)
    assert not is_blocked({"BusinessPurposeFlag": ""}, entities, TODAY)
    assert not is_blocked({}, entities, TODAY)


def test_shows_a_partner_that_is_blocked_for_business():
    entities = service(PARTNER).sets["A_BusinessPartner"]
    assert blocking_fields(entities) == ()
    assert not is_blocked({"BusinessPartnerIsBlocked": True}, entities, TODAY)


@pytest.mark.parametrize(
    ("day", "blocked"), [("2026-11-22", True), ("2026-11-23", True), ("2026-11-24", False), (None, False)]
)
def test_hides_a_record_from_its_blocking_date_on(day, blocked):
    terms = term("FieldSemantics", ' EnumMember="PersonalData.FieldSemanticsType/BlockingDate"')
    assert is_blocked({"F": day}, vocabulary(terms).sets["As"], TODAY) is blocked
