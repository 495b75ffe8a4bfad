"""What may `[connections.<name>.settings]` say for function modules?"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from isthmus.connectors.sap.rfc.interface import Direction, Interface, Parameter
from isthmus.connectors.sap.rfc.interface import Field as FieldType
from isthmus.core.connector import ConnectorSettings

__all__ = ["FunctionSettings", "ReadBack", "SapRfcSettings"]

_NAME = r"^(/[A-Z0-9_]+/)?[A-Z0-9_]{1,30}$"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReadBack(_Part):
    """How to see whether a call happened whose answer was lost: by a function module that reads.

    `arguments` map its parameters to paths into the arguments of the lost call (`ORDER_PARTNERS.0.PARTN_NUMB`), or to
    fixed values that begin with `=`. It happened where exactly one row of `table` has the values of `match`, whose
    paths must lead to what no other call has, such as a reference number. Where none has and the call is older than
    `conclusive_after` seconds it did not happen; without that, absence tells nothing. `id` is the row's field that
    names the record.
    """

    function: str = Field(pattern=_NAME)
    arguments: dict[str, str] = Field(default_factory=dict)
    table: str
    match: dict[str, str] = Field(min_length=1)
    id: str = ""
    conclusive_after: float | None = Field(default=None, ge=1)


class FunctionSettings(_Part):
    """What the operator says of a function module; without an effect it counts as executing anything.

    `classes` are those of the data that its answer holds; `record` names the parameter that holds the id of what a call
    made or changed. `parameters` are written down only where the system cannot describe them, as over generated SOAP
    services.
    """

    effect: Literal["read", "create", "update", "delete", "execute"] = "execute"
    description: str = ""
    classes: frozenset[str] = frozenset({"unclassified"})
    record: str = ""
    read_back: ReadBack | None = None
    parameters: dict[str, Literal["value", "structure", "table"]] = Field(default_factory=dict)

    def interface(self, name: str) -> Interface | None:
        """Return the interface where the operator writes it down, all its values texts."""
        if not self.parameters:
            return None
        told = tuple(
            Parameter(
                each,
                Direction.CHANGING,
                (FieldType(each, "g"),) if kind == "value" else (),
                flat=kind == "value",
                table=kind == "table",
            )
            for each, kind in self.parameters.items()
        )
        return Interface(name, told)


class SapRfcSettings(ConnectorSettings):
    """Settings of one system's function modules.

    `functions` lists what may be called; `units` names lists of them that run one after the other in one unit of work.
    `tables` are those that a listed function module for reading any table may read. The address is
    `rfc://host:33NN`, or `https://host` with a `soap` backend. `plain_text` allows a password to go over a line that is
    neither loopback nor under SNC. `soap_path` is the place of the SOAP service, with `{function}` where it has one for
    each function module. `way` holds parameters of the way there: saprouter, mshost, msserv, group, sysid, snc_*.
    """

    client: str = Field(default="100", pattern=r"^[0-9]{3}$")
    language: str = Field(default="EN", pattern=r"^[A-Z]{2}$")
    backend: Literal["auto", "pyrfc", "saprfclib", "soap", "soap-generated"] = "auto"
    functions: dict[str, FunctionSettings] = Field(default_factory=dict)
    units: dict[str, list[str]] = Field(default_factory=dict)
    tables: frozenset[str] = frozenset()
    plain_text: bool = False
    soap_path: str = "/sap/bc/soap/rfc"
    sessions: int = Field(default=4, ge=1, le=50)
    patience: float = Field(default=60.0, gt=0, le=600)
    way: dict[
        Literal[
            "saprouter", "mshost", "msserv", "group", "sysid", "snc_qop", "snc_myname", "snc_partnername", "snc_lib"
        ],
        str,
    ] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _units_name_functions(self) -> "SapRfcSettings":
        for unit, functions in self.units.items():
            if unit in self.functions:
                raise ValueError(f"units.{unit} has the name of a function module; choose another")
            if not functions or len(set(functions)) < len(functions):
                raise ValueError(f"units.{unit} must name one function module or more, each once")
            for function in functions:
                if function not in self.functions:
                    raise ValueError(f"units.{unit} names {function}, which `functions` does not list")
        return self
