"""How does a record become an object of a class with typed fields, and such an object the values of a write?

`isthmus models` writes the classes from live metadata; classes of your own, with fewer fields, work alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Generic, Self, TypeAlias, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON, Masked, Page, Record, Ref, Value, Withheld

__all__ = ["Change", "Masked", "Model", "ModelPage", "Named", "New", "Ref"]

UNFIT = "not-as-the-model-says"
"""Stands where rules are named, for a field whose value or form is none that its class allows."""
MOST_FIELDS = 200
"""The most fields that a call may name."""


class _Fields(BaseModel):
    """Fields by attribute; an attribute that cannot be called like its field has the field's name as its alias."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )
    isthmus_object: ClassVar[str] = ""


class Model(_Fields):
    """A record as it was released; `isthmus_object` names its object.

    A field is None where it is empty, where it was not asked for and where it was withheld; `record` tells which. So
    is a field whose value does not fit the class, as after a change of metadata or of flow rules: what arrived is in
    `record.fields`, and `record.withheld` names the field.
    """

    model_config = ConfigDict(extra="ignore")
    _record: Record | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, record: Record) -> Self:
        """Read a record."""
        told = {name: _plain(value) for name, value in record.fields.items()}
        made, unfit = cls._validated(told)
        if made is None:
            made, _ = cls._validated({name: value for name, value in told.items() if name not in unfit})
        if made is None:
            # A validator of the class's own refuses the whole; a write has happened by now, so its id must not be lost.
            made, unfit = cls.model_construct(), frozenset(told)
        if unfit:
            kept = tuple(Withheld(name, (UNFIT,)) for name in sorted(unfit))
            record = msgspec.structs.replace(record, withheld=(*record.withheld, *kept))
        made._record = record  # noqa: SLF001 one of ourselves
        return made

    @property
    def record(self) -> Record:
        """Return the record as it came: id, version, what was withheld, and every field by its own name.

        Raises:
            LookupError: no call made this object.
        """
        if self._record is None:
            raise LookupError(f"this {type(self).__name__} was not read by a call, so it has no record")
        return self._record

    @classmethod
    def _validated(cls, told: Mapping[str, object]) -> tuple[Self | None, frozenset[str]]:
        """Return the object, or the names of what does not fit; no more is told of it, since that would tell values."""
        try:
            return cls.model_validate(told, by_alias=True, by_name=False), frozenset()
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            return None, frozenset(str(one["loc"][0]) for one in found if one["loc"])


class _Values(_Fields):
    """Values of a write; only what was set is sent, None included."""


class New(_Values):
    """The values of a record that is yet to be made."""


class Change(_Values):
    """New values for fields of a record."""


Named: TypeAlias = str | type[Model]
"""An object, by its name or by a class that says which fields to read."""
M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class ModelPage(Generic[M]):
    """Some records as objects of one class; all else is as in `Page`."""

    records: tuple[M, ...]
    after: str | None = None
    total: int | None = None
    complete: bool = False
    withheld: tuple[Withheld, ...] = ()
    deleted: tuple[str, ...] = ()


def page_of(model: type[M], page: Page) -> ModelPage[M]:
    """Read a page of records."""
    records = tuple(map(model.of, page.records))
    return ModelPage(records, page.after, page.total, page.complete, page.withheld, page.deleted)


def object_of(named: Named) -> str:
    """Return the name of an object.

    Raises:
        InvalidArguments: a class does not say it, or has a field that not every answer has.
    """
    return named if isinstance(named, str) else _object(named)


@cache
def _object(named: type[Model]) -> str:
    if not named.isthmus_object:
        raise InvalidArguments(f"{named.__name__} names no object; set its `isthmus_object`", field="object")
    for name, told in named.model_fields.items():
        if told.is_required():
            raise InvalidArguments(
                f"{named.__name__}.{name} has no default, and an answer may lack any field; write `| None = None`",
                object=named.isthmus_object,
                field=name,
            )
    return named.isthmus_object


def asked_of(named: Named, fields: Sequence[str]) -> list[JSON]:
    """Return the fields to ask for: those given, else those of the class, else none, which leaves it to the system."""
    if fields or isinstance(named, str):
        return list(fields)
    own: list[JSON] = [*_names(named).values()]
    return own if len(own) <= MOST_FIELDS else ["*"]


def values_of(object: str, values: "Mapping[str, Value] | _Values") -> Mapping[str, Value]:
    """Return values by the names of their fields.

    Raises:
        InvalidArguments: they belong to another object, or a mask is among them, which would overwrite what it hides.
    """
    if isinstance(values, _Values):
        if values.isthmus_object.casefold() != object.casefold():
            raise InvalidArguments(
                f"{type(values).__name__} holds values of {values.isthmus_object!r}, not of {object!r}",
                object=object,
                field="values",
            )
        names, chosen = _names(type(values)), values.model_fields_set
        values = {name: getattr(values, attribute) for attribute, name in names.items() if attribute in chosen}
    for name, value in values.items():
        if isinstance(value, Masked):
            raise InvalidArguments(
                f"{name} holds the text that stands for a masked value; leave it out", object=object, field=name
            )
    return values


@cache
def _names(model: type[_Fields]) -> dict[str, str]:
    """Map attributes to the names of their fields."""
    return {
        attribute: told.validation_alias if isinstance(told.validation_alias, str) else attribute
        for attribute, told in model.model_fields.items()
    }


def _plain(value: Value) -> object:
    """Give the containers that pydantic's JSON type knows."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    return value
