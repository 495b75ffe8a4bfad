import pytest

from isthmus.core.errors import Denied
from isthmus.core.http import path
from isthmus.core.http.effect import mismatch
from isthmus.core.operation import Effect, Operation, RequestClass, Transition, Verb

UPSERT = Operation("desk", "itsm", "upsert_ticket", Verb.UPSERT, frozenset({Effect.CREATE, Effect.UPDATE}), "Ticket")


def part(effect, object="Ticket", *records):
    return RequestClass(effect, object, records)


@pytest.mark.parametrize("method", ["post", "patch", "put", "delete"])
async def test_a_read_sends_no_write(connect, upstream, method):
    http = connect(upstream.url).http("read")
    with pytest.raises(Denied) as caught:
        await getattr(http, method)(path("/Ticket/{}", "1"))
    assert caught.value.reason == "effect_mismatch"
    assert "get_ticket" in str(caught.value)
    assert upstream.connections == 0
    assert http.scope.meter.requests == 0


async def test_a_delete_hidden_in_a_batch_stops_the_batch(connect, upstream):
    http = connect(upstream.url).http("read")
    with pytest.raises(Denied):
        await http.post(path("/batch"), content=b"GET /Ticket/1\nDELETE /Ticket/1")
    assert upstream.connections == 0


async def test_an_unknown_request_is_refused(connect, upstream):
    with pytest.raises(Denied):
        await connect(upstream.url).http("read").get(path("/unknown"))
    assert upstream.connections == 0


@pytest.mark.parametrize("where", ["/Ticket/2", "/User/1", "/Ticket"])
async def test_an_update_touches_only_its_record(connect, upstream, where):
    with pytest.raises(Denied):
        await connect(upstream.url).http("update").patch(path(where), json={"a": 1})
    assert upstream.connections == 0


async def test_a_declared_update_is_sent(connect, upstream):
    http = connect(upstream.url).http("update")
    await http.patch(path("/Ticket/{}", "1"), json={"a": "ä"})
    assert upstream.requests[0].body == '{"a":"ä"}'.encode()
    meter = http.scope.meter
    assert (meter.requests, meter.attempts, meter.sends) == (1, 1, 1)
    assert (meter.write_sent, meter.write_answered) == (True, True)


@pytest.mark.parametrize(
    ("parts", "operation", "allowed"),
    [
        ([part(Effect.READ, "")], UPSERT, True),
        ([part(Effect.READ, "User")], UPSERT, False),
        ([part(Effect.CREATE), part(Effect.UPDATE)], UPSERT, True),
        ([part(Effect.CREATE, "")], UPSERT, False),
        ([part(Effect.CREATE), part(Effect.DELETE)], UPSERT, False),
        ([part(Effect.UPDATE, "Ticket", "9")], UPSERT, False),
        ([part(Effect.CREATE, "Ticket", "9")], UPSERT, True),
        ([], UPSERT, False),
    ],
)
def test_each_part_is_checked(parts, operation, allowed):
    assert (mismatch(parts, operation) == "") is allowed


async def test_an_upsert_goes_on_to_the_one_record_that_its_key_led_to(connect, upstream):
    http = connect(upstream.url).http(UPSERT).on("7")
    await http.patch(path("/Ticket/{}", "7"), json={"a": 1})
    with pytest.raises(Denied, match="records that the call does not name"):
        await http.patch(path("/Ticket/{}", "8"), json={"a": 1})
    assert [one.path for one in upstream.requests] == ["/Ticket/7"]


async def test_a_load_that_upserts_goes_on_to_the_records_that_its_keys_led_to(connect, upstream):
    effects = frozenset({Effect.CREATE, Effect.UPDATE})
    upserts = Operation("desk", "desk", "load", Verb.LOAD, effects, "Ticket")
    http = connect(upstream.url).http(upserts).on("7", "8")
    await http.patch(path("/Ticket/{}", "8"), json={"a": 1})
    with pytest.raises(Denied, match="records that the call does not name"):
        await http.patch(path("/Ticket/{}", "9"), json={"a": 1})
    with pytest.raises(ValueError, match="only an upsert"):
        connect(upstream.url).http(load()).on("7")


async def test_a_download_goes_on_to_what_its_file_led_to_and_keeps_its_record(connect, upstream):
    read = Operation("desk", "itsm", "download", Verb.DOWNLOAD, frozenset({Effect.READ}), "Ticket", records=("1",))
    http = connect(upstream.url).http(read).on("7")
    for record in ("1", "7"):
        await http.get(path("/Ticket/{}", record))
    with pytest.raises(Denied, match="records that the call does not name"):
        await http.get(path("/Ticket/{}", "8"))
    assert [one.path for one in upstream.requests] == ["/Ticket/1", "/Ticket/7"]


SUBMIT = Operation(
    "desk",
    "itsm",
    "invoke",
    Verb.INVOKE,
    frozenset({Effect.TRANSITION, Effect.CREATE}),
    "Ticket",
    transition=Transition("approval", "Unsubmitted", "Submitted"),
    records=("1",),
)


@pytest.mark.parametrize(
    ("one", "allowed"),
    [
        (RequestClass(Effect.TRANSITION, "Ticket", ("1",), to_state="Submitted"), True),
        (RequestClass(Effect.TRANSITION, "Ticket", ("1",)), True),
        (RequestClass(Effect.TRANSITION, "Ticket", ("1",), to_state="Approved"), False),
        (RequestClass(Effect.TRANSITION, "Ticket", ("2",), to_state="Submitted"), False),
        (RequestClass(Effect.CREATE, "Ticket", ("1",)), True),
        (RequestClass(Effect.CREATE, "Ticket"), True),
        (RequestClass(Effect.CREATE, "Ticket", ("2",)), False),
    ],
)
def test_a_part_leads_to_the_state_and_the_record_that_the_call_says(one, allowed):
    assert (mismatch([one], SUBMIT) == "") is allowed


@pytest.mark.parametrize("operation", ["read", "update"])
async def test_no_other_call_chooses_its_record_later(connect, upstream, operation):
    with pytest.raises(ValueError, match="only an upsert"):
        connect(upstream.url).http(operation).on("7")


def load(*records, job=""):
    return Operation("desk", "desk", "load", Verb.LOAD, frozenset({Effect.UPDATE}), "Ticket", records=records, job=job)


@pytest.mark.parametrize(
    ("effect", "object", "job", "operation", "allowed"),
    [
        (Effect.UPDATE, "Ticket", "", load("1", "2"), True),
        (Effect.UPDATE, "Ticket", None, load("1", "2"), False),
        (Effect.UPDATE, "Person", "", load("1", "2"), False),
        (Effect.DELETE, "Ticket", "", load("1", "2"), False),
        (Effect.EXECUTE, "", "j1", load("1", job="j1"), True),
        (Effect.EXECUTE, "", "j2", load("1", job="j1"), False),
        (Effect.EXECUTE, "", "j1", load("1"), False),
        (Effect.READ, "", "j2", load("1", job="j1"), False),
        (Effect.EXECUTE, "", "j1", Operation("d", "d", "export", Verb.EXPORT, frozenset({Effect.READ}), "T", job="j1"),
         False),
    ],
)  # fmt: skip
def test_a_job_is_checked_when_it_is_made_and_belongs_to_its_call(effect, object, job, operation, allowed):
    assert (mismatch((RequestClass(effect, object, job=job),), operation) == "") is allowed
