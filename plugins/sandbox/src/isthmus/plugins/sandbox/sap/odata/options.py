"""What do the system query options of a request ask for?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from isthmus.plugins.sandbox.sap.schema import Service, Table

from .parse import parse
from .syntax import Malformed, Node

_SYSTEM: Final = {
    2: frozenset(
        {"$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$inlinecount", "$format", "$skiptoken"}
    ),
    4: frozenset(
        {"$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$count", "$search", "$format", "$skiptoken"}
    ),
}
_DIGITS: Final = 9
_DEEPEST: Final = 20


@dataclass(frozen=True)
class Options:
    """One level of what is asked for; `expand` holds the levels below by navigation property."""

    filter: Node | None = None
    select: frozenset[str] | None = None
    expand: "Mapping[str, Options]" = field(default_factory=dict)
    orderby: tuple[tuple[tuple[str, ...], bool], ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    search: str = ""

    def keeps(self, name: str) -> bool:
        """Say whether a property is to be shown."""
        return self.select is None or name in self.select


def read_options(query: Mapping[str, str], service: Service, table: Table) -> Options:
    """Read the options of a request on this table; raises Malformed."""
    version = service.version
    for name in query:
        if name.startswith("$") and name not in _SYSTEM[version]:
            raise Malformed(f"The system query option '{name}' is not supported")
    return _v2(query, service, table) if version == 2 else _v4(query, service, table)


def _v2(query: Mapping[str, str], service: Service, table: Table) -> Options:
    selected = _names(query.get("$select", ""))
    wanted: dict[str, object] = {}
    for path in _names(query.get("$expand", "")):
        _plant(wanted, path.split("/"))
    count = query.get("$inlinecount", "none")
    if count not in ("none", "allpages"):
        raise Malformed(f"Invalid value {count!r} of $inlinecount")
    root = _level_v2(selected, wanted, service, table)
    return Options(
        filter=parse(query["$filter"], 2) if query.get("$filter") else None,
        select=root.select,
        expand=root.expand,
        orderby=_orderby(query.get("$orderby", "")),
        top=_number(query, "$top"),
        skip=_number(query, "$skip") or 0,
        count=count == "allpages",
        search=query.get("search", ""),
    )


def _plant(tree: dict[str, object], path: list[str]) -> None:
    for name in path:
        below = tree.setdefault(name, {})
        assert isinstance(below, dict)  # noqa: S101 - only this function fills the tree
        tree = below


def _level_v2(selected: list[str], wanted: Mapping[str, object], service: Service, table: Table) -> Options:
    """Return one level; in V2 a navigation property that $select leaves out is not expanded either."""
    here = [path for path in selected if "/" not in path]
    heads = {path.partition("/")[0] for path in selected}
    expand: dict[str, Options] = {}
    for name, below in wanted.items():
        target = _target(service, table, name)
        deeper = [path.partition("/")[2] for path in selected if path.startswith(f"{name}/")]
        if not selected or name in heads or "*" in here:
            known = below if isinstance(below, dict) else {}
            expand[name] = _level_v2([] if name in here else deeper, known, service, target)
    _check(here, service, table)
    for head in heads - set(here):
        if head not in wanted:
            raise Malformed(f"'{head}' is selected from but not expanded")
    select = None if not selected or "*" in here else frozenset(here)
    return Options(select=select, expand=expand)


def _target(service: Service, table: Table, nav: str) -> Table:
    link = service.link(table, nav)
    if link is None:
        raise Malformed(f"'{nav}' is no navigation property of '{service.set_of(table)}'")
    return service.tables[link.table]


def _check(names: list[str], service: Service, table: Table) -> None:
    known = {name for name, _ in service.links(table)} | set(table.fields) | {"*"}
    known |= {"SAP__Messages"} if service.version == 4 else set()
    for name in names:
        if name not in known:
            raise Malformed(f"Property '{name}' is not part of '{service.set_of(table)}'")


def _v4(query: Mapping[str, str], service: Service, table: Table) -> Options:
    selected = _names(query.get("$select", ""))
    _check(selected, service, table)
    count = query.get("$count", "false")
    if count not in ("true", "false"):
        raise Malformed(f"Invalid value {count!r} of $count")
    return Options(
        filter=parse(query["$filter"], 4) if query.get("$filter") else None,
        select=None if not selected or "*" in selected else frozenset(selected),
        expand=_expand_v4(query.get("$expand", ""), service, table),
        orderby=_orderby(query.get("$orderby", "")),
        top=_number(query, "$top"),
        skip=_number(query, "$skip") or 0,
        count=count == "true",
        search=query.get("$search", ""),
    )


def _expand_v4(text: str, service: Service, table: Table) -> dict[str, Options]:
    found: dict[str, Options] = {}
    for item in split(text, ","):
        name, bracket, rest = item.strip().partition("(")
        name = name.strip()
        if bracket and not rest.endswith(")"):
            raise Malformed(f"Unbalanced brackets in $expand={text}")
        target = _target(service, table, name)
        inner: dict[str, str] = {}
        for option in split(rest[:-1], ";") if bracket else ():
            key, equals, value = option.partition("=")
            if not equals or key.strip() not in _SYSTEM[4]:
                raise Malformed(f"'{option}' is no option of $expand")
            inner[key.strip()] = value
        found[name] = _v4(inner, service, target)
    return found


def split(text: str, sign: str) -> list[str]:
    """Cut a text at a sign that stands outside brackets and quotes; raises Malformed."""
    parts, depth, quoted = [""], 0, False
    for letter in text:
        if letter == "'":
            quoted = not quoted
        elif not quoted and letter in "()":
            depth += 1 if letter == "(" else -1
            if depth > _DEEPEST:
                raise Malformed(f"Brackets are nested too deeply in {text[:80]!r}")
        if letter == sign and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    if depth or quoted:
        raise Malformed(f"Unbalanced brackets or quotes in {text!r}")
    return [each for each in parts if each.strip()]


def _names(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _orderby(text: str) -> tuple[tuple[tuple[str, ...], bool], ...]:
    found = []
    for item in _names(text):
        path, _, direction = item.partition(" ")
        if direction.strip() not in ("", "asc", "desc"):
            raise Malformed(f"Invalid direction {direction!r} in $orderby")
        found.append((tuple(path.split("/")), direction.strip() == "desc"))
    return tuple(found)


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.isdecimal() or len(text) > _DIGITS:
        raise Malformed(f"Invalid value {text!r} of {name}")
    return int(text)
