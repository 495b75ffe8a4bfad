"""What is known of an object and of its fields?"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from isthmus.core.errors import InvalidArguments
from isthmus.core.nearest import nearest
from isthmus.core.operation import Effect
from isthmus.core.records import JSON

__all__ = ["Action", "FieldFacts", "FieldType", "ObjectFacts", "ObjectSummary", "Promoted"]


class FieldType(StrEnum):
    """What a field holds, as far as schemas, literals and forms need to know."""

    STRING = "string"
    TEXT = "text"
    ID = "id"
    REFERENCE = "reference"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    CHOICE = "choice"
    CHOICES = "choices"
    BINARY = "binary"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """What is known of one field; `source` tells where its classes come from.

    `choice_labels` say what the `choices` mean, in the same order, where the values do not speak for themselves.
    `restricted` is True where the system refuses a value that is not among `choices`. `note` is what an agent should
    know of the field beside all this, such as its unit. `readable` is False where it stands for whole records of
    another object, which a read of this one does not bring.
    `carried_in` are the names under which documents of the system hold its value, where they are not its own.
    """

    name: str
    type: FieldType = FieldType.STRING
    label: str = ""
    classes: frozenset[str] = frozenset({"unclassified"})
    source: str = "default"
    choices: tuple[str, ...] = ()
    choice_labels: tuple[str, ...] = ()
    restricted: bool = False
    references: tuple[str, ...] = ()
    relationship: str = ""
    createable: bool = True
    updateable: bool = True
    filterable: bool = True
    sortable: bool = True
    groupable: bool = True
    required: bool = False
    unique: bool = False
    external_id: bool = False
    readable: bool = True
    note: str = ""
    carried_in: tuple[str, ...] = ()

    @property
    def enumerable(self) -> bool:
        """Tell whether its values are so few that a ref to one could be guessed."""
        return self.type in (FieldType.BOOLEAN, FieldType.CHOICE, FieldType.CHOICES)


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a system does beyond reading and writing records; `invoke` runs it by its name.

    `effects` are the most that it does to records of its object, and decide with `classes`, those of what its answer
    may hold, what policy and residency say. `parameters` maps each argument to its JSON Schema, `required` names those
    that must be given. `on_record` is True where it acts on one record, whose id it takes. A transition leads to
    `to_state`, or to the state that the argument `state_argument` names. Where what it changes is not the state field
    of its object, `state` names it (such as `approval`), and `from_state` is where it is before, for lack of a field
    that would tell. `answers` is the JSON Schema of what it answers, where that is known.
    """

    name: str
    description: str
    effects: frozenset[Effect]
    parameters: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    on_record: bool = False
    to_state: str = ""
    state_argument: str = ""
    state: str = ""
    from_state: str = ""
    classes: frozenset[str] = frozenset({"unclassified"})
    answers: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Promoted:
    """An action that the operator wants to be a tool of its own, and the object that it belongs to."""

    object: str
    action: Action


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What is known of one object: its fields, whose data it holds, and which fields control a read.

    `country` lists paths that tell the subject's country, the first present wins. `person` is True where a record
    is about a person, so that an unclassified field counts as personal. `searched` are the fields that a search by
    words looks into. `children` names the object behind each relationship to records below this one that a create can
    make along with it. Where records of other objects are records of this one too, `kinds` names those objects and
    `kind_field` the field that tells in which a record lies; None where there are no others. `dated` is True where a
    read may name the day whose truth it wants. `others` name
    what the system has beyond `actions`, and what may not run here.
    """

    name: str
    fields: Mapping[str, FieldFacts]
    label: str = ""
    person: bool = False
    country: tuple[str, ...] = ()
    default_fields: tuple[str, ...] = ()
    searched: tuple[str, ...] = ()
    id_field: str = "Id"
    version_field: str | None = None
    owner_field: str | None = None
    state_field: str | None = None
    kind_field: str | None = None
    kinds: tuple[str, ...] = ()
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    actions: tuple[Action, ...] = ()
    children: Mapping[str, str] = field(default_factory=dict)
    dated: bool = False
    others: tuple[str, ...] = ()
    _spelling: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._spelling.update({name.casefold(): name for name in self.fields})

    def field(self, name: str) -> FieldFacts:
        """Return the facts of a field of any letter case; raises InvalidArguments naming the nearest one."""
        found = self._spelling.get(name.casefold())
        if found is None:
            hint = nearest(name, self.fields)
            raise InvalidArguments(
                f"{self.name} has no field {name!r} that this identity may see{hint}",
                object=self.name,
                field=name,
            )
        return self.fields[found]

    @property
    def readable(self) -> tuple[str, ...]:
        """Return the names of all fields that a read can bring."""
        return tuple(name for name, one in self.fields.items() if one.readable)

    def action(self, name: str) -> Action:
        """Return an action; raises InvalidArguments naming the nearest one."""
        found = next((one for one in self.actions if one.name == name), None)
        if found is None:
            known = [one.name for one in self.actions]
            raise InvalidArguments(
                f"{self.name} has no action {name!r}{nearest(name, known)} (it has {', '.join(known) or 'none'})",
                object=self.name,
                field="action",
            )
        return found

    def finding(self, words: str) -> "ObjectFacts":
        """Return the facts cut to the fields and actions that have all these words."""
        fields = {name: one for name, one in self.fields.items() if _has(words, name, one.label, one.note)}
        actions = tuple(one for one in self.actions if _has(words, one.name, one.description))
        others = tuple(one for one in self.others if _has(words, one))
        return replace(self, fields=fields, actions=actions, others=others, _spelling={})

    def child(self, name: str) -> str:
        """Return the spelling of a relationship to records below this one; empty where there is none of that name."""
        wanted = name.casefold()
        return next((one for one in self.children if one.casefold() == wanted), "")

    def relation(self, name: str) -> FieldFacts | None:
        """Return the reference field behind a relationship name, or None."""
        wanted = name.casefold()
        return next((one for one in self.fields.values() if one.relationship.casefold() == wanted), None)


@dataclass(frozen=True, slots=True)
class ObjectSummary:
    """One line of the list of objects; `actions` and `others` are found by words, and not listed without."""

    name: str
    label: str
    createable: bool = False
    updateable: bool = False
    deletable: bool = False
    actions: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def finding(self, words: str) -> "ObjectSummary | None":
        """Return the line with the actions that have all these words; None where neither they nor it have them."""
        if not words:
            return replace(self, actions=(), others=())
        actions, others = (tuple(one for one in some if _has(words, one)) for some in (self.actions, self.others))
        found = actions or others or _has(words, self.name, self.label)
        return replace(self, actions=actions, others=others) if found else None


def _has(words: str, *texts: str) -> bool:
    """Tell whether every word is somewhere in the texts, whatever the case of its letters."""
    text = " ".join(texts).casefold()
    return all(word in text for word in words.casefold().split())
