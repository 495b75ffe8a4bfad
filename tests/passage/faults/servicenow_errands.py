"""Which errands does a ServiceNow instance run, and by which requests?

REST API reference: "Batch API", "Attachment API", "Change Management API", "Service Catalog API".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from isthmus.core.files import File

from .errands import LINES, PICTURE, Aim, Begin, Course, Errand, Lines, Once, changes, effects, export, rows, session
from .servicenow import LIST, TEXT, ItsmHome, incident
from .verbs import Stage

ROWS = LIST | {"rows"}
BATCH = (Aim("write", "POST", "/now/batch", writes=True, traits=frozenset({"batch"})),)
LOOKED = (Aim("look for the keys", "GET", "/table/incident", traits=ROWS), *BATCH)


@dataclass
class DeepHome(ItsmHome):
    """A house whose operator says what is in files."""

    def write(self) -> Path:
        path = super().write()
        head = "[connections.itsm-eu]\n"
        path.write_text(path.read_text().replace(head, f'{head}file_classes = ["free_text", "pii"]\n'))
        return path


def load(action: str) -> Begin:
    async def begin(stage: Stage) -> Errand:
        ids = [await incident(stage) for _ in range(LINES)]
        number = stage.number
        marks = [f"{action} {number} {at}" for at in range(LINES)]
        match action:
            case "create":
                count = rows(stage, "incident", "correlation_display", marks)
                lines = [{"correlation_display": mark, TEXT: mark} for mark in marks]
            case "upsert":
                count = rows(stage, "incident", "correlation_id", marks)
                lines = [{"correlation_id": mark, TEXT: mark} for mark in marks]
            case "update":
                count = effects(stage, "updated", ids)
                lines = [(id, {TEXT: mark}) for id, mark in zip(ids, marks, strict=True)]  # type: ignore[misc]
            case _:
                count, lines = effects(stage, "deleted", ids), ids  # type: ignore[assignment]
        field = "correlation_id" if action == "upsert" else ""
        return Lines(stage, "incident", action, lines, count, f"load {number}", field)

    return begin


async def attach(stage: Stage) -> Once:
    id, name = await incident(stage), f"picture {stage.number}.png"
    return Once(
        lambda: session(stage).attach("itsm", "incident", id, PICTURE, name=name, type="image/png"),
        rows(stage, "sys_attachment", "file_name", [name]),
    )


async def download(stage: Stage) -> Once:
    id = await incident(stage)
    made = await session(stage).attach("itsm", "incident", id, PICTURE, name="picture.png", type="image/png")

    async def ask() -> bytes:
        found = await session(stage).download("itsm", "incident", id, made.id)
        assert isinstance(found, File)
        with found:
            return found.read()

    return Once(ask, tuple, lambda answer: answer == PICTURE)


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
    Course("load (create)", load("create"), BATCH),
    Course("load (update)", load("update"), BATCH, ruled_out=False),
    Course("load (upsert)", load("upsert"), LOOKED),
    Course("load (delete)", load("delete"), BATCH),
    Course("attach", attach, (Aim("upload", "POST", "/attachment/file", writes=True),)),
    Course("download", download, (Aim("what it is", "GET", "/attachment/", traits=frozenset({"file"})), Aim("bytes", "GET", "/file", traits=frozenset({"file"})))),
    Course("invoke (create)", make, (Aim("write", "POST", "/change/normal", writes=True),)),
    Course("invoke (transition)", move, (Aim("write", "PATCH", "/change/", writes=True),)),
    Course("invoke (no trace)", order, (Aim("write", "POST", "/order_now", writes=True),), found=False),
)  # fmt: skip


def ready(_course: Course, _monkeypatch: pytest.MonkeyPatch) -> None:
    """The instance is ready for each."""
