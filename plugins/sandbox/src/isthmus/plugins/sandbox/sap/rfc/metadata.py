"""How does the system describe its function modules and structures to clients?"""

from collections.abc import Mapping

from .dictionary import TWO_BYTE, Elementary, Field, Function, Parameter, Structure, dictionary
from .messages import AbapException
from .values import Line, Value


def function_interface(given: Mapping[str, Value]) -> dict[str, Value]:
    """Tell parameters and exceptions of a function module; raises FU_NOT_FOUND."""
    function = _function(str(given["FUNCNAME"]))
    rows: list[Line] = [_parameter(one, place) for place, one in enumerate(function.parameters, start=1)]
    rows += [{"PARAMCLASS": "X", "PARAMETER": name} for name in function.exceptions]
    return {"REMOTE_CALL": "R", "PARAMS": rows}


def structure_definition(given: Mapping[str, Value]) -> dict[str, Value]:
    """Tell the fields of a structure in the older form."""
    structure = dictionary().structures.get(str(given["TABNAME"]))
    if structure is None:
        raise AbapException("TABLE_NOT_ACTIVE", ("FL", "047"), str(given["TABNAME"]))
    rows: list[Line] = [
        {
            "TABNAME": structure.name,
            "FIELDNAME": one.name,
            "POSITION": place,
            "OFFSET": one.offset,
            "INTLENGTH": one.type.width,
            "DECIMALS": one.type.decimals,
            "EXID": one.type.exid,
        }
        for place, one in enumerate(structure.fields, start=1)
    ]
    return {"TABLENGTH": structure.width, "FIELDS": rows}


def field_information(given: Mapping[str, Value]) -> dict[str, Value]:
    """Tell the fields of a structure, or one of them; raises NOT_FOUND."""
    name, only = str(given["TABNAME"]), str(given["FIELDNAME"])
    structure = dictionary().structures.get(name)
    rows = [_field(structure, one, place) for place, one in enumerate(structure.fields, 1)] if structure else []
    rows = [one for one in rows if only in ("", one["FIELDNAME"])]
    if not rows:
        raise AbapException("NOT_FOUND", ("E2", "001"), name)
    return {"DDOBJTYPE": "INTTAB", "DFIES_TAB": rows, "X030L_WA": {"TABNAME": name}}


def _function(name: str) -> Function:
    found = dictionary().functions.get(name)
    if found is None:
        raise AbapException("FU_NOT_FOUND", ("FL", "046"), name)
    return found


def _parameter(one: Parameter, place: int) -> Line:
    told: dict[str, str | int] = {"PARAMCLASS": one.direction, "PARAMETER": one.name, "POSITION": place}
    told |= {"OPTIONAL": "X" if one.optional else "", "PARAMTEXT": one.name.replace("_", " ").capitalize()}
    if isinstance(one.type, Structure):
        return {**told, "TABNAME": one.type.name, "EXID": "u", "INTLENGTH": one.type.width}
    table, _, field = one.like.partition("-")
    type = one.type
    sizes: dict[str, str | int] = {"EXID": type.exid, "INTLENGTH": type.width, "DECIMALS": type.decimals}
    return {**told, "TABNAME": table, "FIELDNAME": field, **sizes}


def _field(structure: Structure, one: Field, place: int) -> Line:
    type = one.type
    return {
        "TABNAME": structure.name,
        "FIELDNAME": one.name,
        "LANGU": "E",
        "POSITION": str(place),
        "OFFSET": str(one.offset),
        "LENG": str(_length(type)),
        "INTLEN": str(type.width),
        "OUTPUTLEN": str(_length(type)),
        "DECIMALS": str(type.decimals),
        "DATATYPE": type.datatype,
        "INTTYPE": type.exid,
        "CONVEXIT": type.conversion,
        "FIELDTEXT": one.name.replace("_", " ").capitalize(),
        "COMPTYPE": "E",
        "LFIELDNAME": one.name,
    }


def _length(type: Elementary) -> int:
    return type.length if type.length or type.datatype in TWO_BYTE else {"INT1": 3, "INT2": 5}.get(type.datatype, 10)
