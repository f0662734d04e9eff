# SPDX-License-Identifier: Apache-2.0
"""What happened to a query, as data and as text: stages, and per node rows, milliseconds and who ran it.

Example:
    >>> trace = Trace()
    >>> trace.count("malformed geometries", 2)
    >>> trace.report().counts
    {'malformed geometries': 2}
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from semcube.io.terms import BlankNode, Literal, Term, key
from semcube.sparql.algebra import (
    BGP,
    Aggregate,
    Algebra,
    AlternativePath,
    Exists,
    Expression,
    Extend,
    Filter,
    FunctionCall,
    Graph,
    Group,
    InversePath,
    LeftJoin,
    NegatedPropertySet,
    OneOrMorePath,
    Operation,
    OrderBy,
    Path,
    PredicatePath,
    Project,
    PropertyPath,
    SequencePath,
    Service,
    Slice,
    Values,
    Variable,
    ZeroOrMorePath,
    ZeroOrOnePath,
)
from semcube.sparql.scope import children
from semcube.vocab import PREFIXES, XSD_BOOLEAN, XSD_DECIMAL, XSD_INTEGER

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from semcube.sparql.dataset import Dataset
    from semcube.sparql.query import QueryOptions

_PLAIN = (XSD_BOOLEAN, XSD_DECIMAL, XSD_INTEGER)

__all__ = ["NodeReport", "Report", "Trace", "describe", "explain", "outline"]


@dataclass
class NodeReport:
    """One node of the plan as it ran."""

    operator: str
    detail: str
    how: str = "reference"
    """``pushed`` to the dataset, or run by the ``reference`` operator."""
    native: str | None = None
    """The native text of a pushed node."""
    estimated: float | None = None
    rows: int = 0
    calls: int = 0
    milliseconds: float = 0.0
    """Time in this node and the nodes below it."""
    notes: list[str] = field(default_factory=list)
    """Decisions taken, and why."""
    children: list[NodeReport] = field(default_factory=list)


@dataclass
class Report:
    """All that a trace collected; :meth:`to_dict` is ready for JSON."""

    stages: dict[str, str]
    milliseconds: dict[str, float]
    counts: dict[str, int]
    plan: list[NodeReport]

    def to_dict(self) -> dict[str, Any]:
        """As plain dictionaries, lists, strings and numbers."""
        return asdict(self)

    def to_text(self) -> str:
        """As text for people."""
        lines: list[str] = []
        for stage, text in self.stages.items():
            spent = f" ({self.milliseconds[stage]:.1f} ms)" if stage in self.milliseconds else ""
            lines += [f"== {stage}{spent}", text]
        lines.append("== ran")
        for node in self.plan:
            lines += _node_lines(node, 0)
        lines += [f"{name}: {number}" for name, number in self.counts.items()]
        return "\n".join(lines)


class Trace:
    """Collects what happens while a query runs. One object per node; all share stages and counts."""

    def __init__(self) -> None:
        self.stages: dict[str, str] = {}
        self.milliseconds: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.node = NodeReport("query", "")

    def count(self, what: str, number: int = 1) -> None:
        """Adds to a counter: things skipped, malformed, requests sent."""
        if number:
            self.counts[what] = self.counts.get(what, 0) + number

    def note(self, text: str) -> None:
        """Records a decision of the node that is running."""
        if text not in self.node.notes:
            self.node.notes.append(text)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times a stage."""
        start = time.perf_counter()
        yield
        self.milliseconds[name] = self.milliseconds.get(name, 0.0) + (time.perf_counter() - start) * 1000

    def enter(self, node: Algebra) -> Trace:
        """The trace of a node below this one; the same node run again adds to its report."""
        operator, detail = type(node).__name__, describe(node)
        found = next((c for c in self.node.children if (c.operator, c.detail) == (operator, detail)), None)
        if found is None:
            found = NodeReport(operator, detail)
            self.node.children.append(found)
        found.calls += 1
        below = Trace.__new__(Trace)
        below.stages, below.milliseconds, below.counts = self.stages, self.milliseconds, self.counts
        below.node = found
        return below

    def report(self) -> Report:
        """What was collected so far."""
        return Report(dict(self.stages), dict(self.milliseconds), dict(self.counts), list(self.node.children))


def explain(query: str, dataset: Dataset, **options: Unpack[QueryOptions]) -> Report:
    """Runs a query and says how it ran.

    Args:
        query: SPARQL text.
        dataset: What to ask.
        options: As for :func:`semcube.sparql.query.execute`.
    """
    from semcube.sparql.query import execute

    trace = options.get("trace") or Trace()
    options["trace"] = trace
    answer = execute(query, dataset, **options)
    if answer.kind == "bindings":
        for _ in answer.batches():
            pass
    elif answer.kind == "graph":
        for _ in answer.quads():
            pass
    return trace.report()


def outline(node: Algebra, depth: int = 0) -> str:
    """A plan as indented text, one line per node.

    Example:
        >>> from semcube.sparql.algebra import Distinct, Unit
        >>> print(outline(Distinct(Unit())))
        Distinct
          Unit
    """
    detail = describe(node)
    line = "  " * depth + type(node).__name__ + (f" {detail}" if detail else "")
    return "\n".join([line, *(outline(child, depth + 1) for child in children(node))])


def _node_lines(node: NodeReport, depth: int) -> list[str]:
    margin = "  " * depth
    estimated = "" if node.estimated is None else f" of about {node.estimated:.0f}"
    times = f", {node.calls} times" if node.calls > 1 else ""
    head = f"{margin}{node.operator} {node.detail}".rstrip()
    lines = [f"{head} [{node.how}: {node.rows} rows{estimated}, {node.milliseconds:.1f} ms{times}]"]
    lines += [f"{margin}  - {note}" for note in node.notes]
    if node.native:
        lines += [f"{margin}  | {line}" for line in node.native.splitlines()]
    for child in node.children:
        lines += _node_lines(child, depth + 1)
    return lines


# --- one line for a node ---------------------------------------------------------------------------------------------


def describe(node: Algebra) -> str:
    """What a node does, its children left out.

    Example:
        >>> describe(Slice(BGP(()), 5, 10))
        'offset 5 limit 10'
    """
    own = getattr(node, "describe", None)
    if own is not None:
        return str(own())
    match node:
        case BGP(triples, graph):
            text = " . ".join(" ".join(_term(t) for t in (p.subject, p.predicate, p.object)) for p in triples)
            return text if graph is None else f"graph {_term(graph)} {{ {text} }}"
        case Path(subject, path, object_, graph):
            text = f"{_term(subject)} {_path(path)} {_term(object_)}"
            return text if graph is None else f"graph {_term(graph)} {{ {text} }}"
        case Filter(expression, _):
            return _expression(expression)
        case LeftJoin(_, _, expression):
            return "" if expression is None else _expression(expression)
        case Graph(name, _) | Service(name, _):
            return _term(name)
        case Extend(_, variable, expression):
            return f"{_term(variable)} := {_expression(expression)}"
        case Values(variables, rows):
            return f"{' '.join(map(_term, variables))} ({len(rows)} rows)"
        case Project(_, variables):
            return " ".join(map(_term, variables))
        case _:
            return _describe_modifier(node)


def _describe_modifier(node: Algebra) -> str:
    match node:
        case Group(_, keys, aggregates):
            named = [f"{_term(v)} := {_expression(e)}" for v, e in (*keys, *aggregates)]
            return ", ".join(named)
        case OrderBy(_, conditions):
            return ", ".join(("desc " if c.descending else "") + _expression(c.expression) for c in conditions)
        case Slice(_, offset, limit):
            return f"offset {offset}" + ("" if limit is None else f" limit {limit}")
        case _:
            return ""


def _term(term: Variable | Term) -> str:
    if isinstance(term, Variable):
        return f"?{term.name}"
    if isinstance(term, Literal) and term.datatype in _PLAIN:
        return term.lexical
    text = key(term)
    if not isinstance(term, BlankNode):
        for prefix, namespace in PREFIXES.items():
            text = text.replace(f"<{namespace}", f"{prefix}:").removesuffix(">") if f"<{namespace}" in text else text
    return text if len(text) <= 80 else text[:60] + "..." + text[-17:]


def _expression(expression: Expression) -> str:
    match expression:
        case Operation(name, arguments) | Aggregate(name, arguments):
            if len(arguments) == 2 and not name[0].isalpha():
                return f"({_expression(arguments[0])} {name} {_expression(arguments[1])})"
            return f"{name}({', '.join(map(_expression, arguments))})"
        case FunctionCall(iri, arguments):
            return f"{_term(iri)}({', '.join(map(_expression, arguments))})"
        case Exists(pattern):
            return "EXISTS { " + " ".join(outline(pattern).split()) + " }"
        case _:
            return _term(expression)


def _path(path: PropertyPath) -> str:
    match path:
        case PredicatePath(iri):
            return _term(iri)
        case InversePath(inner):
            return f"^({_path(inner)})"
        case SequencePath(left, right):
            return f"({_path(left)}/{_path(right)})"
        case AlternativePath(left, right):
            return f"({_path(left)}|{_path(right)})"
        case ZeroOrMorePath(inner):
            return f"({_path(inner)})*"
        case OneOrMorePath(inner):
            return f"({_path(inner)})+"
        case ZeroOrOnePath(inner):
            return f"({_path(inner)})?"
        case NegatedPropertySet(forward, inverse):
            return "!(" + "|".join([*map(_term, forward), *("^" + _term(i) for i in inverse)]) + ")"
