"""Are the queries that a real client was recorded with statements of the language?"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_plus

import pytest
import yaml

from isthmus.plugins.sandbox.salesforce.soql import parse_query

FIXTURES = Path(__file__).parents[6] / "shared" / "fixtures" / "salesforce" / "cumulusci"
_QUERY = re.compile(r"query(?:All)?/?\?q=(.*?)(?:\"|$)", re.DOTALL)


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each)


def recorded() -> set[str]:
    found: set[str] = set()
    for file in FIXTURES.rglob("*.yaml"):
        for text in texts(yaml.safe_load(file.read_text("utf-8"))):
            found |= {unquote_plus(query).strip() for query in _QUERY.findall(text)}
    return found


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the recorded queries are not on this machine")
def test_recorded_queries_are_read() -> None:
    queries = recorded()
    assert len(queries) > 20
    for query in queries:
        assert parse_query(query).select
