"""What pyodata is asked to do at a landscape; it prints what it found as JSON."""

import json
import logging
import sys
from datetime import UTC, datetime

import pyodata
import requests
from pyodata.exceptions import HttpError

told = json.loads(sys.argv[1])
logging.disable(logging.WARNING)  # it warns of every vocabulary that it does not know


def client(name: str) -> pyodata.Client:
    session = requests.Session()
    session.auth = (told["username"], told["password"])
    root = f"{told['url']}/sap/opu/odata/sap/{name}/"
    session.headers["x-csrf-token"] = session.head(root, headers={"x-csrf-token": "fetch"}).headers["x-csrf-token"]
    return pyodata.Client(root, session)


found = {}
names = ("API_BUSINESS_PARTNER", "API_PRODUCT_SRV", "API_PURCHASEORDER_PROCESS_SRV")
names += ("API_SUPPLIERINVOICE_PROCESS_SRV", "API_COSTCENTER_SRV")
found["sets"] = [len(client(name).schema.entity_sets) for name in names]

service = client("API_SALES_ORDER_SRV")
orders, items = service.entity_sets.A_SalesOrder, service.entity_sets.A_SalesOrderItem
first = orders.get_entity("1").execute()
found["read"] = [first.SalesOrder, first.SalesOrderType]
found["item"] = items.get_entity(SalesOrder="1", SalesOrderItem="10").execute().SalesOrderItem
found["navigated"] = len(orders.get_entity("1").nav("to_Item").get_entities().execute())
found["counted"] = orders.get_entities().count().execute()
found["filtered"] = orders.get_entities().filter(f"SalesOrganization eq '{told['organization']}'").count().execute()
since = orders.get_entities()
found["since"] = since.filter(since.LastChangeDateTime >= datetime(2026, 9, 1, tzinfo=UTC)).count().execute()
page = orders.get_entities().expand("to_Item").count(inline=True).execute()
found["page"] = [len(page), page.total_count, page[0].to_Item[0].SalesOrderItem]
last = page
pages = 1
while last.next_url is not None:
    last = orders.get_entities().next_url(last.next_url).execute()
    pages += 1
found["pages"] = pages
chosen = orders.get_entities().select("SalesOrder,SoldToParty").order_by("SalesOrder desc").top(2).skip(1).execute()
found["chosen"] = [each.SalesOrder for each in chosen]

values = {
    "SalesOrderType": "OR",
    "SalesOrganization": told["organization"],
    "DistributionChannel": "10",
    "OrganizationDivision": "00",
    "SoldToParty": told["customer"],
    "RequestedDeliveryDate": datetime(2026, 12, 24, tzinfo=UTC),
    "to_Item": [{"Material": "TG10", "RequestedQuantity": "2"}],
}
made = orders.create_entity().set(**values).execute()
found["made"] = [made.TotalNetAmount, made.RequestedDeliveryDate.isoformat(), made.to_Item[0].SalesOrderItem]
try:
    orders.update_entity(made.SalesOrder).set(PurchaseOrderByCustomer="unguarded").execute()
except HttpError as error:
    found["unguarded"] = error.response.status_code
for method in ("PATCH", "MERGE", "PUT"):
    state = orders.get_entity(made.SalesOrder).execute()
    update = orders.update_entity(made.SalesOrder, method=method)
    update.add_headers({"If-Match": state.etag})
    update.set(PurchaseOrderByCustomer=method, SoldToParty=told["customer"]).execute()
    found[method] = orders.get_entity(made.SalesOrder).execute().PurchaseOrderByCustomer

batch = service.create_batch()
batch.add_request(orders.get_entity("1"))
changes = service.create_changeset()
changes.add_request(orders.create_entity().set(**{**values, "PurchaseOrderByCustomer": "in a batch"}))
batch.add_request(changes)
read, [created] = batch.execute()
found["batch"] = [read.SalesOrder, created.PurchaseOrderByCustomer]

released = service.functions.releaseApprovalRequest.parameter("SalesOrder", told["waiting"]).execute()
found["released"] = released["releaseApprovalRequest"]["IsInvalid"]
found["status"] = orders.get_entity(told["waiting"]).execute().SalesDocApprovalStatus
delete = orders.delete_entity(made.SalesOrder)
delete.add_headers({"If-Match": "*"})
delete.execute()
try:
    orders.get_entity(made.SalesOrder).execute()
except HttpError as error:
    found["gone"] = error.response.status_code

partners = client("API_BUSINESS_PARTNER").entity_sets.A_BusinessPartner
person = partners.create_entity().set(BusinessPartnerCategory="1", FirstName="Ada", LastName="O'Hara").execute()
by_name = partners.get_entities()
found["person"] = len(by_name.filter(by_name.LastName == "O'Hara").execute())
found["full_name"] = person.BusinessPartnerFullName
print(json.dumps(found))
