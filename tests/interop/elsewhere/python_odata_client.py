"""What python-odata, which speaks V4 only, is asked to do at a landscape; it prints what it found as JSON."""

import json
import sys

import requests
from odata import ODataService

told = json.loads(sys.argv[1])
session = requests.Session()
session.auth = (told["username"], told["password"])
root = f"{told['url']}/sap/opu/odata4/sap/api_salesorder/srvd_a2x/sap/salesorder/0001/"
session.headers["x-csrf-token"] = session.head(root, headers={"x-csrf-token": "Fetch"}).headers["x-csrf-token"]
service = ODataService(root, reflect_entities=True, session=session, quiet_progress=True)

found = {"sets": sorted(service.entities)}
orders = service.entities["SalesOrder"]
chosen = service.query(orders).filter(orders.SalesOrganization == told["organization"])
found["filtered"] = len(list(chosen))
found["first"] = [each.SalesOrder for each in service.query(orders).order_by(orders.SalesOrder.asc()).limit(2)]
found["one"] = str(service.query(orders).get("1").SalesOrderDate)

made = orders()
made.SalesOrderType, made.DistributionChannel, made.OrganizationDivision = "OR", "10", "00"
made.SalesOrganization, made.SoldToParty = told["organization"], told["customer"]
made.PurchaseOrderByCustomer = "made by python-odata"
service.save(made)
found["made"] = service.query(orders).get(made.SalesOrder).PurchaseOrderByCustomer
session.headers["If-Match"] = "*"  # it knows no versions itself
read = service.query(orders).get(made.SalesOrder)
read.PurchaseOrderByCustomer = "changed"
service.save(read)
found["changed"] = service.query(orders).get(made.SalesOrder).PurchaseOrderByCustomer
service.delete(service.query(orders).get(made.SalesOrder))
found["left"] = len(list(service.query(orders).filter(orders.SalesOrder == made.SalesOrder)))
print(json.dumps(found))
