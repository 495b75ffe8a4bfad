"""Do the verbs do at the org what they say, with one request each where one is enough?"""

import pytest
from tests.conftest import House

from isthmus.core.cli.lookups import probe
from isthmus.core.connector import Key
from isthmus.core.errors import (
    CredentialError,
    Denied,
    InvalidArguments,
    NotFound,
    RetryLater,
    UpstreamError,
    UpstreamRejected,
    VersionConflict,
)
from isthmus.core.records import Aggregate, Compare, Measure, Operator, Order, Page, Query

from .conftest import Crm

BY_ID = (Order("Id"),)


def contacts(limit: int) -> Query:
    return Query("Contact", ("Id", "Name"), order_by=BY_ID, limit=limit)


# Metadata.


async def test_describes_an_object_with_the_orgs_classification(crm: Crm) -> None:
    since = crm.mark()
    facts = await crm("contact").catalogue("contact")
    assert facts.name == "Contact"
    assert crm.requests(since) == ["GET /sobjects/contact/describe", "GET /query", "GET /process/approvals"]
    assert facts.field("Diagnosis__c").classes == {"secret", "phi", "free_text", "pii"}
    assert facts.field("Diagnosis__c").source == "org metadata"
    assert facts.field("Hobby__c").classes == {"unclassified"}
    assert facts.field("Email").external_id is False
    assert facts.field("Isthmus_Key__c").unique
    assert facts.version_field == "SystemModstamp"


async def test_an_identity_that_may_not_read_the_classification_gets_narrower_fields(crm: Crm) -> None:
    crm.restrict(hidden_objects=frozenset({"FieldDefinition"}))
    facts = await crm("Contact").catalogue("Contact")
    assert facts.field("SSN__c").classes == {"unread"}
    assert facts.field("Email").classes == {"pii"}


async def test_a_field_hidden_from_this_identity_is_as_unknown_as_a_misspelled_one(crm: Crm) -> None:
    crm.restrict(hidden=frozenset({"contact.ssn__c"}))
    contact = str(crm.org.rows("Contact")[0]["Id"])
    facts = await crm("Contact").catalogue("Contact")
    with pytest.raises(InvalidArguments, match="no field 'SSN__c' that this identity may see"):
        facts.field("SSN__c")
    with pytest.raises(UpstreamRejected, match="hidden from this identity"):
        await crm("Contact").get("Contact", contact, ("SSN__c",))
    with pytest.raises(UpstreamRejected, match="hidden from this identity"):
        await crm("Contact").query(Query("Contact", ("SSN__c",), limit=1))
    with pytest.raises(UpstreamRejected, match="hidden from this identity"):
        await crm("Contact", effects="update", records=(contact,)).update("Contact", contact, {"SSN__c": "1"}, None)


async def test_an_identity_without_the_right_is_not_told_to_log_in_again(crm: Crm) -> None:
    crm.restrict(read_only=True)
    case = str(crm.org.rows("Case")[0]["Id"])
    with pytest.raises(UpstreamRejected, match="administrator grant the right"):
        await crm("Case", effects="update", records=(case,)).update("Case", case, {"Subject": "x"}, None)


async def test_lists_the_objects(crm: Crm) -> None:
    names = {one.name for one in await crm().objects()}
    assert {"Account", "Case", "Invoice__c"} <= names


async def test_an_unknown_object_is_not_found(crm: Crm) -> None:
    with pytest.raises(NotFound, match="may not see it"):
        await crm("Nonsense").catalogue("Nonsense")


async def test_doctor_learns_who_it_is_where_it_runs_and_what_is_left(crm: Crm) -> None:
    connection = crm.gateway.parts.systems["crm"].connections["crm-eu"]
    found = await probe(crm.gateway, connection, "")
    assert found.identity == crm.row("User", Username=crm.org.username)["Id"]
    assert found.facts["id"] == crm.org.org_id
    assert found.facts["edition"] == "Developer Edition"
    assert found.facts["instance"] == "DEU12"
    assert found.facts["region"].startswith("not told")
    assert found.quotas[0].limit == 15_000
    assert 0 < found.quotas[0].remaining < 15_000


# Reading.


async def test_reads_rows_with_related_fields_and_the_exact_number(crm: Crm) -> None:
    query = Query("Contact", ("Id", "Account.Name", "MailingAddress"), order_by=BY_ID, limit=7)
    rows = await crm("Contact").query(query)
    assert len(rows) == 7
    assert [row.id for row in rows] == sorted(row.id for row in rows)
    assert isinstance(rows[0].fields["Account.Name"], str)
    address = rows[0].fields["MailingAddress"]
    assert isinstance(address, dict)
    assert "attributes" not in address


async def test_follows_the_orgs_pages_up_to_the_exact_number(crowded: Crm) -> None:
    since = crowded.mark()
    rows = await crowded("Contact").query(contacts(4_500))
    assert len({row.id for row in rows}) == 4_500
    assert len(crowded.requests(since)) == 3


async def test_pages_that_lead_away_are_not_followed(crowded: Crm) -> None:
    crowded.org.faults.arm("foreign_next_url")
    with pytest.raises(UpstreamError, match="another origin"):
        await crowded("Contact").query(contacts(2_500))


async def test_pages_that_lead_back_come_to_an_end(crowded: Crm) -> None:
    crowded.org.faults.arm("cyclic_paging", times=9)
    since = crowded.mark()
    with pytest.raises(UpstreamError, match="do not come to an end"):
        await crowded("Contact").query(contacts(50_000))
    assert len(crowded.requests(since)) < 5


@pytest.mark.parametrize("error", ["INVALID_QUERY_LOCATOR", "INVALID_SESSION_ID"])
async def test_a_page_that_died_with_its_login_asks_for_a_new_start(crowded: Crm, error: str) -> None:
    crowded.org.faults.arm("dead_locator", error=error)
    with pytest.raises(RetryLater, match="from its start"):
        await crowded("Contact").query(contacts(2_500))


async def test_a_page_that_the_org_does_not_give_to_this_identity_is_not_asked_for_later(crowded: Crm) -> None:
    crowded.org.faults.arm("api_disabled", path="/query/0r8")
    with pytest.raises(CredentialError, match="administrator"):
        await crowded("Contact").query(contacts(2_500))


async def test_a_query_longer_than_an_address_is_refused_before_sending(crm: Crm) -> None:
    since = crm.mark()
    with pytest.raises(InvalidArguments, match="name fewer fields or shorter values"):
        await crm("Case").query(Query("Case", ("Id",), Compare("Subject", Operator.EQ, "ü" * 4_000)))
    assert crm.requests(since) == []


@pytest.mark.parametrize("fields", [("Subject",), ("Subject", "Contact.Name")])
async def test_gets_one_record_by_either_form_of_its_id(crm: Crm, fields: tuple[str, ...]) -> None:
    case = str(crm.org.rows("Case")[0]["Id"])
    for id in (case, case[:15]):
        row = await crm("Case", "Contact").get("Case", id, fields)
        assert row.id == case
        assert set(row.fields) == {"Id", *fields}


@pytest.mark.parametrize("fields", [("Subject",), ("Contact.Name",)])
async def test_a_record_that_is_not_there_may_be_hidden(crm: Crm, fields: tuple[str, ...]) -> None:
    with pytest.raises(NotFound, match="may not see it"):
        await crm("Case").get("Case", "5008d0000000zzz", fields)


async def test_an_id_that_is_none_is_refused_before_sending(crm: Crm) -> None:
    since = crm.mark()
    for id in ("1", "../Account/001xx000003DGb2", "5008d0000000zzzAAB"):
        with pytest.raises(InvalidArguments, match="no Salesforce id"):
            await crm("Case").get("Case", id, ())
    assert crm.requests(since) == []


async def test_reads_an_object_without_a_version(crm: Crm) -> None:
    rows = await crm("EntityDefinition").query(Query("EntityDefinition", ("QualifiedApiName",), limit=2))
    assert [row.version for row in rows] == [None, None]


async def test_finds_records_by_their_names_whatever_the_words_hold(crm: Crm) -> None:
    person = crm.org.rows("Contact")[0]
    found = await crm("Contact").search(str(person["Name"]), {"Contact": ("Name", "Account.Name")}, 5)
    assert person["Name"] in [row.fields["Name"] for row in found]
    assert await crm("Contact").search(str(person["Email"]), {"Contact": ("Email",)}, 5) == []
    assert await crm("Contact").search("kess* OR (x) {y} - \\ ' \"", {"Contact": ()}, 5) == []
    assert len(await crm("Account").search("GmbH", {"Account": ("Name",)}, 1)) == 1


async def test_counts_without_naming_a_field(crm: Crm) -> None:
    figures = await crm("Case").aggregate(Aggregate("Case", (Measure("count", "", "n"),)))
    assert figures == [{"n": len(crm.org.rows("Case"))}]
    nobody = Compare("Subject", Operator.EQ, "nobody wrote this")
    assert await crm("Case").aggregate(Aggregate("Case", (Measure("count", "", "n"),), where=nobody)) == [{"n": 0}]


async def test_groups_keep_a_missing_value_and_dates(crm: Crm) -> None:
    for day in ("2026-01-31", None):
        body = {"Name": f"Deal {day}", "StageName": "Proposal", "CloseDate": day or "2026-02-01"}
        await crm("Opportunity", effects="create").create("Opportunity", body, None)
    wanted = Aggregate(
        "Opportunity",
        (Measure("count", "", "n"), Measure("max", "CloseDate", "last")),
        ("AccountId",),
        Compare("Name", Operator.STARTS_WITH, "Deal "),
    )
    assert await crm("Opportunity").aggregate(wanted) == [{"AccountId": None, "n": 2, "last": "2026-02-01"}]


# Writing.


async def test_creates_with_a_key_that_the_org_keeps_unique(crm: Crm) -> None:
    key = Key("Isthmus_Key__c", "k/1")
    since = crm.mark()
    with pytest.raises(InvalidArguments, match="slash"):
        await crm("Case", effects="create").create("Case", {"Subject": "new"}, key)
    assert crm.requests(since) == []
    good = Key("Isthmus_Key__c", "k 1 ?#%")
    made = await crm("Case", effects="create").create("Case", {"Subject": "new"}, good)
    assert made.created
    assert crm.row("Case", Isthmus_Key__c=good.value)["Id"] == made.id
    with pytest.raises(UpstreamRejected, match="DUPLICATE_VALUE"):
        await crm("Case", effects="create").create("Case", {"Subject": "again"}, good)


async def test_writes_several_choices_as_one_text(crm: Crm) -> None:
    contact = str(crm.org.rows("Contact")[0]["Id"])
    writer = crm("Contact", effects="update", records=(contact,))
    await writer.update("Contact", contact, {"Interests__c": ("Events", "Research")}, None)
    assert crm.row("Contact", Id=contact)["Interests__c"] == "Events;Research"


async def test_a_value_that_reaches_into_another_record_is_refused_before_sending(crm: Crm) -> None:
    since = crm.mark()
    with pytest.raises(InvalidArguments, match="takes one value"):
        await crm("Case", effects="create").create("Case", {"Contact": {"Email": "a@kessmar.example"}}, None)
    assert crm.requests(since) == []


@pytest.mark.parametrize(("object", "guard"), [("Account", "server"), ("Case", "read")])
async def test_tells_who_compared_the_version(crm: Crm, object: str, guard: str) -> None:
    row = crm.org.rows(object)[0]
    id, version = str(row["Id"]), str(row["SystemModstamp"])
    since = crm.mark()
    done = await crm(object, effects="update", records=(id[:15],)).update(object, id[:15], {"Type": None}, version)
    assert (done.id, done.guard) == (id, guard)
    write = crm.org.journal.since(since)[-1]
    assert (write.method, "if-match" in write.headers) == ("PATCH", guard == "server")
    with pytest.raises(VersionConflict, match="read it again"):
        await crm(object, effects="update", records=(id,)).update(object, id, {"Type": None}, version)


async def test_the_org_itself_refuses_an_account_that_changed_in_between(crm: Crm) -> None:
    row = crm.org.rows("Account")[0]
    id, version = str(row["Id"]), str(row["SystemModstamp"])
    guarded = crm("Account", effects="update", records=(id,))
    _, headers = await guarded._same_version("Account", id, version)
    await crm("Account", effects="update", records=(id,)).update("Account", id, {"Type": "Other"}, None)
    with pytest.raises(VersionConflict):
        await guarded.http.patch(
            guarded._org.path("/sobjects/{}/{}", "Account", id), json={"Type": "X"}, headers=headers
        )


async def test_an_update_without_a_version_claims_no_guard(crm: Crm) -> None:
    id = str(crm.org.rows("Case")[0]["Id"])
    since = crm.mark()
    done = await crm("Case", effects="update", records=(id,)).update("Case", id, {"Subject": "x"}, None)
    assert done.guard is None
    assert crm.requests(since) == [f"PATCH /sobjects/Case/{id}"]


async def test_deletes_after_reading_the_version_and_sends_no_condition(crm: Crm) -> None:
    made = await crm("Account", effects="create").create("Account", {"Name": "Gone"}, None)
    version = str(crm.row("Account", Id=made.id)["SystemModstamp"])
    with pytest.raises(VersionConflict):
        await crm("Account", effects="delete", records=(made.id,)).delete("Account", made.id, "another version")
    since = crm.mark()
    done = await crm("Account", effects="delete", records=(made.id,)).delete("Account", made.id, version)
    assert (done.id, done.guard) == (made.id, "read")
    write = crm.org.journal.since(since)[-1]
    assert write.method == "DELETE"
    assert not {"if-match", "if-unmodified-since"} & set(write.headers)
    with pytest.raises(NotFound, match="deleted"):
        await crm("Account", effects="delete", records=(made.id,)).delete("Account", made.id, None)


async def test_upserts_by_key_and_says_whether_it_created(crm: Crm) -> None:
    key = Key("Isthmus_Key__c", "up-1")
    writer = crm("Case", effects="create update")
    first = await writer.upsert("Case", key, {"Subject": "one", "Isthmus_Key__c": "up-1"})
    second = await crm("Case", effects="create update").upsert("Case", key, {"Subject": "two"})
    assert (first.created, second.created) == (True, False)
    assert first.id == second.id == crm.row("Case", Isthmus_Key__c="up-1")["Id"]
    assert crm.row("Case", Id=first.id)["Subject"] == "two"


async def test_a_key_that_several_records_share_is_told_by_their_number(crm: Crm) -> None:
    for _ in range(3):
        body = {"Name": "Twin", "Serial_Number__c": "S-1"}
        await crm("Asset_Note__c", effects="create").create("Asset_Note__c", body, None)
    with pytest.raises(UpstreamRejected, match="3 records have this key"):
        await crm("Asset_Note__c", effects="create update").upsert(
            "Asset_Note__c", Key("Serial_Number__c", "S-1"), {"Name": "x"}
        )


@pytest.mark.parametrize(
    ("object", "values", "code", "field"),
    [
        ("Lead", {"Company": "X"}, "REQUIRED_FIELD_MISSING", "LastName"),
        ("Case", {"Subject": "x" * 256}, "STRING_TOO_LONG", "Subject"),
        ("Case", {"Status": "Lost"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Status"),
        ("Case", {"ContactId": "001xx000003DGb2AAG"}, "FIELD_INTEGRITY_EXCEPTION", "ContactId"),
        ("Case", {"IsClosed": True}, "INVALID_FIELD_FOR_INSERT_UPDATE", "IsClosed"),
        ("Invoice__c", {"Invoice_Number__c": "R-1", "Amount__c": -1}, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Amount__c"),
    ],
)
async def test_a_refusal_names_the_field_and_keeps_the_orgs_words_apart(
    crm: Crm, object: str, values: dict[str, object], code: str, field: str
) -> None:
    with pytest.raises(UpstreamRejected, match=code) as refused:
        await crm(object, effects="create").create(object, values, None)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert refused.value.vendor_text
    assert refused.value.vendor_text not in str(refused.value)


async def test_a_locked_row_is_tried_three_times_and_then_left_to_the_caller(crm: Crm) -> None:
    id = str(crm.org.rows("Case")[0]["Id"])
    crm.org.faults.arm("lock_row", times=9)
    since = crm.mark()
    with pytest.raises(RetryLater, match="its parent") as locked:
        await crm("Case", effects="update", records=(id,)).update("Case", id, {"Subject": "x"}, None)
    assert locked.value.quota is False
    assert len(crm.requests(since)) == 3


@pytest.mark.parametrize(("mishap", "said"), [("daily_limit", "daily API quota"), ("concurrent_limit", "too many")])
async def test_a_spent_quota_is_never_taken_for_a_bad_login(crm: Crm, mishap: str, said: str) -> None:
    crm.org.faults.arm(mishap, times=9)
    with pytest.raises(RetryLater, match=said) as spent:
        await crm("Case").get("Case", str(crm.org.rows("Case")[0]["Id"]), ())
    assert spent.value.quota
    tokens = [one for one in crm.org.journal.entries if one.path == "/services/oauth2/token"]
    assert len(tokens) == 1


async def test_a_verb_cannot_do_more_than_its_call_declared(crm: Crm) -> None:
    id = str(crm.org.rows("Case")[0]["Id"])
    since = crm.mark()
    with pytest.raises(Denied, match="transition"):
        await crm("Case", effects="update", records=(id,)).update("Case", id, {"Status": "Closed"}, None)
    with pytest.raises(Denied, match="records that the call does not name"):
        await crm("Case", effects="delete", records=("5008d0000000zzz",)).delete("Case", id, None)
    with pytest.raises(Denied, match="touch Contact"):
        await crm("Case").query(contacts(1))
    assert crm.requests(since) == []


# Through the whole gateway.


async def test_a_misspelled_field_is_answered_with_the_nearest(crm: Crm, house: House) -> None:
    session = crm.gateway.session(house.caller("eu"))
    with pytest.raises(InvalidArguments, match=r"no field 'Subjekt'.*Subject"):
        await session.call("query", system="crm", object="Case", select=["Subjekt"])


async def test_soql_text_is_judged_and_answered_like_a_query(crm: Crm, house: House) -> None:
    text = "select casenumber from case where isclosed = false limit 3"
    page = await crm.gateway.session(house.caller("eu")).call("query", system="crm", text=text)
    assert isinstance(page, Page)
    assert [set(record.fields) for record in page.records] == [{"CaseNumber"}] * 3
