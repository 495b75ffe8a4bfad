"""Where does each record stand on its way through an approval process?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from isthmus.plugins.sandbox.clock import stamp
from isthmus.plugins.sandbox.journal import Effect

from .approval_process import CHOSEN, Process, Step, load_processes, refused
from .store import Row, Store, Value

_PENDING: Final = "Pending"


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of a process: its instance, the work items that it made, and all that was done to the data."""

    instance: Row
    items: tuple[Row, ...]
    effects: tuple[Effect, ...]


class ApprovalDesk:
    """Lead the records of one org through their processes; `users` are ids by login.

    The processes, and the records that wait when the org opens, date from `at`.
    """

    def __init__(self, store: Store, users: Mapping[str, str], at: datetime) -> None:
        self._store = store
        self._users = users
        self._at: datetime | None = at
        self._effects: list[Effect] = []
        self.processes: dict[str, Process] = {}
        for each in load_processes():
            values: dict[str, Value] = {"Name": each.name, "DeveloperName": each.developer_name, "Type": "Approval"}
            values |= {"Description": each.description, "TableEnumOrId": each.object, "LockType": each.lock}
            row = store.insert("ProcessDefinition", {**values, "State": "Active"}, next(iter(users.values())), at)
            self.processes[str(row["Id"])] = each
        self._fill()
        self._at = None

    def _fill(self) -> None:
        """Submit the last records that may enter a process, as many as it says, in the names of their owners."""
        for definition, process in self.processes.items():
            entering = [row for row in self._store[process.object] if process.takes(row)]
            for row in entering[len(entering) - process.pending :]:
                self.submit(definition, row, str(row["OwnerId"]), None, None)

    def pending(self, key: str) -> Row | None:
        """Return the instance that waits for somebody's decision on a record, if there is one."""
        instances = self._store["ProcessInstance"]
        found = instances.find(instances.sobject.by_name["targetobjectid"], key)
        return next((row for row in found if row["Status"] == _PENDING), None)

    def items(self, instance: Row) -> list[Row]:
        """Return the open work items of an instance."""
        items = self._store["ProcessInstanceWorkitem"]
        return items.find(items.sobject.by_name["processinstanceid"], str(instance["Id"]))

    def submit(
        self, definition: str, target: Row, submitter: str, comments: str | None, chosen: str | None
    ) -> Progress:
        """Let a record enter a process; raises ApiError where an approver has to be chosen and is not."""
        self._effects = []
        process = self.processes[definition]
        approver = self._approver(process.consents(target)[0], chosen)
        values: dict[str, Value] = {"ProcessDefinitionId": definition, "TargetObjectId": target["Id"]}
        values |= {"Status": _PENDING, "SubmittedById": submitter, "LastActorId": submitter}
        instance = self._insert("ProcessInstance", values, submitter)
        self._note(instance, "Started", submitter, submitter, comments)
        return self._told(instance, (self._item(instance, approver, submitter),))

    def decide(self, item: Row, status: str, actor: str, comments: str | None, chosen: str | None) -> Progress:
        """Approve or reject by a work item; raises ApiError where the next approver has to be chosen and is not."""
        self._effects = []
        instance = self._store["ProcessInstance"].rows[str(item["ProcessInstanceId"])]
        process = self.processes[str(instance["ProcessDefinitionId"])]
        target = self._target(process, instance)
        given = sum(row["StepStatus"] == "Approved" for row in self._steps(instance))
        following = process.consents(target)[given + 1 :] if status == "Approved" else []
        approver = self._approver(following[0], chosen) if following else None
        self._note(instance, status, str(item["OriginalActorId"]), actor, comments)
        self._store.change("ProcessInstanceWorkitem", item, {"IsDeleted": True}, actor)
        if approver is not None:
            instance = self._change("ProcessInstance", instance, {"LastActorId": actor}, actor)
            return self._told(instance, (self._item(instance, approver, actor),))
        ended: dict[str, Value] = {"Status": status, "LastActorId": actor}
        ended["CompletedDate"] = stamp(self._store.clock.now())
        instance = self._change("ProcessInstance", instance, ended, actor)
        news = process.approved if status == "Approved" else process.rejected
        if news:
            self._change(process.object, target, news, actor)
        return self._told(instance, ())

    def _approver(self, step: Step, chosen: str | None) -> str:
        if step.approver != CHOSEN:
            return self._users[step.approver]
        if chosen is None:
            raise refused("REQUIRED_FIELD_MISSING", "Required fields are missing: [nextApproverIds]")
        return chosen

    def _target(self, process: Process, instance: Row) -> Row:
        return self._store[process.object].rows[str(instance["TargetObjectId"])]

    def _steps(self, instance: Row) -> list[Row]:
        steps = self._store["ProcessInstanceStep"]
        return steps.find(steps.sobject.by_name["processinstanceid"], str(instance["Id"]))

    def _note(self, instance: Row, status: str, original: str, actor: str, comments: str | None) -> None:
        values: dict[str, Value] = {"ProcessInstanceId": instance["Id"], "StepStatus": status, "Comments": comments}
        self._insert("ProcessInstanceStep", {**values, "OriginalActorId": original, "ActorId": actor}, actor)

    def _item(self, instance: Row, approver: str, by: str) -> Row:
        values: dict[str, Value] = {"ProcessInstanceId": instance["Id"], "OriginalActorId": approver}
        return self._insert("ProcessInstanceWorkitem", {**values, "ActorId": approver}, by)

    def _insert(self, name: str, values: Mapping[str, Value], by: str) -> Row:
        row = self._store.insert(name, values, by, self._at)
        self._effects.append(Effect("created", name, str(row["Id"])))
        return row

    def _change(self, name: str, row: Row, values: Mapping[str, Value], by: str) -> Row:
        self._effects.append(Effect("updated", name, str(row["Id"])))
        return self._store.change(name, row, values, by)

    def _told(self, instance: Row, items: tuple[Row, ...]) -> Progress:
        return Progress(instance, items, tuple(self._effects))
