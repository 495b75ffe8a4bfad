"""How does a list of function modules run as one unit of work?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from isthmus.connectors.sap.rfc.backend import AbapDump, LineLost, RfcConnection, RfcError, Values
from isthmus.connectors.sap.rfc.interface import Direction, Field, Interface, Parameter, describe
from isthmus.connectors.sap.rfc.returns import Message, refusals_in
from isthmus.connectors.sap.rfc.types import results_of, values_for
from isthmus.core.records import JSON

__all__ = ["Call", "Refused", "Unit", "interface_of", "run"]

_RETURN = Parameter("RETURN", Direction.EXPORTING, (), flat=False)
COMMIT = Interface(
    "BAPI_TRANSACTION_COMMIT", (Parameter("WAIT", Direction.IMPORTING, (Field("WAIT", "C", 1),)), _RETURN)
)
ROLLBACK = Interface("BAPI_TRANSACTION_ROLLBACK", (_RETURN,))


class Refused(Exception):
    """A BAPI said by its messages that it did not do its work, or the commit was not carried out."""

    def __init__(self, messages: Sequence[Message]) -> None:
        super().__init__("; ".join(one.text for one in messages))
        self.messages = messages


@dataclass(frozen=True, slots=True)
class Call:
    """One function module and its arguments."""

    function: str
    arguments: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Unit:
    """Function modules that run one after the other in one session, and whether what they did is then committed."""

    calls: tuple[Call, ...]
    commit: bool


def interface_of(session: RfcConnection, function: str) -> Interface:
    """Ask for an interface in this session; raises as `RfcConnection.call`."""
    return describe(function, session.call)


def run(
    session: RfcConnection,
    unit: Unit,
    interface: Callable[[str], Interface],
    leaving: Callable[[], None],
) -> Sequence[Mapping[str, JSON]]:
    """Run a unit of work: all of it, or nothing of it stays.

    `leaving` is asked before the first call and before the commit, and raises where it is too late for them.

    Raises:
        InvalidArguments: an argument does not fit; nothing was called.
        Refused: a message of type E or A; rolled back.
        RfcError: as `RfcConnection.call`; rolled back, unless it was the commit that got no answer.
    """
    typed = [(each, values_for(each, call.arguments)) for call in unit.calls for each in (interface(call.function),)]
    leaving()
    ended = False
    try:
        results = [_called(session, each, values) for each, values in typed]
        if unit.commit:
            leaving()
            _called(session, COMMIT, {"WAIT": "X"})
        ended = True
        return results
    except (AbapDump, LineLost):
        # The session is gone, and with it what it had not committed.
        ended = True
        raise
    finally:
        if not ended and unit.commit:
            _roll_back(session)


def _called(session: RfcConnection, function: Interface, values: Values) -> Mapping[str, JSON]:
    results = session.call(function, values)
    if refused := refusals_in(results):
        raise Refused(refused)
    return results_of(function, results)


def _roll_back(session: RfcConnection) -> None:
    """Undo at once what closing the session would undo anyway: why it was undone is told, not how."""
    try:
        session.call(ROLLBACK, {})
    except RfcError:
        return
