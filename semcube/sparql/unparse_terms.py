# SPDX-License-Identifier: Apache-2.0
"""Terms, paths and expressions of the algebra -> SPARQL text."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from semcube.errors import UnsupportedError
from semcube.io.terms import IRI, BlankNode, Literal, Term
from semcube.sparql.algebra import (
    Aggregate,
    Algebra,
    AlternativePath,
    Exists,
    Expression,
    FunctionCall,
    InversePath,
    NegatedPropertySet,
    OneOrMorePath,
    Operation,
    PredicatePath,
    PropertyPath,
    SequencePath,
    TermPattern,
    TriplePattern,
    Variable,
    ZeroOrMorePath,
    ZeroOrOnePath,
)
from semcube.vocab import XSD_BOOLEAN, XSD_DECIMAL, XSD_DOUBLE, XSD_INTEGER, XSD_STRING

__all__ = ["Names", "expression_text", "path_text", "term_text", "triple_text"]

_BARE = {
    XSD_INTEGER: re.compile(r"[+-]?[0-9]+"),
    XSD_DECIMAL: re.compile(r"[+-]?[0-9]*\.[0-9]+"),
    XSD_DOUBLE: re.compile(r"[+-]?(?:[0-9]+\.[0-9]*|\.?[0-9]+)[eE][+-]?[0-9]+"),
    XSD_BOOLEAN: re.compile("true|false"),
}
"""Lexical forms that SPARQL reads without quotes."""
_NOT_IN_IRI = re.compile(r'[<>"{}|^`\\\x00-\x20]')
_LOCAL = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?)?")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"})
_CLOSURES = {ZeroOrMorePath: "*", OneOrMorePath: "+", ZeroOrOnePath: "?"}


class Names:
    """How names are written: prefixes, and variables for blank nodes and for what a translation made up.

    Args:
        taken: Names of variables that are in use.
        prefixes: Prefix -> namespace, to shorten IRIs.
        local: Names of blank nodes that one basic graph pattern alone uses; they may stay blank nodes.

    Example:
        >>> Names({"b1"}).variable(Variable("_:x"))
        '?b2'
    """

    def __init__(
        self, taken: Collection[str], prefixes: Mapping[str, str] | None = None, local: Collection[str] = ()
    ) -> None:
        self._local = set(local)
        self._taken = set(taken)
        self._prefixes = prefixes or {}
        self._made: dict[str, str] = {}
        self._labels: dict[str, str] = {}

    def variable(self, variable: Variable) -> str:
        """The text of a variable, or of a blank node of a pattern."""
        if not variable.is_blank:
            return f"?{variable.name}"
        name = self._made.get(variable.name)
        if name is None:
            number = len(self._made) + 1
            while f"b{number}" in self._taken:
                number += 1
            name = self._made[variable.name] = f"b{number}"
            self._taken.add(name)
        return f"_:{name}" if variable.name in self._local else f"?{name}"

    def label(self, label: str) -> str:
        """The text of a blank node of a template."""
        return f"_:t{self._labels.setdefault(label, str(len(self._labels)))}"

    def iri(self, iri: str) -> str:
        """The text of an IRI.

        Raises:
            UnsupportedError: SPARQL has no way to write it.
        """
        for prefix, namespace in self._prefixes.items():
            if iri.startswith(namespace) and _LOCAL.fullmatch(iri, len(namespace)):
                return f"{prefix}:{iri[len(namespace) :]}"
        if _NOT_IN_IRI.search(iri):
            raise UnsupportedError(f"the IRI {iri!r}", expected="an IRI that SPARQL text can hold")
        return f"<{iri}>"


def term_text(term: TermPattern | Term, names: Names) -> str:
    r"""The text of a term or a variable.

    Example:
        >>> term_text(Literal('a"b', language="en"), Names(()))
        '"a\\"b"@en'
        >>> term_text(Literal("05", XSD_INTEGER), Names(()))
        '05'
    """
    match term:
        case Variable():
            return names.variable(term)
        case IRI(value):
            return names.iri(value)
        case BlankNode(label):
            return names.label(label)
        case Literal(lexical, datatype, language):
            bare = _BARE.get(datatype)
            if bare is not None and bare.fullmatch(lexical):
                return lexical
            quoted = f'"{lexical.translate(_ESCAPES)}"'
            if language is not None:
                return f"{quoted}@{language}"
            return quoted if datatype == XSD_STRING else f"{quoted}^^{names.iri(datatype)}"


def triple_text(triple: TriplePattern, names: Names) -> str:
    """The text of a triple pattern, with its dot."""
    return f"{' '.join(term_text(t, names) for t in (triple.subject, triple.predicate, triple.object))} ."


def path_text(path: PropertyPath, names: Names) -> str:
    """The text of a property path, with brackets around all but the simplest.

    Example:
        >>> path_text(InversePath(ZeroOrMorePath(PredicatePath(IRI("http://e/p")))), Names(()))
        '(^(<http://e/p>*))'
    """
    match path:
        case PredicatePath(iri):
            return names.iri(iri.value)
        case InversePath(inner):
            return f"(^{path_text(inner, names)})"
        case SequencePath(left, right):
            return f"({path_text(left, names)}/{path_text(right, names)})"
        case AlternativePath(left, right):
            return f"({path_text(left, names)}|{path_text(right, names)})"
        case NegatedPropertySet(forward, inverse):
            members = [names.iri(i.value) for i in forward] + [f"^{names.iri(i.value)}" for i in inverse]
            return f"!({'|'.join(members)})"
        case _:
            return f"({path_text(path.path, names)}{_CLOSURES[type(path)]})"


def expression_text(
    expression: Expression,
    names: Names,
    pattern: Callable[[Algebra], str],
    made: Mapping[Variable, str] | None = None,
) -> str:
    """The text of an expression, in brackets where it is an operator.

    Args:
        expression: What to write.
        names: How names are written.
        pattern: The text of the pattern of an ``EXISTS``, without its braces.
        made: Variables that stand for text, as those of aggregates do.

    Example:
        >>> expression_text(Operation("<", (Variable("x"), Variable("y"))), Names(()), str)
        '(?x < ?y)'
    """

    def text(part: Expression) -> str:
        match part:
            case Variable():
                return made[part] if made and part in made else names.variable(part)
            case Operation():
                return _operation(part.name, [text(argument) for argument in part.arguments])
            case FunctionCall(iri, arguments, distinct):
                inner = ", ".join(text(argument) for argument in arguments)
                return f"{names.iri(iri.value)}({'DISTINCT ' if distinct else ''}{inner})"
            case Exists(inner_pattern):
                return f"EXISTS {{ {pattern(inner_pattern)} }}"
            case Aggregate():
                return _aggregate(part, [text(argument) for argument in part.arguments], names)
            case _:
                return term_text(part, names)

    return text(expression)


def _operation(name: str, arguments: list[str]) -> str:
    if name == "IN":
        return f"({arguments[0]} IN ({', '.join(arguments[1:])}))"
    if name[0].isalpha() and name not in ("U-", "U+"):
        return f"{name}({', '.join(arguments)})"
    if len(arguments) == 1:
        return f"({name.removeprefix('U')} ({arguments[0]}))"
    return f"({f' {name} '.join(arguments)})"


def _aggregate(aggregate: Aggregate, arguments: list[str], names: Names) -> str:
    name = names.iri(aggregate.name) if ":" in aggregate.name else aggregate.name
    inner = ", ".join(arguments) if arguments else "*"
    if aggregate.separator is not None:
        inner += f"; SEPARATOR={term_text(Literal(aggregate.separator), names)}"
    return f"{name}({'DISTINCT ' if aggregate.distinct else ''}{inner})"
