"""Is a write whose answer was lost found again in the org, and only there?"""

import pytest

from isthmus.connectors.salesforce.readback import LONGEST_TRANSACTION
from isthmus.core.connector import Key, Pending, Settlement
from isthmus.core.errors import UpstreamRejected
from isthmus.core.records import JSON

from .conftest import Crm

HAPPENED, NOT_HAPPENED, CANNOT_TELL = Settlement.HAPPENED, Settlement.NOT_HAPPENED, Settlement.CANNOT_TELL
LATE = LONGEST_TRANSACTION + 1
KEY = Key("Isthmus_Key__c", "r-1")
VALUES: dict[str, JSON] = {
    "Subject": "  lost  ",
    "Description": "two\r\nlines",
    "IsEscalated": True,
    "Reason": None,
    "Origin": "Web",
}
NOTE: dict[str, JSON] = {"Name": "N", "Serviced_On__c": "2026-01-31T13:00:00+01:00", "Score__c": 7, "Body__c": ""}


async def settled(crm: Crm, pending: Pending) -> Settlement:
    return (await crm(pending.object).reconcile(pending))[0]


async def test_a_keyed_create_is_found_by_its_key(crm: Crm) -> None:
    asked = Pending("create", "Case", key=KEY, values=VALUES)
    assert await settled(crm, asked) is CANNOT_TELL
    assert await settled(crm, Pending("create", "Case", key=KEY, values=VALUES, age=LATE)) is NOT_HAPPENED
    made = await crm("Case", effects="create").create("Case", VALUES, KEY)
    settlement, written = await crm("Case").reconcile(asked)
    assert settlement is HAPPENED
    assert written is not None
    assert (written.id, written.created) == (made.id, True)


async def test_a_record_of_somebody_else_with_the_same_key_is_no_proof(crm: Crm) -> None:
    await crm("Case", effects="create").create("Case", {"Subject": "older"}, KEY)
    assert await settled(crm, Pending("create", "Case", key=KEY, values=VALUES, age=LATE)) is CANNOT_TELL


async def test_a_create_without_a_key_is_never_guessed(crm: Crm) -> None:
    await crm("Case", effects="create").create("Case", VALUES, None)
    since = crm.mark()
    assert await settled(crm, Pending("create", "Case", values=VALUES, age=LATE)) is CANNOT_TELL
    assert crm.requests(since) == []


async def test_an_update_is_recognised_by_its_values_as_stored(crm: Crm) -> None:
    made = await crm("Asset_Note__c", effects="create").create("Asset_Note__c", {"Name": "old"}, None)
    version = str(crm.row("Asset_Note__c", Id=made.id)["SystemModstamp"])
    asked = Pending("update", "Asset_Note__c", id=made.id, values=NOTE, version=version)
    late = Pending("update", "Asset_Note__c", id=made.id, values=NOTE, version=version, age=LATE)
    assert (await settled(crm, asked), await settled(crm, late)) == (CANNOT_TELL, NOT_HAPPENED)
    await crm("Asset_Note__c", effects="update", records=(made.id,)).update("Asset_Note__c", made.id, NOTE, None)
    assert (await settled(crm, asked), await settled(crm, late)) == (HAPPENED, HAPPENED)
    await crm("Asset_Note__c", effects="update", records=(made.id,)).update(
        "Asset_Note__c", made.id, {"Name": "other"}, None
    )
    assert await settled(crm, late) is CANNOT_TELL


async def test_an_update_in_the_second_of_the_version_is_not_called_undone(crm: Crm) -> None:
    made = await crm("Asset_Note__c", effects="create").create("Asset_Note__c", {"Name": "old"}, None)
    version = str(crm.row("Asset_Note__c", Id=made.id)["SystemModstamp"])
    crm.org.faults.arm("same_second", method="PATCH")
    await crm("Asset_Note__c", effects="update", records=(made.id,)).update("Asset_Note__c", made.id, NOTE, None)
    late = Pending("update", "Asset_Note__c", id=made.id, values=NOTE, version=version, age=LATE)
    assert await settled(crm, late) is CANNOT_TELL


async def test_an_upsert_is_found_by_its_key(crm: Crm) -> None:
    asked = Pending("upsert", "Case", key=KEY, values={"Subject": "one"})
    late = Pending("upsert", "Case", key=KEY, values={"Subject": "one"}, age=LATE)
    assert (await settled(crm, asked), await settled(crm, late)) == (CANNOT_TELL, NOT_HAPPENED)
    await crm("Case", effects="create update").upsert("Case", KEY, {"Subject": "one"})
    assert await settled(crm, asked) is HAPPENED
    await crm("Case", effects="create update").upsert("Case", KEY, {"Subject": "two"})
    assert await settled(crm, late) is CANNOT_TELL


async def test_a_key_that_became_ambiguous_settles_nothing(crm: Crm) -> None:
    for _ in range(2):
        body: dict[str, JSON] = {"Name": "Twin", "Serial_Number__c": "S-9"}
        await crm("Asset_Note__c", effects="create").create("Asset_Note__c", body, None)
    asked = Pending("upsert", "Asset_Note__c", key=Key("Serial_Number__c", "S-9"), values={"Name": "Twin"})
    with pytest.raises(UpstreamRejected, match="2 records"):
        await crm("Asset_Note__c").reconcile(asked)


async def test_only_a_deleted_row_proves_a_delete(crm: Crm) -> None:
    made = await crm("Case", effects="create").create("Case", {"Subject": "gone"}, None)
    asked = Pending("delete", "Case", id=made.id[:15])
    late = Pending("delete", "Case", id=made.id, age=LATE)
    assert (await settled(crm, asked), await settled(crm, late)) == (CANNOT_TELL, NOT_HAPPENED)
    await crm("Case", effects="delete", records=(made.id,)).delete("Case", made.id, None)
    settlement, written = await crm("Case").reconcile(asked)
    assert settlement is HAPPENED
    assert written is not None
    assert written.id == made.id
    assert await settled(crm, Pending("delete", "Case", id="5008d0000000zzz", age=LATE)) is CANNOT_TELL
