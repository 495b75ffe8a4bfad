"""What aiosnow is asked to do; it prints what it found as JSON. It knows no proxies, so it is given an address."""

import asyncio
import json
import sys

from aiosnow import Client
from aiosnow.models.table.declared import IncidentModel as Incident

told = json.loads(sys.argv[1])


async def work() -> dict[str, object]:
    client = Client(told["address"], basic_auth=(told["username"], told["password"]))
    async with Incident(client, table_name="incident") as incidents:
        made = await incidents.create({"short_description": "made by aiosnow", "impact": 1, "urgency": 3})
        found: dict[str, object] = {"priority": str(made["priority"].key), "opened": made["opened_at"].isoformat()}
        changed = await incidents.update(made["sys_id"], {"urgency": 1})
        found["urgency"] = changed["urgency"].value
        found["one"] = (await incidents.get_one(Incident.number == made["number"]))["short_description"]
        streamed = [row async for _, row in incidents.stream(Incident.impact.equals(2), page_size=20, limit=1_000)]
        found["streamed"] = len(streamed)
        found["deleted"] = (await incidents.delete(made["sys_id"])).status
    return found


print(json.dumps(asyncio.run(work())))
