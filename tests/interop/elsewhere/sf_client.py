"""What the vendor's command line, sf, is asked to do; it prints what it found as JSON.

Its settings are variables that the vendor documents: no telemetry, no update, no DNS look-up (the names live behind the
gate only), and a file in place of the desktop's keychain.
"""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

told = json.loads(sys.argv[1])
home = Path(told["home"])
switches = ("SF_DISABLE_TELEMETRY", "SF_DISABLE_DNS_CHECK", "SF_USE_GENERIC_UNIX_KEYCHAIN", "SF_AUTOUPDATE_DISABLE")
around = {**os.environ, **dict.fromkeys(switches, "true"), "HOME": str(home), "SF_LOG_LEVEL": "fatal"}
where = ("--target-org", "us")


def sf(*words: str, fails: bool = False, **more: str) -> dict:
    command = [*told["sf"], *words, "--json"]
    done = subprocess.run(command, env={**around, **more}, cwd=home, capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout or done.stderr)
    if (done.returncode != 0) != fails:
        sys.exit(f"{' '.join(words)}: {answer.get('message', answer)}")
    return answer if fails else answer["result"]


def file(name: str, *rows: tuple[str, ...]) -> str:
    with (home / name).open("w", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows(rows)
    return name


def rows_of(name: str) -> list[dict[str, str]]:
    with (home / name).open(newline="") as lines:
        return list(csv.DictReader(lines))


found: dict[str, object] = {}
key = ("--jwt-key-file", told["key_file"], "--client-id", told["client_id"], "--username", told["username"])
login = sf("org", "login", "jwt", *key, "--instance-url", "https://login.salesforce.com", "--alias", "us")
found["jwt"] = login["instanceUrl"]
sf(
    "org",
    "login",
    "access-token",
    "--instance-url",
    told["my_domain"],
    "--alias",
    "by-token",
    SF_ACCESS_TOKEN=told["token"],
)
sf("org", "login", "jwt", *key, "--instance-url", "https://login.salesforce.com", "--alias", "us")
found["display"] = sf("org", "display", *where)["connectedStatus"]
found["listed"] = [each["name"] for each in sf("org", "list")["sandboxes"]]

query = sf("data", "query", *where, "--query", "SELECT Id, Account.Name, (SELECT Id FROM Cases) FROM Contact")
found["query"] = [query["totalSize"], len(query["records"]), query["done"]]
grouped = sf("data", "query", *where, "--query", "SELECT COUNT(Id) n, LeadSource FROM Contact GROUP BY LeadSource")
found["grouped"] = sum(each["n"] for each in grouped["records"])
tooling = "SELECT QualifiedApiName FROM EntityDefinition WHERE QualifiedApiName = 'Case'"
found["tooling"] = sf("data", "query", *where, "--use-tooling-api", "--query", tooling)["totalSize"]
found["refused"] = sf("data", "query", *where, "--query", "SELECT Nope FROM Contact", fails=True)["name"]
found["search"] = len(sf("data", "search", *where, "--query", told["search"])["searchRecords"])
found["described"] = sf("sobject", "describe", *where, "--sobject", "Contact")["keyPrefix"]
found["objects"] = "Case" in sf("sobject", "list", *where, "--sobject", "all")
limits = sf("org", "list", "limits", *where)
found["limits"] = next(each["max"] for each in limits if each["name"] == "DailyApiRequests")

record = (*where, "--sobject", "Account")
made = sf("data", "create", "record", *record, "--values", "Name='by sf' Industry=Energy")["id"]
found["made"] = sf("data", "get", "record", *record, "--record-id", made)["Industry"]
sf("data", "update", "record", *record, "--where", "Name='by sf'", "--values", "Name='changed by sf'")
found["changed"] = sf("data", "get", "record", *record, "--where", "Name='changed by sf'")["Id"] == made
sf("data", "delete", "record", *record, "--record-id", made)
found["gone"] = sf("data", "get", "record", *record, "--record-id", made, fails=True)["name"]

waits = ("--wait", "2")
out = ("--output-file", "out.csv", "--result-format", "csv")
exported = sf("data", "export", "bulk", *where, *waits, *out, "--query", "SELECT Id, LastName FROM Contact")
found["exported"] = [exported["totalSize"], len(rows_of("out.csv"))]
bad = file("in.csv", ("LastName", "Email"), ("Good", "good@example.com"), ("Bad", "no address"))
halved = sf("data", "import", "bulk", *where, *waits, "--sobject", "Contact", "--file", bad, fails=True)
found["imported"] = halved["name"]
results = sf("data", "bulk", "results", *where, "--job-id", halved["data"]["jobId"])
found["results"] = [results["successfulRecords"], results["failedRecords"]]
found["why"] = rows_of(results["failedFilePath"])[0]["sf__Error"].partition(":")[0]
pair = file("up.csv", ("Customer_Number__c", "Name"), ("C-sf-1", "One"), ("C-sf-2", "Two"))
upserted = sf("data", "upsert", "bulk", *record, *waits, "--file", pair, "--external-id", "Customer_Number__c")
keys = [each["sf__Id"] for each in upserted["records"]["successfulResults"]]
changes = file("change.csv", ("Id", "Site"), *((each, "x") for each in keys))
found["updated"] = sf("data", "update", "bulk", *record, *waits, "--file", changes)["successfulRecords"]
ends = file("delete.csv", ("Id",), *((each,) for each in keys))
found["deleted"] = sf("data", "delete", "bulk", *record, *waits, "--file", ends)["jobInfo"]["numberRecordsProcessed"]

tree = "SELECT Name, (SELECT LastName FROM Contacts) FROM Account LIMIT 2"
sf("data", "export", "tree", *where, "--query", tree, "--output-dir", "tree")
[plan] = (home / "tree").glob("*.json")
found["planted"] = sum(each["type"] == "Account" for each in sf("data", "import", "tree", *where, "--files", str(plan)))
print(json.dumps(found))
