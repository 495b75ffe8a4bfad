"""Which errands does a Salesforce org run, and by which requests?

Bulk API 2.0 and Bulk API Developer Guide; REST API Developer Guide, "sObject Collections".
"""

from collections.abc import Sequence
from functools import partial

import pytest

from isthmus.connectors.salesforce.bulk import exports, loads

from .errands import Aim, Course, Once, attach, changes, download, export, load, rows, session
from .salesforce import QUERY, case
from .verbs import Stage

KEY, GRETA = "Isthmus_Key__c", "0058d0000000008AAA"
JOB = frozenset({"job"})
HANDED = frozenset({"handed over"})
"""The request after which a job works."""
LOAD = partial(load, case, "Case", text="Subject", mark="Subject", key=KEY)


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
    return Course(f"load ({action}, by a job)", LOAD(action), aims, traits=JOB)


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
    Course("load (create)", LOAD("create"), (Aim("write", "POST", "/composite/sobjects", writes=True),)),
    Course("load (update)", LOAD("update"), (Aim("write", "PATCH", "/composite/sobjects", writes=True),), found=False),
    Course("load (upsert)", LOAD("upsert"), (Aim("write", "PATCH", "/composite/sobjects", writes=True),), found=False),
    Course(
        "attach",
        attach(case, "Case", "ContentVersion", "PathOnClient"),
        (Aim("upload", "POST", "/sobjects/ContentVersion", writes=True),),
    ),
    Course(
        "download",
        download(case, "Case"),
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
