"""May the caller's own values go where this call would send them? Filters, sorts and writes are flows too."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace as changed

from isthmus.core.caller import Caller
from isthmus.core.connector import FieldFacts, FieldType, ObjectFacts
from isthmus.core.errors import ResidencyError
from isthmus.core.labelling import answer_label, anything, label_of
from isthmus.core.metadata import FieldPath
from isthmus.core.operation import Effect
from isthmus.core.plan import Plan
from isthmus.core.records import (
    Aggregate,
    Compare,
    Condition,
    InQuery,
    Operator,
    Query,
    Ref,
    Row,
    Value,
    comparisons,
)
from isthmus.core.refs import Resolved
from isthmus.core.release import Releaser, Source, country_of
from isthmus.core.request import (
    Attach,
    Create,
    Delete,
    Download,
    Invoke,
    Line,
    Loading,
    Relay,
    Request,
    Search,
    Update,
    Upsert,
    named_refs,
    refs_in,
)
from isthmus.core.subjects import country_after, may_turn_out, pinned
from isthmus.residency import Decision, Form, Integrity, Label

__all__ = ["Flows", "answers", "compared_with_refs", "file_label"]

SMALLEST_GROUP = 5
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]{5,15}(?:Z|[+-][0-9:]{4,5}))?")


@dataclass(frozen=True, slots=True)
class Flows:
    """Judge the flows into one connection; raises ResidencyError naming field and rules.

    `consumer_zone` is where the caller's model runs, so where its own words come from; `task_label` is what it
    already knows, so what its free text may carry.
    """

    releaser: Releaser
    source: Source
    caller: Caller
    consumer_zone: str
    task_label: Label | None
    resolve: Callable[[Ref], Resolved]
    file_classes: frozenset[str]

    def judge(self, plan: Plan) -> int:
        """Judge all arguments of a plan; return the fewest records a figure must stand for (1: no limit)."""
        for below in plan.below:
            self.judge(below)
        match plan.request:
            case Query(object=object, where=where, order_by=order_by):
                smallest = self._filters(object, where, plan)
                for order in order_by:
                    self._must_see(_path(plan, object, order.field), where, "sort by")
                return smallest
            case Aggregate():
                return self._figures(plan.request, plan)
            case Search(text=text):
                for path in plan.probed:
                    self._must_see(path, None, "search")
                self._words(text, None, plan.request.object, "", "search for text in")
            case Relay(object=object, words=words):
                self._sees(anything(self.source.connection), object, "the answer to this request", "use a query")
                self._words(words, None, object, "", "relay a request about")
            case Download(object=object):
                label = file_label(plan, self.file_classes, self.source.connection)
                self._sees(label, object, "what is in a file", "call from its own zone")
            case Invoke():
                self._invoked(plan.request, plan)
            case _:
                self._write(plan.request, plan)
        return 1

    def _write(self, request: Request, plan: Plan) -> None:
        match request:
            case Create(values=values):
                self._written(values, plan)
            case Update(values=values):
                self._relabels(values, plan)
                self._written(values, plan)
            case Upsert(values=values, key_field=key_field, key=key):
                self._relabels(values, plan)
                self._written({**values, key_field: key}, plan)
            case Attach(object=object, name=name):
                self._words(name, None, object, "", "attach a file to")
            case Loading(lines=lines):
                self._links_unread(lines, plan)
                self._lines(lines, plan)

    def _lines(self, lines: Sequence[Line], plan: Plan) -> None:
        """Judge the lines of a load; whether a country shows more of a record is asked once for each."""
        asked: set[str] = set()
        for line in lines:
            if isinstance(line, Delete):
                continue
            country = "" if isinstance(line, Create) else country_after(line.values, plan)
            if country not in asked:
                self._relabels(line.values, plan)
                asked.add(country)
            self._written({**line.values, line.key_field: line.key} if isinstance(line, Upsert) else line.values, plan)

    def _invoked(self, request: Invoke, plan: Plan) -> None:
        """Judge the arguments of an action, of whose fields nothing is known, and what a mere read would tell."""
        facts = plan.facts
        if facts is not None and (action := facts.action(request.action)).effects == {Effect.READ}:
            label = answer_label(action, facts, self.source.connection)
            self._sees(label, request.object, "what this action answers", "use another verb")
        country = country_after({}, plan)
        self._subject_known(request.arguments, country, plan)
        for name, value in request.arguments.items():
            for field, ref in named_refs(name, value):
                # What is called like a field of the record will be read as that.
                known = facts.fields.get(field) if facts is not None else None
                label = anything(self.source.connection)
                if facts is not None and known is not None:
                    label = label_of(_own(facts, field), country, self.source.connection)
                self._ref(self.resolve(ref), request.object, field, label, "send")
            for text in _texts(value):
                self._words(text, None, request.object, name, "send")

    def _sees(self, label: Label, object: str, what: str, instead: str) -> None:
        """Demand that the consumer may see what is labelled so in clear."""
        decision = self.releaser.decide(label, self.source, self.caller)
        if decision.form is not Form.CLEAR:
            raise ResidencyError(
                f"{what} cannot be labelled field by field, and {self.caller.subject} may not see all of "
                f"{self.source.connection!r} in clear ({', '.join(decision.rules) or decision.basis}); {instead}",
                code="unlabelled",
                subject=self.caller.agent,
                object=object,
                rules=decision.rules,
            )

    def _filters(self, object: str, where: Condition | None, plan: Plan) -> int:
        smallest = 1
        for leaf in comparisons(where):
            path = _path(plan, object, leaf.field)
            label = label_of(path, pinned(where, path), self.source.connection)
            decision = self.releaser.decide(label, self.source, self.caller)
            if decision.form is not Form.CLEAR:
                self._only_refs(leaf, path, decision)
                smallest = SMALLEST_GROUP
            if isinstance(leaf, InQuery):
                inner = leaf.query
                for name in inner.select:
                    self._must_see(_path(plan, inner.object, name), inner.where, "compare with")
                smallest = max(smallest, self._filters(inner.object, inner.where, plan))
            else:
                self._argument(leaf.value, path, label, "filter by")
        return smallest

    def _figures(self, aggregate: Aggregate, plan: Plan) -> int:
        smallest = self._filters(aggregate.object, aggregate.where, plan)
        for name in aggregate.group_by:
            self._must_see(_path(plan, aggregate.object, name), aggregate.where, "group by")
        for measure in aggregate.measures:
            if not measure.field:
                continue
            path = _path(plan, aggregate.object, measure.field)
            decision = self._seen(path, aggregate.where)
            if decision.form is Form.CLEAR:
                continue
            if decision.form is Form.DROP or measure.function in ("min", "max"):
                raise self._hidden("measure", path, decision)
            smallest = SMALLEST_GROUP
        return smallest

    def _seen(self, path: FieldPath, where: Condition | None) -> Decision:
        label = label_of(path, pinned(where, path), self.source.connection)
        return self.releaser.decide(label, self.source, self.caller)

    def _must_see(self, path: FieldPath, where: Condition | None, act: str) -> None:
        decision = self._seen(path, where)
        if decision.form is not Form.CLEAR:
            raise self._hidden(act, path, decision)

    def _only_refs(self, leaf: Compare | InQuery, path: FieldPath, decision: Decision) -> None:
        """Accept a withheld field only in an equality with refs: anything else would let values be probed."""
        if isinstance(leaf, InQuery) or leaf.op not in (Operator.EQ, Operator.IN):
            raise self._hidden("filter by", path, decision)
        values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
        if not all(isinstance(value, Ref) for value in values):
            raise self._hidden("filter by", path, decision)

    def _hidden(self, act: str, path: FieldPath, decision: Decision) -> ResidencyError:
        return ResidencyError(
            f"{self.caller.subject} may not {act} {path.object.name}.{path.path}, which it may not see in clear "
            f"({', '.join(decision.rules) or decision.basis}); compare it with a ref by eq or in, or use another field",
            subject=self.caller.agent,
            object=path.object.name,
            field=path.path,
            rules=decision.rules,
        )

    def _written(self, values: Mapping[str, Value], plan: Plan) -> None:
        country = country_after(values, plan)
        object = plan.facts.name if plan.facts else ""
        for name, value in values.items():
            path = _path(plan, object, name)
            self._argument(value, path, label_of(path, country, self.source.connection), "write")
        self._subject_known(values, country, plan)

    def _subject_known(self, values: Mapping[str, Value], country: str, plan: Plan) -> None:
        """Demand that refs go only where it is known whose record it is: another country may show more of it."""
        if country or not may_turn_out(plan) or not any(True for value in values.values() for _ in refs_in(value)):
            return
        name, told = (plan.facts.name, plan.facts.country[0]) if plan.facts else ("", "")
        raise ResidencyError(
            f"cannot write a ref into a {name} that belongs to nobody knows which country: it may turn out to be one "
            f"that {self.caller.subject} sees in clear; give {told.partition('.')[0]} along, in a call for this record",
            subject=self.caller.agent,
            object=name,
            field=told.partition(".")[0],
        )

    def _argument(self, value: Value, path: FieldPath, label: Label, act: str) -> None:
        """Judge one value: refs by what they stand for, other text by its field and by what the task knows."""
        for ref in refs_in(value):
            self._ref(self.resolve(ref), path.object.name, path.path, label, act)
        for text in _texts(value):
            if not _harmless(text, path.facts):
                self._words(text, label, path.object.name, path.path, act)

    def _ref(self, found: Resolved, object: str, field: str, label: Label, act: str) -> None:
        """Let a ref resolve at home only, and only in a field that shows the caller no more than the ref did."""
        decision = self.releaser.into(found.label, found.zone, self.source.zone, self.caller.purpose)
        why = ""
        if found.zone != self.source.zone:
            why = f"the ref's home is zone {found.zone!r}; a ref resolves only at home"
        elif decision.form is not Form.CLEAR:
            why = f"its value may not be used in that zone ({', '.join(decision.rules) or decision.basis})"
        elif self._form(label) > self._form(found.label):
            why = "you see that field in clear and would learn what the ref stands for; use a field that hides it too"
        if why:
            raise ResidencyError(
                f"cannot {act} {object}.{field} in zone {self.source.zone!r} with a ref: {why}",
                subject=self.caller.agent,
                object=object,
                field=field,
                rules=decision.rules,
            )

    def _form(self, label: Label) -> Form:
        return self.releaser.decide(label, self.source, self.caller).form

    def _relabels(self, values: Mapping[str, Value], plan: Plan) -> None:
        """Refuse a change of the country that a record is labelled with where it would show the caller more of it."""
        facts, before = plan.facts, country_after({}, plan, linked=False)
        after = country_after(values, plan)
        if facts is None or plan.state is None or before == after:
            return
        for field in facts.fields.values():
            path = _own(facts, field.name)
            was = self._form(label_of(path, before, self.source.connection))
            if self._form(label_of(path, after, self.source.connection)) > was:
                raise ResidencyError(
                    f"cannot change whose country this {facts.name} belongs to: {self.caller.subject} would then see "
                    f"{facts.name}.{field.name} in clear; hand this to a person",
                    subject=self.caller.agent,
                    object=facts.name,
                    field=field.name,
                )

    def _links_unread(self, lines: Sequence[Line], plan: Plan) -> None:
        """Refuse to link old records of a load to others that tell whose they are: nobody reads here what these tell.

        A caller that sees every field in clear, whoever it is about, learns nothing by it.
        """
        facts = plan.facts
        old = (changed(plan, request=line) for line in lines if isinstance(line, Update | Upsert))
        link = next((name for one in old for name in one.links()), "")
        if facts is None or not link:
            return
        own = (_own(facts, field.name) for field in facts.fields.values())
        if all(self._form(label_of(path, "", self.source.connection)) is Form.CLEAR for path in own):
            return
        raise ResidencyError(
            f"a load cannot link old records of {facts.name} by {link}, which tells whose country they belong to; "
            "update these one by one",
            subject=self.caller.agent,
            object=facts.name,
            field=link,
        )

    def _words(self, text: str, label: Label | None, object: str, field: str, act: str) -> None:
        """Judge the caller's own words as if they held what the field holds and what the task has seen.

        Words that stay in the zone where the caller's model runs go nowhere new.
        """
        carried = self.task_label if label is None else label if self.task_label is None else label | self.task_label
        if not text or carried is None or self.consumer_zone == self.source.zone:
            return
        decision = self.releaser.into(carried, self.consumer_zone, self.source.zone, self.caller.purpose)
        if decision.form is not Form.CLEAR:
            raise ResidencyError(
                f"cannot {act} {object}{'.' + field if field else ''} in zone {self.source.zone!r}: the words may hold "
                f"data that must not go there ({', '.join(decision.rules) or decision.basis}); "
                "use refs, or open a new task",
                subject=self.caller.agent,
                object=object,
                field=field,
                rules=decision.rules,
            )


def file_label(plan: Plan, classes: frozenset[str], connection: str) -> Label:
    """Label a file by the most that files of its connection hold, and by whose record it lies with."""
    person = plan.facts is None or plan.facts.person
    country = country_after({}, plan)
    return Label.of(classes, (country,) if country or person else (), (connection,), Integrity.UNTRUSTED, person=True)


def compared_with_refs(plan: Plan) -> tuple[FieldPath, ...]:
    """Return the fields that a query compares with refs."""
    where = plan.request.where if isinstance(plan.request, Query) else None
    return tuple(
        _path(plan, plan.facts.name if plan.facts else "", leaf.field)
        for leaf in comparisons(where)
        if isinstance(leaf, Compare) and any(True for _ in refs_in(leaf.value))
    )


def answers(row: Row, compared: Iterable[FieldPath], releaser: Releaser, source: Source, caller: Caller) -> bool:
    """Tell whether a row may be in the answer of a query that compares these fields with refs.

    A record whose field the consumer does see would give away what the ref stands for.
    """
    labels = (label_of(path, country_of(row, path), source.connection) for path in compared)
    return all(releaser.decide(label, source, caller).form is not Form.CLEAR for label in labels)


def _path(plan: Plan, root: str, name: str) -> FieldPath:
    """Find a path of the request, or of the sub-query on `root`: both may use the same words for different fields."""
    return next(one for one in (*plan.probed, *plan.sorted_by, *plan.paths) if (one.root, one.path) == (root, name))


def _harmless(text: str, facts: FieldFacts) -> bool:
    """Tell whether a text is one of few values or an id, so that it can carry nothing."""
    if facts.type in (FieldType.ID, FieldType.REFERENCE):
        return _ID.fullmatch(text) is not None
    if facts.type in (FieldType.DATE, FieldType.DATETIME):
        return _MOMENT.fullmatch(text) is not None
    return text in facts.choices


def _own(facts: ObjectFacts, name: str) -> FieldPath:
    return FieldPath(name, facts.fields[name], facts, root=facts.name)


def _texts(value: Value) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from _texts(inner)
