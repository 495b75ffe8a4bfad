"""A connector may carry its requests by something else than HTTP, and the request path stays the same."""

import pytest

from isthmus.core.errors import ConfigurationError, RetryLater, UpstreamError
from isthmus.core.http import Broken, Carrier, NotSent, Origin, Whole, path, sending_of


class Pigeons(Carrier):
    """Fails as told: `before` the first byte so many times, `after` it ever again."""

    def __init__(self, *, before=0, after=False):
        self.before = before
        self.after = after
        self.flights = 0
        self.proof = None

    async def handle_async_request(self, request):
        self.flights += 1
        if self.flights <= self.before:
            raise NotSent("the loft is closed")
        sending_of(request).sent()
        self.proof = request.headers["authorization"]
        if self.after:
            raise Broken("a hawk came")
        return Whole(200, [(b"content-type", b"application/json")], b'{"id": "1"}')


async def test_a_carrier_takes_the_whole_path(connect):
    pigeons = Pigeons()
    http = connect("pigeon://desk.example:7", wire=pigeons).http("create")
    assert (await http.post(path("/Ticket"), json={})).json() == {"id": "1"}
    assert pigeons.proof == "Bearer token-1"
    assert (http.scope.meter.sends, http.scope.meter.writes_done) == (1, 1)


async def test_what_never_left_is_repeated_even_if_it_writes(connect):
    pigeons = Pigeons(before=1)
    http = connect("pigeon://desk.example:7", wire=pigeons).http("create")
    await http.post(path("/Ticket"), json={})
    assert (pigeons.flights, http.scope.meter.writes_sent) == (2, 1)


async def test_what_left_and_broke_is_never_repeated(connect):
    pigeons = Pigeons(after=True)
    http = connect("pigeon://desk.example:7", wire=pigeons).http("create")
    with pytest.raises(UpstreamError, match="what became of it is not known"):
        await http.post(path("/Ticket"), json={})
    assert (pigeons.flights, http.scope.meter.write_sent, http.scope.meter.write_answered) == (1, True, False)


async def test_what_never_leaves_was_not_sent(connect):
    http = connect("pigeon://desk.example:7", wire=Pigeons(before=99)).http("create")
    with pytest.raises(RetryLater, match="Nothing was sent"):
        await http.post(path("/Ticket"), json={})
    assert not http.scope.meter.write_sent


def test_another_scheme_has_an_origin_with_a_port_of_its_own():
    assert str(Origin.of("pigeon://desk.example:7")) == "pigeon://desk.example:7"
    with pytest.raises(ConfigurationError, match="needs a port"):
        Origin.of("pigeon://desk.example")
