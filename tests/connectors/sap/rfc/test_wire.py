"""The wire tells what has left and what has not, and lets nothing leave for a caller who no longer waits."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import httpx2
import pytest
from tests.connectors.sap.rfc.line import LineBackend
from tests.connectors.sap.rfc.test_calls import CHANGE, COMMIT, ROLLBACK, work

from isthmus.connectors.sap.rfc.backend import BadCall, LineLost, Logon
from isthmus.connectors.sap.rfc.wire import WRONG_FOR, RfcWire
from isthmus.core.caller import Principal
from isthmus.core.errors import ConfigurationError, InvalidArguments
from isthmus.core.http import Broken, CallScope, Meter, NotSent
from isthmus.core.http.scope import Sending, bind
from isthmus.core.operation import Effect, Operation, Verb
from isthmus.core.resilience import Deadline, SystemClock
from isthmus.plugins.sandbox.sap.rfc import RfcEndpoint, RfcFault
from isthmus.plugins.sandbox.sap.rfc.endpoint import STALLED

UNIT = {
    "calls": [{"function": CHANGE, "parameters": {"SALESDOCUMENT": "1", "ORDER_HEADER_INX": {"UPDATEFLAG": "U"}}}],
    "commit": True,
}
OPERATION = Operation("erp", "erp", "invoke", Verb.INVOKE, frozenset({Effect.UPDATE}), CHANGE)


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def logon(sap: RfcEndpoint) -> Logon:
    return Logon("127.0.0.1", int(sap.credentials()["url"].rpartition(":")[2]), "100", "", "", "EN", 10.0)


@pytest.fixture
async def wire(sap: RfcEndpoint, time: Time) -> AsyncIterator[RfcWire]:
    wire = RfcWire(LineBackend(), logon(sap), 2, monotonic=time)
    yield wire
    await wire.aclose()


def asked(sap: RfcEndpoint, body: object, *, password: str = "", seconds: float = 10) -> tuple[httpx2.Request, Sending]:
    proof = base64.b64encode(f"ISTHMUS:{password or sap.users.password('ISTHMUS')}".encode()).decode()
    headers = {"authorization": f"Basic {proof}"}
    request = httpx2.Request("POST", "rfc://sap.example:3300/unit", headers=headers, content=json.dumps(body).encode())
    deadline = Deadline.after(seconds, SystemClock())
    sending = bind(request, CallScope(Principal("erp"), OPERATION, deadline, None, Meter(), "c0ffee"))
    sending.writes = True
    return request, sending


async def test_lets_no_commit_leave_for_a_caller_who_went_away(wire: RfcWire, sap: RfcEndpoint) -> None:
    sap.fail(CHANGE, RfcFault.STALL)
    request, sending = asked(sap, UNIT)
    task = asyncio.create_task(wire.handle_async_request(request))
    while CHANGE not in sap.called:  # noqa: ASYNC110 - the sandbox has no event for it
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sending.open
    await asyncio.sleep(STALLED + 0.3)
    assert work(sap) == [CHANGE, ROLLBACK]
    assert sap.orders.locks == {}


async def test_a_step_takes_no_longer_than_the_call_has(wire: RfcWire, sap: RfcEndpoint) -> None:
    await wire.handle_async_request(asked(sap, UNIT)[0])
    sap.called.clear()
    sap.fail(CHANGE, RfcFault.STALL)
    request, _ = asked(sap, UNIT, seconds=0.7)
    with pytest.raises(Broken):
        await wire.handle_async_request(request)
    await asyncio.sleep(STALLED)
    assert COMMIT not in work(sap)


async def test_a_caller_who_gave_up_while_others_were_served_has_sent_nothing(sap: RfcEndpoint) -> None:
    wire = RfcWire(LineBackend(), logon(sap), 1)
    sap.fail("STFC_CONNECTION", RfcFault.STALL)
    slow = {"calls": [{"function": "STFC_CONNECTION", "parameters": {"REQUTEXT": "x"}}]}
    first = asyncio.create_task(wire.handle_async_request(asked(sap, slow)[0]))
    while "STFC_CONNECTION" not in sap.called:  # noqa: ASYNC110 - the sandbox has no event for it
        await asyncio.sleep(0.01)
    request, sending = asked(sap, UNIT)
    second = asyncio.create_task(wire.handle_async_request(request))
    await asyncio.sleep(0.05)
    second.cancel()
    assert (await first).status_code == 200
    with pytest.raises(asyncio.CancelledError):
        await second
    assert (sending.sends, CHANGE in sap.called) == (0, False)
    await wire.aclose()


async def test_arguments_that_do_not_fit_leave_nothing_sent(wire: RfcWire, sap: RfcEndpoint) -> None:
    wrong = {"calls": [{"function": CHANGE, "parameters": {"SALESDOCUMENT": "12345678901"}}], "commit": True}
    request, sending = asked(sap, wrong)
    with pytest.raises(InvalidArguments, match="SALESDOCUMENT takes at most 10 characters"):
        await wire.handle_async_request(request)
    assert (sending.sends, work(sap)) == (0, [])


async def test_a_refused_logon_is_not_tried_again_for_a_while(wire: RfcWire, sap: RfcEndpoint, time: Time) -> None:
    for _ in range(3):
        answer = await wire.handle_async_request(asked(sap, UNIT, password="wrong")[0])
        assert answer.status_code == 401
    assert sap.users.failed == {"ISTHMUS": 1}
    assert (await wire.handle_async_request(asked(sap, UNIT)[0])).status_code == 200
    await wire.handle_async_request(asked(sap, UNIT, password="wrong")[0])
    time.now += WRONG_FOR
    await wire.handle_async_request(asked(sap, UNIT, password="wrong")[0])
    assert sap.users.failed == {"ISTHMUS": 1}


async def test_only_a_name_and_a_password_log_on(wire: RfcWire, sap: RfcEndpoint) -> None:
    request, sending = asked(sap, UNIT)
    request.headers["authorization"] = "Bearer token"
    with pytest.raises(ConfigurationError, match=r"auth\.kind"):
        await wire.handle_async_request(request)
    assert not sending.sends


@pytest.mark.parametrize(("error", "lasting"), [(LineLost("refused"), False), (BadCall("nonsense"), True)])
async def test_what_fails_before_the_logon_was_not_sent(
    sap: RfcEndpoint, monkeypatch: pytest.MonkeyPatch, error: Exception, *, lasting: bool
) -> None:
    def connect(_self: LineBackend, _logon: Logon) -> None:
        raise error

    monkeypatch.setattr(LineBackend, "connect", connect)
    wire = RfcWire(LineBackend(), logon(sap), 1)
    request, sending = asked(sap, UNIT)
    with pytest.raises(NotSent) as unsent:
        await wire.handle_async_request(request)
    assert (unsent.value.lasting, sending.sends) == (lasting, 0)
    await wire.aclose()


async def test_nothing_is_sent_once_isthmus_closes(wire: RfcWire, sap: RfcEndpoint) -> None:
    await wire.aclose()
    request, sending = asked(sap, UNIT)
    with pytest.raises(NotSent, match="closing"):
        await wire.handle_async_request(request)
    assert (sending.sends, work(sap)) == (0, [])
