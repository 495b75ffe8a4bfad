"""How does a person approve a call in the client's own dialog?

The dialog's answer counts only together with a request state that this installation sealed for the same client and
the same call, and that names an approval which waits in the journal. The state itself is a ticket, not an approval:
`decide` in the journal is what grants it, once, and the gateway checks and uses that up when the call is repeated.
"""

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from mcp.server import ServerRequestContext
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.types import (
    CallToolRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from isthmus.core.errors import ApprovalRequired, Conflict, Denied
from isthmus.core.gateway import Gateway
from isthmus.core.journal import Approval, ApprovalState, ApprovalUnusable, Transaction
from isthmus.plugins.mcp.clients import Client

__all__ = ["Answer", "Ticket", "can_ask", "decide", "question", "state_boundary"]

Context: TypeAlias = ServerRequestContext[Any, Any]

ASK = "approval"
"""The name of our one input request."""
ROUNDS = 2
"""Ask at most once more: the answer was unclear, or the record changed while the person read."""
TICKET_SECONDS = 600.0

_SCHEMA = {
    "type": "object",
    "properties": {"approve": {"type": "boolean", "title": "Approve", "description": "exactly this call, once"}},
    "required": ["approve"],
}


class Answer(Enum):
    """What the person said, as the client tells it."""

    YES = "yes"
    NO = "no"
    LATER = "later"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the request state holds: the approval asked for, and how often it was asked."""

    approval: str
    round: int = 1

    @classmethod
    def read(cls, state: str) -> "Ticket":
        """Read a state that `state_boundary` has verified."""
        told = json.loads(state)
        return cls(str(told["approval"]), int(told["round"]))

    def state(self) -> str:
        """Return the plain state; `state_boundary` seals it on its way out."""
        return json.dumps({"approval": self.approval, "round": self.round})


def state_boundary(key: bytes, installation: str, principal: Callable[[Context], str]) -> RequestStateBoundary:
    """Return the middleware that seals states and verifies them; all processes of an installation share its key."""
    ring = [hmac.digest(key, b"mcp request state", "sha256")]
    security = RequestStateSecurity(keys=ring, ttl=TICKET_SECONDS, bind_principal=principal)
    return RequestStateBoundary(security, default_audience=f"{installation}/mcp")


def can_ask(ctx: Context, client: Client) -> bool:
    """Tell whether a question can travel to the client, and whether its answer would be believed."""
    declared = ctx.session.client_capabilities
    elicitation = declared.elicitation if declared else None
    # An empty capability means forms, as it did before there were two kinds.
    forms = elicitation is not None and (elicitation.form is not None or elicitation.url is None)
    return forms and client.may_confirm and ctx.protocol_version in MODERN_PROTOCOL_VERSIONS


def question(gateway: Gateway, asked: ApprovalRequired, before: Ticket | None) -> InputRequiredResult | None:
    """Return the question to the client's user; None where it asks somebody else or was asked often enough."""
    round = before.round + 1 if before else 1
    approval = gateway.parts.journal.view().approval(asked.approval)
    if approval is None or approval.asked_of != "user" or round > ROUNDS:
        return None
    form = ElicitRequestFormParams(
        message=f"{approval.summary}\n\nApprove exactly this call, once?", requested_schema=_SCHEMA
    )
    return InputRequiredResult(
        input_requests={ASK: ElicitRequest(params=form)}, request_state=Ticket(approval.id, round).state()
    )


async def decide(gateway: Gateway, client: Client, ticket: Ticket, params: CallToolRequestParams) -> Answer:
    """Carry the person's answer into the journal; an unclear one changes nothing.

    Raises:
        Conflict: the approval is unknown, another client's, used, declined or expired; told apart to nobody.
        Denied: the person declined.
    """
    user = client.caller.user
    approval = gateway.parts.journal.view().approval(ticket.approval)
    if approval is None or user is None or not _is_for(approval, client, params.name, gateway):
        raise _unusable(ticket)
    answer = _answer(params)
    if approval.state is ApprovalState.APPROVED or answer not in (Answer.YES, Answer.NO):
        return answer
    approved = answer is Answer.YES

    def work(transaction: Transaction) -> None:
        transaction.decide(ticket.approval, approved=approved, approver=user, at=transaction.now)

    try:
        await gateway.parts.journal.transact(work)
    except ApprovalUnusable as error:
        raise _unusable(ticket) from error
    if not approved:
        raise Denied(
            "the person you act for declined this call; do not repeat it",
            code="approval_declined",
            subject=client.caller.agent,
            object=ticket.approval,
        )
    return answer


def _is_for(approval: Approval, client: Client, tool: str, gateway: Gateway) -> bool:
    caller = client.caller
    asked = (approval.agent, approval.user, approval.tool, approval.asked_of)
    usable = approval.state in (ApprovalState.PENDING, ApprovalState.APPROVED)
    return asked == (caller.agent, caller.user, tool, "user") and usable and approval.expires > gateway.parts.now()


def _answer(params: CallToolRequestParams) -> Answer:
    told = (params.input_responses or {}).get(ASK)
    if not isinstance(told, ElicitResult):
        return Answer.UNCLEAR
    if told.action != "accept":
        return Answer.NO if told.action == "decline" else Answer.LATER
    approve = (told.content or {}).get("approve")
    if approve is True:
        return Answer.YES
    return Answer.NO if approve is False else Answer.UNCLEAR


def _unusable(ticket: Ticket) -> Conflict:
    return Conflict(
        "this approval cannot be used: it is unknown, used, declined or expired; "
        "repeat the call without it to ask again",
        code="approval_unusable",
        object=ticket.approval,
    )
