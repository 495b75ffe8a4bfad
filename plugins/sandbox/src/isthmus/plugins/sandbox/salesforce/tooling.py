"""What does the Tooling API tell about the org's code, its tests and its packages?"""

import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Final, cast

from isthmus.plugins.sandbox.clock import Clock, stamp
from isthmus.plugins.sandbox.message import Json, Reply

from .access import Profile, View
from .call import Call
from .errors import ApiError
from .ids import normalise
from .schema import load_schema
from .soql import SoqlError, columns, parse_query, run
from .store import Row, Store, Value

_SYSTEM: Final = ""
_COUNTED: Final = (
    *("AsyncCalls", "Callouts", "Cpu", "Dml", "DmlRows"),
    *("Email", "MobilePush", "QueryRows", "Soql", "Sosl"),
)


class Tooling:
    """The code and packages of one org; they live apart from its data and every user may read them."""

    def __init__(self, clock: Clock, pod: str) -> None:
        self.store = Store(load_schema("tooling"), clock, pod)
        self.view = View(self.store.schema, Profile("Tooling"), _SYSTEM)
        self._tests: dict[str, tuple[str, ...]] = {}
        data = tomllib.loads((files(__package__) / "data" / "tooling_rows.toml").read_text("utf-8"))
        self._classes(data["classes"])
        for package in data["packages"]:
            self._package(package["name"], package["namespace"], package["version"])

    def start_tests(self, classes: Sequence[str]) -> str:
        """Run the tests of these classes, by id, and return the id of the job; raises KeyError for an unknown class."""
        job = str(self._add("AsyncApexJob", {"JobType": "TestRequest", "Status": "Completed"})["Id"])
        for key in classes:
            methods = self._tests[key]
            self._add("ApexTestQueueItem", {"ApexClassId": key, "ParentJobId": job, "Status": "Completed"})
            for number, method in enumerate(methods):
                result: dict[str, Value] = {
                    "ApexClassId": key,
                    "AsyncApexJobId": job,
                    "MethodName": method,
                    "Outcome": "Pass",
                    "RunTime": 7 + number,
                    "TestTimestamp": stamp(self.store.clock.now()),
                }
                made = self._add("ApexTestResult", result)
                used: dict[str, Value] = dict.fromkeys(_COUNTED, 0)
                self._add("ApexTestResultLimits", {"ApexTestResultId": made["Id"], "LimitContext": "SYNC", **used})
        return job

    def _add(self, name: str, values: Mapping[str, Value]) -> Row:
        return self.store.insert(name, values, _SYSTEM)

    def _classes(self, told: Sequence[Mapping[str, object]]) -> None:
        covered = total = 0
        for each in told:
            row = self._add(
                "ApexClass", {"Name": str(each["name"]), "Status": "Active", "IsValid": True, "ApiVersion": 60.0}
            )
            tests = each.get("tests", ())
            self._tests[str(row["Id"])] = tuple(tests) if isinstance(tests, list) else ()
            if "covered" in each:
                lines, missed = int(str(each["covered"])), int(str(each["uncovered"]))
                covered, total = covered + lines, total + lines + missed
                values: dict[str, Value] = {"NumLinesCovered": lines, "NumLinesUncovered": missed}
                self._add("ApexCodeCoverageAggregate", {"ApexClassOrTriggerId": row["Id"], **values})
        self._add("ApexOrgWideCoverage", {"PercentCovered": covered * 100 // total})

    def _package(self, name: str, namespace: str, version: Sequence[int]) -> None:
        package = self._add("SubscriberPackage", {"Name": name, "NamespacePrefix": namespace})["Id"]
        parts = dict(zip(("MajorVersion", "MinorVersion", "PatchVersion", "BuildNumber"), version, strict=True))
        values: dict[str, Value] = {"SubscriberPackageId": package, "Name": name, "IsBeta": False, **parts}
        made = self._add("SubscriberPackageVersion", values)["Id"]
        self._add("InstalledSubscriberPackage", {"SubscriberPackageId": package, "SubscriberPackageVersionId": made})


def query(call: Call) -> Reply:
    """Answer `GET /tooling/query?q=`: the org's code, and what is defined about its objects and fields."""
    text = call.request.query.get("q")
    if text is None:
        raise ApiError(400, "MALFORMED_QUERY", "A query string has to be specified")
    try:
        statement = parse_query(text)
        own = call.view.object(statement.object)
        source: Call | Tooling = call if own is not None and own.metadata else call.org.tooling
        if call.request.query.get("columns", "").lower() == "true":
            return Reply(200, columns(statement, source.store, source.view))
        results = run(statement, source.store, source.view)
    except SoqlError as error:
        raise ApiError(400, error.code, error.render(text)) from None
    records = [_tooled(results.render(row, f"{call.base}/tooling")) for row in results.rows]
    return Reply(200, _page(records, results.total))


def _page(records: list[Mapping[str, Json]], total: int) -> Mapping[str, Json]:
    kind = cast("Mapping[str, Json]", records[0]["attributes"])["type"] if records else None
    told = {"totalSize": total, "done": True, "queryLocator": None, "entityTypeName": kind, "records": records}
    return {"size": len(records), **told}


def _tooled(record: Mapping[str, Json]) -> Mapping[str, Json]:
    """Write the results nested in a record as the Tooling API does."""
    found: dict[str, Json] = {}
    for name, value in record.items():
        rows = value.get("records") if isinstance(value, Mapping) else None
        found[name] = (
            _page([_tooled(each) for each in cast("list[Mapping[str, Json]]", rows)], len(rows))
            if isinstance(rows, list)
            else value
        )
    return found


def run_tests(call: Call) -> Reply:
    """Answer `POST /tooling/runTestsAsynchronous`: the tests pass at once and leave a job behind."""
    named = call.json.get("classids")
    if not isinstance(named, str):
        raise ApiError(400, "INVALID_INPUT", "classids must name the ids of test classes")
    keys = [normalise(each.strip()) for each in named.split(",")]
    try:
        return Reply(200, call.org.tooling.start_tests([str(key) for key in keys])[:15])
    except KeyError:
        raise ApiError(400, "INVALID_CROSS_REFERENCE_KEY", f"no such test class among {named}") from None
