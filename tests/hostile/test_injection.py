"""Does any text in a structured call stay one literal, on the wire, judged by a tokenizer that is not ours?"""

from urllib.parse import parse_qsl, unquote

import httpx2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.connectors.salesforce.soql.test_literals import HOSTILE, characters, vendor_tokens

from isthmus.connectors.salesforce import Salesforce, SalesforceSettings
from isthmus.core.caller import Principal
from isthmus.core.connector import Key
from isthmus.core.errors import InvalidArguments
from isthmus.core.http import CallScope, Http, Meter, Origin
from isthmus.core.operation import Effect, Operation, Verb
from isthmus.core.records import AllOf, AnyOf, Compare, InQuery, Negated, Operator, Query
from isthmus.core.resilience import Deadline

NEUTRAL = "neutral"
ANY_TEXT = st.text(st.characters(codec=None)) | st.text(st.sampled_from("\\'\"%_uU0027nN\n\x00;-* O&=#?/+"))
ONE = [one for one in Operator if one not in (Operator.IN, Operator.NOT_IN, Operator.INCLUDES, Operator.EXCLUDES)]
SEVERAL = [one for one in Operator if one not in ONE]
WHERE = "/services/data/v62.0"


def conditions(text):
    """Return a condition with the text under every operator, at every depth that there is."""
    plain = [Compare("Name", one, text) for one in ONE]
    listed = [Compare("Name", one, (text, "x", text)) for one in SEVERAL]
    inner = Query("Contact", ("AccountId",), Compare("Name", Operator.EQ, text))
    return AllOf((AnyOf((*plain, *listed)), Negated(Compare("Name", Operator.EQ, text)), InQuery("Id", inner)))


async def sent(ask):
    """Return the request that the connector sends."""
    found = []

    def handler(request):
        found.append(request)
        return httpx2.Response(200, json={"done": True, "records": [], "id": "x"})

    operation = Operation("crm", "crm", "by hand", Verb.QUERY, frozenset({Effect.READ}), "Account")
    scope = CallScope(Principal("crm"), operation, Deadline.after(5), None, Meter(), "by hand")
    http = Http(httpx2.MockTransport(handler), Origin.of("https://crm.example"), scope)
    await ask(Salesforce("crm", SalesforceSettings()).bind(http))
    return found[0]


async def tokens_of(text):
    request = await sent(lambda crm: crm.query(Query("Account", ("Id",), conditions(text))))
    assert request.url.raw_path.decode().partition("?")[0] == f"{WHERE}/query"
    ((name, soql),) = parse_qsl(request.url.query.decode(), keep_blank_values=True, strict_parsing=True)
    assert name == "q"
    return vendor_tokens(soql)


def put(token, text):
    """Return a token of the neutral statement with the text in the place of the neutral word."""
    if isinstance(token, str):
        return token
    word, kept = characters(NEUTRAL), []
    while token:
        hit = token[: len(word)] == word
        kept += characters(text) if hit else token[:1]
        token = token[len(word) if hit else 1 :]
    return kept


async def check_one_literal(text):
    try:
        found = await tokens_of(text)
    except InvalidArguments:
        too_long = len(text.encode("utf-8", "surrogatepass")) > 100
        assert too_long or any("\ud800" <= one <= "\udfff" for one in text)
        return
    assert found == [put(token, text) for token in await tokens_of(NEUTRAL)]


async def check_one_segment(text):
    key = Key("Isthmus_Key__c", text)
    try:
        request = await sent(lambda crm: crm.upsert("Case", key, {"Subject": "x"}))
    except InvalidArguments:
        return
    raw = request.url.raw_path.decode().partition("?")[0]
    start, _, last = raw.rpartition("/")
    assert start == f"{WHERE}/sobjects/Case/Isthmus_Key__c"
    assert unquote(last) == text
    assert request.url.host == "crm.example"


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_stays_one_literal_on_the_wire(text):
    await check_one_literal(text)
    await check_one_segment(text)


@settings(max_examples=100, deadline=None)
@given(ANY_TEXT)
@example("\ud800")
async def test_any_text_stays_one_literal_on_the_wire(text):
    await check_one_literal(text)


@settings(max_examples=100, deadline=None)
@given(ANY_TEXT)
async def test_any_key_stays_one_segment_on_the_wire(text):
    await check_one_segment(text)


@pytest.mark.soak
@pytest.mark.timeout(900)
@settings(max_examples=10_000, deadline=None)
@given(ANY_TEXT)
async def test_any_text_stays_one_literal_on_the_wire_over_many_examples(text):
    await check_one_literal(text)


@pytest.mark.soak
@pytest.mark.timeout(900)
@settings(max_examples=10_000, deadline=None)
@given(ANY_TEXT)
async def test_any_key_stays_one_segment_on_the_wire_over_many_examples(text):
    await check_one_segment(text)
