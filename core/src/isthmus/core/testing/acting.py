"""Are actions what they declare: their effects, their arguments, and the record that they act on?"""

from collections.abc import Iterator, Mapping

import jsonschema_rs

from isthmus.core.actions import check_action
from isthmus.core.connector import Action, ObjectFacts
from isthmus.core.errors import InvalidArguments
from isthmus.core.operation import Effect
from isthmus.core.records import JSON
from isthmus.core.request import Invoke
from isthmus.core.testing.bench import Bench, Replay
from isthmus.core.testing.calls import Call, invoking, operation_of
from isthmus.core.testing.injecting import NEUTRAL, VALUES, placed, stays
from isthmus.core.testing.promise import Promise, implements
from isthmus.core.testing.subject import Run
from isthmus.core.testing.violation import broken, demand

__all__ = ["PROMISES"]


def _actions(bench: Bench) -> Iterator[tuple[ObjectFacts, Action, Run]]:
    for run in bench.runs:
        facts = bench.facts(run.object or bench.examples.object)
        yield facts, facts.action(run.action), run


def _declared(bench: Bench) -> None:
    for facts, action, run in _actions(bench):
        about = f"action {action.name!r} of {facts.name}"
        demand(
            action.name and action.description, f"{about} has no name or description", "say in a sentence what it does"
        )
        demand(
            action.effects and action.classes, f"{about} has no effects or classes", "declare both; policy goes by them"
        )
        for name, schema in action.parameters.items():
            demand(
                _is_schema(schema),
                f"{about}: the schema of {name!r} is none",
                "describe every argument by a JSON Schema (draft 2020-12)",
            )
        unknown = {*action.required, *filter(None, (action.state_argument,))} - action.parameters.keys()
        demand(not unknown, f"{about} names {sorted(unknown)}, which it does not take", "name arguments it takes")
        moves = Effect.TRANSITION in action.effects
        demand(
            not moves or action.to_state or action.state_argument,
            f"{about} makes a transition and does not say to which state",
            "give `to_state`, or the argument that names the state as `state_argument`; policy forbids states by name",
        )
        try:
            check_action(Invoke(facts.name, action.name, _record(bench, action, run), dict(run.arguments)), facts)
        except InvalidArguments as error:
            broken(f"the example run of {about} does not fit it: {error}", "mend the run or what the action declares")


def _record(bench: Bench, action: Action, run: Run) -> str:
    return (run.id or bench.examples.id) if action.on_record else ""


def _is_schema(schema: Mapping[str, JSON]) -> bool:
    return jsonschema_rs.meta.is_valid({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def _on_record(bench: Bench) -> None:
    for facts, action, run in _actions(bench):
        outcome, id = bench.run(invoking(bench.subject, facts, run)), _record(bench, action, run)
        outcome.value  # noqa: B018 raises where it failed
        parts = [part for one in outcome.exchanges for part in one.parts]
        named = {record for part in parts for record in part.records}
        demand(
            not id or id in named,
            f"action {action.name!r} acts on a record, and no request of it names {id}",
            "read the record's id off the request into RequestClass.records, and act on this record only",
        )


def _arguments(bench: Bench) -> None:
    for facts, action, run in _actions(bench):
        recorded = bench.run(invoking(bench.subject, facts, run)).exchanges
        beside = bench.play(invoking(bench.subject, facts, run, {**run.arguments, "k1t": NEUTRAL}), Replay(recorded))
        sent = [text for one in beside.exchanges for _, text in placed(one.request)]
        demand(
            beside.typed and not any(NEUTRAL in text for text in sent),
            f"action {action.name!r} sent on an argument that it does not declare",
            "pick the declared arguments by name; never pass all that is given to the system",
        )
        for name in (one for one, value in run.arguments.items() if isinstance(value, str)):
            plain = invoking(bench.subject, facts, run, {**run.arguments, name: NEUTRAL})
            if not bench.play(plain, Replay(recorded)).exchanges:
                continue
            for value in VALUES:
                hostile = invoking(bench.subject, facts, run, {**run.arguments, name: value})
                stays(bench, plain, hostile, NEUTRAL, value, what=f"the argument {name}", recorded=recorded)


def _unknown(bench: Bench) -> None:
    doing = operation_of(bench.subject, "invoke", records=(bench.examples.id,), effects=frozenset(Effect))
    call = Call(
        "invoke",
        doing,
        lambda one: one.invoke(bench.examples.object, "k1t_nothing", bench.examples.id, {}, "k1t-run"),
    )
    outcome = bench.run(call)
    writes = [part.effect for one in outcome.exchanges for part in one.parts if part.effect.writes]
    demand(
        outcome.error is not None and outcome.typed and not writes,
        f"an action that nobody declared ended in {outcome.error!r:.120}, after {len(writes)} writes",
        "raise InvalidArguments for every action but those of the catalogue",
    )


PROMISES = (
    Promise("every action declares what it does, takes and leads to", _declared, implements("invoke")),
    Promise("an action acts on the record that it was called on", _on_record, implements("invoke")),
    Promise("an action sends the arguments that it declares, each as one value", _arguments, implements("invoke")),
    Promise("an action that is not declared is refused", _unknown, implements("invoke")),
)
