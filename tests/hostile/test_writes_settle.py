"""Whatever is said about a write: is it done once, not done, or unknown and then settled as what really happened?"""

import contextlib

import pytest
from tests.conftest import call

from isthmus.core.errors import IsthmusError, OutcomeUnknown
from isthmus.core.journal import IntentState

from .bodies import ENCODED, ENDLESS, FRAMED, LARGE, STRANGE, UNREAD
from .upstream import after_doing, answer, hangs, says

TOO_LATE = 700.0
LIES = {
    name: {**LARGE, **ENCODED, **FRAMED, **ENDLESS, **STRANGE}[name]
    for name in (
        "gzip bomb",
        "gzip cut short",
        "longer than told",
        "shorter than told, then closed",
        "length and chunks",
        "chunks cut short",
        "endless headers",
        "status 000",
        "switched protocols",
        "closed at once",
        "reset",
        "login page",
        "login page named JSON",
        "an error inside a success",
        "another record",
        "nothing",
    )
}
LIES |= {name: says(answer(200, UNREAD[name])) for name in ("deep arrays", "the same name twice")}
LIES |= {f"HTTP {status}": says(answer(status, {})) for status in (207, 302, 500, 502)}
ARGUMENTS = {
    "create": {"object": "Case", "values": {"Subject": "lost"}},
    "update": {"object": "Case", "values": {"Subject": "lost"}},
    "upsert": {"object": "Case", "key_field": "Isthmus_Key__c", "values": {"Subject": "lost"}},
    "delete": {"object": "Case"},
}
METHODS = {"create": "POST", "update": "PATCH", "upsert": "PATCH", "delete": "DELETE"}
ACTIONS = {"create": "created", "update": "updated", "upsert": "created", "delete": "deleted"}


async def check(gateway, house, clock, upstream, verb, lie, *, done):
    caller, arguments = house.caller("eu"), ARGUMENTS[verb] | {"system": "crm"}
    if verb in ("update", "delete"):
        made = await call(gateway, caller, "create", system="crm", object="Case", values={"Subject": "before"})
        arguments["id"] = made.id
    if verb == "upsert":
        arguments["key"] = f"k-{done}"
    since, asked = house.mark(), len(upstream.was_asked(METHODS[verb], "/sobjects/Case"))
    upstream.lies(after_doing(lie) if done else lie, METHODS[verb], "/sobjects/Case", times=1)
    happened = await outcome(gateway, caller, clock, verb, arguments, upstream)
    effects = [effect.action for entry in house.sent(since=since) for effect in entry.effects]
    assert effects == ([ACTIONS[verb]] if done else []), verb
    assert happened == done, verb
    assert len(upstream.was_asked(METHODS[verb], "/sobjects/Case")) - asked == 1, verb
    assert gateway.parts.journal.view().open_intents() == ()


async def outcome(gateway, caller, clock, verb, arguments, upstream):
    try:
        await call(gateway, caller, verb, **arguments)
    except OutcomeUnknown as unknown:
        upstream.told.clear()
        clock.jumped += TOO_LATE
        await gateway.settler.settle_all()
        state = gateway.parts.journal.view().intent(unknown.intent).state
        assert state in (IntentState.HAPPENED, IntentState.NOT_HAPPENED)
        return state is IntentState.HAPPENED
    except IsthmusError:
        return False
    finally:
        upstream.told.clear()
    return True


async def check_all(house, clock, upstream, name, *, done):
    clock.speed = 100
    async with house.open(clock) as gateway:
        for verb in METHODS:
            await check(gateway, house, clock, upstream, verb, LIES[name], done=done)


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize(
    "name", ["closed at once", "shorter than told, then closed", "login page named JSON", "gzip bomb"]
)
async def test_a_write_that_is_lied_about_settles_as_what_happened(house, clock, upstream, name, done):
    await check_all(house, clock, upstream, name, done=done)


@pytest.mark.soak
@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("name", LIES)
async def test_a_write_settles_as_what_happened_whatever_is_said(house, clock, upstream, name, done):
    await check_all(house, clock, upstream, name, done=done)


@pytest.mark.parametrize("done", [True, False])
async def test_a_write_that_is_never_answered_settles_as_what_happened(house, clock, upstream, done):
    clock.speed, house.call_timeout = 100, 2.0
    async with house.open(clock) as gateway:
        with contextlib.suppress(IsthmusError):
            await call(gateway, house.caller("eu"), "describe", system="crm", object="Case")
        await check(gateway, house, clock, upstream, "update", hangs, done=done)


async def test_a_proxy_that_knows_no_record_proves_nothing(house, clock, upstream):
    clock.speed = 100
    create = {"system": "crm", "object": "Case", "values": {"Subject": "lost"}}
    async with house.open(clock) as gateway:
        upstream.lies(after_doing(says(b"", close=True)), "POST", "/sobjects/Case", times=1)
        upstream.lies(answer(404, b"<html>nothing here</html>", kind="text/html"), "GET", "Isthmus_Key__c")
        with pytest.raises(OutcomeUnknown) as unknown:
            await call(gateway, house.caller("eu"), "create", **create)
        for proxy, state in ((True, IntentState.UNKNOWN), (False, IntentState.HAPPENED)):
            if not proxy:
                upstream.told.clear()
            clock.jumped += TOO_LATE
            await gateway.settler.settle_all()
            assert gateway.parts.journal.view().intent(unknown.value.intent).state is state
