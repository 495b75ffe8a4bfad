"""Is an operation called as each version wants it, and not at all with arguments that do not fit?"""

import json

import pytest

from isthmus.connectors.sap.odata.calling import called
from isthmus.core.errors import InvalidArguments

from . import grammar
from .documents import ORDERS, PURCHASE, STRANGE, service, v4


def operation(name, found, to=""):
    return next(one for one in found.operations if one.name == name and one.bound_to.endswith(to))


def test_calls_a_function_import_with_literals_in_the_address():
    found = service(STRANGE)
    told = called(operation("sum", found), {"A": 1, "B": -2}, found)
    assert (told.method, told.template, told.params, told.body) == ("GET", "sum", {"A": "1", "B": "-2"}, None)
    text = called(
        operation("retrieve", found), {"Param": "O'Neil' or 1"}, found, entity_set=found.sets["MasterEntities"]
    )
    assert grammar.literal(text.params["Param"], 2) == "O'Neil' or 1"


def test_calls_a_function_import_on_a_record_by_its_keys():
    found = service(PURCHASE)
    items = found.sets["C_PurchaseOrderItemTP"]
    id = "PurchaseOrder='1',PurchaseOrderItem='10',DraftUUID=guid'005056a2-1b1c-1ed8-9aef-5d1e6f2a3b4c',IsActiveEntity=true"
    told = called(operation("C_PurchaseOrderItemTPCopy_po_item", found), {}, found, entity_set=items, id=id)
    assert told.method == "POST"
    assert told.params == {
        "PurchaseOrder": "'1'",
        "PurchaseOrderItem": "'10'",
        "DraftUUID": "guid'005056a2-1b1c-1ed8-9aef-5d1e6f2a3b4c'",
        "IsActiveEntity": "true",
    }


def test_calls_a_bound_action_with_a_body():
    found = service(ORDERS)
    id = "ID=005056a2-1b1c-1ed8-9aef-5d1e6f2a3b4c,IsActiveEntity=true"
    told = called(
        operation("ChangeOrderStatus", found, "SalesOrderManage"),
        {"OverallSDProcessStatus": "A"},
        found,
        entity_set=found.sets["SalesOrderManage"],
        id=id,
    )
    assert told.template == "SalesOrderManage(ID={},IsActiveEntity={})/com.c_salesordermanage_sd.ChangeOrderStatus"
    assert told.literals == ("005056a2-1b1c-1ed8-9aef-5d1e6f2a3b4c", "true")
    assert told.body == {"OverallSDProcessStatus": "A"}


def test_calls_a_function_with_its_arguments_in_the_path():
    found = v4(
        """<ComplexType Name="P"><Property Name="X" Type="Edm.Decimal"/></ComplexType>
        <Function Name="f"><Parameter Name="x" Type="Edm.String"/><Parameter Name="p" Type="T.P"/>
        <ReturnType Type="Edm.String"/></Function>""",
        '<FunctionImport Name="F" Function="T.f"/>',
    )
    told = called(found.operations[0], {"x": "a,b", "p": {"X": 1.5}}, found)
    assert (told.method, told.template, told.literals) == ("GET", "F(x={},p=@p)", ("'a,b'",))
    assert json.loads(told.params["@p"]) == {"X": "1.5"}


@pytest.mark.parametrize(
    "arguments",
    [{}, {"A": 1}, {"A": 1, "B": None}, {"A": 1, "B": "2 or 1"}, {"A": 1, "B": 2, "C": 3}, {"A": 1, "B": [2]}],
)
def test_refuses_arguments_that_do_not_fit(arguments):
    found = service(STRANGE)
    with pytest.raises(InvalidArguments):
        called(operation("sum", found), arguments, found)


def test_refuses_what_cannot_be_called_and_a_record_that_is_missing():
    found = service(STRANGE)
    with pytest.raises(InvalidArguments, match="cannot be called"):
        called(operation("sum_complex", found), {"Param": {}}, found)
    orders = service(ORDERS)
    with pytest.raises(InvalidArguments):
        called(operation("draftActivate", orders), {}, orders)
    with pytest.raises(InvalidArguments):
        called(operation("draftActivate", orders), {}, orders, entity_set=orders.sets["SalesOrderManage"])
