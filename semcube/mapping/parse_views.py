# SPDX-License-Identifier: Apache-2.0
"""Logical views of mapping documents (RML-LV, http://w3id.org/rml/lv/spec)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from semcube.errors import MappingError
from semcube.io.terms import Term
from semcube.mapping.model import (
    Constant,
    Expression,
    Field,
    Formulation,
    Join,
    LogicalSource,
    Reference,
    View,
    ViewJoin,
    parse_template,
)

if TYPE_CHECKING:
    from semcube.mapping.parse_sources import SourceReader

__all__ = ["ViewReader"]


class ViewReader:
    """Reads the views of one triples map; a view that leads back to itself is an error."""

    def __init__(self, reader: SourceReader) -> None:
        self.reader, self.graph = reader, reader.graph
        self.open: list[Term] = []

    def view(self, node: Term) -> LogicalSource:
        """The logical source that a view is.

        Raises:
            MappingError: The view leads back to itself, or two fields have one name.
        """
        self._enter(node)
        on = self._source(self.reader.one(node, "viewOn"), "rml:viewOn")
        fields = self._fields(node)
        joins = tuple(
            self._join(each, inner=name == "innerJoin")
            for name in ("innerJoin", "leftJoin")
            for each in self.graph.values(node, name)
        )
        names = [*_names(fields), *(name for each in joins for name in _names(each.fields))]
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        if twice:
            raise self._error(f"two fields named {twice[0]}", node)
        self.open.pop()
        return LogicalSource(on.source, Formulation.VIEW, None, (), View(on, fields, joins))

    def _enter(self, node: Term) -> None:
        if node in self.open:
            raise self._error("a view or field that leads back to itself", node)
        self.open.append(node)

    def _error(self, found: str, node: Term, expected: str | None = None) -> MappingError:
        return self.reader.error(found, node=f"logical view {self.graph.name(node)}", expected=expected)

    def _source(self, node: Term | None, name: str) -> LogicalSource:
        if node is None:
            raise self.reader.error(f"a logical view without {name}", node="logicalSource")
        return self.view(node) if self.graph.values(node, "viewOn") else self.reader.logical(node)

    def _fields(self, node: Term) -> tuple[Field, ...]:
        return tuple(self._field(each) for each in self.graph.values(node, "field"))

    def _field(self, node: Term) -> Field:
        self._enter(node)
        name = self.reader.text(node, "fieldName")
        if not name:
            raise self._error("a field without a name", node, "rml:fieldName")
        value, iterator = self._expression(node), self.reader.text(node, "iterator")
        formulation = None
        if self.graph.values(node, "referenceFormulation"):
            formulation = self.reader.formulation(node, None, is_table=False)
        if value is not None and iterator is not None:
            raise self._error(f"field {name} has both an expression and an iterator", node, "one of them")
        fields = self._fields(node)
        self.open.pop()
        return Field(name, value, iterator, formulation, fields)

    def _expression(self, node: Term) -> Expression | None:
        """A constant, reference or template; what it refers to is read as the source of the view wants it."""
        constant = self.reader.one(node, "constant")
        reference, template = self.reader.text(node, "reference"), self.reader.text(node, "template")
        if sum(each is not None for each in (constant, reference, template)) > 1:
            raise self._error("a field with more than one expression", node, "a constant, a reference or a template")
        if constant is not None:
            return Constant(constant)
        return Reference(reference) if reference is not None else parse_template(template) if template else None

    def _join(self, node: Term, *, inner: bool) -> ViewJoin:
        parent = self._source(self.reader.one(node, "parentLogicalView"), "rml:parentLogicalView")
        joins = tuple(
            Join(self._side(each, "child"), self._side(each, "parent"))
            for each in self.graph.values(node, "joinCondition")
        )
        if not joins:
            raise self._error("a join without a condition", node, "rml:joinCondition")
        return ViewJoin(parent, joins, self._fields(node), inner)

    def _side(self, node: Term, name: str) -> Expression:
        text, dynamic = self.reader.text(node, name), self.reader.one(node, name + "Map")
        value = Reference(text) if text is not None else None if dynamic is None else self._expression(dynamic)
        if value is None:
            raise self._error("a join condition", node, f"rml:{name} or rml:{name}Map")
        return value


def _names(fields: Iterable[Field], prefix: str = "") -> list[str]:
    """Full names of fields, nested ones too."""
    found = []
    for each in fields:
        found += [prefix + each.name, *_names(each.fields, f"{prefix}{each.name}.")]
    return found
