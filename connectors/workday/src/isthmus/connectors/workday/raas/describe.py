"""What is told of a report, and what would a request for one do?"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from httpx2 import Request

from isthmus.connectors.workday.raas.reading import NUMBER
from isthmus.connectors.workday.raas.schema import Schema
from isthmus.connectors.workday.settings import ReportSettings, WorkdaySettings
from isthmus.connectors.workday.shapes import Kind
from isthmus.core.connector import Action, FieldFacts, FieldType, ObjectFacts
from isthmus.core.http import parameters, segments
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.records import JSON

__all__ = ["ReportClassifier", "ReportFacts", "report_facts"]

_PROMPT = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,119}(?:![A-Za-z][A-Za-z0-9_]{0,99})?")
_SCHEMAS: Mapping[Kind, Mapping[str, JSON]] = {
    Kind.NUMERIC: {"type": ["number", "string"]},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.DATE: {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}"},
    Kind.INSTANCE: {"type": "string", "description": "the WID of an instance", "pattern": "^[0-9a-f]{32}$"},
}


@dataclass(frozen=True, slots=True)
class ReportFacts(ObjectFacts):
    """The facts of a report with its schema, so that both are remembered together."""

    schema: Schema | None = field(default=None, repr=False, compare=False)


def report_facts(object: str, own: ReportSettings, schema: Schema) -> ReportFacts:
    """Describe a report."""
    classes = frozenset(own.classes)
    columns = {**schema.columns, **({} if own.id else {NUMBER: Kind.TEXT})}
    found = {name: _field(name, kind, own, prompt=False) for name, kind in columns.items()}
    found |= {name: _field(name, kind, own, prompt=True) for name, kind in schema.prompts.items() if name not in found}
    action = Action(
        "run",
        "Run the report with its prompts; it has the rights of its owner.",
        frozenset({Effect.READ}),
        {name: _SCHEMAS.get(kind, {"type": "string"}) for name, kind in schema.prompts.items()},
        schema.required,
        classes=classes | {one for told in own.fields.values() for one in told},
    )
    told = ObjectFacts(
        name=object,
        fields=found,
        label=own.report,
        person=own.person,
        country=(own.country,) if own.country else (),
        default_fields=tuple(columns)[:8],
        id_field=own.id or NUMBER,
        createable=False,
        updateable=False,
        deletable=False,
        actions=(action,),
        dated=own.as_of is not None,
    )
    values = {one.name: getattr(told, one.name) for one in fields(told)}
    return ReportFacts(**(values | {"_spelling": {}}), schema=schema)


def _field(name: str, kind: Kind, own: ReportSettings, *, prompt: bool) -> FieldFacts:
    compared = kind is not Kind.OTHER
    return FieldFacts(
        name=name,
        type=FieldType.ID if name in (own.id, NUMBER) else kind.type,
        label=name,
        classes=frozenset(own.fields.get(name, own.classes)),
        source="settings.reports",
        createable=False,
        updateable=False,
        filterable=compared,
        sortable=compared and not prompt,
        groupable=False,
        unique=name in (own.id, NUMBER),
        note="a prompt: a condition by `eq` only" if prompt else "",
    )


class ReportClassifier:
    """Classifies by the reports of a connection."""

    def __init__(self, settings: WorkdaySettings) -> None:
        self._reports = {(one.owner, one.report): f"report.{alias}" for alias, one in settings.reports.items()}
        root = f"{settings.soap}/customreport2/{settings.tenant}"
        self._form = re.compile(f"{re.escape(root)}(?P<rest>/[^/]+/[^/]+)")

    def __call__(self, request: Request) -> Sequence[RequestClass]:
        """Classify one request; an empty answer means that it is not known to be harmless."""
        steps, params = segments(request, self._form), parameters(request)
        if steps is None or params is None or request.method != "GET" or request.content:
            return ()
        object = self._reports.get((steps[0], steps[1]))
        if object is None:
            return ()
        if params == {"xsds": ""}:
            return (RequestClass(Effect.READ, object, metadata=True),)
        prompts = params.keys() - {"format"}
        if params.get("format") != "json" or not all(_PROMPT.fullmatch(one) for one in prompts):
            return ()
        return (RequestClass(Effect.READ, object),)
