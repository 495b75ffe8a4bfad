"""What may `[connections.<name>.settings]` say for a Workday tenant?"""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from isthmus.core.connector import ConnectorSettings

__all__ = ["CollectionSettings", "OperationSettings", "ReportSettings", "SourceSettings", "WorkdaySettings"]

KEPT = frozenset({"wql", "soap", "report"})
"""Aliases that stand for something else than a REST service."""

Alias = Annotated[str, Field(pattern=r"^[a-z][A-Za-z0-9_]{0,39}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,119}$")]
Service = Annotated[str, Field(pattern=r"^([A-Za-z][A-Za-z0-9]*/)?v[0-9]{1,2}$")]
Classes = Annotated[tuple[str, ...], Field(min_length=1)]


def _prefix(path: str) -> str:
    found = path.rstrip("/")
    if any(part in ("", ".", "..") for part in found.split("/")[1:]):
        raise ValueError("a prefix is an absolute path such as /ccx/api, or empty")
    return found


Prefix = Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~/-]{1,200})?$"), AfterValidator(_prefix)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CollectionSettings(_Part):
    """A REST collection that the shipped table does not know, or another shape for one that it does.

    `fields` are types by name: Id, Text, Numeric, Boolean, Date, Moment, Currency, Instance, Instances or Other; a
    type may be followed by the path of its value (`"Text primaryJob/businessTitle"`). `classes` are those of every
    field, `required` the query parameters without which it is not read.
    """

    fields: dict[Name, str] = Field(min_length=1)
    classes: Classes
    person: bool = False
    single: bool = True
    parameters: tuple[Name, ...] = ()
    required: tuple[Name, ...] = ()
    search: bool = False


class SourceSettings(_Part):
    """A WQL data source that may be queried: its own alias where ours is another, and whose data it holds.

    `classes` are those of each of its fields, `fields` those of single ones; `country` names the field that tells the
    subject's country and `id` the one that tells the records apart. `parameters` are values for what the source itself
    requires, as its metadata list them under requiredParameters. `wid` spares the search for it among all sources.
    """

    source: Name | None = None
    wid: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")
    classes: Classes
    fields: dict[Name, Classes] = Field(default_factory=dict)
    person: bool = True
    country: Name | None = None
    id: Name = "workdayID"
    parameters: dict[Name, str] = Field(default_factory=dict)


class ReportSettings(_Part):
    """A custom report that is enabled as a web service; it runs with its owner's rights, so its classes are its own.

    `id` names the column that tells the rows apart; without one, rows have the numbers of their places. `as_of` is the
    prompt that takes the effective date.
    """

    owner: str = Field(pattern=r"^[A-Za-z0-9_.@-]{1,120}$")
    report: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,200}$")
    classes: Classes
    fields: dict[str, Classes] = Field(default_factory=dict)
    person: bool = True
    country: str | None = None
    id: str | None = None
    as_of: str | None = None
    rows: int = Field(default=200_000, ge=1)


class OperationSettings(_Part):
    """A SOAP operation that may be called; `groups` are the response groups that it asks for, never all of them."""

    service: Name
    classes: Classes
    item: Name | None = None
    groups: tuple[Name, ...] = ("Include_Reference",)
    person: bool = True


class WorkdaySettings(ConnectorSettings):
    """Settings of one tenant.

    `services` names each REST service with its version; nothing else is reached. `collections` adds to the shipped
    shapes, by `alias.collection`. `rest`, `soap` and `wql` are the prefixes of their addresses, which the Agent Gateway
    has others for. `version` is that of the SOAP services. `most_rows` is the most rows of a collection that one query
    looks through, since REST neither filters nor sorts. With `auto_complete` a request may skip the approvals of a
    business process.
    """

    tenant: str = Field(pattern=r"^[A-Za-z0-9_-]{1,60}$")
    services: dict[Alias, Annotated[str, Field(pattern=r"^([A-Za-z][A-Za-z0-9]*/)?v[0-9]{1,2}$")]] = Field(
        default_factory=dict
    )
    collections: dict[str, CollectionSettings] = Field(default_factory=dict)
    sources: dict[Alias, SourceSettings] = Field(default_factory=dict)
    reports: dict[Alias, ReportSettings] = Field(default_factory=dict)
    operations: dict[Name, OperationSettings] = Field(default_factory=dict)
    rest: Prefix = "/ccx/api"
    soap: Prefix = "/ccx/service"
    wql: str = Field(default="wql/v1", pattern=r"^wql/v[0-9]{1,2}$")
    version: str = Field(default="v40.0", pattern=r"^v[0-9]{2}\.[0-9]$")
    most_rows: int = Field(default=10_000, ge=100)
    auto_complete: bool = False

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if not (self.services or self.sources or self.reports or self.operations):
            raise ValueError("name at least one of services, sources, reports and operations; nothing else is reached")
        if "Hire_Employee" in self.operations and "Get_Applicants" not in self.operations:
            raise ValueError("operations.Hire_Employee is an action of pre-hires; name operations.Get_Applicants too")
        for alias in self.services:
            if alias in KEPT:
                raise ValueError(f"services.{alias}: this name stands for something else; choose another alias")
        for name in self.collections:
            if name.partition(".")[0] not in self.services:
                raise ValueError(f"collections.{name}: there is no such service; write it as alias.collection")
        return self
