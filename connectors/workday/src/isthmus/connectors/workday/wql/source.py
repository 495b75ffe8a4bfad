"""What does the tenant say of a data source and of its fields?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from isthmus.connectors.workday.answers import Entity, entity_of, listed_in, strange, text_at
from isthmus.connectors.workday.ids import checked_id
from isthmus.connectors.workday.settings import SourceSettings, WorkdaySettings
from isthmus.connectors.workday.shapes import Kind
from isthmus.core.connector import FieldFacts, ObjectFacts
from isthmus.core.errors import ConfigurationError, NotFound
from isthmus.core.http import Http, path

__all__ = ["DESCRIPTOR", "Source", "SourceFacts", "source_facts"]

PAGE = 100
MOST_PAGES = 100
DESCRIPTOR = "_descriptor"
"""What the name of a reference's text ends with; it comes with the reference and cannot be asked for alone."""
_KINDS: Mapping[str, Kind] = {
    "text": Kind.TEXT,
    "numeric": Kind.NUMERIC,
    "currency": Kind.CURRENCY,
    "date": Kind.DATE,
    "time": Kind.TEXT,
    "boolean": Kind.BOOLEAN,
    "single instance": Kind.INSTANCE,
    "multi-instance": Kind.INSTANCES,
    "self referencing instance": Kind.INSTANCE,
}
_SORTED = frozenset({Kind.TEXT, Kind.NUMERIC, Kind.DATE})


@dataclass(frozen=True, slots=True)
class Source:
    """A data source: its alias, the types of its fields, and what it takes and asks for."""

    alias: str
    kinds: Mapping[str, Kind]
    effective: bool = False


@dataclass(frozen=True, slots=True)
class SourceFacts(ObjectFacts):
    """The facts of a data source with the source, so that both are remembered together."""

    source: Source | None = field(default=None, repr=False, compare=False)


async def source_facts(http: Http, settings: WorkdaySettings, object: str) -> SourceFacts:
    """Read what the tenant says of a data source; raises NotFound or ConfigurationError."""
    alias = object.partition(".")[2]
    own = settings.sources[alias]
    root = f"{settings.rest}/{settings.wql}/{settings.tenant}/dataSources"
    wid = own.wid or await _wid(http, root, own.source or alias, object)
    about = entity_of(await http.get(path(f"{root}/{{}}", checked_id(wid))))
    name = text_at(about, "alias")
    if name != (own.source or alias):
        raise strange("with another data source than was asked for")
    _filters(about, own, alias)
    rows = await _listed(http, f"{root}/{{}}/fields", wid)
    kinds = {_alias(one): _KINDS.get(text_at(one, "type").casefold(), Kind.OTHER) for one in rows if _alias(one)}
    if own.id not in kinds:
        raise ConfigurationError(
            f"data source {name} has no field {own.id!r} that tells its rows apart; name one in settings.sources."
            f"{alias}.id",
            object=object,
        )
    source = Source(name, kinds, about.get("supportsEffectiveDate") is True)
    return _facts(object, own, source, text_at(about, "descriptor") or name)


async def _wid(http: Http, root: str, alias: str, object: str) -> str:
    found = next((one for one in await _listed(http, root, upto=alias) if text_at(one, "alias") == alias), None)
    if found is None:
        raise NotFound(f"the tenant has no data source {alias!r} that this identity may see", object=object)
    return text_at(found, "id")


async def _listed(http: Http, template: str, *ids: str, upto: str = "") -> Sequence[Entity]:
    """Read a list page by page, as far as the alias that is sought where one is."""
    rows = dict[str, Entity]()
    for at in range(MOST_PAGES):
        page = listed_in(await http.get(path(template, *ids), params={"limit": PAGE, "offset": at * PAGE}))
        rows |= {_alias(one): one for one in page.entities}
        if not page.entities or (at + 1) * PAGE >= page.total or (upto and upto in rows):
            break
    return list(rows.values())


def _alias(entity: Entity) -> str:
    return text_at(entity, "alias")


def _filters(about: Entity, own: SourceSettings, alias: str) -> None:
    """Raise ConfigurationError where a source wants parameters that are not set; it would answer nothing else."""
    required = about.get("requiredParameters")
    names = [text_at(one, "alias") for one in (required if isinstance(required, list) else ())]
    missing = [name for name in names if name and name not in own.parameters]
    if missing or (about.get("filterIsRequired") is True and not own.parameters):
        wanted = ", ".join(missing) or "a filter"
        raise ConfigurationError(
            f"data source {own.source or alias} is read with {wanted} only; set it in settings.sources.{alias}."
            "parameters, or use another source",
            object=f"wql.{alias}",
        )


def _facts(object: str, own: SourceSettings, source: Source, label: str) -> SourceFacts:
    found = dict[str, FieldFacts]()
    for name, kind in source.kinds.items():
        found[name] = _field(name, kind, own)
        if kind is Kind.INSTANCE and f"{name}{DESCRIPTOR}" not in source.kinds:
            found[f"{name}{DESCRIPTOR}"] = _field(f"{name}{DESCRIPTOR}", Kind.OTHER, own, text=True)
    told = ObjectFacts(
        name=object,
        fields=found,
        label=label,
        person=own.person,
        country=(own.country,) if own.country else (),
        default_fields=(own.id, *[name for name in found if name != own.id][:7]),
        id_field=own.id,
        createable=False,
        updateable=False,
        deletable=False,
        dated=source.effective,
    )
    values = {one.name: getattr(told, one.name) for one in fields(told)}
    return SourceFacts(**(values | {"_spelling": {}}), source=source)


def _field(name: str, kind: Kind, own: SourceSettings, *, text: bool = False) -> FieldFacts:
    given = own.fields.get(name) or own.fields.get(name.removesuffix(DESCRIPTOR)) or own.classes
    compared = kind not in (Kind.OTHER, Kind.CURRENCY, Kind.INSTANCES)
    return FieldFacts(
        name=name,
        type=Kind.TEXT.type if text else kind.type,
        label=name,
        classes=frozenset(given),
        source="settings.sources",
        createable=False,
        updateable=False,
        filterable=compared,
        sortable=kind in _SORTED,
        groupable=False,
        unique=name == own.id,
    )
