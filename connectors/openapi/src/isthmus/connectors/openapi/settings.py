"""What may `[connections.<name>.settings]` say for a service that is known by its OpenAPI document?"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from isthmus.core.connector import ConnectorSettings
from isthmus.core.operation import Effect, Verb

__all__ = ["ClassSettings", "DescriptionSettings", "OpenApiSettings", "OperationSettings", "PageSettings"]

ROWS = {Verb.QUERY: Effect.READ, Verb.GET: Effect.READ, Verb.CREATE: Effect.CREATE, Verb.UPDATE: Effect.UPDATE,
        Verb.DELETE: Effect.DELETE}  # fmt: skip
"""The verbs that an operation can serve with typed rows, and the effect that it then has."""
Classes = Annotated[list[str], Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,99}$")]


def _base(path: str) -> str:
    found = path.rstrip("/")
    if any(part in ("", ".", "..") for part in found.split("/")[1:]):
        raise ValueError("a base path is absolute, such as /api/v1")
    return found


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PageSettings(_Section):
    """How a collection is read on, where the document does not show it.

    `style` is link, url, cursor, offset, page or none. `parameter` carries the cursor, offset or page number, `size`
    the number of rows; `next` is the dotted path of the next address or cursor in an answer, `total` that of the number
    of all rows. `first` is the number of the first page.
    """

    style: Annotated[str, Field(pattern="^(link|url|cursor|offset|page|none)$")]
    parameter: str = ""
    size: str = ""
    next: str = ""
    total: str = ""
    first: int = Field(default=1, ge=0, le=1)


class OperationSettings(_Section):
    """One operation that may run, and what it does.

    `object` is its object, its tag or resource if empty. `verb` lets it serve a verb with typed rows. `record` names
    the path parameter that holds the id of the record it acts on. `classes` are those of what its answer holds.
    `promote` makes it a tool of its own. `rows` is the dotted path of the rows in an answer, `id_field` the field that
    holds the id of a row; `filters` maps fields to the query parameters that compare with them. A transition
    leads from `from_state` to `to_state`, or to what `state_argument` names; `state` is a word for what changes.
    """

    effect: Effect | None = None
    verb: Verb | None = None
    object: str = Field(default="", pattern=r"^([A-Za-z][A-Za-z0-9_.-]{0,99})?$")
    record: str = ""
    classes: Classes | None = None
    promote: bool = False
    rows: str | None = None
    id_field: str = ""
    filters: dict[str, str] = {}
    pages: PageSettings | None = None
    state: str = "state"
    from_state: str = ""
    to_state: str = ""
    state_argument: str = ""

    @model_validator(mode="after")
    def _one_effect(self) -> Self:
        if self.verb is not None:
            if self.verb not in ROWS:
                raise ValueError(f"verb is one of {', '.join(ROWS)}")
            if self.effect not in (None, ROWS[self.verb]):
                raise ValueError(
                    f"an operation that serves {self.verb.value!r} has the effect {ROWS[self.verb].value!r}"
                )
        elif self.effect is None:
            raise ValueError("say what it does: effect = read, create, update, transition, delete or execute")
        if self.does is Effect.TRANSITION and not (self.from_state and (self.to_state or self.state_argument)):
            raise ValueError(
                "a transition says from where it leads and to where: from_state, to_state (or state_argument)"
            )
        return self

    @property
    def does(self) -> Effect:
        """Return what the operation does."""
        return ROWS[self.verb] if self.verb is not None else self.effect or Effect.EXECUTE


class DescriptionSettings(_Section):
    """Words of an operation's description that say of which classes its data are: those behind `after`, to its line."""

    after: str = Field(min_length=1)
    classes: dict[str, Classes]


class ClassSettings(_Section):
    """Where the classes of fields come from, beside the connection's own `fields`.

    `extensions` maps an `x-` member of a property, then its value (`*` is any), to classes.
    """

    extensions: dict[Annotated[str, Field(pattern="^x-")], dict[str, Classes]] = {}
    descriptions: list[DescriptionSettings] = []


class OpenApiSettings(ConnectorSettings):
    """Settings of one service.

    `document` and the files `beside` it that it refers to lie in the folder of isthmus.toml, or in `document`'s.
    `base_path` is where the paths of the document begin: the servers that it names are never asked. `most_rows` is the
    most that one query reads to find what it was asked for.
    """

    document: Path
    beside: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")], ...] = ()
    base_path: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]{1,60}){0,8}/?$"), AfterValidator(_base)] = ""
    operations: dict[str, OperationSettings] = Field(default_factory=dict)
    classes: ClassSettings = ClassSettings()
    most_rows: int = Field(default=10_000, ge=1, le=100_000)

    @field_validator("document")
    @classmethod
    def _beside_the_configuration(cls, document: Path, info: ValidationInfo) -> Path:
        folder = (info.context or {}).get("folder")
        return Path(folder) / document if folder is not None else document
