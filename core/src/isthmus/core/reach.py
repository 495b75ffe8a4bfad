"""What does a request touch on one connection, whichever record it names and whatever values it holds?"""

from dataclasses import dataclass
from functools import cached_property

from isthmus.core.connector import ObjectFacts
from isthmus.core.errors import InvalidArguments
from isthmus.core.metadata import FieldPath
from isthmus.core.policy import Related

__all__ = ["Lying", "Reach", "readable"]


def readable(paths: tuple[FieldPath, ...]) -> tuple[FieldPath, ...]:
    """Return the paths; raises InvalidArguments where one stands for whole records, which are judged as their own."""
    for one in paths:
        if not one.facts.readable:
            there = " or ".join(one.facts.references) or "another object"
            raise InvalidArguments(
                f"{one.path} stands for records of {there}: query that object instead"
                f"{f', or name a field of one as {one.path}.<field>' if one.facts.relationship else ''}",
                object=one.root,
                field=one.path,
            )
    return paths


@dataclass(frozen=True, slots=True)
class Lying:
    """Records of `object` that may be of its `kinds`: the field that tells, and which fields are shown of them.

    `prefix` is the relationship path that leads there; empty is the object that was asked.
    """

    field: str
    object: str
    kinds: tuple[str, ...]
    fields: frozenset[str]
    prefix: str = ""


@dataclass(frozen=True, eq=False)
class Reach:
    """The fields that a request asks for, probes and is labelled by; equal requests may share one.

    `paths` are what the caller asked to see, or what it writes; `probed` what it filters, sorts or groups by;
    `control` what is read along to label and to page, and never released. `trim` is set where the caller named no
    fields, so that those it may not see are left out instead of refused. It is a key of caches by its identity: what
    is derived from it is worked out once.
    """

    facts: ObjectFacts | None = None
    paths: tuple[FieldPath, ...] = ()
    probed: tuple[FieldPath, ...] = ()
    sorted_by: tuple[FieldPath, ...] = ()
    control: tuple[str, ...] = ()
    objects: frozenset[str] = frozenset()
    trim: bool = False

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """List every path that the request must fetch, each once."""
        asked = [one.path for one in self.paths]
        return tuple(dict.fromkeys([*asked, *(one.path for one in self.sorted_by), *self.control]))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """List the paths that may be released."""
        return tuple(one.path for one in self.paths)

    @cached_property
    def subjects(self) -> tuple[tuple[str, ...], ...]:
        """List the paths that tell the subject's country, for each of `prefixes`."""
        found = {one.prefix: one.country_paths for one in self.paths}
        return tuple(found.values())

    @cached_property
    def prefixes(self) -> tuple[str, ...]:
        """List the relationships that lead to the subjects of the asked fields, each once."""
        return tuple(dict.fromkeys(one.prefix for one in self.paths))

    @cached_property
    def own_probed(self) -> frozenset[str]:
        """Name the fields of the object itself that are filtered, sorted or grouped by."""
        return frozenset(one.facts.name for one in (*self.probed, *self.sorted_by) if self._own(one))

    @cached_property
    def own_fields(self) -> frozenset[str]:
        """Name every field of the object itself that is touched."""
        own = frozenset(one.facts.name for one in self.paths if self._own(one))
        if self.paths and not own and self.facts is not None:
            # A read of related fields only still reads which record they are related to.
            own = frozenset({self.facts.id_field})
        return own | self.own_probed

    @cached_property
    def related(self) -> tuple[Related, ...]:
        """Return what is read of other objects, through relationships and sub-queries."""
        name = self.facts.name if self.facts else ""
        found: dict[str, set[str]] = {one: set() for one in self.objects if one != name}
        for path in (*self.paths, *self.probed, *self.sorted_by):
            if path.object.name != name:
                found.setdefault(path.object.name, set()).add(path.facts.name)
        return tuple(Related(one, frozenset(fields)) for one, fields in sorted(found.items()))

    @cached_property
    def lying(self) -> tuple[Lying, ...]:
        """List the objects whose records may lie in others; mostly there are none."""
        found: dict[str, Lying] = {}
        if self.facts is not None and self.facts.kind_field:
            kinds = self.facts.kinds
            found[""] = Lying(self.facts.kind_field, self.facts.name, kinds, self.own_fields)
        for prefix, facts in {one.prefix: one.object for one in self.paths if one.prefix}.items():
            if facts.kind_field:
                fields = frozenset(one.facts.name for one in self.paths if one.prefix == prefix)
                found[prefix] = Lying(prefix + facts.kind_field, facts.name, facts.kinds, fields, prefix)
        return tuple(found.values())

    @cached_property
    def classes(self) -> frozenset[str]:
        """Join the classes of every field that the request touches."""
        return frozenset(one for path in (*self.paths, *self.probed, *self.sorted_by) for one in path.facts.classes)

    def _own(self, path: FieldPath) -> bool:
        return self.facts is not None and path.object.name == self.facts.name
