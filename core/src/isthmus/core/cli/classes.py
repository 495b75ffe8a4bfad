"""How do shapes of objects become a Python file? Equal shapes become equal files, and no text of a vendor's is code."""

import builtins
import keyword
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from isthmus.core.cli.shapes import FieldShape, ObjectShape
from isthmus.core.connector import FieldType
from isthmus.core.models import Change, Model, New
from isthmus.residency import Form

__all__ = ["written"]

_TYPES = {
    FieldType.BOOLEAN: "bool",
    FieldType.INTEGER: "int",
    FieldType.NUMBER: "float",
    FieldType.DATE: "date",
    FieldType.DATETIME: "datetime",
    FieldType.TIME: "time",
    FieldType.OTHER: "JsonValue",
}
"""All others are texts; several choices in one field are written as the system writes them."""
_IMPORTS = {
    "datetime": ("date", "datetime", "time"),
    "typing": ("ClassVar", "Literal"),
    "isthmus.core.models": ("Change", "Masked", "Model", "New", "Ref"),
    "pydantic": ("Field", "JsonValue"),
}
_IMPORTED = frozenset(chain(*_IMPORTS.values()))
_SEEN = frozenset({Form.CLEAR, Form.REF, Form.MASK})
"""Forms in which something arrives; a field that never has one of them need not be asked for."""
_AMBIGUOUS = frozenset({"l", "O", "I"})
"""Names that linters refuse (pycodestyle E741)."""
_RESERVED = _IMPORTED | _AMBIGUOUS | frozenset(dir(builtins)) | frozenset(keyword.kwlist)


@dataclass(frozen=True, slots=True)
class _Named:
    """A field with the attribute that holds it; `choices` is the name of the type of its choices, if it has any."""

    shape: FieldShape
    attribute: str
    choices: str = ""


@dataclass(frozen=True, slots=True)
class _Class:
    """An object with the name that its classes begin with."""

    shape: ObjectShape
    name: str
    fields: tuple[_Named, ...]


@dataclass(slots=True)
class _Names:
    """Names that are taken; each new one is Python's own, and nobody else's."""

    taken: set[str] = field(default_factory=set)

    def choose(self, wanted: str, *endings: str) -> str:
        """Take a name like the one wanted, which is free with each of the endings too."""
        name = re.sub(r"[^A-Za-z0-9_]", "_", wanted)
        name = name if name[:1].isalpha() else f"f_{name.lstrip('_')}"
        while any(name + ending in self.taken for ending in ("", *endings)):
            name += "_"
        self.taken.update(name + ending for ending in ("", *endings))
        return name


def written(system: str, kinds: Sequence[str], client: str, shapes: Sequence[ObjectShape]) -> str:
    """Write the module that holds the classes of these objects."""
    classes = _classes(sorted(shapes, key=lambda one: one.name))
    blocks = list(chain.from_iterable(_blocks(one) for one in classes))
    body = "\n\n\n".join(blocks)
    about = [
        f"Typed models of {system} ({', '.join(kinds)}), as client {client} gets it.",
        "",
        "Written by `isthmus models` from live metadata, and from the rules that say in which form each field leaves.",
        "Write it again instead of editing it. Digests of what it was written from:",
        "",
        *(f"{one.shape.name}: {one.shape.digest}" for one in classes),
    ]
    head = "\n".join(_escaped(line) for line in about)
    gap = "\n\n\n" if body.startswith("class ") else "\n\n"
    return f'"""{head}\n"""\n\n{_imports(body)}{gap}{body}\n'


def _classes(shapes: Iterable[ObjectShape]) -> tuple[_Class, ...]:
    """Name everything; a name depends on nothing but the shapes."""
    names = _Names(set(_RESERVED))
    named = [(one, names.choose(one.name, "New", "Change")) for one in shapes]
    attributes = [(one, name, _attributes(one)) for one, name in named]
    # The name of a type must not be hidden by an attribute of the class that uses it.
    names.taken.update(found.attribute for _, _, fields in attributes for found in fields)
    return tuple(
        _Class(one, name, tuple(_with_choices(found, name, names) for found in fields))
        for one, name, fields in attributes
    )


def _attributes(shape: ObjectShape) -> list[_Named]:
    """Call each field by its own name where Python, pydantic and the other fields allow it."""
    bases = (Model, New, Change)
    own = {one.name for one in shape.fields}
    usable = {
        one for one in own
        if one.isascii() and one.isidentifier() and not one.startswith("_") and one not in _RESERVED
        and not any(hasattr(base, one) for base in bases)
    }  # fmt: skip
    names = _Names(set(_RESERVED) | own | {name for base in bases for name in dir(base)})
    return [_Named(one, one.name if one.name in usable else names.choose(one.name)) for one in shape.fields]


def _with_choices(found: _Named, name: str, names: _Names) -> _Named:
    if FieldType.CHOICE not in found.shape.types or not found.shape.choices:
        return found
    return _Named(found.shape, found.attribute, names.choose(f"{name}_{found.attribute}"))


def _blocks(one: _Class) -> Iterator[str]:
    """Write the types of choices, the class to read, and those to create and to change."""
    choices = [_choices(found) for found in one.fields if found.choices]
    if choices:
        yield "\n".join(choices)
    label = one.shape.label or one.shape.name
    yield _class(one, "", "Model", label, [_read(found) for found in one.fields if found.shape.forms & _SEEN])
    for ending, base, made in (
        ("New", "New", [_created(found) for found in one.fields if found.shape.createable]),
        ("Change", "Change", [_changed(found) for found in one.fields if found.shape.updateable]),
    ):
        if made:
            yield _class(one, ending, base, label, made)


def _choices(found: _Named) -> str:
    values = "".join(f"    {_literal(value)},\n" for value in found.shape.choices)
    return f"{found.choices} = Literal[\n{values}]"


def _class(one: _Class, ending: str, base: str, label: str, fields: Iterable[str]) -> str:
    told = {"": "as it is read", "New": "to be created", "Change": "to be changed"}[ending]
    lines = [
        f"class {one.name}{ending}({base}):",
        f'    """{_escaped(label)}, {told}."""',
        "",
        f"    isthmus_object: ClassVar[str] = {_literal(one.shape.name)}",
        "",
        *fields,
    ]
    return "\n".join(lines).rstrip()


def _read(found: _Named) -> str:
    """Write a field that is read. A record may hold a choice that was retired, so any text may stand for one."""
    forms = found.shape.forms
    more = [name for form, name in ((Form.REF, "Ref"), (Form.MASK, "Masked")) if form in forms]
    return _field(found, [*_types(found, closed=False), *more, "None"], required=False)


def _created(found: _Named) -> str:
    required = found.shape.required
    return _field(found, [*_given(found), *([] if required else ["None"])], required=required)


def _changed(found: _Named) -> str:
    return _field(found, [*_given(found), "None"], required=False)


def _given(found: _Named) -> list[str]:
    """List what may be written: a ref only where the caller may not always see the field in clear."""
    hidden = not found.shape.forms or found.shape.forms - {Form.CLEAR}
    return [*_types(found, closed=found.shape.restricted), *(["Ref"] if hidden else [])]


def _types(found: _Named, *, closed: bool) -> list[str]:
    """List the types of a field, of which every connection may have its own."""
    types: dict[str, None] = {}
    for one in (kind for kind in FieldType if kind in found.shape.types):
        if one is FieldType.CHOICE and found.choices:
            types |= {found.choices: None} if closed else {found.choices: None, "str": None}
        else:
            types[_TYPES.get(one, "str")] = None
    return list(types)


def _field(found: _Named, types: Sequence[str], *, required: bool) -> str:
    given = [] if required else ["default=None"]
    if found.attribute != found.shape.name:
        name = _literal(found.shape.name)
        given += [f"validation_alias={name}", f"serialization_alias={name}"]
    default = "" if not given else " = None" if given == ["default=None"] else f" = Field({', '.join(given)})"
    return (
        f"    {found.attribute}: {' | '.join(types)}{default}\n    {_literal(found.shape.label or found.shape.name)}\n"
    )


def _imports(body: str) -> str:
    """Import what the body uses."""
    used = set(re.findall(r"\w+", re.sub(r'"(?:[^"\\]|\\.)*"', "", body)))
    groups = [
        (module, ", ".join(name for name in names if name in used))
        for module, names in _IMPORTS.items()
        if used & set(names)
    ]
    lines = [f"from {module} import {names}" for module, names in groups]
    standard = sum(1 for module, _ in groups if module in ("datetime", "typing"))
    return "\n".join([*lines[:standard], "", *lines[standard:]])


def _literal(text: str) -> str:
    """Write a text as a Python literal on one line; nothing in it can end the literal or mislead a reader."""
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return "".join(map(_escape, text))


def _escape(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
