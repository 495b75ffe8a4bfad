"""Which errands does a Salesforce org run, and by which requests?

Bulk API 2.0 and Bulk API Developer Guide; REST API Developer Guide, "sObject Collections".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.passage.conftest import Home

from isthmus.connectors.salesforce.bulk import exports, loads
from isthmus.core.files import File

from .errands import LINES, PICTURE, Aim, Begin, Course, Errand, Lines, Once, changes, effects, export, rows, session
from .salesforce import QUERY, case
from .verbs import Stage

KEY, GRETA = "Isthmus_Key__c", "0058d0000000008AAA"
JOB = frozenset({"job"})
HANDED = frozenset({"handed over"})
"""The request after which a job works."""


def load(action: str) -> Begin:
    async def begin(stage: Stage) -> Errand:
        ids = [await case(stage) for _ in range(LINES)]
        number = stage.number
        marks = [f"{action} {number} {at}" for at in range(LINES)]
        match action:
            case "create":
                count, lines = rows(stage, "Case", "Subject", marks), [{"Subject": mark} for mark in marks]
            case "upsert":
                count = rows(stage, "Case", KEY, marks)
                lines = [{KEY: mark, "Subject": mark} for mark in marks]
            case "update":
                count = effects(stage, "updated", ids)
                lines = [(id, {"Subject": mark}) for id, mark in zip(ids, marks, strict=True)]  # type: ignore[misc]
            case _:
                count, lines = effects(stage, "deleted", ids), ids  # type: ignore[assignment]
        return Lines(stage, "Case", action, lines, count, f"load {number}", KEY if action == "upsert" else "")

    return begin


@dataclass
class FilingHome(Home):
    """A house whose operator says what is in files."""

    def write(self) -> Path:
        path = super().write()
        head = "[connections.crm-eu]\n"
        path.write_text(path.read_text().replace(head, f'{head}file_classes = ["free_text", "pii"]\n'))
        return path


async def attach(stage: Stage) -> Once:
    id, name = await case(stage), f"picture {stage.number}.png"
    return Once(
        lambda: session(stage).attach("crm", "Case", id, PICTURE, name=name, type="image/png"),
        rows(stage, "ContentVersion", "PathOnClient", [name]),
    )


async def download(stage: Stage) -> Once:
    id = await case(stage)
    made = await session(stage).attach("crm", "Case", id, PICTURE, name="picture.png", type="image/png")

    async def ask() -> bytes:
        found = await session(stage).download("crm", "Case", id, made.id)
        assert isinstance(found, File)
        with found:
            return found.read()

    return Once(ask, tuple, lambda answer: answer == PICTURE)


async def submit(stage: Stage) -> Once:
    stage.number += 1
    deal = {"Name": f"Deal {stage.number}", "StageName": "Prospecting", "CloseDate": "2027-01-31", "Amount": 200_000}
    made = await session(stage).create("crm", "Opportunity", deal)
    told = {"next_approvers": [GRETA]}
    return Once(
        lambda: session(stage).invoke("crm", "Opportunity", "submit_for_approval", told, id=made.id),
        rows(stage, "ProcessInstance", "TargetObjectId", [made.id]),
    )


def job(action: str) -> Course:
    aims = (
        Aim("make the job", "POST", "/jobs/ingest"),
        Aim("upload", "PUT", "/batches", writes=True),
        Aim("say it is all", "PATCH", "/jobs/ingest", writes=True, traits=HANDED),
        Aim("look", "GET", "/jobs/ingest", writes=True),
        Aim("results", "GET", "/successfulResults", writes=True),
        Aim("what was not done", "GET", "/unprocessedrecords", writes=True),
    )
    return Course(f"load ({action}, by a job)", load(action), aims, traits=JOB)


COURSES: Sequence[Course] = (
    Course("export", export("Account", "Id"), (Aim("page", "GET", "/query", traits=QUERY),)),
    Course(
        "export by a job",
        export("Contact", "Id"),
        (
            Aim("first page", "GET", "/query", traits=QUERY),
            Aim("make the job", "POST", "/jobs/query", traits=HANDED),
            Aim("look", "GET", "/jobs/query"),
            Aim("results", "GET", "/results"),
            Aim("later results", "GET", "/results", after=1),
        ),
        traits=JOB,
    ),
    Course(
        "changes",
        changes(case, "Case"),
        (Aim("look", "GET", "/queryAll", traits=QUERY), Aim("next", "GET", "/queryAll", after=1, traits=QUERY)),
    ),
    Course("load (create)", load("create"), (Aim("write", "POST", "/composite/sobjects", writes=True),)),
    Course("load (update)", load("update"), (Aim("write", "PATCH", "/composite/sobjects", writes=True),), found=False),
    Course("load (upsert)", load("upsert"), (Aim("write", "PATCH", "/composite/sobjects", writes=True),), found=False),
    Course("attach", attach, (Aim("upload", "POST", "/sobjects/ContentVersion", writes=True),)),
    Course(
        "download",
        download,
        (
            Aim("what it is", "GET", "/query", traits=QUERY),
            Aim("bytes", "GET", "/VersionData", traits=frozenset({"file"})),
        ),
    ),
    Course("invoke (submit)", submit, (Aim("write", "POST", "/process/approvals", writes=True),)),
    job("create"),
    job("update"),
    job("upsert"),
    job("delete"),
)


def ready(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let jobs begin at a few records."""
    monkeypatch.setattr(exports, "BY_QUERY", 15 if course.traits & JOB else 2_000)
    monkeypatch.setattr(loads, "TOGETHER", 2 if course.traits & JOB else 200)
