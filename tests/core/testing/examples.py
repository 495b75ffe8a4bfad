"""What does the author of the desk's connector tell the kit?"""

import json

import httpx2

from isthmus.core.connector import Connector, FaultKind, Key
from isthmus.core.errors import UpstreamRejected, VersionConflict
from isthmus.core.http import Response
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.streams import Line, Load
from isthmus.core.testing import Examples, Run, Subject

from .server import Server, dissect, settle


def page(address: str) -> httpx2.Response:
    ticket = {"id": "T-9", "version": "1", "subject": "Lamp"}
    return httpx2.Response(200, json={"tickets": [ticket], "next": address})


def told(status: int, code: str) -> Response:
    body = json.dumps({"error": {"code": code}}).encode()
    return Response(status, httpx2.Headers({"content-type": "application/json"}), body)


BATCH = httpx2.Request("POST", "https://upstream.example/batch", content=b"GET /tickets/T-1\nDELETE /tickets/T-2")
EXAMPLES = Examples(
    object="Ticket",
    id="T-2",
    fields=("id", "version", "subject", "status"),
    text="subject",
    order_by="opened",
    values={"subject": "Bell rings", "status": "new"},
    changes={"status": "closed"},
    key=Key("reference", "r-1"),
    below={"notes": [{"text": "first"}, {"text": "second"}]},
    refused_below={"notes": [{"text": "fine"}, {"text": "x" * 60}]},
    words="coffee",
    query_text="tickets about 'Lamp'",
    since="2026-01-01T00:00:00Z",
    settle=settle,
    loads=(
        Load(
            "Ticket",
            "create",
            (Line({"subject": "Bell"}, key="l-1"), Line({"subject": "Gong"}, key="l-2")),
            "reference",
        ),
        Load("Ticket", "update", (Line({"subject": "Tea"}, id="T-2"), Line({"subject": "Key"}, id="T-3"))),
        Load(
            "Ticket",
            "upsert",
            (Line({"subject": "Bell"}, key="l-1"), Line({"subject": "Gong"}, key="l-2")),
            "reference",
        ),
    ),
    refused=Line({"subject": "x" * 60}, key="l-3"),
    file="F-1",
    other_file="F-2",
    runs=(Run("split", {"subject": "Half of it"}), Run("close"), Run("reopen")),
    requests=(
        (BATCH, (RequestClass(Effect.READ, "Ticket", ("T-1",)), RequestClass(Effect.DELETE, "Ticket", ("T-2",)))),
    ),
    faults=(
        (told(409, "taken"), FaultKind.CALLER, UpstreamRejected),
        (told(412, "stale"), FaultKind.CALLER, VersionConflict),
    ),
    more=page,
    dissect=dissect,
)


def subject_of(connector: type[Connector], examples: Examples = EXAMPLES) -> Subject:
    return Subject(connector=connector, upstream=lambda: httpx2.MockTransport(Server()), examples=examples)
