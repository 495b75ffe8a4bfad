"""May a function module be called at all? Some may not, whatever the operator's list says."""

import re
from collections.abc import Collection, Mapping

from isthmus.core.errors import Denied
from isthmus.core.records import JSON

__all__ = ["check_call", "check_listed", "denied_always"]

_NEVER: Mapping[str, str] = {
    r"RFC_ABAP_INSTALL_AND_RUN|/BODS/RFC_ABAP_INSTALL.*": "it runs any program",
    r"SXPG_.*|SAPXPG_.*|RFC_REMOTE_(EXEC|FILE|PIPE).*|GUI_.*": "it runs commands of some operating system",
    r"/SDF/.*|/SAPDS/.*": "it runs, reads or measures anything",
    r"BAPI_USER_.*|SUSR_.*|PRGN_.*|IDENTITY_.*": "it changes users and roles",
    r"RODPS_.*|RSDS_.*": "it replicates data in bulk, which SAP's API policy bars",
    r"ARFC_DEST_.*|BGRFC_DEST_.*|TRFC_.*|QRFC_.*|RFC_METADATA_.*": "it belongs to the machinery of RFC",
    r"BAPI_TRANSACTION_(COMMIT|ROLLBACK)|DB_(COMMIT|ROLLBACK)": "isthmus itself ends a unit of work",
    r"SYSTEM_.*|SM02_.*|TH_.*|ENQUE_DELETE.*|RZL_.*": "it administers the system",
}
_READS_ANY_TABLE = re.compile(r".*(READ_TABLE|TABLE_ENTRIES).*")
_SECRET_TABLES = re.compile(
    r"USR.*|UST04|UST10.*|USH02.*|USH04|USRPWDHISTORY|AGR_.*|DEVACCESS|RFCDES.*|RFCSYSACL|SNC.*|SECSTORE.*|RSECTAB|SSF_PSE.*"
)
_TABLE_PARAMETERS = ("QUERY_TABLE", "TABLE_NAME", "TABNAME")


def denied_always(function: str) -> str:
    """Say why a function module is never called; empty where it may be."""
    return next((why for names, why in _NEVER.items() if re.fullmatch(names, function)), "")


def check_listed(connection: str, function: str, listed: Collection[str]) -> None:
    """Refuse a function module that the operator does not list, or that is never called.

    Raises:
        Denied: naming the setting.
    """
    setting = f"connections.{connection}.settings.functions"
    if function not in listed:
        raise _denied(
            f"{function[:60]} is not in {setting}; the operator lists there what may be called", function[:60]
        )
    if why := denied_always(function):
        raise _denied(f"{function} is never called, although {setting} lists it: {why}", function)


def check_call(connection: str, function: str, tables: Collection[str], arguments: Mapping[str, JSON]) -> None:
    """Refuse to read a table that the operator does not list, or that holds users or secrets.

    Raises:
        Denied: naming the setting.
    """
    if _READS_ANY_TABLE.fullmatch(function) or "QUERY_TABLE" in arguments:
        _check_table(connection, function, tables, arguments)


def _check_table(connection: str, function: str, tables: Collection[str], arguments: Mapping[str, JSON]) -> None:
    setting = f"connections.{connection}.settings.tables"
    named = {str(arguments[one]).strip().upper() for one in _TABLE_PARAMETERS if arguments.get(one)}
    for table in named or {""}:
        if _SECRET_TABLES.fullmatch(table):
            why = f"may not read {table}, whatever {setting} says: it holds users or secrets"
            raise _denied(f"{function} {why}", function)
        if table not in tables:
            raise _denied(f"{function} reads only the tables in {setting}; {table or 'no name'} is not there", function)


def _denied(sentence: str, function: str) -> Denied:
    return Denied(sentence, code="function_denied", object=function)
