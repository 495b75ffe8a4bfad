from xml.etree import ElementTree as ET

import httpx2
import pytest

from isthmus.plugins.sandbox import SapLandscape
from isthmus.plugins.sandbox.sap.schema import Service, load_services, load_tables

from .conftest import SO, SO4, Open

EDM = {2: "{http://schemas.microsoft.com/ado/2008/09/edm}", 4: "{http://docs.oasis-open.org/odata/ns/edm}"}
SAP = "{http://www.sap.com/Protocols/SAPData}"


def tree(client: httpx2.Client, service: Service) -> ET.Element:
    answer = client.get(f"{service.path}/$metadata")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml;charset=utf-8")
    return ET.fromstring(answer.content)


@pytest.mark.parametrize("service", load_services(), ids=lambda each: each.name)
def test_every_set_type_and_way_is_declared(session: Open, landscape: SapLandscape, service: Service) -> None:
    root, edm = tree(session(landscape), service), EDM[service.version]
    types = {each.get("Name"): each for each in root.iter(f"{edm}EntityType")}
    sets = {each.get("Name"): each.get("EntityType", "").rpartition(".")[2] for each in root.iter(f"{edm}EntitySet")}
    assert set(sets.values()) == set(types)
    for name, kind in sets.items():
        found = session(landscape).get(f"{service.path}/{name}?$top=1").json()
        row = (found["d"]["results"] if service.version == 2 else found["value"])[0]
        declared = {each.get("Name") for each in types[kind].iter(f"{edm}Property")}
        ways = {each.get("Name") for each in types[kind].iter(f"{edm}NavigationProperty")}
        assert {key for key in row if "@" not in key} - {"__metadata"} - ways == declared


@pytest.mark.parametrize("service", [each for each in load_services() if each.version == 2], ids=lambda each: each.name)
def test_associations_hold_together(session: Open, landscape: SapLandscape, service: Service) -> None:
    root, edm = tree(session(landscape), service), EDM[2]
    named = {each.get("Name") for each in root.iter(f"{edm}Association")}
    assert named == {each.get("Name") for each in root.iter(f"{edm}AssociationSet")}
    for way in root.iter(f"{edm}NavigationProperty"):
        assert way.get("Relationship", "").rpartition(".")[2] in named


def test_annotations_of_v2(session: Open, landscape: SapLandscape) -> None:
    services = {each.path: each for each in load_services()}
    root = tree(session(landscape), services[SO])
    head = next(each for each in root.iter(f"{EDM[2]}EntityType") if each.get("Name") == "A_SalesOrderType")
    fields = {each.get("Name"): each for each in head.iter(f"{EDM[2]}Property")}
    total = fields["TotalNetAmount"]
    assert (total.get(f"{SAP}unit"), total.get(f"{SAP}updatable"), total.get("Scale")) == (
        "TransactionCurrency",
        "false",
        "3",
    )
    assert fields["LastChangeDateTime"].get(f"{SAP}sortable") == "false"
    assert fields["SalesOrderDate"].get(f"{SAP}display-format") == "Date"
    [release, _] = root.iter(f"{EDM[2]}FunctionImport")
    method = "{http://schemas.microsoft.com/ado/2007/08/dataservices/metadata}HttpMethod"
    assert (release.get(method), release.get(f"{SAP}action-for")) == ("POST", "API_SALES_ORDER_SRV.A_SalesOrderType")


def test_annotations_of_v4(session: Open, landscape: SapLandscape) -> None:
    services = {each.path: each for each in load_services()}
    root, edm = tree(session(landscape), services[SO4]), EDM[4]
    terms = {(each.get("Target"), note.get("Term")) for each in root.iter(f"{edm}Annotations") for note in each}
    assert ("SAP__self.Container/SalesOrder", "SAP__core.OptimisticConcurrency") in terms
    assert ("SAP__self.SalesOrderType/TotalNetAmount", "SAP__measures.ISOCurrency") in terms
    assert ("SAP__self.SalesOrderType/SalesOrder", "SAP__core.Computed") in terms
    assert ("SAP__self.Container/SalesOrderText", "SAP__capabilities.FilterRestrictions") in terms
    services_of_partners = next(each for each in services.values() if each.name == "businesspartner")
    notes = ET.tostring(tree(session(landscape), services_of_partners)).decode()
    assert notes.count("IsPotentiallyPersonal") >= 10
    assert notes.count("IsPotentiallySensitive") == 1
    [release, _] = root.iter(f"{edm}Action")
    assert (release.get("IsBound"), release.get("EntitySetPath")) == ("true", "_it")


def test_metadata_that_did_not_change_is_304(orders: httpx2.Client) -> None:
    first = orders.get("$metadata")
    for known in ({"if-none-match": first.headers["etag"]}, {"if-modified-since": first.headers["last-modified"]}):
        again = orders.get("$metadata", headers=known)
        assert (again.status_code, again.content) == (304, b"")


def test_service_documents(orders: httpx2.Client, orders4: httpx2.Client) -> None:
    assert orders.get("").json()["d"]["EntitySets"][0] == "A_SalesOrder"
    assert orders4.get("").json()["value"][0] == {"name": "SalesOrder", "kind": "EntitySet", "url": "SalesOrder"}
    assert orders.post("", json={}).status_code == 405


def test_the_data_files_fit_together() -> None:
    tables = load_tables()
    for table in tables.values():
        assert set(table.key) <= set(table.fields)
        for link in table.links.values():
            assert all(theirs in tables[link.table].fields and ours in table.fields for theirs, ours in link.on)
        for field in table.fields.values():
            assert not (unit := field.mark("unit")) or unit in table.fields
