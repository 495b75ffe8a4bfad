import json
async def run(told):
    page = await told("us", "query", system="crm", object="Contact", select=["Id","Name", "Email", "MailingCountryCode"], limit=4)
    print(page)
    for one in page["records"]:
        got = await told("eu", "get", system="crm", object="Contact", id=one["id"])
        print(got)
    print(await told("us", "query", system="itsm", object="incident", select=["number","short_description","caller_id.name","caller_id.country"], limit=4))
    print(await told("us", "create", system="crm", object="Case", values={"Subject": "Call Anna Canary back", "ContactId": page["records"][0]["id"]}))
    print(await told("us", "query", system="crm", object="Lead"))

async def test_x(desk, tmp_path):
    path = tmp_path/"a.yaml"
    async with desk.recorded(path) as told:
        await run(told)
    print("=====")
    t=path.read_text()
    d=json.loads(t)
    for i in d["interactions"]:
        print(i["request"]["method"], i["request"]["uri"][:300], (i["request"]["body"] or "")[:300], i["response"]["status"], i["response"]["headers"],i["response"]["body"]["string"][:700] if not i["isthmus"]["metadata"] else "META", {k:v for k,v in i["isthmus"].items() if k!="labels"} )
    print("=====")
    async with desk.replayed(path) as again:
        await run(again)
    assert 0
