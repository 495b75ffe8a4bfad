"""What may a caller find in each field of an object, and write there, on all connections of a system together?"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from isthmus.core.caller import Caller
from isthmus.core.calls import Leg
from isthmus.core.connector import FieldFacts, FieldType, ObjectFacts
from isthmus.core.errors import Denied
from isthmus.core.forms import fitting
from isthmus.core.gateway import Gateway
from isthmus.core.labelling import label_of
from isthmus.core.metadata import FieldPath
from isthmus.core.plan import EVERY, Plan
from isthmus.core.policy import Question
from isthmus.residency import UNKNOWN_COUNTRY, Form, countries

__all__ = ["FieldShape", "ObjectShape", "shape_of"]


@dataclass(frozen=True, slots=True)
class FieldShape:
    """One field: `forms` are those that it may leave in, whoever it is about; none where policy does not show it."""

    name: str
    label: str = ""
    types: frozenset[FieldType] = frozenset({FieldType.STRING})
    choices: tuple[str, ...] = ()
    restricted: bool = False
    required: bool = False
    createable: bool = True
    updateable: bool = True
    forms: frozenset[Form] = frozenset({Form.CLEAR})


@dataclass(frozen=True, slots=True)
class ObjectShape:
    """One object with its fields by name."""

    name: str
    label: str
    fields: tuple[FieldShape, ...]

    @property
    def digest(self) -> str:
        """Digest all of it."""
        told = [
            [one.name, one.label, sorted(one.types), one.choices, one.restricted, one.required, one.createable,
             one.updateable, sorted(form.value for form in one.forms)]
            for one in self.fields
        ]  # fmt: skip
        return hashlib.sha256(json.dumps([self.name, self.label, told]).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class _Seen:
    """One field on one connection, with the facts of its object."""

    object: ObjectFacts
    field: FieldFacts
    forms: frozenset[Form]


async def shape_of(gateway: Gateway, caller: Caller, system: str, object: str) -> ObjectShape:
    """Ask the live metadata of every connection that has the object, and the rules that hold for the caller.

    Raises:
        Denied: policy lets the caller read none of it.
        NotFound: no connection has such an object.
    """
    tool = gateway.parts.tools["query"]
    arguments = {"system": system, "object": object, "select": list(EVERY)}
    seen: dict[str, list[_Seen]] = {}
    known: list[ObjectFacts] = []
    for leg, plan, question in await gateway.foresee(caller, tool, arguments):
        if plan.facts is None:
            continue
        known.append(plan.facts)
        shown = _shown(gateway, leg, plan, question)
        for field in plan.facts.fields.values():
            seen.setdefault(field.name, []).append(_Seen(plan.facts, field, shown.get(field.name, frozenset())))
    everywhere = len(known)
    fields = [_merged(name, some, everywhere) for name, some in sorted(seen.items()) if carried(name)]
    return ObjectShape(known[0].name, _text(one.label for one in known), tuple(fields))


def carried(text: str) -> bool:
    """Tell whether a call can carry a text: not empty, and no half of a surrogate pair in it."""
    return bool(text) and not any("\ud800" <= char <= "\udfff" for char in text)


def _shown(gateway: Gateway, leg: Leg, plan: Plan, question: Question) -> dict[str, frozenset[Form]]:
    """List the forms of every field that policy shows."""
    verdict = gateway.parts.policy.decide(question)
    if not verdict.allowed and not verdict.approvable:
        raise Denied(
            f"{verdict.why} A model says what may be read, which is nothing here; name another client.",
            subject=leg.caller.agent,
            object=question.operation.target,
            rules=verdict.rules,
        )
    judged: dict[frozenset[str], frozenset[Form]] = {}
    found = {}
    for path in plan.paths:
        # All fields here are of one object, so only their classes tell their labels apart.
        if path.facts.classes not in judged:
            judged[path.facts.classes] = _forms(gateway, leg, path)
        forms = judged[path.facts.classes]
        found[path.facts.name] = frozenset(fitting(one, path.facts, verdict.masked) for one in forms)
    return found


def _forms(gateway: Gateway, leg: Leg, path: FieldPath) -> frozenset[Form]:
    """Judge a field for subjects of every country, of none that is known, and of none at all."""
    parts, caller = gateway.parts, leg.caller
    source = parts.source(leg.call.system, leg.connection)
    labels = {label_of(path, one, leg.connection.name) for one in (*countries(), UNKNOWN_COUNTRY, "")}
    return frozenset(parts.releaser.decide(one, source, caller).form for one in labels)


def _merged(name: str, seen: list[_Seen], everywhere: int) -> FieldShape:
    """Allow what one connection allows, and demand only what all demand: a record may live in any of them."""
    fields = [one.field for one in seen]
    return FieldShape(
        name=name,
        label=_text(one.label for one in fields),
        types=frozenset(one.type for one in fields),
        choices=tuple(sorted({value for one in fields for value in one.choices if carried(value)})),
        restricted=all(one.restricted for one in fields),
        required=len(seen) == everywhere and all(one.required for one in fields),
        createable=any(one.object.createable and one.field.createable for one in seen),
        updateable=any(one.object.updateable and one.field.updateable for one in seen),
        forms=frozenset[Form]().union(*(one.forms for one in seen)),
    )


def _text(labels: Iterable[str]) -> str:
    """Return the first label there is; half a surrogate pair becomes a question mark."""
    return next(filter(None, labels), "").encode(errors="replace").decode()
