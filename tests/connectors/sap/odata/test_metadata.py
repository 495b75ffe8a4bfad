"""Do metadata documents become services, the stricter word winning, and can none of them make anything happen?"""

from time import process_time

import pytest

from isthmus.connectors.sap.describe import object_facts
from isthmus.connectors.sap.odata.edm import Enumeration, OperationKind, Primitive, Structure, Version
from isthmus.connectors.sap.odata.metadata import MetadataError, service_of

from .documents import ALL, ORDERS, PARTNER, PURCHASE, STRANGE, document, service, v2, v4

ITEM = '<EntityType Name="I"><Key><PropertyRef Name="K"/></Key><Property Name="K" Type="Edm.String" Nullable="false"/>'
ITEM_SET = '<EntitySet Name="Is" EntityType="T.I"/>'


@pytest.mark.parametrize(
    ("name", "version", "sets", "operations"),
    [(PARTNER, 2, 52, 0), (PURCHASE, 2, 124, 37), (STRANGE, 2, 14, 6), (ORDERS, 4, 38, 18)],
)
def test_reads_every_set_and_operation_of_a_vendor_file(name, version, sets, operations):
    found = service(name)
    assert (found.version, len(found.sets), len(found.operations)) == (Version(version), sets, operations)
    assert all(one.properties for one in found.sets.values())
    assert {key for one in found.sets.values() for key in one.keys if key not in one.properties} == set()


@pytest.mark.parametrize("name", ALL)
def test_a_vendor_file_becomes_a_catalogue_within_a_second(name):
    text = document(name)
    began = process_time()
    found = service_of(text)
    facts = [object_facts("a", found, f"a.{one}") for one in found.sets]
    assert process_time() - began < 1.0
    assert len(facts) == len(found.sets)


def test_knows_types_with_their_facets():
    order = service(PURCHASE).sets["C_PurchaseOrderTP"].properties
    assert order["PurchaseOrder"].type.max_length == 10
    assert order["DraftUUID"].type.kind is Primitive.GUID
    price = service(STRANGE).sets["Cars"].properties["Price"].type
    assert (price.kind, price.precision, price.scale, price.nullable) == (Primitive.DECIMAL, 7, 3, False)


def test_follows_associations_to_the_set_on_the_other_side():
    addresses = service(PARTNER).sets["A_BusinessPartner"].navigations["to_BusinessPartnerAddress"]
    assert (addresses.entity_set, addresses.collection) == ("A_BusinessPartnerAddress", True)
    orders = service(STRANGE).sets["Customers"].navigations["Orders"]
    assert (orders.entity_set, orders.constraints) == ("Orders", (("Name", "Owner"),))


def test_follows_the_navigations_of_v4_with_their_constraints():
    owner = service(ORDERS).sets["HeaderPartner"].navigations["owner"]
    assert (owner.entity_set, owner.collection) == ("SalesOrderManage", False)
    assert owner.constraints == (("owner_ID", "ID"),)


def test_finds_types_whose_names_lack_their_namespace():
    found = service(STRANGE)
    assert found.sets["Employees"].keys == ("ID",)
    country = found.sets["EnumTests"].properties["CountryOfOrigin"].type.kind
    assert isinstance(country, Enumeration)
    assert country.members == {"USA": 0, "China": 1, "Slovakia": 2}


def test_forgives_an_attribute_that_is_misspelt():
    assert service(STRANGE).sets["CarIDPics"].type.has_stream


def test_reads_what_vocabularies_and_own_attributes_say_of_filters():
    headers = service(PURCHASE).sets["C_PurchaseOrderTP"].properties
    assert not headers["ApproverName"].filterable
    assert not headers["ApproverName"].sortable
    texts = service(PARTNER).sets["A_CustomerCompanyText"].properties["LongText"]
    assert (texts.filterable, texts.sortable, texts.filtered_by) == (False, False, "SearchExpression")
    cars = service(STRANGE).sets
    assert cars["CitiesWithFilter"].requires_filter
    assert (
        cars["Cars"].properties["CodeName"].required_in_filter,
        cars["Cars"].properties["CodeName"].filtered_by,
    ) == (
        True,
        "SingleValue",
    )


def test_reads_labels_units_and_value_lists():
    found = service(ORDERS).sets["SalesOrderItem"].properties
    assert found["NetAmount"].label == "Net Value"
    assert found["NetAmount"].unit == "TransactionCurrency"
    assert not found["NetAmount"].creatable
    assert found["RequestedQuantityUnit"].value_list is not None
    assert found["RequestedQuantityUnit"].value_list.entity_set == "C_ProductUnitsOfMeasureVH"
    assert found["RequestedQuantityUnit"].value_list.property == "AlternativeUnit"
    assert found["Material"].control == "fieldControlType_item"


@pytest.mark.parametrize(
    ("own", "vocabulary", "creatable"), [("true", "false", False), ("false", "true", False), ("true", "true", True)]
)
def test_lets_the_stricter_of_both_sources_win(own, vocabulary, creatable):
    found = v2(
        f"{ITEM}</EntityType>",
        f'<EntitySet Name="Is" EntityType="T.I" sap:creatable="{own}"/>',
        f"""<Annotations Target="T.C/Is" xmlns="http://docs.oasis-open.org/odata/ns/edm">
        <Annotation Term="Org.OData.Capabilities.V1.InsertRestrictions"><Record>
        <PropertyValue Property="Insertable" Bool="{vocabulary}"/></Record></Annotation></Annotations>""",
    )
    assert found.sets["Is"].creatable is creatable


def test_takes_a_property_that_a_set_forbids_from_that_set_alone():
    found = v4(
        f'{ITEM}<Property Name="A" Type="Edm.String"/></EntityType>',
        '<EntitySet Name="Is" EntityType="T.I"/><EntitySet Name="Js" EntityType="T.I"/>',
        """<Annotations Target="T.C/Is"><Annotation Term="Org.OData.Capabilities.V1.FilterRestrictions"><Record>
        <PropertyValue Property="NonFilterableProperties"><Collection><PropertyPath>A</PropertyPath></Collection>
        </PropertyValue></Record></Annotation></Annotations>""",
    )
    assert not found.sets["Is"].properties["A"].filterable
    assert found.sets["Js"].properties["A"].filterable


def test_reads_annotations_inside_of_what_they_say_something_about():
    found = v4(
        f"""{ITEM}<Property Name="A" Type="Edm.String"><Annotation Term="Org.OData.Core.V1.Computed"/></Property>
        <Property Name="B" Type="Edm.String"><Annotation Term="SAP__core.Immutable"/></Property></EntityType>""",
        ITEM_SET,
    )
    assert not found.sets["Is"].properties["A"].creatable
    assert (found.sets["Is"].properties["B"].creatable, found.sets["Is"].properties["B"].updatable) == (True, False)


def test_never_lets_a_key_be_changed():
    found = v4(f"{ITEM}</EntityType>", ITEM_SET)
    assert (found.sets["Is"].properties["K"].creatable, found.sets["Is"].properties["K"].updatable) == (True, False)


def test_gives_a_type_what_it_inherits():
    found = v4(
        f'{ITEM}</EntityType><EntityType Name="J" BaseType="T.I"><Property Name="More" Type="T.D"/></EntityType>'
        '<TypeDefinition Name="D" UnderlyingType="Edm.Decimal" Scale="2"/>',
        '<EntitySet Name="Js" EntityType="T.J"/>',
    )
    assert found.sets["Js"].keys == ("K",)
    assert list(found.sets["Js"].properties) == ["K", "More"]
    assert found.sets["Js"].properties["More"].type.scale == 2


def test_ends_where_types_inherit_from_each_other():
    found = v4('<EntityType Name="I" BaseType="T.J"/><EntityType Name="J" BaseType="T.I"/>', ITEM_SET)
    assert found.sets["Is"].keys == ()


def test_takes_the_keys_of_a_function_import_that_is_meant_for_an_entity():
    found = {one.name: one for one in service(PURCHASE).operations}["C_PurchaseOrderItemTPCopy_po_item"]
    assert (found.kind, found.method, found.for_each) == (OperationKind.FUNCTION_IMPORT, "POST", True)
    assert {key for key, _ in found.keys} == {"PurchaseOrder", "PurchaseOrderItem", "DraftUUID", "IsActiveEntity"}
    assert not found.parameters
    assert found.applicable_path == "Copy_po_item_ac"


def test_tells_overloads_of_an_action_apart_and_those_that_cannot_be_called():
    found = service(ORDERS)
    orders = {one.name: one for one in found.operations_of(found.sets["SalesOrderManage"])}
    assert orders["ChangeOrderStatus"].parameters["OverallSDProcessStatus"].required
    assert orders["ChangeOrderStatus"].path == "com.c_salesordermanage_sd.ChangeOrderStatus"
    assert not orders["OPAvailableFalseAction"].available
    assert orders["OPAvailableTrueAction"].available
    partners = {one.name: one for one in found.operations_of(found.sets["HeaderPartner"])}
    assert partners["ChangeOrderStatus"].applicable_path == "isVerified"


def test_does_not_offer_what_a_query_string_cannot_say():
    found = {one.name: one for one in service(STRANGE).operations}
    assert isinstance(found["sum_complex"].parameters["Param"].type.kind, Structure)
    assert not found["sum_complex"].available
    assert found["sum"].available


def test_calls_unbound_operations_by_their_imports():
    found = v4(
        '<Function Name="f"><Parameter Name="x" Type="Edm.Int32"/><ReturnType Type="Edm.String"/></Function>'
        '<Action Name="a"><Parameter Name="x" Type="Edm.Int32"/></Action><Action Name="hidden"/>',
        '<FunctionImport Name="F" Function="T.f"/><ActionImport Name="A" Action="T.a"/>',
    )
    one, other = found.operations
    assert (one.path, one.method, one.parameters["x"].required) == ("F", "GET", True)
    assert (other.path, other.method, other.parameters["x"].required) == ("A", "POST", False)


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;">
<!ENTITY lol3 "&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;">]><edmx:Edmx xmlns:edmx="x" Version="&lol3;">&lol3;</edmx:Edmx>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>"""


@pytest.mark.parametrize(
    "document",
    [
        LAUGHS,
        OUTSIDE,
        b'<!DOCTYPE a SYSTEM "http://192.0.2.1/x.dtd"><a/>',
        LAUGHS.decode().encode("utf-16"),
        b"<?xml version='1.0' encoding='utf-16'?>" + LAUGHS,
        b"<a>&undeclared;</a>",
        b"",
        b"<html><body>Log on</body></html>",
        b'{"error": {}}',
        b'<edmx:Edmx xmlns:edmx="x" Version="1.0"/>',
        b"<a>" * 5_000,
        b"\xff\xfe\x00",
    ],
)
def test_refuses_what_is_no_metadata_and_what_could_make_something_happen(document):
    with pytest.raises(MetadataError):
        service_of(document)


def test_joins_what_one_term_says_of_a_target_in_several_places():
    def along(name: str, told: str) -> str:
        return (
            '<Annotations Target="T.C/Is"><Annotation Term="Org.OData.Capabilities.V1.NavigationRestrictions"><Record>'
            '<PropertyValue Property="RestrictedProperties"><Collection><Record>'
            f'<PropertyValue Property="NavigationProperty" NavigationPropertyPath="{name}"/>{told}</Record></Collection>'
            "</PropertyValue></Record></Annotation></Annotations>"
        )

    denied = '<PropertyValue Property="InsertRestrictions"><Record><PropertyValue Property="Insertable" Bool="{}"/></Record></PropertyValue>'
    some = "".join([along("_A", denied.format("false")), along("_A", ""), along("_B", denied.format("true"))])
    navigations = "".join(f'<NavigationProperty Name="{one}" Type="Collection(T.I)"/>' for one in ("_A", "_B"))
    found = v4(
        f'<EntityType Name="I"><Key><PropertyRef Name="K"/></Key><Property Name="K" Type="Edm.String"/>{navigations}</EntityType>',
        '<EntitySet Name="Is" EntityType="T.I"/>',
        some,
    ).sets["Is"]
    assert [(one.creatable, one.own) for one in found.navigations.values()] == [(False, False), (True, True)]
