"""How does isthmus call function modules? Each object is one that the operator lists, or a named list of them."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from httpx2 import AsyncBaseTransport, Request

from isthmus.connectors.sap.rfc.allowed import check_call, check_listed, denied_always
from isthmus.connectors.sap.rfc.backends import backend_for, logon_to
from isthmus.connectors.sap.rfc.faults import fault_of
from isthmus.connectors.sap.rfc.interface import Interface
from isthmus.connectors.sap.rfc.readback import questions, settle
from isthmus.connectors.sap.rfc.schema import arguments_schema, required_of
from isthmus.connectors.sap.rfc.settings import SapRfcSettings
from isthmus.connectors.sap.rfc.wire import RfcWire, interface_from, unit_in
from isthmus.connectors.sap.settings import Door
from isthmus.connectors.sap.terms import NOTICE
from isthmus.core.connector import (
    Action,
    Connector,
    ConnectorSettings,
    Fault,
    Invoked,
    ObjectFacts,
    ObjectSummary,
    Outcome,
    Pending,
    Probe,
    Settlement,
)
from isthmus.core.errors import Denied, InvalidArguments, UpstreamError
from isthmus.core.http import Response, parse_json, path
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.records import JSON

__all__ = ["CALL", "SapRfc"]

CALL = "call"
"""The one action of every object here."""


class SapRfc(Connector):
    """Call function modules of one system over RFC; one `invoke` is one unit of work."""

    settings: ClassVar[type[ConnectorSettings]] = SapRfcSettings
    kind: ClassVar[str] = "sap_rfc"
    schemes: ClassVar[frozenset[str]] = frozenset({"rfc", "http", "https"})

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        super().__init__(name, settings)
        if not isinstance(settings, SapRfcSettings):
            raise TypeError(f"connection {name!r} needs SapRfcSettings")
        self._settings = settings

    def carrier(self, wire: AsyncBaseTransport, url: str) -> AsyncBaseTransport:
        """Carry requests by the package that the settings name, or by the one that is installed."""
        settings, backend = self._settings, backend_for(self._settings, wire, url)
        known = {name: told for name, one in settings.functions.items() if (told := one.interface(name))}
        return RfcWire(backend, logon_to(self.name, settings, url), settings.sessions, known)

    def classify(self, request: Request) -> Sequence[RequestClass]:
        """Tell what each part of a request would do; one that calls what the settings do not say is not sent."""
        try:
            body = parse_json(request.content)
        except UpstreamError:
            return ()
        if request.method != "POST" or not isinstance(body, Mapping):
            return ()
        if request.url.path == "/ping":
            return (RequestClass(Effect.READ, metadata=True),)
        if request.url.path == "/interface":
            return self._describes(str(body.get("object")), str(body.get("function")))
        return self._calls_of(request.url.path, str(body.get("object")), body)

    def fault(self, response: Response) -> Fault | None:
        """Classify an answer."""
        return fault_of(response)

    async def objects(self) -> Sequence[ObjectSummary]:
        """List the function modules and units of work that the settings name."""
        settings = self._settings
        listed = {name: one.description for name, one in settings.functions.items() if not denied_always(name)}
        listed |= {name: ", then ".join(functions) for name, functions in settings.units.items()}
        return tuple(ObjectSummary(name, label or name) for name, label in sorted(listed.items()))

    async def catalogue(self, object: str) -> ObjectFacts:
        """Describe a function module by its interface, a unit of work by those of all that it calls."""
        functions = self._functions(object)
        described = [await self._interface(each, object) for each in functions]
        settings = [self._settings.functions[each] for each in functions]
        whole = object in self._settings.functions
        action = Action(
            CALL,
            " ".join(one.description for one in settings if one.description) or f"Call {', then '.join(functions)}.",
            frozenset(Effect(one.effect) for one in settings),
            arguments_schema(described[0]) if whole else {one.name: _nested(one) for one in described},
            tuple(required_of(described[0])) if whole else functions,
            classes=frozenset[str]().union(*(one.classes for one in settings)),
        )
        return ObjectFacts(
            object, {}, label=object, createable=False, updateable=False, deletable=False, actions=(action,)
        )

    async def invoke(self, object: str, action: str, id: str, arguments: Mapping[str, JSON], key: str) -> Invoked:  # noqa: ARG002 there is one action, and no field for keys
        """Call in one session and commit last; any error, a message of type E or A among them, rolls back."""
        calls = self._calls(object, arguments)
        body: JSON = {"object": object, "calls": calls, "commit": self._writes(object)}
        answer = await self.http.post(path("/unit"), json=body)
        results = _results(answer, len(calls))
        named = self._functions(object)
        records = [
            str(told[self._settings.functions[function].record])
            for function, told in zip(named, results, strict=True)
            if told.get(self._settings.functions[function].record)
        ]
        values: Mapping[str, JSON] = (
            results[0] if object in self._settings.functions else dict(zip(named, results, strict=True))
        )
        return Invoked(values, tuple(records))

    async def reconcile(self, pending: Pending) -> tuple[Settlement, Outcome | None]:
        """Ask the function module that the settings name for this; without one nothing tells."""
        asked = questions(self._settings, pending)
        if asked is None:
            return Settlement.CANNOT_TELL, None
        calls: JSON = [{"function": asked.function, "parameters": asked.arguments}]
        body: JSON = {"object": pending.object, "calls": calls, "commit": False}
        [told] = _results(await self.http.post(path("/back"), json=body), 1)
        return settle(asked, told, pending.age)

    async def probe(self) -> Probe:
        """Log on, and tell by which package."""
        told = (await self.http.post(path("/ping"), json={})).json()
        package = str(told.get("backend", "")) if isinstance(told, Mapping) else ""
        listed = len(self._settings.functions)
        facts = {
            "door": Door.RFC.value,
            "package": package,
            "function modules": f"{listed} listed, no others are called",
            "notice": NOTICE,
        }
        return Probe(identity=f"client {self._settings.client}", facts=facts)

    def _functions(self, object: str) -> tuple[str, ...]:
        named = tuple(self._settings.units.get(object, ()))
        for each in named:
            check_listed(self.name, each, self._settings.functions)
        if named:
            return named
        check_listed(self.name, object, self._settings.functions)
        return (object,)

    def _writes(self, object: str) -> bool:
        return any(Effect(self._settings.functions[one].effect).writes for one in self._functions(object))

    def _check(self, function: str, arguments: Mapping[str, JSON]) -> None:
        check_listed(self.name, function, self._settings.functions)
        check_call(self.name, function, self._settings.tables, arguments)

    def _calls(self, object: str, arguments: Mapping[str, JSON]) -> list[JSON]:
        calls = list[JSON]()
        for function in self._functions(object):
            own: JSON = arguments if object == function else arguments.get(function)
            if not isinstance(own, Mapping):
                raise InvalidArguments(f"{object} needs the arguments of {function}", object=object, field=function)
            self._check(function, own)
            calls.append({"function": function, "parameters": own})
        return calls

    def _describes(self, object: str, function: str) -> Sequence[RequestClass]:
        own = (*self._settings.units.get(object, ()), object)
        listed = function in own and function in self._settings.functions and not denied_always(function)
        return (RequestClass(Effect.READ, object, metadata=True),) if listed else ()

    def _calls_of(self, where: str, name: str, body: Mapping[str, JSON]) -> Sequence[RequestClass]:
        try:
            unit = unit_in(body)
            functions = self._functions(name)
            for call in unit.calls:
                self._check(call.function, call.arguments)
        except (ValueError, Denied):
            return ()
        called = tuple(call.function for call in unit.calls)
        effects = {Effect(self._settings.functions[one].effect) for one in called}
        if where == "/back":
            back = {one.read_back.function for each in functions if (one := self._settings.functions[each]).read_back}
            known = set(called) <= back and not unit.commit and effects == {Effect.READ}
            return (RequestClass(Effect.READ, name),) if known else ()
        if where != "/unit" or called != functions or (unit.commit and effects == {Effect.READ}):
            return ()
        return tuple(RequestClass(one, name) for one in sorted(effects))

    async def _interface(self, function: str, object: str) -> Interface:
        if known := self._settings.functions[function].interface(function):
            return known
        told = (await self.http.post(path("/interface"), json={"object": object, "function": function})).json()
        if not isinstance(told, Mapping):
            raise UpstreamError("the description of a function module is not understood", code="unreadable_answer")
        return interface_from(told)


def _nested(interface: Interface) -> Mapping[str, JSON]:
    told: Mapping[str, JSON] = {
        "type": "object",
        "properties": arguments_schema(interface),
        "required": list(required_of(interface)),
        "additionalProperties": False,
    }
    return told


def _results(answer: Response, count: int) -> Sequence[Mapping[str, JSON]]:
    told = answer.json()
    found = told.get("results") if isinstance(told, Mapping) else None
    results = [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
    if len(results) != count:
        raise UpstreamError("the answer of a function module is not understood", code="unreadable_answer")
    return results
