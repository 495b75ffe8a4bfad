"""Which errands does a ServiceNow instance run, and by which requests?

REST API reference: "Batch API", "Attachment API", "Change Management API", "Service Catalog API".
"""

from collections.abc import Sequence
from functools import partial

import pytest

from .errands import Aim, Course, Once, attach, changes, download, effects, export, load, rows, session
from .servicenow import LIST, TEXT, incident
from .verbs import Stage

ROWS = LIST | {"rows"}
BATCH = (Aim("write", "POST", "/now/batch", writes=True, traits=frozenset({"batch"})),)
LOAD = partial(load, incident, "incident", text=TEXT, mark="correlation_display", key="correlation_id")
LOOKED = (Aim("look for the keys", "GET", "/table/incident", traits=ROWS), *BATCH)


async def make(stage: Stage) -> Once:
    stage.number += 1
    mark = f"change {stage.number}"
    await stage.call("describe", object="change_request")
    return Once(
        lambda: session(stage).invoke("itsm", "change_request", "create_normal", {"values": {TEXT: mark}}, key=mark),
        rows(stage, "change_request", TEXT, [mark]),
    )


async def move(stage: Stage) -> Once:
    made = await make(stage)
    await made.go()
    id = made.answer.records[0]  # type: ignore[attr-defined]
    return Once(
        lambda: session(stage).invoke("itsm", "change_request", "move", {"state": "-4"}, id=id),
        effects(stage, "updated", [id]),
    )


async def order(stage: Stage) -> Once:
    stage.number += 1
    item = next(row["sys_id"] for row in stage.house.org.rows("sc_cat_item") if row["name"] == "Headset")
    before = len(stage.house.org.rows("sc_request"))
    await stage.call("describe", object="sc_cat_item")
    return Once(
        lambda: session(stage).invoke("itsm", "sc_cat_item", "order", {}, id=item, key=f"order {stage.number}"),
        lambda: [len(stage.house.org.rows("sc_request")) - before],
    )


COURSES: Sequence[Course] = (
    Course("export", export("incident", "sys_id"), (Aim("page", "GET", "/table/incident", traits=ROWS), Aim("next", "GET", "/table/incident", after=1, traits=ROWS))),
    Course(
        "changes",
        changes(incident, "incident"),
        (Aim("deletions", "GET", "/table/sys_audit_delete", traits=ROWS), Aim("rows", "GET", "/table/incident", traits=ROWS)),
    ),
    Course("load (create)", LOAD("create"), BATCH),
    Course("load (update)", LOAD("update"), BATCH, ruled_out=False),
    Course("load (upsert)", LOAD("upsert"), LOOKED),
    Course("load (delete)", LOAD("delete"), BATCH),
    Course("attach", attach(incident, "incident", "sys_attachment", "file_name"), (Aim("upload", "POST", "/attachment/file", writes=True),)),
    Course("download", download(incident, "incident"), (Aim("what it is", "GET", "/attachment/", traits=frozenset({"file"})), Aim("bytes", "GET", "/file", traits=frozenset({"file"})))),
    Course("invoke (create)", make, (Aim("write", "POST", "/change/normal", writes=True),)),
    Course("invoke (transition)", move, (Aim("write", "PATCH", "/change/", writes=True),)),
    Course("invoke (no trace)", order, (Aim("write", "POST", "/order_now", writes=True),), found=False),
)  # fmt: skip


def ready(_course: Course, _monkeypatch: pytest.MonkeyPatch) -> None:
    """The instance is ready for each."""
