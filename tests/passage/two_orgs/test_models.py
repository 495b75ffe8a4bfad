"""Is what two orgs know of an object put together so that a record of either fits?"""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from isthmus.connectors.salesforce import Salesforce
from isthmus.core.cli.shapes import FieldShape, ObjectShape, shape_of
from isthmus.core.connector import FieldFacts, FieldType, ObjectFacts
from isthmus.core.errors import NotFound
from isthmus.core.gateway import Gateway

from .conftest import TwoOrgs

US = {
    "Industry": {"choices": ("Energy", "Space"), "restricted": True},
    "Site": {"required": True, "createable": False},
    "Rating": {"type": FieldType.NUMBER, "choices": ()},
    "Name": {"required": False, "label": "Company"},
}


class Uneven(Salesforce):
    """Two orgs that grew apart."""

    async def catalogue(self, object: str) -> ObjectFacts:
        if object == "Asset_Note__c" and self.name == "crm-eu":
            raise NotFound("this org never had notes")
        facts = await super().catalogue(object)
        if facts.name != "Account" or self.name != "crm-us":
            return facts
        fields = {name: replace(field, **US.get(name, {})) for name, field in facts.fields.items() if name != "Fax"}
        fields["Moon__c"] = FieldFacts("Moon__c", required=True, classes=frozenset({"phi"}))
        return replace(facts, fields=fields, _spelling={})


@pytest.fixture
async def uneven(house: TwoOrgs) -> AsyncIterator[Gateway]:
    house.connector = Uneven
    async with house.open() as gateway:
        yield gateway


def by_name(shape: ObjectShape) -> dict[str, FieldShape]:
    return {one.name: one for one in shape.fields}


async def test_fields_of_both_orgs_are_put_together(uneven: Gateway, house: TwoOrgs):
    found = by_name(await shape_of(uneven, house.caller("us"), "crm", "account"))
    assert list(found) == sorted(found)
    assert {"Chemicals", "Space"} < set(found["Industry"].choices)
    assert not found["Industry"].restricted
    assert found["BillingCountryCode"].restricted
    assert found["Rating"].types == {FieldType.CHOICE, FieldType.NUMBER}
    assert (found["Name"].required, found["Name"].label) == (False, "Account Name")
    assert (found["Site"].required, found["Site"].createable) == (False, True)
    assert not found["Moon__c"].required
    assert "Fax" in found


async def test_an_object_that_one_org_lacks_is_described_by_the_other(uneven: Gateway, house: TwoOrgs):
    shape = await shape_of(uneven, house.caller("us"), "crm", "Asset_Note__c")
    assert "Name" in by_name(shape)
    with pytest.raises(NotFound):
        await shape_of(uneven, house.caller("us"), "crm", "Nothing__c")


async def test_the_digest_moves_with_what_is_known(uneven: Gateway, house: TwoOrgs):
    shape = await shape_of(uneven, house.caller("us"), "crm", "Account")
    assert shape.digest == (await shape_of(uneven, house.caller("us"), "crm", "Account")).digest
    assert shape.digest != (await shape_of(uneven, house.caller("eu"), "crm", "Account")).digest
    assert shape.digest != replace(shape, label="Firm").digest
