"""What aiosalesforce is asked to do; it prints what it found as JSON."""

import asyncio
import json
import sys

import httpx
from aiosalesforce import ClientCredentialsFlow, JwtBearerFlow, Salesforce, SoapLogin

login, org, key_file = json.loads(sys.argv[1])


async def main() -> None:
    found = {}
    flows = {
        "soap": SoapLogin(**login),
        "client_credentials": ClientCredentialsFlow(org["client_id"], org["client_secret"]),
        "jwt": JwtBearerFlow(org["client_id"], org["username"], key_file),
    }
    async with httpx.AsyncClient() as client:
        for name, auth in flows.items():
            sf = Salesforce(client, base_url=org["my_domain"], auth=auth)
            found[name] = (await sf.get_limits())["DailyApiRequests"]["Max"]
        found["queried"] = len([row async for row in sf.query("SELECT Id FROM Contact")])
        key = await sf.sobject.create("Contact", {"LastName": "Async"})
        await sf.sobject.update("Contact", key, {"LastName": "Changed"})
        found["row"] = json.loads(json.dumps(await sf.sobject.get("Contact", key), default=str))["LastName"]
        await sf.sobject.delete("Contact", key)
        result = await sf.bulk_v2.insert("Contact", [{"LastName": "A"}, {"LastName": "B", "Email": "no address"}])
        found["bulk"] = [len(result.successful_results), len(result.failed_results)]
        jobs = [each async for each in sf.bulk_v2.ingest.list_jobs()]
        found["jobs"] = [each.state for each in jobs]
    print(json.dumps(found))


asyncio.run(main())
