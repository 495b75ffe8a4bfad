"""Does a query ask for exactly what was asked, in the words of each version?"""

import pytest

from isthmus.connectors.sap.odata.edm import Primitive, Version
from isthmus.connectors.sap.odata.keys import ID
from isthmus.connectors.sap.odata.options import entity_options, order_of, query_options, search_option, sections
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import AllOf, Compare, Operator, Order, Query

from .documents import ORDERS, PARTNER, PURCHASE, STRANGE, service, v2
from .making import made


def asked(name, set_name, query, **more):
    found = service(name)
    return query_options(query, found.sets[set_name], found, **more)


def test_asks_v2_for_fields_and_their_order():
    where = Compare("BusinessPartnerCategory", Operator.EQ, "1")
    told = asked(
        PARTNER, "A_BusinessPartner", Query("x", ("LastName",), where, (Order("LastName"),), 20), skip=40, count=True
    )
    assert told == {
        "$format": "json",
        "$select": "LastName,BusinessPartner",
        "$filter": "BusinessPartnerCategory eq '1'",
        "$orderby": "LastName asc,BusinessPartner asc",
        "$top": "20",
        "$skip": "40",
        "$inlinecount": "allpages",
    }


def test_asks_v4_for_fields_and_their_order():
    told = asked(ORDERS, "SalesOrderManage", Query("x", ("SalesOrder", ID), None, (Order(ID),), 5), count=True)
    assert told == {
        "$select": "SalesOrder,ID,IsActiveEntity",
        "$orderby": "ID asc,IsActiveEntity asc",
        "$top": "5",
        "$count": "true",
    }


def test_expands_what_paths_lead_through():
    found = service(PARTNER)
    paths = ("LastName", "to_Customer.CustomerName", "to_Customer.Supplier", "to_BusinessPartnerAddress")
    told = entity_options(paths, found.sets["A_BusinessPartner"], found)
    assert told["$select"].split(",") == [
        *(
            "LastName",
            "BusinessPartner",
            "to_Customer/CustomerName",
            "to_Customer/Supplier",
            "to_BusinessPartnerAddress",
        )
    ]
    assert told["$expand"] == "to_Customer,to_BusinessPartnerAddress"


def test_expands_in_v4_with_options_of_its_own():
    found = service(ORDERS)
    paths = ("_SoldToParty.Country", "owner.owner.SalesOrder", "SiblingEntity")
    entities = found.sets["SalesOrderManage"]
    told = entity_options((paths[0], paths[2]), entities, found)
    assert told["$expand"] == "_SoldToParty($select=Country),SiblingEntity"
    item = entity_options(("owner._SoldToParty.Country", "owner.SalesOrder"), found.sets["SalesOrderItem"], found)
    assert item["$expand"] == "owner($select=SalesOrder;$expand=_SoldToParty($select=Country))"


def test_keeps_to_what_the_set_can_do():
    query = Query("x", ("Name",), Compare("CodeName", Operator.EQ, "x"))
    assert asked(STRANGE, "Cars", query, count=True).keys() == {"$format", "$select", "$filter", "$orderby", "$top"}
    with pytest.raises(InvalidArguments, match="does not page"):
        asked(STRANGE, "Cars", query, skip=10)
    assert "$top" not in asked(STRANGE, "CarIDPics", Query("x", ("CarName",)))
    with pytest.raises(InvalidArguments, match="along a navigation"):
        asked(STRANGE, "CitiesNotAddressable", Query("x", ("Name",)))
    with pytest.raises(InvalidArguments, match="only with a condition"):
        asked(PURCHASE, "C_PurOrdRefDocPO", Query("x", ()))


def test_refuses_to_sort_by_what_the_set_does_not():
    found = service(PARTNER)
    with pytest.raises(InvalidArguments, match="sorted by LongText"):
        order_of((Order("LongText"),), found.sets["A_CustomerCompanyText"], found)
    with pytest.raises(InvalidArguments, match="sorted by to_"):
        order_of((Order("to_BusinessPartnerAddress.Country"),), found.sets["A_BusinessPartner"], found)


def test_leaves_a_key_alone_that_has_no_order():
    found = service(PURCHASE)
    entity_set = found.sets["I_EmrkdFndsDocumentItemStdVH"]
    orders = (Order("EarmarkedFundsDocument"), Order("ID"))
    assert order_of(orders, entity_set, found) == "EarmarkedFundsDocument asc"
    with pytest.raises(InvalidArguments):
        query_options(Query("x", (), Compare("ID", Operator.GT, "1")), entity_set, found)


def test_refuses_pages_that_would_skip_records():
    keys = "".join(
        f'<Property Name="{name}" Type="Edm.String" Nullable="false" sap:sortable="false"/>' for name in ("K", "L")
    )
    found = v2(
        f'<EntityType Name="I"><Key><PropertyRef Name="K"/><PropertyRef Name="L"/></Key>{keys}</EntityType>',
        '<EntitySet Name="Is" EntityType="T.I"/>',
    )
    for name in ("K", ID):
        with pytest.raises(InvalidArguments, match="sorted by K"):
            order_of((Order(name),), found.sets["Is"], found)


def test_brings_missing_values_first_in_a_descending_order():
    found = made(Version.V4, {"K": Primitive.STRING, "A": Primitive.STRING, "B": Primitive.INT32}, ("K",))
    entities = found.sets["S"]
    query = Query("S", ("K",), Compare("B", Operator.EQ, 1), (Order("A", descending=True), Order("B")))
    first, rest = sections(query, entities, found)
    assert first.where == AllOf((Compare("B", Operator.EQ, 1), Compare("A", Operator.EQ, None)))
    assert first.order_by == (Order("B"),)
    assert rest.where == AllOf((Compare("B", Operator.EQ, 1), Compare("A", Operator.NE, None)))
    assert rest.order_by == query.order_by


def test_needs_no_second_look_for_what_is_never_missing():
    found = made(Version.V4, {"K": Primitive.STRING, "A": Primitive.STRING}, ("K",))
    for order in (Order("A"), Order("K", descending=True), Order(ID, descending=True)):
        query = Query("S", ("K",), None, (order,))
        assert sections(query, found.sets["S"], found) == (query,)
    sure = made(Version.V4, {"K": Primitive.STRING, "A": Primitive.STRING}, ("K",), nullable=False)
    query = Query("S", ("K",), None, (Order("A", descending=True),))
    assert sections(query, sure.sets["S"], sure) == (query,)


def test_refuses_a_second_descending_order_of_what_may_be_missing():
    found = made(Version.V2, {"K": Primitive.STRING, "A": Primitive.STRING}, ("K",))
    query = Query("S", ("K",), None, (Order("K"), Order("A", descending=True)))
    with pytest.raises(InvalidArguments, match="sort by it first"):
        sections(query, found.sets["S"], found)


def test_searches_with_words_that_are_no_operators():
    v2 = service(STRANGE)
    assert search_option("red  car", v2.sets["Cities"], v2) == {"search": "red car"}
    with pytest.raises(InvalidArguments, match="cannot be searched"):
        search_option("red", v2.sets["Cars"], v2)
    base = made(Version.V4, {"K": Primitive.STRING}, ("K",))
    from dataclasses import replace

    entities = replace(base.sets["S"], searchable=True)
    assert search_option("red NOT car", entities, base) == {"$search": '"red" "NOT" "car"'}
    for text in ('a"b', "a\\b", "  "):
        with pytest.raises(InvalidArguments):
            search_option(text, entities, base)
