"""Which rows may a user see because of other rows?"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from .schema import SObject
from .store import Row, Store

if TYPE_CHECKING:
    from .access import View

Test: TypeAlias = Callable[[Row], bool]


class Sharing:
    """Say for one user which files, and which notes of approvals, come with the records that the user sees."""

    def __init__(self, store: Store, view: "View") -> None:
        self._store = store
        self._view = view

    def test(self, sobject: SObject, *, named: bool) -> Test | None:
        """Return the test that a row of this object must pass, or None where none depends on another row.

        Files that somebody sees only because of a record are found only where they are `named`, by id (Object
        Reference, "ContentVersion"); "Query All Files" is the permission that lifts this.
        """
        if sobject.grants:
            return self._shows_link
        if sobject.granted_by:
            return self._shows_shared if named or self._view.profile.all_files else self._owns_shared
        if sobject.follows:
            return self._following(sobject.follows, named=named)
        return None

    def _following(self, field: str, *, named: bool) -> Test:
        def follows(row: Row) -> bool:
            found = self._target(row[field])
            if found is None:
                return False
            sobject, target = found
            alive = bool(row["IsDeleted"]) or not target["IsDeleted"]
            return alive and self._view.sees(sobject, target, named=named)

        return follows

    def _shows_link(self, row: Row) -> bool:
        document = self._store["ContentDocument"].rows.get(str(row["ContentDocumentId"]))
        return self._view.profile.all_files or self._grants(row) or (document is not None and self._owns(document))

    def _shows_shared(self, row: Row) -> bool:
        return self._view.profile.all_files or self._owns(row) or any(map(self._grants, self._links(row)))

    def _owns_shared(self, row: Row) -> bool:
        return self._owns(row) or any(link["LinkedEntityId"] == self._view.user_id for link in self._links(row))

    def _owns(self, row: Row) -> bool:
        return row["OwnerId"] == self._view.user_id

    def _links(self, row: Row) -> list[Row]:
        links = self._store["ContentDocumentLink"]
        return links.find(links.sobject.by_name["contentdocumentid"], str(row["Id"]))

    def _grants(self, link: Row) -> bool:
        """Say whether a link leads to this user, or to a record that the user sees."""
        found = self._target(link["LinkedEntityId"])
        if found is None:
            return False
        sobject, target = found
        if sobject.name == "User":
            return target["Id"] == self._view.user_id
        return not target["IsDeleted"] and self._view.sees(sobject, target)

    def _target(self, key: object) -> tuple[SObject, Row] | None:
        sobject = self._store.schema.by_prefix(str(key)[:3])
        if sobject is None or self._view.object(sobject.name) is None:
            return None
        row = self._store[sobject.name].rows.get(str(key))
        return None if row is None else (sobject, row)
