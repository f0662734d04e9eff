# SPDX-License-Identifier: Apache-2.0
"""Function calls of mapping documents: RML-FNML (http://w3id.org/rml/fnml/spec) and the older ``fnml:functionValue``.

A call is checked here: the function, its parameters and its result have to be known ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from semcube.errors import MappingError
from semcube.io.terms import IRI, Literal, Term
from semcube.mapping.functions import OUTPUTS, arrange, find, local
from semcube.mapping.model import Constant, FunctionCall, TermMap, TermType

if TYPE_CHECKING:
    from semcube.mapping.graph import MappingGraph

__all__ = ["function_call"]

_EXECUTES = tuple(
    f"{space}executes" for space in ("https://w3id.org/function/ontology#", "http://w3id.org/function/ontology#")
)


class Reader(Protocol):
    """What reads term maps and makes errors."""

    graph: MappingGraph

    def one(self, node: Term, name: str) -> Term | None:
        """The only value of a property."""

    def term_map(self, node: Term, where: str) -> TermMap:
        """A term map."""

    def error(
        self, found: str, *, node: str | None = None, expected: str | None = None, fix: str | None = None
    ) -> MappingError:
        """The error about a node."""


def function_call(reader: Reader, node: Term, where: str) -> FunctionCall | None:
    """The call that a term map makes, None if it makes none.

    Raises:
        MappingError: The function, a parameter or the result is not known, or an input has no value.
    """
    execution, older = reader.one(node, "functionExecution"), reader.one(node, "functionValue")
    if execution is None and older is None:
        return None
    if execution is not None:
        function, inputs = _execution(reader, execution, where)
    else:
        assert older is not None
        function, inputs = _function_value(reader, older, where)
    output = _constant(reader, node, "return", where) or _constant(reader, node, "output", where)
    try:
        found = find(function)
        arrange(found, [iri for iri, _ in inputs])
    except MappingError as error:
        raise reader.error(error.found, node=where, expected=error.expected, fix=error.fix) from None
    if output is not None and local(output).lower() not in OUTPUTS:
        raise reader.error(f"result {output} of {found.name} is not known", node=where, fix="leave rml:return out")
    return FunctionCall(function, inputs)


def _execution(reader: Reader, node: Term, where: str) -> tuple[str, tuple[tuple[str, TermMap], ...]]:
    """An ``rml:FunctionExecution``."""
    function = _constant(reader, node, "function", where)
    if function is None:
        raise reader.error("a function execution without a function", node=where, expected="rml:function")
    inputs = []
    for each in reader.graph.values(node, "input"):
        parameter = _constant(reader, each, "parameter", where)
        if parameter is None:
            raise reader.error("an input without a parameter", node=where, expected="rml:parameter")
        inputs.append((parameter, _input(reader, each, parameter, where)))
    return function, tuple(inputs)


def _input(reader: Reader, node: Term, parameter: str, where: str) -> TermMap:
    value, dynamic = reader.one(node, "inputValue"), reader.one(node, "inputValueMap")
    if (value is None) is (dynamic is None):
        raise reader.error(
            f"the input {local(parameter)} has {'no' if value is None else 'more than one'} value",
            node=where,
            expected="one rml:inputValue or rml:inputValueMap",
        )
    if dynamic is not None:
        return reader.term_map(dynamic, f"{where} input")
    return _of(value, f"{where} input")


def _of(term: Term | None, where: str) -> TermMap:
    assert term is not None
    kind = TermType.LITERAL if isinstance(term, Literal) else TermType.IRI
    return TermMap(Constant(term), kind, node=where)


def _constant(reader: Reader, node: Term, name: str, where: str) -> str | None:
    """The IRI of a property, or of its map, which has to be constant."""
    value, dynamic = reader.one(node, name), reader.one(node, name + "Map")
    if dynamic is not None:
        value = reader.one(dynamic, "constant")
        if value is None:
            raise reader.error(f"a {name} map that is not constant", node=where, expected="rml:constant")
    if value is None:
        return None
    if not isinstance(value, IRI):
        raise reader.error(f"{name} is {reader.graph.name(value)}", node=where, expected="an IRI")
    return value.value


def _function_value(reader: Reader, node: Term, where: str) -> tuple[str, tuple[tuple[str, TermMap], ...]]:
    """The older form: a triples map whose properties are the parameters (``fno:executes`` names the function)."""
    function, inputs = None, []
    for item in reader.graph.values(node, "predicateObjectMap"):
        name = _predicate(reader, item, where)
        values = [_of(each, f"{where} input") for each in reader.graph.values(item, "object")]
        values += [reader.term_map(each, f"{where} input") for each in reader.graph.values(item, "objectMap")]
        if name in _EXECUTES:
            terms = [each.value.term for each in values if isinstance(each.value, Constant)]
            function = next((each.value if isinstance(each, IRI) else each.lexical for each in terms
                             if isinstance(each, IRI | Literal)), None)  # fmt: skip
        else:
            inputs += [(name, each) for each in values]
    if function is None:
        raise reader.error("a function value without fno:executes", node=where, expected="the IRI of a function")
    return function, tuple(inputs)


def _predicate(reader: Reader, item: Term, where: str) -> str:
    found = reader.graph.values(item, "predicate")
    for each in reader.graph.values(item, "predicateMap"):
        found += reader.graph.values(each, "constant")
    if len(found) != 1 or not isinstance(found[0], IRI):
        raise reader.error("a parameter of a function value", node=where, expected="one rr:predicate")
    return found[0].value
