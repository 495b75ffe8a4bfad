from collections import Counter

from isthmus.plugins.sandbox import Sandbox
from isthmus.plugins.sandbox.people import build


def test_same_seed_makes_the_same_enterprise() -> None:
    one, two = build.__wrapped__(3, 50, 200), build.__wrapped__(3, 50, 200)
    assert one == two
    assert one is not two


def test_another_seed_makes_another_enterprise() -> None:
    assert build(3, 50, 200) != build(4, 50, 200)


def test_same_seed_gives_the_same_rows_tokens_and_ids() -> None:
    one, two = (Sandbox(seed=5, accounts=10, contacts=60).salesforce["us"] for _ in range(2))
    for name in one.schema.objects:
        assert one.rows(name) == two.rows(name)
    assert (one.client_id, one.client_secret, one.org_id) == (two.client_id, two.client_secret, two.org_id)
    assert one.refresh_token(one.username) == two.refresh_token(two.username)


def test_both_orgs_together_hold_the_whole_enterprise(whole: Sandbox) -> None:
    held = {name: sum(len(org.rows(name)) for org in whole.salesforce.values()) for name in ("Account", "Contact")}
    assert held == {"Account": 2_000, "Contact": 10_000}
    for name in ("Lead", "Case", "Opportunity", "Task", "Invoice__c", "Asset_Note__c"):
        assert whole.salesforce["eu"].rows(name)


def test_each_org_holds_people_of_every_country_and_some_of_none(whole: Sandbox) -> None:
    eu, us = (
        Counter(row["MailingCountryCode"] for row in whole.salesforce[name].rows("Contact")) for name in ("eu", "us")
    )
    assert set(eu) == set(us) == {"DE", "FR", "GB", "US", None}
    assert eu["DE"] > eu["FR"] > eu["GB"] > eu["US"] > 100
    assert us["US"] > sum(us.values()) / 2
    assert us["DE"] > 100
    assert us[None] > 100


def test_every_person_has_an_address_of_their_own_to_write_to(whole: Sandbox) -> None:
    emails = [row["Email"] for org in whole.salesforce.values() for row in org.rows("Contact")]
    assert len(set(emails)) == len(emails)
    assert all(str(each).endswith(".example") for each in emails)
