"""Does an SDK's bulk query run through the passage, page by page and under all its rules?"""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from simple_salesforce.api import Salesforce
from simple_salesforce.bulk2 import ColumnDelimiter, LineEnding
from tests.conftest import House

from isthmus.core.errors import InvalidArguments

GERMAN = "SELECT Id, Name, Email, Account.Name, HasOptedOutOfEmail FROM Contact WHERE MailingCountryCode = 'DE'"


def rows(house: House, **values: object) -> list[dict[str, Any]]:
    found = house.sandbox.salesforce["eu"].rows("Contact")
    return [row for row in found if all(row[name] == value for name, value in values.items())]


def read(pages: Any, delimiter: str = ",") -> tuple[list[dict[str, str]], int]:
    texts = list(pages)
    return [row for text in texts for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)], len(
        texts
    )


def test_brings_every_record_in_pages(home: Salesforce, house: House) -> None:
    found, pages = read(home.bulk2.Contact.query(GERMAN, max_records=3, wait=0))
    due = rows(house, MailingCountryCode="DE")
    assert sorted(row["Id"] for row in found) == sorted(row["Id"] for row in due)
    assert pages > 2
    assert list(found[0]) == ["Id", "Name", "Email", "Account.Name", "HasOptedOutOfEmail"]
    assert {row["Id"]: row["Email"] for row in found} == {row["Id"]: row["Email"] or "" for row in due}
    assert {row["HasOptedOutOfEmail"] for row in found} <= {"true", "false"}


def test_an_address_arrives_as_a_ref_for_a_consumer_elsewhere(sf: Salesforce, house: House) -> None:
    found, _ = read(sf.bulk2.Contact.query(GERMAN, wait=0))
    assert len(found) > 3
    known = {row["Id"] for row in rows(house, MailingCountryCode="DE") if row["Email"]}
    assert all(row["Email"].startswith("ref_") for row in found if row["Id"] in known)
    told = str(found)
    assert not any(row["Email"] in told for row in rows(house, MailingCountryCode="DE") if row["Email"])


def test_few_records_take_no_job_of_the_org(home: Salesforce, house: House) -> None:
    _, pages = read(home.bulk2.Contact.query(GERMAN, max_records=5, wait=0))
    org = house.sandbox.salesforce["eu"]
    sent = [
        one
        for one in org.journal.entries
        if one.path.endswith("/query") and "FROM+Contact" in one.query.replace("%20", "+")
    ]
    assert len(sent) == pages
    assert not org.jobs.query


def test_a_limit_holds_over_all_pages(home: Salesforce) -> None:
    found, pages = read(home.bulk2.Contact.query("SELECT Id FROM Contact LIMIT 7", max_records=3, wait=0))
    assert (len(found), pages) == (7, 3)


def test_delimiters_and_line_endings_are_as_asked(home: Salesforce, house: House) -> None:
    texts = list(home.bulk2.Contact.query(GERMAN, column_delimiter=ColumnDelimiter.PIPE, line_ending=LineEnding.CRLF,
        wait=0))  # fmt: skip
    assert texts[0].count("\r\n") == len(rows(house, MailingCountryCode="DE")) + 1
    assert read(texts, "|")[0][0]["Id"].startswith("003")


def test_downloads_into_files(home: Salesforce, house: House, tmp_path: Path) -> None:
    told = home.bulk2.Contact.download(GERMAN, path=str(tmp_path), wait=0)
    assert sum(one["number_of_records"] for one in told) == len(rows(house, MailingCountryCode="DE"))
    assert "003" in Path(told[0]["file"]).read_text()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("SELECT COUNT() FROM Contact", "no figures"),
        ("SELECT Id FROM Contact ORDER BY Name", "no order"),
        ("SELECT Id FROM Contact WHERE AccountId IN (SELECT Id FROM Account)", "sub-query"),
        ("SELECT FIELDS(ALL) FROM Contact", "FIELDS"),
        ("DELETE FROM Contact", "SELECT"),
    ],
)
def test_what_an_export_cannot_do_is_refused(home: Salesforce, house: House, text: str, why: str) -> None:
    mark = len(house.sandbox.salesforce["eu"].journal.entries)
    with pytest.raises(InvalidArguments, match=why):
        list(home.bulk2.Contact.query(text, wait=0))
    assert len(house.sandbox.salesforce["eu"].journal.entries) == mark


def test_deleted_records_are_not_exported(home: Salesforce) -> None:
    with pytest.raises(InvalidArguments, match="changes"):
        list(home.bulk2.Contact.query_all("SELECT Id FROM Contact", wait=0))


def test_a_job_or_a_place_of_somebody_else_is_refused(home: Salesforce, sf: Salesforce) -> None:
    made = home.bulk2.Contact._client.create_job("query", GERMAN)
    page = home.bulk2.Contact._client.get_query_results(made["id"], "", 3)
    with pytest.raises(InvalidArguments, match="does not continue"):
        sf.bulk2.Contact._client.get_query_results(made["id"], page["locator"], 3)
    with pytest.raises(InvalidArguments, match="no job of this session"):
        home.bulk2.Contact._client.get_query_results("750000000000001AAA", "", 3)
    with pytest.raises(InvalidArguments, match="no locator of this session"):
        home.bulk2.Contact._client.get_query_results(made["id"], "MjAw", 3)
    with pytest.raises(InvalidArguments, match="only making one"):
        home.bulk2.Contact._client.abort_job(made["id"], True)
