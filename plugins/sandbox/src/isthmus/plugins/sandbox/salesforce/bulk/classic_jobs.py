"""What are jobs and batches in the older Bulk API?"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from isthmus.plugins.sandbox.clock import stamp
from isthmus.plugins.sandbox.message import Json
from isthmus.plugins.sandbox.salesforce.call import Call
from isthmus.plugins.sandbox.salesforce.errors import ApiError
from isthmus.plugins.sandbox.salesforce.schema import SObject
from isthmus.plugins.sandbox.salesforce.xml_text import XmlError, read_xml

from .classic_wire import read_records
from .csv_text import CsvError, Dialect
from .extract import Extract, extract
from .jobs import BATCH, RESULT, Owned, Progress
from .load import Loader, Outcome, Record, as_user, from_cells, unknown_column

QUERIES: Final = ("query", "queryAll")
DONE: Final = ("Completed", "Failed", "NotProcessed")


@dataclass(slots=True, kw_only=True)
class Batch(Owned):
    """One batch: rows to load or one query; `seen` is the state that a look shows, `state` the one that holds."""

    job: "ClassicJob"
    body: bytes
    progress: Progress
    state: str = "Queued"
    seen: str = "Queued"
    message: str | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    found: Extract | None = None
    result_id: str = ""

    @property
    def counts(self) -> tuple[int, int]:
        """Return how many rows are known to be processed, and how many of them failed."""
        if self.seen not in DONE:
            return 0, 0
        rows = len(self.found.records) if self.found else len(self.outcomes)
        return rows, sum(each.error is not None for each in self.outcomes)

    def look(self, call: Call) -> None:
        """Let the batch get on as far as it is when somebody looks at it."""
        if self.seen not in DONE:
            due = self.progress.look(call.org.clock())
            if due:
                self.work(call)
            self.seen = self.state if due else "InProgress"

    def work(self, call: Call) -> None:
        """Do what the batch is for; what stops all of it becomes its state message."""
        if self.state != "Queued":
            return
        worker = as_user(call, self.owner, call.effects)
        self.state = "Completed"
        try:
            if self.job.operation in QUERIES:
                self._query(worker)
            else:
                self._load(worker)
        except CsvError as error:
            self._fail(str(error))
        except (XmlError, UnicodeDecodeError, json.JSONDecodeError) as error:
            self._fail(f"InvalidBatch : Unable to parse: {error}")
        except ApiError as error:
            self._fail(f"InvalidBatch : {error.message}")
        self.touch()

    def abandon(self) -> None:
        """Leave undone what has not begun."""
        if self.state == "Queued":
            self.state = self.seen = "NotProcessed"
            self.touch()

    def _fail(self, message: str) -> None:
        self.state, self.message = "Failed", message

    def _query(self, worker: Call) -> None:
        if self.progress.fail_after is not None:
            return self._fail(self.progress.message)
        self.found = extract(worker, self.body.decode().strip(), include_deleted=self.job.operation == "queryAll")
        if self.job.content_type == "CSV":
            self.found.table()
        self.result_id = worker.org.jobs.next_id(RESULT)
        return None

    def _load(self, worker: Call) -> None:
        header, records = self.records()
        unknown = unknown_column(worker.view, self.job.sobject, header)
        if unknown is not None:
            return self._fail(f"InvalidBatch : Field name not found : {unknown}")
        loader = Loader(worker, self.job.sobject, self.job.operation, self.job.key)
        self.outcomes = [loader.load(record) for record in records[: self.progress.fail_after]]
        if self.progress.fail_after is not None:
            self._fail(self.progress.message)
        return None

    def records(self) -> tuple[Sequence[str], Sequence[Record]]:
        """Return the rows of the body, and the columns that they all have in CSV."""
        match self.job.content_type:
            case "CSV":
                header, rows = Dialect(line_ending=None).read(self.body)
                return header, [from_cells(header, row) for row in rows]
            case "XML":
                return (), read_records(read_xml(self.body))
        found: object = json.loads(self.body)
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise ApiError(400, "InvalidBatch", "Records not found")
        return (), cast("list[Mapping[str, Json]]", found)


@dataclass(slots=True, kw_only=True)
class ClassicJob(Owned):
    """One job: what its batches do, and how they are written."""

    sobject: SObject
    operation: str
    key: str | None
    content_type: str
    concurrency: str
    speaks_json: bool
    state: str = "Open"
    batches: list[Batch] = field(default_factory=list)

    def add(self, call: Call) -> Batch:
        """Take a batch in, and work on it unless a fault holds it back."""
        now = stamp(call.org.clock.now())
        key = call.org.jobs.next_id(BATCH)
        body = call.request.body
        batch = Batch(id=key, owner=call, created=now, modified=now, job=self, body=body, progress=Progress.of(call))
        self.batches.append(batch)
        if not batch.progress.held:
            batch.work(call)
        return batch

    def end(self, state: str) -> None:
        """Close or abort the job."""
        self.state = state
        if state == "Aborted":
            for batch in self.batches:
                batch.abandon()
        self.touch()
