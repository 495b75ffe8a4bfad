"""Which function modules are there, and what does a session hold between two calls?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from .dictionary import Function
from .metadata import field_information, function_interface, structure_definition
from .orders import Work
from .sales import change, create, details, orders_of
from .tables import read_table
from .values import Line, Value

__all__ = ["Session", "run"]

Arguments = Mapping[str, Value]
Results = dict[str, Value]


@dataclass(slots=True)
class Session:
    """One user's session on an application server; `work` is its unit of work."""

    system: str
    user: str
    work: Work


def run(session: Session, function: Function, given: Arguments) -> Results:
    """Run a function module; what it does not fill stays as its caller gave it."""
    return {**given, **_FUNCTIONS[function.name](session, given)}


def _ping(_session: Session, _given: Arguments) -> Results:
    return {}


def _echo(session: Session, given: Arguments) -> Results:
    told = f"SAP R/3 Rel. 757   Sysid: {session.system}   User: {session.user}"
    return {"ECHOTEXT": given["REQUTEXT"], "RESPTEXT": told}


def _echo_structure(session: Session, given: Arguments) -> Results:
    """Give the structure back, and the table with one line more, whose integers are one higher."""
    line = cast("Line", given["IMPORTSTRUCT"])
    more = {**line, "RFCINT1": int(str(line["RFCINT1"])) % 255 + 1, "RFCINT4": int(str(line["RFCINT4"])) + 1}
    table = [*cast("list[Line]", given["RFCTABLE"]), more]
    return {"ECHOSTRUCT": line, "RFCTABLE": table, "RESPTEXT": f"Sysid: {session.system}"}


def _commit(session: Session, given: Arguments) -> Results:
    session.work.commit(wait=given["WAIT"] == "X")
    return {"RETURN": {}}


def _roll_back(session: Session, _given: Arguments) -> Results:
    session.work.rollback()
    return {"RETURN": {}}


def _alone(function: Callable[[Arguments], Results]) -> Callable[[Session, Arguments], Results]:
    return lambda _session, given: function(given)


def _working(function: Callable[[Work, Arguments], Results]) -> Callable[[Session, Arguments], Results]:
    return lambda session, given: function(session.work, given)


_FUNCTIONS: Final[Mapping[str, Callable[[Session, Arguments], Results]]] = {
    "RFCPING": _ping,
    "RFC_PING": _ping,
    "STFC_CONNECTION": _echo,
    "STFC_STRUCTURE": _echo_structure,
    "RFC_GET_FUNCTION_INTERFACE": _alone(function_interface),
    "RFC_GET_STRUCTURE_DEFINITION": _alone(structure_definition),
    "DDIF_FIELDINFO_GET": _alone(field_information),
    "BAPI_TRANSACTION_COMMIT": _commit,
    "BAPI_TRANSACTION_ROLLBACK": _roll_back,
    "BAPI_SALESORDER_CREATEFROMDAT2": _working(create),
    "BAPI_SALESORDER_CHANGE": _working(change),
    "BAPI_SALESORDER_GETLIST": _working(orders_of),
    "BAPISDORDER_GETDETAILEDLIST": _working(details),
    "RFC_READ_TABLE": _working(read_table),
}
