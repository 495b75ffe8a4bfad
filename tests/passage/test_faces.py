"""Do both faces, other loops, threads and forked children reach the one passage, and only as they may?"""

import asyncio
import inspect
import os
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import TypeVar

import pytest
from tests.conftest import House

from isthmus.core import Page, Record, Ref, Session, sync
from isthmus.core.assembly import Surroundings
from isthmus.core.config import load_config
from isthmus.core.connector import Connector
from isthmus.core.errors import ConfigurationError, InvalidArguments, IsthmusError, NotFound
from isthmus.core.gateway import Gateway
from isthmus.core.operation import Verb
from isthmus.core.records import Aggregate, AllOf, AnyOf, Compare, InQuery, Measure, Negated, Operator, Order, Query

T = TypeVar("T")
GERMANS = Compare("MailingCountryCode", Operator.EQ, "DE")
PEOPLE = Query("Contact", ("Email", "MailingCountryCode"), GERMANS, (Order("CreatedDate"),), limit=3)


@pytest.fixture
def blocking(house: House) -> sync.Gateway:
    with house.blocking() as gateway:
        yield gateway


async def test_typed_methods_say_what_call_says(gateway: Gateway, house: House) -> None:
    session = gateway.session(house.caller())
    page = await session.query("crm", PEOPLE)
    where = {"field": "MailingCountryCode", "op": "eq", "value": "DE"}
    same = await session.call(
        "query",
        system="crm",
        object="Contact",
        select=["Email"],
        where=where,
        order_by=[{"field": "CreatedDate"}],
        limit=3,
    )
    assert isinstance(same, Page)
    assert [one.fields["Email"] for one in page.records] == [one.fields["Email"] for one in same.records]
    assert all(isinstance(one.fields["Email"], Ref) for one in page.records)
    one = page.records[0]
    again = await session.get("crm", "Contact", one.id, ("MailingCountryCode",))
    assert again.fields == {"MailingCountryCode": "DE"}
    groups = await session.aggregate("crm", Aggregate("Case", (Measure("count", name="n"),), ("Status",)))
    assert all(isinstance(row["n"], int) for row in groups.rows)
    described = await session.describe("crm", "Contact")
    assert described.facts is not None
    found = await session.search("crm", "Account", "GmbH", fields=("Name",), limit=2)
    assert all("GmbH" in str(one.fields["Name"]) for one in found.records)


async def test_every_condition_reaches_the_system(gateway: Gateway, house: House) -> None:
    session = gateway.session(house.caller())
    some = AnyOf((GERMANS, Compare("MailingCountryCode", Operator.IN, ("US",))))
    query = Query("Contact", ("MailingCountryCode",), AllOf((some, Negated(GERMANS))), limit=5)
    page = await session.query("crm", query)
    assert {one.fields["MailingCountryCode"] for one in page.records} == {"US"}
    following = await session.query("crm", query, after=page.after or "")
    assert not {one.id for one in page.records} & {one.id for one in following.records}
    with pytest.raises(InvalidArguments, match="as text"):
        await session.query("crm", Query("Case", ("Id",), InQuery("ContactId", Query("Contact", ("Id",)))))


def test_the_blocking_face_writes_and_reads(blocking: sync.Gateway, house: House) -> None:
    session = blocking.session(house.caller("eu"))
    made = session.create("crm", "Asset_Note__c", {"Name": "one"})
    made = session.update("crm", "Asset_Note__c", made.id, {"Name": "two"})
    assert session.get("crm", "Asset_Note__c", made.id, ("Name",)).fields["Name"] == "two"
    with pytest.raises(InvalidArguments):
        session.call("get", system="crm", object="Contact")
    assert {tool.name for tool in session.tools()} >= {"get", "query"}


def test_threads_share_one_blocking_gateway(blocking: sync.Gateway, house: House) -> None:
    ids = [one.id for one in blocking.session(house.caller("eu")).query("crm", Query("Account", limit=20)).records]

    def name(id: str) -> Record:
        return blocking.session(house.caller("eu")).get("crm", "Account", id, ("Name",))

    with ThreadPoolExecutor(8) as pool:
        assert [one.id for one in pool.map(name, ids)] == ids


async def test_another_loop_hops_onto_the_gateways(gateway: Gateway, house: House) -> None:
    session = gateway.session(house.caller())
    page = await asyncio.to_thread(lambda: asyncio.run(session.query("crm", PEOPLE)))
    assert len(page.records) == 3
    with pytest.raises(NotFound):
        await asyncio.to_thread(lambda: asyncio.run(session.get("crm", "Contact", "003000000000000AAA")))


async def test_a_wait_cancelled_elsewhere_cancels_the_read_here(gateway: Gateway, house: House) -> None:
    house.sandbox.salesforce["eu"].faults.arm("slow", seconds=5.0)
    session = gateway.session(house.caller("eu"))

    async def impatient() -> None:
        async with asyncio.timeout(0.5):
            await session.query("crm", Query("Account", limit=1))

    began = asyncio.get_running_loop().time()
    with pytest.raises(TimeoutError):
        await asyncio.to_thread(lambda: asyncio.run(impatient()))
    assert asyncio.get_running_loop().time() - began < 3


async def test_blocking_on_the_gateways_own_loop_is_refused(gateway: Gateway, house: House) -> None:
    session = sync.Session(gateway.session(house.caller()))
    with pytest.raises(ConfigurationError, match="wait for itself"):
        session.query("crm", PEOPLE)
    assert len((await asyncio.to_thread(lambda: session.query("crm", PEOPLE))).records) == 3


def test_a_forked_child_is_told_to_open_its_own(blocking: sync.Gateway, house: House) -> None:
    session = blocking.session(house.caller())
    told = in_a_child(lambda: session.query("crm", PEOPLE))
    assert told == "forked"
    assert len(session.query("crm", PEOPLE).records) == 3


def test_a_closed_gateway_says_so(house: House) -> None:
    with house.blocking() as gateway:
        session = gateway.session(house.caller())
    assert "isthmus" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(ConfigurationError, match="is closed"):
        session.query("crm", PEOPLE)


def test_a_thread_that_waits_when_the_gateway_closes_is_let_go(house: House) -> None:
    config = load_config(house.write())
    with ThreadPoolExecutor(1) as pool:
        with sync.open_gateway(config, Surroundings(environ=house.environ)) as gateway:
            session = gateway.session(house.caller("eu"))
            session.describe("crm", "Account")
            house.sandbox.salesforce["eu"].faults.arm("slow", seconds=8.0)
            waiting = pool.submit(session.query, "crm", Query("Account", limit=1))
            time.sleep(0.3)
        with pytest.raises((CancelledError, IsthmusError)):
            waiting.result(timeout=10)


def test_threads_that_come_while_it_closes_are_answered_or_refused(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    config = load_config(house.write())
    ended = []
    for _ in range(5):
        with ThreadPoolExecutor(8) as pool:
            with sync.open_gateway(config, Surroundings(environ=house.environ)) as gateway:
                session = gateway.session(house.caller("eu"))
                waiting = [pool.submit(session.tools) for _ in range(4)]
                waiting += [pool.submit(session.query, "crm", Query("Account", limit=1)) for _ in range(60)]
                time.sleep(0.05)
            ended += [one.exception(timeout=10) for one in waiting]
    assert {type(one) for one in ended if one and not isinstance(one, IsthmusError | CancelledError)} == set()
    assert any(isinstance(one, ConfigurationError) for one in ended)
    # A read that outlived what it works with would complain of its budget's closed store.
    assert caplog.records == []


def test_many_threads_are_all_answered(blocking: sync.Gateway, house: House) -> None:
    session = blocking.session(house.caller("eu"))
    with ThreadPoolExecutor(40) as pool:
        found = list(pool.map(lambda _: session.query("crm", Query("Account", limit=1)), range(400)))
    assert {len(one.records) for one in found} == {1}


def test_work_that_ends_the_program_ends_it_in_the_thread_that_called(blocking: sync.Gateway, house: House) -> None:
    async def leave() -> None:
        raise SystemExit(3)

    session = blocking.session(house.caller("eu"))
    with pytest.raises(SystemExit):
        session._session.loop.wait(leave)
    assert len(session.query("crm", Query("Account", limit=1)).records) == 1


def test_a_configuration_error_ends_the_background_loop(house: House) -> None:
    config = load_config(house.write())
    (house.folder / "policy.cedar").write_text("permit nonsense")
    with pytest.raises(ConfigurationError), sync.open_gateway(config, Surroundings(environ=house.environ)):
        pass
    assert "isthmus" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("face", [Session, sync.Session])
def test_every_verb_of_a_connector_is_a_typed_method(face: type) -> None:
    verbs = {verb.value for verb in Verb if hasattr(Connector, verb.value)} | {"describe"}
    assert len(verbs) >= 9
    for verb in verbs:
        method = inspect.getattr_static(face, verb)
        assert "system" in inspect.signature(method.__get__(object())).parameters


def in_a_child(work: Callable[[], object]) -> str:
    """Return the reason of the ConfigurationError that work ends with in a forked child."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of what is tested here
        child = os.fork()
    if child == 0:
        try:
            work()
            told = "no error"
        except ConfigurationError as error:
            told = error.reason
        except BaseException as error:
            told = repr(error)
        os.write(write, told.encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as pipe:
        return pipe.read()
