"""What is a value: of which classes, about people of which countries, from where, and can it be trusted?"""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Self, TypeVar

from .classes import PSEUDONYMOUS, UNCLASSIFIED, is_personal
from .countries import UNKNOWN_COUNTRY, normalise_country
from .forms import Form

_T = TypeVar("_T")
_INTERNAL = "internal"
_PII = "pii"
_ON_PERSON = frozenset({UNCLASSIFIED, _PII, "free_text"})
_ON_THING = frozenset({UNCLASSIFIED, _INTERNAL})


class Integrity(Enum):
    """Say whether a value may steer what happens next."""

    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"


@dataclass(frozen=True, slots=True)
class Label:
    """Describe a value; labels join by union and never shrink.

    Creation closes the gaps through which data leaks: a country that is no ISO 3166-1 country is `"??"`, personal
    classes without a country get `"??"`, and no class at all counts as personal free text. Connectors use `Label.of`.
    """

    classes: frozenset[str]
    countries: frozenset[str]
    origins: frozenset[str]
    integrity: Integrity
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        classes = _strings("classes", self.classes)
        if not classes or (UNCLASSIFIED in classes and not classes & {_INTERNAL, _PII}):
            classes |= _ON_PERSON
        countries = frozenset(map(normalise_country, _strings("countries", self.countries)))
        if not countries and any(map(is_personal, classes)):
            countries = frozenset({UNKNOWN_COUNTRY})
        object.__setattr__(self, "classes", classes)
        object.__setattr__(self, "countries", countries)
        object.__setattr__(self, "origins", _strings("origins", self.origins))
        object.__setattr__(self, "_hash", hash((classes, countries, self.origins, self.integrity)))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type["Label"], tuple[object, ...]]:
        # String hashes differ between processes, so the stored hash must not travel.
        return Label, (self.classes, self.countries, self.origins, self.integrity)

    @classmethod
    def of(
        cls,
        classes: Iterable[str] = (),
        countries: Iterable[str | None] = (),
        origins: Iterable[str] = (),
        integrity: Integrity = Integrity.UNTRUSTED,
        *,
        person: bool,
    ) -> "Label":
        """Label a field of a record; `person` says whether the record's object describes people.

        Unclassified fields of a person object count as `pii` and `free_text`, those of other objects as `internal`;
        every field of a person object has a subject, so without a country it is `"??"`. Countries come in any spelling.
        """
        found = _strings("classes", classes)
        if not found or UNCLASSIFIED in found:
            found |= _ON_PERSON if person else _ON_THING
        places = frozenset(normalise_country(text or "") for text in _many("countries", countries))
        if person and not places:
            places = frozenset({UNKNOWN_COUNTRY})
        return _interned(found, places, _strings("origins", origins), integrity)

    def join(self, other: "Label") -> "Label":
        """Label what was made from both; `self` comes back where the other adds nothing."""
        integrity = other.integrity if self.integrity is Integrity.TRUSTED else self.integrity
        if (
            integrity is self.integrity
            and other.classes <= self.classes
            and other.countries <= self.countries
            and other.origins <= self.origins
        ):
            return self
        return _interned(
            self.classes | other.classes, self.countries | other.countries, self.origins | other.origins, integrity
        )

    __or__ = join

    def released(self, form: Form) -> "Label | None":
        """Label what the consumer holds after a release in this form; `None` where nothing of the value went out."""
        match form:
            case Form.CLEAR:
                return self
            case Form.REF:
                return _interned(frozenset({PSEUDONYMOUS}), self.countries, self.origins, self.integrity)
            case Form.MASK:
                return _interned(frozenset({_INTERNAL}), self.countries, self.origins, self.integrity)
            case _:
                return None

    def as_dict(self) -> dict[str, object]:
        """Give the label as plain JSON data, the same for equal labels."""
        return {
            "classes": sorted(self.classes),
            "countries": sorted(self.countries),
            "origins": sorted(self.origins),
            "integrity": self.integrity.value,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, object]) -> Self:
        """Read back `as_dict`.

        Raises:
            ValueError: a part is missing, unknown or of the wrong type.
        """
        if stored.keys() != {"classes", "countries", "origins", "integrity"}:
            msg = f"stored label has the parts {sorted(stored)}; expected classes, countries, origins, integrity"
            raise ValueError(msg)
        return cls(
            _stored("classes", stored["classes"]),
            _stored("countries", stored["countries"]),
            _stored("origins", stored["origins"]),
            Integrity(stored["integrity"]),
        )


@functools.lru_cache(maxsize=8192)
def _interned(
    classes: frozenset[str], countries: frozenset[str], origins: frozenset[str], integrity: Integrity
) -> Label:
    # Equal labels are mostly one object, which lets a memo find them by identity.
    return Label(classes, countries, origins, integrity)


def _many(part: str, values: Iterable[_T]) -> Iterable[_T]:
    if isinstance(values, str):
        msg = f"label {part} is the text {values!r}; pass a collection such as [{values!r}]"
        raise TypeError(msg)
    return values


def _strings(part: str, values: Iterable[str]) -> frozenset[str]:
    return frozenset(_many(part, values))


def _stored(part: str, values: object) -> frozenset[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        msg = f"stored label's {part} is {values!r}; expected a list of texts"
        raise ValueError(msg)
    return frozenset(values)
