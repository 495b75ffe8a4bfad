"""Is an answer read for what it says, in both envelopes, and refused where it is none?"""

import pytest

from isthmus.connectors.sap.odata.answers import Rows, entities_of, entity_of, etag_of, result_of
from isthmus.connectors.sap.odata.edm import EdmType, Primitive, Structure, Version
from isthmus.connectors.sap.odata.keys import ID
from isthmus.core.errors import UpstreamError

from .documents import ORDERS, PARTNER, STRANGE, service
from .making import made

ADDRESS = {
    "BusinessPartner": "1",
    "AddressID": "22",
    "ValidityStartDate": "/Date(1467158400000+0000)/",
    "Country": "DE",
}


def test_reads_both_forms_of_a_page_in_v2():
    page = entities_of(
        {"d": {"results": [{"K": "1"}], "__count": "5", "__next": "http://x/S?$skiptoken=1"}}, Version.V2
    )
    assert (page.entities, page.count, page.following) == ([{"K": "1"}], 5, "http://x/S?$skiptoken=1")
    assert entities_of({"d": [{"K": "1"}]}, Version.V2).following is None


def test_reads_a_page_in_v4_with_or_without_the_prefix():
    page = entities_of({"value": [], "@odata.count": 5, "@odata.nextLink": "S?$skiptoken=1"}, Version.V4)
    assert (page.entities, page.count, page.following) == ([], 5, "S?$skiptoken=1")
    assert entities_of({"value": [], "@nextLink": "S?x", "@deltaLink": "S?d"}, Version.V4).delta == "S?d"


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize(
    "body", [None, [], "x", {}, {"d": None}, {"d": {"results": 1}}, {"value": {}}, {"value": [1]}, {"d": [1]}]
)
def test_refuses_a_page_of_another_shape(version, body):
    with pytest.raises(UpstreamError):
        entities_of(body, version)


@pytest.mark.parametrize(
    ("version", "body"), [(2, []), (2, {}), (2, {"d": []}), (2, {"error": {}}), (4, {"error": {"code": "x"}}), (4, "x")]
)
def test_refuses_an_entity_of_another_shape(version, body):
    with pytest.raises(UpstreamError):
        entity_of(body, Version(version))


def test_finds_the_version_of_an_entity():
    assert etag_of({"__metadata": {"etag": "W/\"'1'\""}}) == "W/\"'1'\""
    assert etag_of({"@odata.etag": 'W/"2"'}) == 'W/"2"'
    assert etag_of({}, {"etag": '"3"'}) == '"3"'
    assert etag_of({"__metadata": {}}) is None


def test_makes_rows_of_fields_paths_and_whole_records():
    found = service(PARTNER)
    paths = ("BusinessPartner", "CreationDate", "CreationTime", "to_Customer.CustomerName", "to_BusinessPartnerAddress",
             "to_BusinessPartnerAddress.Country", "to_Supplier")  # fmt: skip
    rows = Rows("bp.A_BusinessPartner", found.sets["A_BusinessPartner"], found, paths)
    row = rows.row(
        {
            "__metadata": {"etag": 'W/"1"'},
            "BusinessPartner": "17100001",
            "CreationDate": "/Date(1467158400000)/",
            "CreationTime": "PT12H30M01S",
            "to_Customer": {"CustomerName": "Ada", "to_CustomerCompany": {"__deferred": {"uri": "x"}}},
            "to_BusinessPartnerAddress": {"results": [ADDRESS, {**ADDRESS, "AddressID": "23"}]},
            "to_Supplier": {"__deferred": {"uri": "x"}},
        }
    )
    assert (row.id, row.version) == ("17100001", 'W/"1"')
    assert row.fields["CreationDate"] == "2016-06-29"
    assert row.fields["CreationTime"] == "12:30:01"
    assert row.fields["to_Customer.CustomerName"] == "Ada"
    assert row.fields["to_BusinessPartnerAddress.Country"] == "DE"
    assert [one["AddressID"] for one in row.fields["to_BusinessPartnerAddress"]] == ["22", "23"]
    assert row.fields["to_BusinessPartnerAddress"][0]["ValidityStartDate"] == "2016-06-29T00:00:00Z"
    assert row.fields["to_Supplier"] is None


def test_takes_several_countries_for_no_single_one():
    found = service(PARTNER)
    rows = Rows("x", found.sets["A_BusinessPartner"], found, ("to_BusinessPartnerAddress.Country",))

    def told(*countries):
        return rows.row({"BusinessPartner": "1", "to_BusinessPartnerAddress": [{"Country": one} for one in countries]})

    assert told("DE", "FR").fields == {"to_BusinessPartnerAddress.Country": ["DE", "FR"]}
    assert told("DE", "DE").fields == {"to_BusinessPartnerAddress.Country": "DE"}
    assert told().fields == {"to_BusinessPartnerAddress.Country": None}


def test_gives_a_row_its_id_as_a_field_where_the_key_has_parts():
    found = service(ORDERS)
    rows = Rows("x", found.sets["SalesOrderItem"], found, (ID, "NetAmount"))
    raw = {
        "ID": "005056A2-1B1C-1ED8-9AEF-5D1E6F2A3B4C",
        "IsActiveEntity": True,
        "NetAmount": "12.50",
        "@odata.etag": "x",
    }
    row = rows.row(raw)
    assert row.id == row.fields[ID] == "ID=005056a2-1b1c-1ed8-9aef-5d1e6f2a3b4c,IsActiveEntity=true"
    assert (row.fields["NetAmount"], row.version) == (12.5, "x")


def test_refuses_an_entity_without_its_key():
    found = service(PARTNER)
    with pytest.raises(UpstreamError):
        Rows("x", found.sets["A_BusinessPartner"], found, ()).row({"LastName": "x"})


def test_reads_what_operations_give_back():
    found = service(STRANGE)
    one = EdmType(Structure("EXAMPLE_SRV.ComplexNumber"))
    many = EdmType(Structure("EXAMPLE_SRV.City"), collection=True)
    number = EdmType(Primitive.INT32)
    assert result_of({"d": {"sum": 5}}, "sum", number, found) == 5
    assert result_of({"d": {"sum": {"value": 5, "__metadata": {}}}}, "sum", number, found) == 5
    assert result_of({"d": {"f": {"Real": "1.5", "Imaginary": 2}}}, "f", one, found) == {"Real": 1.5, "Imaginary": 2}
    assert result_of({"d": {"Real": 1, "Imaginary": 2, "__metadata": {}}}, "f", one, found) == {
        "Real": 1,
        "Imaginary": 2,
    }
    assert result_of({"d": {"results": [{"Name": "x", "more": 1}]}}, "f", many, found) == [{"Name": "x"}]
    assert result_of(None, "f", None, found) is None
    with pytest.raises(UpstreamError):
        result_of({"d": {"results": 1}}, "f", many, found)
    v4 = made(Version.V4, {"K": Primitive.STRING}, ("K",))
    assert result_of({"value": 5, "@odata.context": "x"}, "f", number, v4) == 5
    assert result_of({"value": [{"K": "1"}]}, "f", EdmType(Structure("T.S"), collection=True), v4) == [{"K": "1"}]
    assert result_of({"K": "1", "@odata.etag": "x"}, "f", EdmType(Structure("T.S")), v4) == {"K": "1"}


def reached(path, along, more=None):
    found = service(PARTNER)
    reading = Rows("bp.A_BusinessPartner", found.sets["A_BusinessPartner"], found, (path,))
    row = reading.row({"BusinessPartner": "1", "to_BusinessPartnerAddress": along, **(more or {})})
    return row.fields[path]


CITY, COUNTRY = "to_BusinessPartnerAddress.CityName", "to_BusinessPartnerAddress.Country"
TWO = [{"CityName": "Aachen", "Country": "DE"}, {"Country": "DE"}]


def test_reads_fields_of_many_records_in_their_order():
    assert reached(CITY, {"results": TWO}) == ["Aachen", None]
    assert reached(CITY, {"results": TWO[:1]}) == ["Aachen"]
    assert reached(CITY, []) == []
    assert reached("to_BusinessPartnerAddress.to_EmailAddress.EmailAddress", TWO) == []


def test_a_country_is_one_only_where_all_records_have_it():
    assert reached(COUNTRY, {"results": TWO}) == "DE"
    assert reached(COUNTRY, [*TWO, {"Country": "US"}]) == ["DE", "US"]
    assert reached(COUNTRY, [*TWO, {}]) == ["DE", None]


@pytest.mark.parametrize(
    ("along", "more"),
    [
        ({"results": TWO, "__next": "x"}, {}),
        ({"__deferred": {"uri": "x"}}, {}),
        (TWO, {"to_BusinessPartnerAddress@odata.nextLink": "x"}),
    ],
)
def test_never_takes_some_of_the_records_below_for_all(along, more):
    with pytest.raises(UpstreamError, match="only some of the records"):
        reached(CITY, along, more)
    assert reached(COUNTRY, along, more) is None
