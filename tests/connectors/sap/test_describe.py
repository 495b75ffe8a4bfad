"""Is everything that a service offers described, strictly and with the classes of what it holds?"""

import json

import jsonschema_rs
import pytest

from isthmus.connectors.sap.describe import home_of, object_facts, operation_of, operations_at, summaries
from isthmus.connectors.sap.odata.calling import called
from isthmus.connectors.sap.odata.edm import OperationKind, Primitive
from isthmus.core.connector import FieldType
from isthmus.core.errors import InvalidArguments, NotFound
from isthmus.core.operation import Effect
from isthmus.core.results import Description, as_json
from isthmus.core.testing.soundness import unsound

from .odata.documents import ALL, ORDERS, PARTNER, PURCHASE, STRANGE, service, v2, v4


def facts(name, object, alias="x"):
    return object_facts(alias, service(name), f"{alias}.{object}")


@pytest.mark.parametrize("name", ALL)
def test_describes_every_set_of_a_vendor_file(name):
    found = service(name)
    listed = {one.name for one in summaries("x", found)}
    assert listed >= {f"x.{one}" for one in found.sets}
    for object in listed:
        told = object_facts("x", found, object)
        assert unsound("catalogue", told) == ""
        assert set(told.default_fields) <= told.fields.keys()
        assert set(told.searched) <= told.fields.keys()
        assert told.id_field in told.fields or not told.fields or "EnumTests" in object


SAMPLES = {
    "boolean": True,
    "integer": 1,
    "number": 1.5,
    "object": {},
    "array": [],
    "uuid": "005056a2-1b1c-1ed8-9aef-5d1e6f2a3b4c",
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "string": "1",
}


@pytest.mark.parametrize(("name", "operations"), [(PURCHASE, 37), (STRANGE, 5), (ORDERS, 17)])
def test_makes_every_operation_of_a_vendor_file_callable_by_its_schema(name, operations):
    found, calls = service(name), 0
    for object in summaries("x", found):
        offered = operations_at("x", found, object.name)
        for action in object_facts("x", found, object.name).actions:
            arguments = {}
            for parameter, schema in action.parameters.items():
                kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
                arguments[parameter] = SAMPLES[schema.get("format", kind)]
                assert jsonschema_rs.Draft202012Validator(dict(schema)).is_valid(arguments[parameter])
            operation = offered[action.name]
            entities = found.sets.get(object.name.removeprefix("x."))
            id = id_for(entities, found.version) if action.on_record else ""
            assert called(operation, arguments, found, entity_set=entities, id=id).template
            assert set(action.required) <= action.parameters.keys()
            calls += 1
    assert calls == operations


def id_for(entities, version):
    if len(entities.keys) == 1:
        return "1"
    guid = SAMPLES["uuid"] if version == 4 else f"guid'{SAMPLES['uuid']}'"
    literals = {Primitive.STRING: "'1'", Primitive.BOOLEAN: "true", Primitive.GUID: guid}
    return ",".join(f"{key}={literals[entities.properties[key].type.kind]}" for key in entities.keys)


def test_says_what_an_action_does_and_on_what():
    told = facts(PURCHASE, "C_PurchaseOrderItemTP")
    copy = told.action("C_PurchaseOrderItemTPCopy_po_item")
    assert (copy.effects, copy.on_record, copy.parameters) == (frozenset({Effect.EXECUTE}), True, {})
    check = told.action("C_PurchaseOrderItemTPValidation")
    assert check.effects == frozenset({Effect.READ})
    assert "SideEffectsQualifier" not in check.required
    status = facts(ORDERS, "SalesOrderManage").action("ChangeOrderStatus")
    assert status.parameters["OverallSDProcessStatus"] == {"type": "string", "maxLength": 1, "title": "Overall Status"}
    assert status.required == ("OverallSDProcessStatus",)


def test_keeps_what_belongs_to_no_set_under_the_alias():
    found = service(PURCHASE)
    told = object_facts("po", found, "po")
    assert {"POItemDelete", "POItemCreateFromReference"} <= {one.name for one in told.actions}
    assert (told.createable, told.updateable, told.deletable, told.fields) == (False, False, False, {})
    operation = operation_of("po", found, "po", "POItemDelete")
    assert home_of("po", found, operation) == "po"
    with pytest.raises(InvalidArguments, match="did you mean 'POItemDelete'"):
        operation_of("po", found, "po", "POItemDeleted")


def test_offers_a_function_import_on_one_set_only():
    found = v2(
        '<EntityType Name="A"><Key><PropertyRef Name="K"/></Key><Property Name="K" Type="Edm.String"/></EntityType>',
        """<EntitySet Name="As" EntityType="T.A"/><EntitySet Name="Bs" EntityType="T.A"/>
        <FunctionImport Name="f" m:HttpMethod="POST" sap:action-for="T.A"><Parameter Name="K" Type="Edm.String"/>
        </FunctionImport>""",
    )
    assert list(operations_at("x", found, "x.As")) == ["f"]
    assert operations_at("x", found, "x.Bs") == {}
    assert home_of("x", found, found.operations[0]) == "x.As"


def test_tells_an_action_on_one_record_from_one_on_all():
    found = v4(
        """<EntityType Name="A"><Key><PropertyRef Name="K"/></Key><Property Name="K" Type="Edm.String"/></EntityType>
        <Action Name="a" IsBound="true"><Parameter Name="it" Type="T.A"/></Action>
        <Action Name="a" IsBound="true"><Parameter Name="it" Type="Collection(T.A)"/></Action>""",
        '<EntitySet Name="As" EntityType="T.A"/>',
    )
    one, every = object_facts("x", found, "x.As").actions
    assert (one.name, one.on_record, every.name, every.on_record) == ("a", True, "a_all", False)
    assert operation_of("x", found, "x.As", "a_all").kind is OperationKind.ACTION


@pytest.mark.parametrize(
    "object", ["x.Nothing", "y.A_BusinessPartner", "A_BusinessPartner", "x", "", "x.A_BusinessPartner/1"]
)
def test_finds_no_object_that_is_not_there(object):
    with pytest.raises(NotFound):
        object_facts("x", service(PARTNER), object)


def test_finds_an_object_of_any_letter_case():
    assert object_facts("x", service(PARTNER), "X.a_businesspartner").name == "x.A_BusinessPartner"


def test_gives_fields_their_types_and_what_may_be_done_with_them():
    fields = facts(PARTNER, "A_BusinessPartner").fields
    assert fields["BusinessPartner"].type is FieldType.ID
    assert fields["BirthDate"].type is FieldType.DATE
    assert fields["CreationTime"].type is FieldType.TIME
    assert fields["IsFemale"].type is FieldType.BOOLEAN
    assert (fields["CreationDate"].createable, fields["CreationDate"].updateable) == (False, False)
    assert not fields["BusinessPartner"].updateable
    texts = facts(PARTNER, "A_CustomerCompanyText").fields["LongText"]
    assert (texts.type, texts.filterable, texts.sortable) == (FieldType.TEXT, False, False)
    assert facts(ORDERS, "SalesOrderItem").fields["NetAmount"].type is FieldType.NUMBER


def test_gives_a_record_whose_key_has_parts_an_id_of_its_own():
    told = facts(PARTNER, "A_BusinessPartnerAddress")
    assert told.id_field == "_id"
    assert told.fields["_id"].type is FieldType.ID
    assert not told.fields["_id"].createable
    assert facts(PARTNER, "A_BusinessPartner").id_field == "BusinessPartner"


def test_notes_labels_units_texts_and_where_values_come_from():
    fields = facts(ORDERS, "SalesOrderItem", "so").fields
    assert fields["NetAmount"].note == "Net Value; in TransactionCurrency"
    assert "values: AlternativeUnit of so.C_ProductUnitsOfMeasureVH" in fields["RequestedQuantityUnit"].note
    assert "its text is in _RequestedQuantityUnit.UnitOfMeasure_Text" in fields["RequestedQuantityUnit"].note
    cars = facts(STRANGE, "Cars").fields["CodeName"].note
    assert "every query needs a condition on it" in cars
    assert "compared by SingleValue" in cars
    shown = json.dumps(as_json(Description(facts=facts(ORDERS, "SalesOrderItem", "so"))))
    assert "in TransactionCurrency" in shown


def test_follows_a_field_that_holds_the_id_of_another_record():
    fields = facts(ORDERS, "SalesOrderItem", "so").fields
    assert fields["Material"].type is FieldType.REFERENCE
    assert (fields["Material"].references, fields["Material"].relationship) == (("so.Material",), "_Material")
    assert fields["_Material"].relationship == ""
    assert fields["owner"].relationship == "owner"


def test_names_what_a_new_record_can_bring_with_it():
    partner = facts(PARTNER, "A_BusinessPartner", "bp")
    assert partner.children["to_BusinessPartnerAddress"] == "bp.A_BusinessPartnerAddress"
    assert partner.children["to_BPCreditWorthiness"] == "bp.A_BPCreditWorthiness"
    # An earlier one of the many annotations of the set forbids it.
    assert "to_Customer" not in partner.children
    assert facts(PARTNER, "A_Customer", "bp").children == {}
    order = facts(ORDERS, "SalesOrderManage", "so")
    # The set of items takes none by itself, and the order says that it brings its own; `_SoldToParty` belongs to others.
    assert order.children == {"_Item": "so.SalesOrderItem", "_Partner": "so.HeaderPartner"}


def test_shows_records_along_a_navigation_as_a_field():
    fields = facts(PARTNER, "A_BusinessPartner", "bp").fields
    addresses = fields["to_BusinessPartnerAddress"]
    assert (addresses.type, addresses.references) == (FieldType.OTHER, ("bp.A_BusinessPartnerAddress",))
    assert (addresses.createable, addresses.updateable) == (False, False)
    assert (addresses.filterable, addresses.sortable) == (False, False)
    assert "pii" in addresses.classes
    assert "financial" in fields["to_BusinessPartnerBank"].classes
    assert "to_BusinessPartnerBank.<field> lists a field of each" in fields["to_BusinessPartnerBank"].note
