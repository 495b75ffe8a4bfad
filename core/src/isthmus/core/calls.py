"""What is known of one call while it passes: set once at each step, never changed.

A struct of msgspec is made in a tenth of the time of a frozen dataclass, and all of these are made for every call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace as alike
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import httpx2
from msgspec import Struct
from msgspec.structs import replace

from isthmus.core.caller import Caller, Principal
from isthmus.core.connector import ObjectSummary, Written
from isthmus.core.cursors import Cursor, Scalar
from isthmus.core.errors import NotFound
from isthmus.core.files import File
from isthmus.core.http import CallScope, Meter, Response
from isthmus.core.operation import Operation
from isthmus.core.plan import Plan
from isthmus.core.policy import Question, Verdict
from isthmus.core.records import JSON, Row
from isthmus.core.request import Attach, Changes, Download, Get, Invoke, Request
from isthmus.core.resilience import Deadline
from isthmus.core.streams import Invoked, Loaded, Upload
from isthmus.core.tools import Tool
from isthmus.residency import Label

if TYPE_CHECKING:
    from isthmus.core.budgets import Permit
    from isthmus.core.connection import Connection

__all__ = ["Call", "Done", "Judged", "Leg"]


class Call(Struct, frozen=True, gc=False):
    """A validated request of a caller; `id` is the attempt and the correlation id of everything it causes.

    `relayed` is a read of the system's own SDK that is sent as it is, `upload` the file of an attach.
    """

    id: str
    caller: Caller
    tool: Tool
    system: str
    request: Request
    deadline: Deadline
    started: datetime
    approval: str = ""
    cursor: Cursor | None = None
    relayed: httpx2.Request | None = None
    upload: Upload | None = None

    def carrying(self, file: Upload) -> "Call":
        """Return the attach that carries this file."""
        about: dict[str, Any] = {"name": file.name, "type": file.type, "size": file.size, "sha256": file.sha256}
        return replace(self, request=alike(cast("Attach", self.request), **about), upload=file)


class Leg(Struct, frozen=True, gc=False):
    """A call on one connection, acting as one principal; `meter` counts what it really sends.

    `last` are the sort keys of the record that an earlier page of this leg ended with. `caller` is the call's: every
    step asks for it.
    """

    id: str
    call: Call
    caller: Caller
    connection: "Connection"
    principal: Principal
    meter: Meter
    last: tuple[Scalar, ...] | None = None

    def scope(self, operation: Operation, permit: "Permit | None" = None) -> CallScope:
        """Return what travels with the requests of one operation of this leg."""
        return CallScope(
            principal=self.principal,
            operation=operation,
            deadline=self.call.deadline,
            permit=permit,
            meter=self.meter,
            correlation_id=self.id,
            agent=self.caller.agent,
        )


_REACHING = (Attach, Changes, Download, Invoke)
"""Requests that touch objects beside the one that they name."""


class Judged(Struct, frozen=True, gc=False):
    """A leg that policy and residency allow.

    `smallest` is the fewest records a figure must stand for. `call_digest` is a keyed hash of exactly this call,
    `approval_digest` of the call on this version of the record under these policies. `needs_approval_of` names who
    must approve it first.
    """

    leg: Leg
    plan: Plan
    operation: Operation
    question: Question
    verdict: Verdict
    smallest: int = 1
    task_label: Label | None = None
    call_digest: str = ""
    approval_digest: str = ""
    needs_approval_of: str = ""

    def must_exist(self) -> None:
        """Raise NotFound where deciding looked for the record and did not find it."""
        plan = self.plan
        if plan.record and plan.state is None and not isinstance(plan.request, Get):
            raise NotFound(f"there is no {self.operation.object} {plan.record!r}, or this identity may not see it")

    @property
    def declared(self) -> Operation:
        """Return what the requests of this call may do: files and what actions touch lie in objects of their own.

        What is gone is told by objects that hold what the system knows of itself.
        """
        request, operation = self.plan.request, self.operation
        if not isinstance(request, _REACHING):
            return operation
        connector = self.leg.connection.connector
        if isinstance(request, Changes):
            return replace(operation, objects=operation.objects | connector.metadata_objects)
        if isinstance(request, Invoke):
            return replace(operation, objects=operation.objects | connector.action_objects)
        objects = operation.objects | connector.file_objects
        file = (request.file,) if isinstance(request, Download) else ()
        return replace(operation, objects=objects, records=(*operation.records, *file))


class Done(Struct, frozen=True, gc=False):
    """What a leg brought back, not yet released: rows, figures, metadata, or what a write did.

    `at` is where an export or a look for changes goes on, `passed` what tells that it goes in circles, `deleted` the
    ids of records that are gone. `repeats` is the intent of an earlier call whose outcome this is; `answer` is that of
    a relayed request, `file` what was downloaded.
    """

    rows: Sequence[Row] = ()
    figures: tuple[Mapping[str, JSON], ...] = ()
    objects: tuple[ObjectSummary, ...] = ()
    at: str = ""
    deleted: tuple[str, ...] = ()
    passed: tuple[Scalar, ...] = ()
    written: Written | None = None
    loaded: Loaded | None = None
    invoked: Invoked | None = None
    repeats: str = ""
    answer: Response | None = None
    file: File | None = None
