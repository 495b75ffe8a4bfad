"""How is a record submitted for approval, approved or rejected, and what tells afterwards that it was?

Submitting names the record, deciding names the work item that waits for the approver (REST API guide, "Process
Approvals"). Every comment ends with the mark of its call, by which the org's own history tells whose it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from httpx2 import Request

from isthmus.connectors.salesforce.answers import nodes_of, object_of, strange
from isthmus.connectors.salesforce.files import Rows
from isthmus.connectors.salesforce.ids import checked_id, full_id, is_id
from isthmus.connectors.salesforce.organisation import user_in
from isthmus.connectors.salesforce.readback import LONGEST_TRANSACTION
from isthmus.core.connector import Action, Invoked, Pending, Settlement
from isthmus.core.errors import Denied, InvalidArguments, NotFound, UpstreamError, UpstreamRejected
from isthmus.core.http import Http, parse_json, path
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.records import JSON, AllOf, Compare, Operator, Order, Query

__all__ = ["APPROVAL_OBJECTS", "WORK_ITEM", "Approvals", "approval_actions", "classify_approval"]

APPROVAL_OBJECTS = frozenset({"ProcessInstance", "ProcessInstanceWorkitem", "ProcessInstanceStep"})
RESOURCE = "/process/approvals"
STATE = "approval"
"""The state that these actions change; it lies beside the record, whose own state field they leave alone."""
WORK_ITEM = "04i"
_SUBMITTED = "Submitted"
_KINDS: Mapping[str, tuple[str, str, str]] = {
    "submit_for_approval": ("Submit", _SUBMITTED, "Started"),
    "approve": ("Approve", "Approved", "Approved"),
    "reject": ("Reject", "Rejected", "Rejected"),
}
"""Of each action: its name in a request, the state that it leads to, and what the org's history calls it."""
_TO_STATE = {word: state for word, state, _ in _KINDS.values()}
_MEMBERS = frozenset({"actionType", "contextId", "comments", "nextApproverIds", "processDefinitionNameOrId"})
"""Acting as somebody else (contextActorId) and passing over entry criteria (skipEntryCriteria) are not among them."""
_MOST_STEPS = 200
_ID: Mapping[str, JSON] = {"type": "string", "pattern": "^[A-Za-z0-9]{15}([A-Za-z0-9]{3})?$"}
_COMMENTS: Mapping[str, JSON] = {"type": "string", "maxLength": 3_800, "description": "What the history will show."}
_APPROVERS: Mapping[str, JSON] = {
    "type": "array",
    "items": dict(_ID),
    "minItems": 1,
    "maxItems": 1,
    "description": "The user who decides next, where the process leaves that open.",
}


def approval_actions(listed: JSON, object: str) -> tuple[Action, ...]:
    """Name what can be done with an object that has approval processes, as the org lists them."""
    told = listed.get("approvals") if isinstance(listed, Mapping) else None
    processes = nodes_of(told.get(object) or []) if isinstance(told, Mapping) else []
    known = {str(one["id"]): str(one.get("name") or "") for one in processes if is_id(str(one.get("id")))}
    if not known:
        return ()
    decide = {"comments": _COMMENTS, "next_approvers": _APPROVERS}
    names = "; ".join(f"{id}: {name}" for id, name in known.items())
    chosen: Mapping[str, JSON] = {
        "enum": list(known),
        "description": f"The process to enter, if not the first: {names}",
    }
    return (
        _action("submit_for_approval", "Submit the record for approval.", "Unsubmitted", decide | {"process": chosen}),
        _action("approve", "Approve the record, where it waits for this identity.", _SUBMITTED, decide),
        _action("reject", "Reject the record, where it waits for this identity.", _SUBMITTED, decide),
    )


def _action(name: str, about: str, before: str, parameters: Mapping[str, Mapping[str, JSON]]) -> Action:
    return Action(
        name,
        about,
        frozenset({Effect.TRANSITION}),
        parameters,
        on_record=True,
        to_state=_KINDS[name][1],
        state=STATE,
        from_state=before,
        classes=frozenset({"internal"}),
    )


@dataclass(frozen=True, slots=True)
class Approvals:
    """One call's approvals; `for_others` lets an administrator's identity decide what waits for somebody else."""

    http: Http
    base: str
    rows: Rows
    object: str
    for_others: bool = False

    async def run(self, action: str, id: str, arguments: Mapping[str, JSON], key: str) -> Invoked:
        """Submit, approve or reject one record."""
        if action not in _KINDS:
            raise InvalidArguments(f"{self.object} has no action {action!r}", object=self.object, field="action")
        word, _, _ = _KINDS[action]
        if word == "Submit":
            return await self._post(self.http, word, checked_id(id), id, arguments, key)
        item, approver, acting = await self._waiting(id)
        done = await self._post(self.http.on(item), word, item, id, arguments, key)
        return Invoked({**done.values, "decided_for": approver}, done.records) if approver != acting else done

    async def reconcile(self, pending: Pending) -> tuple[Settlement, Invoked | None]:
        """Look for the step that bears this call's mark in the history of the record, which nobody can edit."""
        known = _KINDS.get(pending.action)
        if known is None or pending.key is None:
            return Settlement.CANNOT_TELL, None
        where = Compare("ProcessInstance.TargetObjectId", Operator.EQ, checked_id(pending.id))
        newest = (Order("CreatedDate", descending=True),)
        asked = Query("ProcessInstanceStep", ("Id", "StepStatus", "Comments"), where, newest, _MOST_STEPS)
        steps = await self.rows(asked, "/query")
        for step in steps:
            if step.fields.get("StepStatus") == known[2] and _ends(step.fields.get("Comments"), pending.key.value):
                return Settlement.HAPPENED, Invoked(records=(full_id(pending.id),))
        # Whoever decided had found a process under way, so no history at all means that it is hidden or gone.
        hidden = not steps and known[0] != "Submit"
        if pending.age <= LONGEST_TRANSACTION or hidden or len(steps) == _MOST_STEPS:
            return Settlement.CANNOT_TELL, None
        return Settlement.NOT_HAPPENED, None

    async def _waiting(self, id: str) -> tuple[str, str, str]:
        """Return the work item that waits on a record, whom it waits for, and who we are."""
        where = AllOf(
            (
                Compare("ProcessInstance.TargetObjectId", Operator.EQ, checked_id(id)),
                Compare("ProcessInstance.Status", Operator.EQ, "Pending"),
            )
        )
        items = await self.rows(Query("ProcessInstanceWorkitem", ("Id", "ActorId"), where, limit=_MOST_STEPS), "/query")
        if not items:
            raise NotFound(
                f"nothing waits for a decision on this {self.object}, or this identity may not see it",
                object=self.object,
            )
        acting = user_in(object_of(await self.http.get(path(self.base))).get("identity"))
        own = [one for one in items if acting and one.fields.get("ActorId") == acting]
        if len(own or items) > 1:
            raise UpstreamRejected("several decisions wait on this record; make them in the org", code="ambiguous")
        found = (own or items)[0]
        if not own and not self.for_others:
            raise Denied(
                f"this record waits for {found.fields.get('ActorId')}, and this connection acts as "
                f"{acting or 'an unknown user'}; only the approver decides (set approve_for_others = true in the "
                "connection's settings where an administrator's identity shall decide for others)",
                code="not_the_approver",
                object=self.object,
            )
        return found.id, str(found.fields.get("ActorId") or ""), acting

    async def _post(
        self, http: Http, word: str, context: str, id: str, arguments: Mapping[str, JSON], key: str
    ) -> Invoked:
        request: dict[str, JSON] = {
            "actionType": word,
            "contextId": context,
            "comments": "\n".join(one for one in (str(arguments.get("comments") or ""), _mark(key)) if one),
        }
        if arguments.get("next_approvers"):
            request["nextApproverIds"] = arguments["next_approvers"]
        if arguments.get("process"):
            request["processDefinitionNameOrId"] = arguments["process"]
        answer = await http.post(path(self.base + RESOURCE), json={"requests": [request]})
        results = nodes_of(answer.json())
        if len(results) != 1 or results[0].get("success") is not True:
            raise strange()
        told, record = results[0], results[0].get("entityId")
        if not isinstance(record, str) or record[:15] != id[:15]:
            raise strange()
        waits = told.get("actorIds")
        values: dict[str, JSON] = {"status": str(told.get("instanceStatus") or "")}
        values["waits_for"] = [str(one) for one in waits] if isinstance(waits, list) else []
        return Invoked(values, (full_id(record),))


def classify_approval(request: Request) -> Sequence[RequestClass]:
    """Read each of the requests of a body; one that is not known makes all of them unknown."""
    try:
        body = parse_json(request.content)
    except UpstreamError:
        return ()
    wanted = body.get("requests") if isinstance(body, Mapping) and set(body) == {"requests"} else None
    if not isinstance(wanted, list) or not wanted:
        return ()
    found = [_classified(one) for one in wanted]
    return [one for one in found if one is not None] if all(found) else ()


def _classified(asked: JSON) -> RequestClass | None:
    if not isinstance(asked, Mapping) or not set(asked) <= _MEMBERS:
        return None
    word, context, approvers = asked.get("actionType"), asked.get("contextId"), asked.get("nextApproverIds", [])
    texts = [asked[name] for name in ("comments", "processDefinitionNameOrId") if name in asked]
    if not isinstance(word, str) or word not in _TO_STATE or not isinstance(context, str) or not is_id(context):
        return None
    named = isinstance(approvers, list) and all(isinstance(one, str) and is_id(one) for one in approvers)
    if not named or not all(isinstance(one, str) for one in texts):
        return None
    submits = word == "Submit"
    if submits is context.startswith(WORK_ITEM) or (not submits and "processDefinitionNameOrId" in asked):
        return None
    object = "ProcessInstance" if submits else "ProcessInstanceWorkitem"
    return RequestClass(Effect.TRANSITION, object, (context,), to_state=_TO_STATE[word])


def _mark(key: str) -> str:
    return f"(isthmus {key})"


def _ends(comments: JSON, key: str) -> bool:
    lines = comments.splitlines() if isinstance(comments, str) else []
    return bool(lines) and lines[-1].strip() == _mark(key)
