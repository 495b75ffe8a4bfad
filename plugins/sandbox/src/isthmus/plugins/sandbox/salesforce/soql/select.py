"""Which shape do the records of an answer have?"""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from isthmus.plugins.sandbox.salesforce.schema import SObject

from .columns import Resolver
from .expressions import PARTS
from .records import Children, Part, Tree, Variants
from .syntax import Call, Macro, Operand, Path, Query, SoqlError, TypeOf, malformed
from .values import Column, no_such_object

Nested: TypeAlias = Callable[[Query, SObject, str], Children]
"""Make the children that a nested query selects: of which object, by which field."""

_ALIASED = frozenset({"FORMAT", "TOLABEL", "CONVERTCURRENCY", "DISTANCE"})


class Shaper:
    """Build the tree of one statement's columns, in the order in which it selects them."""

    def __init__(self, resolver: Resolver, nested: Nested) -> None:
        self._resolver = resolver
        self._nested = nested
        self._unnamed = 0

    def tree(self, query: Query) -> Tree:
        """Return the shape of one record of the answer."""
        tree = Tree(self._resolver.store.schema, self._resolver.sobject)
        for selected in query.select:
            expression, alias = selected.expression, selected.alias
            if isinstance(expression, Macro):
                for operand in self._macro(expression):
                    self._add(tree, operand)
            elif isinstance(expression, Query):
                self._add_children(tree, expression)
            elif isinstance(expression, TypeOf):
                self._add_variants(tree, expression)
            elif alias is not None and not (isinstance(expression, Call) and expression.function in _ALIASED):
                raise malformed("only aggregate expressions use field aliasing", expression.at)
            else:
                self._add(tree, expression, alias)
        return tree

    def _macro(self, macro: Macro) -> Iterable[Path]:
        resolver = self._resolver
        for column in resolver.view.fields(resolver.sobject):
            if macro.group == "ALL" or column.custom is (macro.group == "CUSTOM"):
                yield Path((column.name,), macro.at)

    def _add(self, tree: Tree, operand: Operand, alias: str | None = None) -> None:
        if isinstance(operand, Call) and operand.function in PARTS:
            [argument] = operand.arguments
            raise malformed(f"Field must be grouped or aggregated: {argument.text}", operand.at)
        column = self._resolver.operand(operand)
        name = alias or column.names[-1]
        if alias is None and isinstance(operand, Call) and operand.function == "DISTANCE":
            name, self._unnamed = f"expr{self._unnamed}", self._unnamed + 1
        if alias is None:
            tree = self._parent(tree, column, operand)
        _put(tree, name, column, operand.at)

    def _parent(self, tree: Tree, column: Column, operand: Operand) -> Tree:
        """Return the place of a column's parent in the tree, making it where it is the first to stand there."""
        for depth, (name, reference) in enumerate(zip(column.names, column.references, strict=False), start=1):
            known = tree.parts.get(name)
            if known is None:
                single = len(reference.refers) == 1
                target = self._resolver.store.schema.objects[reference.refers[0]] if single else None
                locate = self._resolver.absolute(Path((*column.names[:depth], "Id"), operand.at))
                known = tree.parts[name] = Tree(tree.schema, target, locate)
            if not isinstance(known, Tree):
                raise _twice(name, operand.at)
            tree = known
        return tree

    def _add_variants(self, tree: Tree, choice: TypeOf) -> None:
        """Add what TYPEOF selects (SOQL and SOSL Reference, "TYPEOF")."""
        resolver = self._resolver
        path = resolver.own(choice.path)
        *parents, name = path.parts
        parent = resolver.parent(Path((*path.parts, "Id"), path.at))
        if not parent.polymorphic:
            raise malformed(f"TYPEOF is only allowed on polymorphic relationships, not on '{name}'", path.at)
        trees: dict[str, Tree] = {}
        for case in choice.cases:
            target = resolver.view.object(case.object)
            if target is None:
                raise no_such_object(case.object, case.at)
            if target.name not in parent.references[-1].refers:
                raise SoqlError("INVALID_FIELD", f"'{case.object}' is no object that '{name}' can refer to", case.at)
            if target.name in trees:
                raise malformed(f"duplicate WHEN clause: {case.object}", case.at)
            shaper = Shaper(Resolver(resolver.store, resolver.view, target), self._nested)
            trees[target.name] = Tree(tree.schema, target)
            for field in case.fields:
                shaper._add(trees[target.name], field)
        otherwise = None
        if choice.otherwise:
            otherwise = Tree(tree.schema, None, resolver.absolute(Path((*path.parts, "Id"), path.at)))
            for field in choice.otherwise:
                column = resolver.absolute(Path((*path.parts, *field.parts), field.at))
                _put(otherwise, column.names[-1], column, field.at)
        tree = self._parent(tree, resolver.absolute(Path((*parents, "Id"), path.at)), path)
        _put(tree, parent.names[-1], Variants(resolver.locate(parent), trees, otherwise), path.at)

    def _add_children(self, tree: Tree, query: Query) -> None:
        resolver = self._resolver
        *own, wanted = query.object.lower().split(".")
        known = resolver.store.schema.children_of(resolver.sobject.name)
        child = next((each for each in known if (each.relationship or "").lower() == wanted), None)
        if own and (len(own) > 1 or own[0] not in resolver.own_names):
            child = None
        sobject = resolver.view.object(child.object) if child else None
        if child is None or sobject is None or resolver.view.field(sobject, child.field) is None:
            message = (
                f"Didn't understand relationship '{query.object}' in FROM part of query call. If you are attempting to "
                "use a custom relationship, be sure to append the '__r' after the custom relationship name. Please "
                "reference your WSDL or the describe call for the appropriate names."
            )
            raise SoqlError("INVALID_TYPE", message, query.at)
        _put(tree, str(child.relationship), self._nested(query, sobject, child.field), query.at)


def _put(tree: Tree, name: str, part: Part, at: int) -> None:
    if name in tree.parts:
        raise _twice(name, at)
    tree.parts[name] = part


def _twice(name: str, at: int) -> SoqlError:
    return SoqlError("INVALID_FIELD", f"duplicate field selected: {name}", at)
