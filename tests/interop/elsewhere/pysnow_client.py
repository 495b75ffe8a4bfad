"""What pysnow is asked to do at an instance that it knows by name only; it prints what it found as JSON."""

import json
import sys
from datetime import datetime

import pysnow

told = json.loads(sys.argv[1])
client = pysnow.Client(instance=told["instance"], user=told["username"], password=told["password"])
incidents = client.resource(api_path="/table/incident")
made = incidents.create({"short_description": "made by pysnow", "urgency": "1"})
found = {"made": incidents.get(query={"number": made["number"]}).one()["short_description"]}
found["changed"] = incidents.update(query={"number": made["number"]}, payload={"urgency": "2"})["urgency"]
mail = pysnow.QueryBuilder().field("short_description").contains("mail").AND().field("state").equals(["1", "2"])
found["mail"] = len(incidents.get(query=mail).all())
new_year, silvester = datetime(2026, 1, 1), datetime(2026, 12, 31)  # noqa: DTZ001 - it takes no zones
year = pysnow.QueryBuilder().field("opened_at").between(new_year, silvester)
found["year"] = len(incidents.get(query=year).all())
found["streamed"] = len(list(incidents.get(query={"active": "true"}, stream=True).all()))
incidents.attachments.upload(sys_id=made["sys_id"], file_path=__file__)
found["files"] = [each["file_name"] for each in incidents.attachments.get(sys_id=made["sys_id"])]
found["deleted"] = incidents.delete(query={"number": made["number"]})["status"]
try:
    incidents.get(query={"number": made["number"]}).one()
except pysnow.exceptions.NoResults:
    found["gone"] = True
oauth = pysnow.OAuthClient(client_id=told["client_id"], client_secret=told["client_secret"], instance=told["instance"])
oauth.set_token(oauth.generate_token(told["username"], told["password"]))
problems = oauth.resource(api_path="/table/problem")
found["oauth"] = len(problems.get(query={}).all())
print(json.dumps(found))
