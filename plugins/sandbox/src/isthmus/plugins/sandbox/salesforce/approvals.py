"""How are records submitted for approval, approved and rejected?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from isthmus.plugins.sandbox.message import Json, Reply

from .approval_desk import Progress
from .approval_process import Process, refused
from .call import Call
from .errors import ApiError
from .ids import normalise
from .schema import SObject
from .store import Row

_DECISIONS: Final[Mapping[str, str]] = {"approve": "Approved", "reject": "Rejected"}
_NOWHERE: Final[Mapping[str, Json]] = {
    "actorIds": None,
    "entityId": None,
    "errors": None,
    "instanceId": None,
    "instanceStatus": None,
    "newWorkitemIds": None,
    "success": False,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One of the requests of a body; ids are as they were given."""

    action: str
    context: str
    comments: str | None
    actor: str | None
    approver: str | None
    definition: str | None
    skips_entry: bool


def listing(call: Call) -> Reply:
    """Answer `GET /process/approvals`: the processes by object, in the order in which a record tries them."""
    found: dict[str, list[Json]] = {}
    for key, process in call.org.approvals.processes.items():
        if call.view.object(process.object) is not None:
            told = {"description": process.description, "id": key[:15], "name": process.name, "object": process.object}
            listed = found.setdefault(process.object, [])
            listed.append({**told, "sortOrder": len(listed) + 1})
    return Reply(200, {"approvals": dict(found)})


def process(call: Call) -> Reply:
    """Answer `POST /process/approvals`: each request for itself, 400 with the errors alone where none went well."""
    given = call.json.get("requests")
    if not isinstance(given, list) or not given:
        raise ApiError(400, "JSON_PARSER_ERROR", "requests must be an array that is not empty")
    asked = [_asked(each) for each in given]
    results: list[Mapping[str, Json]] = []
    refusals: list[ApiError] = []
    for each in asked:
        try:
            with call.transaction():
                results.append(_answered(call, each))
        except ApiError as refusal:
            refusals.append(refusal)
            results.append({**_NOWHERE, "entityId": normalise(each.context), "errors": [refusal.as_row()]})
    if len(refusals) < len(results):
        return Reply(200, results)
    if len(refusals) == 1:
        raise refusals[0]
    return Reply(400, [_alone(each) for each in refusals])


def require_unlocked(call: Call, row: Row) -> None:
    """Raise ApiError where the row waits for an approver and this user may not change it meanwhile."""
    if call.org.approvals.pending(str(row["Id"])) is not None and not call.view.profile.administers:
        raise ApiError(400, "ENTITY_IS_LOCKED", "the entity is locked for editing", [])


def _answered(call: Call, asked: Asked) -> Mapping[str, Json]:
    if asked.action == "submit":
        progress = _submit(call, asked)
    elif asked.action in _DECISIONS:
        progress = _decide(call, asked, _DECISIONS[asked.action])
    else:
        raise refused("INVALID_INPUT", f"actionType must be Submit, Approve or Reject, not {asked.action}")
    for effect in progress.effects:
        call.did(effect.action, call.store.schema.objects[effect.object], effect.id)
    return {
        **_NOWHERE,
        "actorIds": [str(item["ActorId"]) for item in progress.items] or None,
        "entityId": progress.instance["TargetObjectId"],
        "instanceId": progress.instance["Id"],
        "instanceStatus": progress.instance["Status"],
        "newWorkitemIds": [str(item["Id"]) for item in progress.items],
        "success": True,
    }


def _submit(call: Call, asked: Asked) -> Progress:
    sobject, row = _target(call, asked.context)
    if not call.view.writes:
        raise refused("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
    submitter = call.user_id if asked.actor is None else _person(call, asked.actor)
    approver = None if asked.approver is None else _person(call, asked.approver)
    if call.org.approvals.pending(str(row["Id"])) is not None:
        raise refused("ALREADY_IN_PROCESS", "Cannot submit object already in process.")
    definition = _definition(call, asked, sobject, row)
    return call.org.approvals.submit(definition, row, submitter, asked.comments, approver)


def _definition(call: Call, asked: Asked, sobject: SObject, row: Row) -> str:
    """Return the id of the process that the request names, or of the first one that takes the record."""
    for key, each in call.org.approvals.processes.items():
        named = asked.definition is None or _is(each, key, asked.definition)
        skips = asked.skips_entry and asked.definition is not None
        if each.object == sobject.name and named and (skips or each.takes(row)) and each.consents(row):
            return key
    raise refused("NO_APPLICABLE_PROCESS", "No applicable approval process was found.")


def _is(process: Process, key: str, named: str) -> bool:
    return named == process.developer_name or normalise(named) == key


def _decide(call: Call, asked: Asked, status: str) -> Progress:
    key = _key(asked.context)
    sobject = call.store.schema.objects["ProcessInstanceWorkitem"]
    item = call.store[sobject.name].rows.get(key)
    if item is None or item["IsDeleted"] or not call.view.sees(sobject, item):
        raise _invalid()
    if item["ActorId"] != call.user_id and not call.view.profile.administers:
        message = "insufficient access rights on cross-reference id"
        raise refused("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", message)
    approver = None if asked.approver is None else _person(call, asked.approver)
    return call.org.approvals.decide(item, status, call.user_id, asked.comments, approver)


def _target(call: Call, context: str) -> tuple[SObject, Row]:
    key = _key(context)
    found = call.store.schema.by_prefix(key[:3])
    sobject = None if found is None else call.view.object(found.name)
    row = None if sobject is None else call.store[sobject.name].rows.get(key)
    if sobject is None or row is None or not call.view.sees(sobject, row):
        raise _invalid()
    if row["IsDeleted"]:
        raise refused("ENTITY_IS_DELETED", "entity is deleted")
    return sobject, row


def _person(call: Call, given: str) -> str:
    row = call.store["User"].rows.get(_key(given))
    if row is None or not row["IsActive"]:
        raise _invalid()
    return str(row["Id"])


def _key(given: str) -> str:
    key = normalise(given)
    if key is None:
        raise refused("MALFORMED_ID", f"malformed id {given}")
    return key


def _invalid() -> ApiError:
    return refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")


def _alone(refusal: ApiError) -> Json:
    return {"message": refusal.message, "errorCode": refusal.code, "fields": list(refusal.fields or ())}


def _asked(given: Json) -> Asked:
    if not isinstance(given, Mapping):
        raise ApiError(400, "JSON_PARSER_ERROR", "requests must hold JSON objects")
    approvers = given.get("nextApproverIds") or []
    if not isinstance(approvers, list):
        raise ApiError(400, "JSON_PARSER_ERROR", "nextApproverIds must be an array")
    return Asked(
        action=str(given.get("actionType") or "").lower(),
        context=str(given.get("contextId") or ""),
        comments=_text(given.get("comments")),
        actor=_text(given.get("contextActorId")),
        approver=_text(approvers[0]) if approvers else None,
        definition=_text(given.get("processDefinitionNameOrId")),
        skips_entry=str(given.get("skipEntryCriteria")).lower() == "true",
    )


def _text(given: Json) -> str | None:
    return None if given is None or given == "" else str(given)
