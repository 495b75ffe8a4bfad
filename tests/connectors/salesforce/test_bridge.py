"""Does simple-salesforce, unmodified, do its work through the passage, under all its rules?"""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceResourceNotFound
from tests.conftest import House

from isthmus.connectors.salesforce import simple_salesforce
from isthmus.core import sync
from isthmus.core.assembly import Surroundings
from isthmus.core.config import load_config
from isthmus.core.errors import (
    ApprovalRequired,
    CredentialError,
    Denied,
    InvalidArguments,
    OutcomeUnknown,
    Refused,
    ResidencyError,
    RetryLater,
)

GERMAN = "SELECT Id, Name, Email, MailingCountryCode FROM Contact WHERE MailingCountryCode = 'DE'"
FIFTY = {"Sforce-Query-Options": "batchSize=50"}
VERSION = "/services/data/v59.0"


@pytest.fixture
def house(house: House) -> House:
    house.orgs = ("eu",)
    return house


@pytest.fixture
def gateway(house: House) -> Iterator[sync.Gateway]:
    with sync.open_gateway(load_config(house.write()), Surroundings(environ=house.environ)) as gateway:
        yield gateway


@pytest.fixture
def sf(gateway: sync.Gateway, house: House) -> Salesforce:
    """Act for a model in the US."""
    return simple_salesforce(gateway.session(house.caller("us")), "crm")


@pytest.fixture
def home(gateway: sync.Gateway, house: House) -> Salesforce:
    """Act for a model in the EU."""
    return simple_salesforce(gateway.session(house.caller("eu")), "crm")


def sent(house: House, method: str) -> list[str]:
    entries = house.sandbox.salesforce["eu"].journal.entries
    return [one.path for one in entries if one.method == method and not one.path.startswith("/services/oauth2")]


def first(found: Any) -> Any:
    return found["records"][0]


def test_a_german_address_arrives_as_a_ref_for_a_consumer_in_the_us(sf: Salesforce, home: Salesforce) -> None:
    hidden, clear = first(sf.query(GERMAN + " LIMIT 1")), first(home.query(GERMAN + " LIMIT 1"))
    assert list(hidden["Email"]) == ["ref"]
    assert hidden["Email"]["ref"].startswith("ref_")
    assert "@" in clear["Email"]
    assert clear["Email"] not in json.dumps(hidden)
    assert hidden["MailingCountryCode"] == "DE"


def test_a_ref_goes_back_in_and_finds_its_record(sf: Salesforce) -> None:
    person = first(sf.query(GERMAN + " LIMIT 1"))
    made = sf.Contact.create({"LastName": person["Name"], "Email": person["Email"], "MailingCountryCode": "DE"})
    assert made["success"]
    assert sf.Contact.get(made["id"])["Email"].keys() == {"ref"}


def test_a_forbidden_delete_never_leaves(sf: Salesforce, house: House) -> None:
    person = first(sf.query(GERMAN + " LIMIT 1"))
    with pytest.raises(Denied, match="agents-never-delete"):
        sf.Contact.delete(person["Id"])
    assert sent(house, "DELETE") == []


def test_creates_reads_changes_and_deletes(home: Salesforce, house: House) -> None:
    made = home.Asset_Note__c.create({"Name": "one", "Serial_Number__c": "S-1"})
    assert home.Asset_Note__c.update(made["id"], {"Name": "two"}) == 204
    note = home.Asset_Note__c.get(made["id"])
    assert (note["Name"], note["Serial_Number__c"], note["attributes"]["type"]) == ("two", "S-1", "Asset_Note__c")
    assert home.Asset_Note__c.get_by_custom_id("Serial_Number__c", "S-1")["Id"] == made["id"]
    assert home.Asset_Note__c.upsert("Serial_Number__c/S-1", {"Name": "three"}) == 200
    assert home.Asset_Note__c.upsert("Serial_Number__c/S-2", {"Name": "new"}) == 201
    assert home.Asset_Note__c.delete(made["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound):
        home.Asset_Note__c.get(made["id"])
    with pytest.raises(SalesforceResourceNotFound):
        home.Asset_Note__c.get_by_custom_id("Serial_Number__c", "S-1")


def test_reads_every_page(home: Salesforce) -> None:
    total = home.query("SELECT COUNT() FROM Contact")["totalSize"]
    assert total > 100
    ids = [one["Id"] for one in home.query_all_iter("SELECT Id FROM Contact", headers=FIFTY)]
    assert len(ids) == len(set(ids)) == total
    assert len(home.query_all("SELECT Id FROM Contact LIMIT 70", headers=FIFTY)["records"]) == 70
    assert len(home.query("SELECT Id FROM Contact LIMIT 7")["records"]) == 7
    with pytest.raises(InvalidArguments, match="LIMIT 0"):
        home.query("SELECT Id FROM Contact LIMIT 0")
    assert len(home.query("SELECT Id FROM Contact")["records"]) == total


def test_follows_its_own_pages_only(home: Salesforce, house: House) -> None:
    page = home.query("SELECT Id FROM Contact", headers=FIFTY)
    more = home.query_more(page["nextRecordsUrl"], identifier_is_url=True, headers=FIFTY)
    assert not {one["Id"] for one in page["records"]} & {one["Id"] for one in more["records"]}
    before = len(sent(house, "GET"))
    for forged in ("0r8xx5R2sM3DgWhASK-2000", "W10=", "WyJTRUxFQ1QgSWQgRlJPTSBDb250YWN0IiwwLCJ4Il0="):
        with pytest.raises(InvalidArguments):
            home.query_more(forged)
    assert len(sent(house, "GET")) == before


def test_counts_in_groups_and_follows_relationships(home: Salesforce) -> None:
    groups = home.query("SELECT Status, COUNT(Id) n FROM Case GROUP BY Status")["records"]
    assert all(one["attributes"] == {"type": "AggregateResult"} and one["n"] > 0 for one in groups)
    contact = first(home.query("SELECT Name, Account.Name FROM Contact WHERE AccountId != null LIMIT 1"))
    assert contact["Account"]["Name"]
    assert "Id" not in contact
    orphan = home.Contact.create({"LastName": "Alone", "MailingCountryCode": "DE"})["id"]
    assert first(home.query(f"SELECT Account.Name FROM Contact WHERE Id = '{orphan}'"))["Account"] is None


def test_describes_and_tells_limits(home: Salesforce) -> None:
    names = {one["name"] for one in home.describe()["sobjects"]}
    assert {"Account", "Contact", "Case"} <= names
    fields = {one["name"]: one for one in home.Contact.describe()["fields"]}
    assert fields["Email"]["type"] == "email"
    assert home.limits()["DailyApiRequests"]["Max"] == 15000


def test_an_object_that_policy_hides_is_not_on_the_list(house: House) -> None:
    house.cedar += """
    @id("no-leads") forbid (principal is Isthmus::Agent, action, resource in Isthmus::Object::"crm/Lead");"""
    with sync.open_gateway(load_config(house.write()), Surroundings(environ=house.environ)) as gateway:
        sf = simple_salesforce(gateway.session(house.caller("eu")), "crm")
        assert "Lead" not in {one["name"] for one in sf.describe()["sobjects"]}
        with pytest.raises(Denied, match="no-leads"):
            sf.Lead.describe()
        with pytest.raises(Denied, match="no-leads"):
            sf.query("SELECT COUNT() FROM Lead")


def test_searches_names(home: Salesforce) -> None:
    found = home.search("FIND {GmbH} IN NAME FIELDS RETURNING Account(Id, Name LIMIT 2), Contact(Id)")
    assert [one["Name"].endswith("GmbH") for one in found["searchRecords"]][:2] == [True, True]
    for text in ("FIND {GmbH}", "FIND {G*} IN NAME FIELDS RETURNING Account(Id)", "FIND {GmbH} IN NAME FIELDS"):
        with pytest.raises(InvalidArguments, match="IN NAME FIELDS"):
            home.search(text)


def test_an_approval_is_asked_for_as_everywhere(sf: Salesforce, house: House) -> None:
    account = first(sf.query("SELECT Id FROM Account LIMIT 1"))
    with pytest.raises(ApprovalRequired, match="approvals approve"):
        sf.Account.update(account["Id"], {"Website": "kessmar.example"})
    assert sent(house, "PATCH") == []


def test_what_the_org_refuses_arrives_as_the_sdks_own_error(home: Salesforce) -> None:
    with pytest.raises(SalesforceMalformedRequest) as refused:
        home.Lead.create({"LastName": "Nobody"})
    assert refused.value.content[0]["errorCode"] == "REQUIRED_FIELD_MISSING"


def test_a_lasting_401_is_ours_and_ends_at_once(home: Salesforce, house: House) -> None:
    contact = first(home.query("SELECT Id FROM Contact LIMIT 1"))["Id"]
    before = len(sent(house, "GET"))
    house.sandbox.salesforce["eu"].faults.arm("expire_session", times=50)
    with pytest.raises(CredentialError):
        home.Contact.get(contact)
    assert len(sent(house, "GET")) - before <= 3


def test_a_spent_quota_is_ours(home: Salesforce, house: House) -> None:
    house.sandbox.salesforce["eu"].faults.arm("daily_limit", times=50)
    with pytest.raises(RetryLater) as spent:
        home.query("SELECT Id FROM Case LIMIT 1")
    assert spent.value.quota


def test_a_lost_answer_is_settled_or_unknown_but_never_sent_twice(home: Salesforce, house: House) -> None:
    house.sandbox.salesforce["eu"].faults.arm("lost_answer", method="POST", times=5)
    with pytest.raises(OutcomeUnknown):
        home.Asset_Note__c.create({"Name": "once"})
    assert len(sent(house, "POST")) == 1


def post(sf: Salesforce, path: str, body: object, method: str = "POST") -> Any:
    return sf.restful(path, method=method, json=body)


def part(method: str, path: str, reference: str, body: object = None) -> dict[str, object]:
    made = {"method": method, "url": f"{VERSION}/{path}", "referenceId": reference}
    return made | ({"body": body} if body else {})


def test_a_composite_is_judged_part_by_part(home: Salesforce, house: House) -> None:
    contact = first(home.query("SELECT Id FROM Contact LIMIT 1"))["Id"]
    parts = [
        part("POST", "sobjects/Asset_Note__c", "made", {"Name": "one", "Serial_Number__c": "S-1"}),
        part("GET", "sobjects/Asset_Note__c/@{made.id}?fields=Name", "read"),
        part("GET", "query?q=SELECT Name FROM Asset_Note__c WHERE Id = '@{made.id}'", "found"),
        part("PATCH", "sobjects/Asset_Note__c/@{found.records[0].attributes.url}", "bad", {"Name": "x"}),
        part("DELETE", f"sobjects/Contact/{contact}", "gone"),
    ]
    answers = post(home, "composite", {"compositeRequest": parts})["compositeResponse"]
    told = {one["referenceId"]: one for one in answers}
    assert [one["httpStatusCode"] for one in answers][:3] == [201, 200, 200]
    assert told["read"]["body"]["Name"] == "one"
    assert first(told["found"]["body"])["Name"] == "one"
    assert told["gone"]["httpStatusCode"] == 400
    assert told["gone"]["body"][0]["errorCode"] == "DENIED"
    assert sent(house, "DELETE") == []


def test_a_tree_is_one_create_with_others_below_it(home: Salesforce, house: House) -> None:
    below = {"records": [{"attributes": {"type": "Contact", "referenceId": "second"}, "LastName": "Baum"}]}
    root = {"attributes": {"type": "Account", "referenceId": "first"}, "Name": "Baum AG", "Contacts": below}
    told = post(home, "composite/tree/Account", {"records": [root]})
    ids = {one["referenceId"]: one["id"] for one in told["results"]}
    assert not told["hasErrors"]
    assert first(home.query("SELECT AccountId FROM Contact WHERE LastName = 'Baum'"))["AccountId"] == ids["first"]
    with pytest.raises(InvalidArguments, match="one by one"):
        post(home, "composite/tree/Account", {"records": [root, root]})
    assert len([path for path in sent(house, "POST") if "tree" in path]) == 1


def test_a_refusal_before_anything_was_written_is_raised(home: Salesforce, house: House) -> None:
    contact = first(home.query("SELECT Id FROM Contact LIMIT 1"))["Id"]
    parts = [part("GET", "limits", "a"), part("DELETE", f"sobjects/Contact/{contact}", "b")]
    with pytest.raises(Denied):
        post(home, "composite", {"compositeRequest": parts})
    assert sent(house, "DELETE") == []


def test_a_reference_that_leads_nowhere_hides_nothing_that_was_done(home: Salesforce) -> None:
    parts = [
        part("POST", "sobjects/Asset_Note__c", "made", {"Name": "one"}),
        part("PATCH", "sobjects/Asset_Note__c/@{made.nothing}", "lost", {"Name": "two"}),
    ]
    made, lost = post(home, "composite", {"compositeRequest": parts})["compositeResponse"]
    assert made["httpStatusCode"] == 201
    assert home.Asset_Note__c.get(made["body"]["id"])["Name"] == "one"
    assert lost["body"][0]["errorCode"] == "INVALID_ARGUMENTS"


@pytest.mark.parametrize(
    ("path", "name", "good"),
    [
        ("composite", "compositeRequest", part("POST", "sobjects/Asset_Note__c", "a", {"Name": "one"})),
        ("composite/batch", "batchRequests", {"method": "POST", "url": "v59.0/sobjects/Asset_Note__c",
                                              "richInput": {"Name": "one"}}),
        ("composite/sobjects", "records", {"attributes": {"type": "Asset_Note__c"}, "Name": "one"}),
    ],
)  # fmt: skip
def test_a_malformed_part_is_found_before_the_first_is_sent(
    home: Salesforce, house: House, path: str, name: str, good: dict[str, object]
) -> None:
    with pytest.raises(InvalidArguments, match="lacks"):
        post(home, path, {name: [good, {}]})
    assert sent(house, "POST") == []


def test_all_or_none_over_several_writes_is_refused_before_the_first(home: Salesforce, house: House) -> None:
    rows = [{"attributes": {"type": "Asset_Note__c"}, "Name": name} for name in "ab"]
    with pytest.raises(InvalidArguments, match="allOrNone"):
        post(home, "composite/sobjects", {"allOrNone": True, "records": rows})
    assert sent(house, "POST") == []


def test_rows_and_batches_have_an_outcome_each(home: Salesforce, house: House) -> None:
    rows = [{"attributes": {"type": kind}, "Name": "n"} for kind in ("Asset_Note__c", "Nonsense__c")]
    good, bad = post(home, "composite/sobjects", {"records": rows})
    assert good["success"]
    assert not bad["success"]
    assert bad["errors"][0]["statusCode"]
    changed = [{"attributes": {"type": "Asset_Note__c"}, "id": good["id"], "Name": "m"}]
    assert post(home, "composite/sobjects", {"records": changed}, "PATCH") == [
        {"id": good["id"], "success": True, "errors": []}
    ]
    requests = [
        {"method": "GET", "url": f"v59.0/sobjects/Asset_Note__c/{good['id']}?fields=Name"},
        {"method": "GET", "url": "v59.0/sobjects/Asset_Note__c/a02000000000000AAA?fields=Name"},
        {"method": "GET", "url": "v59.0/limits"},
    ]
    answered = post(home, "composite/batch", {"batchRequests": requests, "haltOnError": True})
    assert [one["statusCode"] for one in answered["results"]] == [200, 404, 412]
    assert answered["hasErrors"]


def test_what_cannot_be_labelled_is_for_those_who_may_see_everything(sf: Salesforce, house: House) -> None:
    window = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))
    with pytest.raises(ResidencyError, match="cannot be labelled"):
        sf.Contact.updated(*window)
    assert not [path for path in sent(house, "GET") if "updated" in path]
    flows = house.flows.split("[[rule]]")[0]
    house.flows = flows
    with sync.open_gateway(load_config(house.write()), Surroundings(environ=house.environ)) as gateway:
        free = simple_salesforce(gateway.session(house.caller("eu")), "crm")
        assert "ids" in free.Contact.updated(*window)


@pytest.mark.parametrize(
    "ask",
    [
        lambda sf: sf.bulk.Contact.insert([{"LastName": "x"}]),
        lambda sf: sf.bulk2.Contact.insert(records=[{"LastName": "x"}]),
        lambda sf: sf.oauth2("userinfo"),
        lambda sf: sf.query("SELECT Id FROM Contact", include_deleted=True),
        lambda sf: sf.restful("composite/tree/Contact", method="POST", json={"records": []}),
        lambda sf: sf.apexecute("anything", method="POST", data={}),
        lambda sf: sf.toolingexecute("query?q=SELECT+Id+FROM+ApexClass"),
        lambda sf: sf.Contact.create({"LastName": "x"}, headers={"Sforce-Duplicate-Rule-Header": "allowSave=true"}),
        lambda sf: sf.Contact.update("0038d0000000001AAA", {"LastName": "x"}, headers={"If-Match": "x"}),
        lambda sf: sf.session.get("https://elsewhere.example/services/data"),
        lambda sf: sf.session.get("https://crm.isthmus.invalid@elsewhere.example/services/data/v59.0/limits"),
    ],
)
def test_what_no_verb_says_is_refused_unsent(sf: Salesforce, house: House, ask: Any) -> None:
    with pytest.raises(Refused):
        ask(sf)
    entries = house.sandbox.salesforce["eu"].journal.entries
    # Metadata may have been looked up to decide.
    looked_up = ("/services/oauth2/token", "/describe", "/process/approvals")
    others = [one for one in entries if not one.path.endswith(looked_up) and "FieldDefinition" not in one.query]
    assert others == []


def test_the_client_never_holds_a_token(sf: Salesforce, house: House) -> None:
    sf.query("SELECT Id FROM Case LIMIT 1")
    assert "00D" not in sf.session_id
    assert "00D" not in json.dumps(sf.headers)
    assert not list(sf.session.cookies)


def test_the_audit_log_holds_bridged_calls_like_all_others(gateway: sync.Gateway, house: House) -> None:
    session = gateway.session(house.caller("us"))
    session.salesforce("crm").query(GERMAN + " LIMIT 1")
    log = gateway._inner.parts.journal.view()
    told = [one.leaf for one in log.entries(0, log.size)]
    assert {one["object"] for one in told if one.get("tool") == "query"} == {"Contact"}


@pytest.fixture
def filing(house: House) -> Iterator[Salesforce]:
    """Act for a model in the EU that may file papers and submit, as the operator says."""
    house.cedar += """
@id("files") permit (principal is Isthmus::Agent, action in [Isthmus::Action::"attach"], resource);
@id("submits") permit (principal is Isthmus::Agent, action == Isthmus::Action::"transition", resource)
when { context.transition.to == "Submitted" };
"""
    with sync.open_gateway(load_config(house.write()), Surroundings(environ=house.environ)) as gateway:
        yield simple_salesforce(gateway.session(house.caller("eu")), "crm")


def paper(house: House, **more: object) -> dict[str, object]:
    case = house.sandbox.salesforce["eu"].rows("Case")[0]["Id"]
    content = base64.b64encode(b"hello").decode()
    return {"PathOnClient": "note.txt", "VersionData": content, "FirstPublishLocationId": case, **more}


def test_a_file_goes_the_way_of_attach(filing: Salesforce, house: House) -> None:
    made = filing.ContentVersion.create(paper(house, Title="A note"))
    rows = house.sandbox.salesforce["eu"].rows("ContentVersion")
    [row] = [one for one in rows if one["Id"] == made["id"]]
    assert (made["success"], row["PathOnClient"], row["ContentSize"]) == (True, "A note.txt", 5)


@pytest.mark.parametrize(
    ("ask", "use"),
    [
        (lambda sf, paper: sf.ContentVersion.create({**paper, "FirstPublishLocationId": None}), "session.attach"),
        (lambda sf, paper: sf.ContentVersion.create({**paper, "ContentDocumentId": "x"}), "session.attach"),
        (lambda sf, _: sf.Attachment.create({"ParentId": "x", "Name": "a", "Body": "eA=="}), "session.attach"),
        (lambda sf, _: sf.restful("sobjects/ContentVersion/0688d0000000001AAA/VersionData"), "session.download"),
        (lambda sf, _: sf.restful("sobjects/Attachment/00P8d0000000001AAA/Body"), "session.download"),
        (lambda sf, _: approval(sf, "Approve", "04i8d0000000001AAA"), "session.invoke"),
        (lambda sf, _: approval(sf, "Submit", "0068d0000000001AAA", contextActorId="x"), "leave it out"),
    ],
)
def test_what_no_verb_says_of_files_and_approvals_names_the_verb(
    filing: Salesforce, house: House, ask: Any, use: str
) -> None:
    with pytest.raises(InvalidArguments, match=use):
        ask(filing, paper(house))
    assert sent(house, "POST") == []


def approval(sf: Salesforce, word: str, context: str, **more: object) -> Any:
    asked = {"actionType": word, "contextId": context, **more}
    return sf.restful("process/approvals", method="POST", json={"requests": [asked]})


def test_a_record_is_submitted_by_the_action(filing: Salesforce, house: House) -> None:
    org = house.sandbox.salesforce["eu"]
    waiting = {row["TargetObjectId"] for row in org.rows("ProcessInstance")}
    open_ones = (row for row in org.rows("Invoice__c") if row["Status__c"] == "Open" and row["Id"] not in waiting)
    due = next(str(row["Id"]) for row in open_ones if 1000 <= float(str(row["Amount__c"])) < 10_000)
    [told] = approval(filing, "Submit", due, comments="Please.")
    assert (told["success"], told["entityId"], told["instanceStatus"]) == (True, due, "Pending")
    assert [one["TargetObjectId"] for one in org.rows("ProcessInstance")].count(due) == 1
    with pytest.raises(SalesforceMalformedRequest):
        approval(filing, "Submit", due)
