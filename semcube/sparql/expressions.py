# SPDX-License-Identifier: Apache-2.0
"""Evaluates expressions over batches of solutions (SPARQL 1.1 section 17).

Comes in: an expression, solutions as columns of ids, a context. Goes out: a column of ids (0: error or unbound) or of
truth values (1, 0, -1: error). A function is evaluated once per distinct tuple of the ids it depends on; the ones that
may give something else each time (RAND, UUID, STRUUID, BNODE) once per solution.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from semcube.io.terms import IRI, Literal
from semcube.sparql.algebra import Aggregate, Exists, Expression, FunctionCall, Operation, Variable
from semcube.sparql.column_comparison import compare_columns, distinct_rows, equal_columns
from semcube.sparql.columns import ERROR, FALSE, TRUE, Column, Truth
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.functions import Function, by_iri, by_name
from semcube.sparql.functions.table import COERCE, Calling
from semcube.sparql.scope import expression_parts, expression_variables
from semcube.sparql.terms import Ids
from semcube.sparql.values import ExpressionError, Object

if TYPE_CHECKING:
    from semcube.sparql.algebra import Algebra
    from semcube.sparql.context import Context

__all__ = ["SOLUTION", "ExistsTest", "effective_boolean", "evaluate", "evaluate_column"]

ExistsTest = Callable[["Algebra", Solutions], npt.NDArray[np.bool_]]
"""For each solution, whether a pattern has a solution after substitution (section 18.6)."""

SOLUTION = "_:solution"
"""A column of this name numbers solutions, so that ``BNODE(text)`` is one node within a solution."""

_REDUCE_FROM = 16
_CHECK_ROWS = 4096


def evaluate(expression: Expression, solutions: Solutions, context: Context, exists: ExistsTest | None = None) -> Ids:
    """The ids of an expression's terms, one per solution; 0 is an error or unbound.

    Args:
        expression: What to evaluate.
        solutions: Columns of ids, 0 where unbound.
        context: The evaluation; its terms give and take ids.
        exists: Decides ``EXISTS`` patterns; needed only where the expression has one.
    """
    return evaluate_column(expression, solutions, context, exists).ids(context.terms)


def evaluate_column(
    expression: Expression, solutions: Solutions, context: Context, exists: ExistsTest | None = None
) -> Column:
    """What :func:`evaluate` gives, before computed values get ids."""
    return _Evaluation(context, exists).column(expression, solutions)


def effective_boolean(
    expression: Expression, solutions: Solutions, context: Context, exists: ExistsTest | None = None
) -> Truth:
    """The effective boolean values of an expression: 1 true, 0 false, -1 error; arguments as of :func:`evaluate`."""
    return _Evaluation(context, exists).column(expression, solutions).truth(context.terms)


class _Evaluation:
    """Evaluates expressions of one batch."""

    def __init__(self, context: Context, exists: ExistsTest | None) -> None:
        self.context = context
        self.terms = context.terms
        self.exists = exists

    def column(self, expression: Expression, solutions: Solutions) -> Column:
        """The column of an expression."""
        match expression:
            case Variable(name):
                return Column.of_ids(solutions.column(name))
            case IRI() | Literal():
                return Column.of_constant(expression, solutions.rows)
            case Exists(pattern):
                if self.exists is None:
                    raise TypeError("EXISTS needs an evaluator of patterns")
                return Column.of_truth(self.exists(pattern, solutions).astype(np.int8))
            case Operation(name, arguments):
                special = _FORMS.get(name)
                if special is not None:
                    return special(self, arguments, solutions)
                return self._call(by_name(name), name, expression, solutions)
            case FunctionCall(iri):
                return self._call(by_iri(iri.value), f"<{iri.value}>", expression, solutions)
            case Aggregate():
                raise TypeError("an aggregate outside of Group")

    # --- functions ------------------------------------------------------------------------------------------------

    def _call(
        self, function: Function | None, name: str, call: Operation | FunctionCall, solutions: Solutions
    ) -> Column:
        """A call of a function of the table."""
        count = len(call.arguments)
        most = count if function is None or function.max_arity is None else function.max_arity
        if function is None or not function.min_arity <= count <= most:
            if self.context.trace is not None:
                what = "unknown function" if function is None else f"{count} arguments given to"
                self.context.trace.count(f"{what} {name}", solutions.rows)
            return Column.of_errors(solutions.rows)
        if _is_volatile(call):
            return self._apply(function, call.arguments, solutions)
        names = sorted(v.name for v in expression_variables(call) if v.name in solutions.columns)
        if not names:
            one = self._apply(function, call.arguments, Solutions({}, 1)).objects(self.terms)[0]
            return Column.of_errors(solutions.rows) if one is None else Column.of_constant(one, solutions.rows)
        if function.cheap and function.vector is not None and not any(hasattr(a, "arguments") for a in call.arguments):
            found = function.vector(self.context, self._columns(call.arguments, solutions))
            if found is not None:
                return found
        if solutions.rows < _REDUCE_FROM:
            return self._apply(function, call.arguments, solutions)
        first, number = distinct_rows([solutions.column(name) for name in names])
        if len(first) == solutions.rows:
            return self._apply(function, call.arguments, solutions)
        return self._apply(function, call.arguments, solutions.take(first)).take(number)

    def _columns(self, arguments: tuple[Expression, ...], solutions: Solutions) -> list[Column]:
        return [self.column(argument, solutions) for argument in arguments]

    def _apply(self, function: Function, arguments: tuple[Expression, ...], solutions: Solutions) -> Column:
        """The function on every solution."""
        return self._apply_columns(function, self._columns(arguments, solutions), solutions)

    def _apply_columns(self, function: Function, columns: list[Column], solutions: Solutions) -> Column:
        """The function on columns of arguments: its column kernel where it has an answer, else its scalar kernel."""
        self.context.cancellation.check()
        if function.vector is not None:
            found = function.vector(self.context, columns)
            if found is not None:
                return found
        assert function.kernel is not None
        kernel: Callable[..., Object] = function.kernel
        kinds = [function.arguments[min(i, len(function.arguments) - 1)] for i in range(len(columns))]
        coerce = [COERCE[kind] for kind in kinds]
        leading = self._callings(solutions) if function.calling else None
        result: list[Object | None] = [None] * solutions.rows
        objects = [column.objects(self.terms) for column in columns]
        for row, given in enumerate(zip(*objects, strict=True) if objects else [()] * solutions.rows):
            if row % _CHECK_ROWS == 0:
                self.context.cancellation.check()
            if None in given:
                continue
            try:
                converted = [to(some) for to, some in zip(coerce, given, strict=True)]
                result[row] = kernel(*converted) if leading is None else kernel(leading[row], *converted)
            except (ExpressionError, ArithmeticError):
                continue
        return Column.of_objects(result)

    def _callings(self, solutions: Solutions) -> list[Calling]:
        """What kernels may know, for each solution."""
        numbers = solutions.columns.get(SOLUTION)
        if numbers is None:
            return [Calling(self.context)] * solutions.rows
        return [Calling(self.context, number) for number in numbers.tolist()]

    # --- special forms --------------------------------------------------------------------------------------------

    def _bound(self, arguments: tuple[Expression, ...], solutions: Solutions) -> Column:
        (variable,) = arguments
        assert isinstance(variable, Variable)
        return Column.of_truth((solutions.column(variable.name) != 0).astype(np.int8))

    def _not(self, arguments: tuple[Expression, ...], solutions: Solutions) -> Column:
        truth = self.column(arguments[0], solutions).truth(self.terms)
        return Column.of_truth(_negated(truth))

    def _connect(self, arguments: tuple[Expression, ...], solutions: Solutions, decisive: int) -> Column:
        """``&&`` (false decides) and ``||`` (true decides); the right side only where it matters."""
        truth = self.column(arguments[0], solutions).truth(self.terms).copy()
        rows = np.flatnonzero(truth != decisive)
        if len(rows):
            part = solutions if len(rows) == solutions.rows else solutions.take(rows)
            right = self.column(arguments[1], part).truth(self.terms)
            left = truth[rows]
            truth[rows] = np.where(
                right == decisive, decisive, np.where((left == ERROR) | (right == ERROR), ERROR, left)
            )
        return Column.of_truth(truth)

    def _and(self, arguments: tuple[Expression, ...], solutions: Solutions) -> Column:
        return self._connect(arguments, solutions, FALSE)

    def _or(self, arguments: tuple[Expression, ...], solutions: Solutions) -> Column:
        return self._connect(arguments, solutions, TRUE)

    def _if(self, arguments: tuple[Expression, ...], solutions: Solutions) -> Column:
        truth = self.column(arguments[0], solutions).truth(self.terms)
        parts = []
        for wanted, branch in ((TRUE, arguments[1]), (FALSE, arguments[2])):
            rows = np.flatnonzero(truth == wanted)
            if len(rows):
                parts.append((rows, self.column(branch, solutions.take(rows))))
        return Column.merge(solutions.rows, parts, self.terms)

    def _coalesce(self, arguments: tuple[Expression, ...], solutions: Solutions) -> Column:
        left = np.arange(solutions.rows)
        parts = []
        for argument in arguments:
            if not len(left):
                break
            found = self.column(argument, solutions.take(left))
            good = _present(found, self.terms)
            parts.append((left[good], found.take(np.flatnonzero(good))))
            left = left[~good]
        return Column.merge(solutions.rows, parts, self.terms)

    def _equal(self, arguments: tuple[Expression, ...], solutions: Solutions) -> Column:
        left, right = (self.column(argument, solutions) for argument in arguments)
        return Column.of_truth(equal_columns(left, right, self.terms))

    def _unequal(self, arguments: tuple[Expression, ...], solutions: Solutions) -> Column:
        return Column.of_truth(_negated(self._equal(arguments, solutions).truth(self.terms)))

    def _in(self, arguments: tuple[Expression, ...], solutions: Solutions) -> Column:
        """``value = first || value = second ...``; IRIs at once, the rest one by one where it is still open."""
        column = self.column(arguments[0], solutions)
        members = arguments[1:]
        iris = [member for member in members if isinstance(member, IRI)]
        ids = column.ids(self.terms)
        truth = np.where(ids == 0, ERROR, FALSE).astype(np.int8)
        if iris:
            truth[np.isin(ids, self.terms.intern_terms(iris)) & (ids != 0)] = TRUE
        for member in members:
            if isinstance(member, IRI):
                continue
            rows = np.flatnonzero(truth != TRUE)
            if not len(rows):
                break
            other = self.column(member, solutions.take(rows))
            found = equal_columns(column.take(rows), other, self.terms)
            truth[rows] = np.where(found == TRUE, TRUE, np.where(found == ERROR, ERROR, truth[rows]))
        return Column.of_truth(truth)


def _ordering(operator: str) -> Callable[[_Evaluation, tuple[Expression, ...], Solutions], Column]:
    """The form of ``<``, ``<=``, ``>`` or ``>=``."""

    def form(self: _Evaluation, arguments: tuple[Expression, ...], solutions: Solutions) -> Column:
        left, right = (self.column(argument, solutions) for argument in arguments)
        return Column.of_truth(compare_columns(operator, left, right, self.terms))

    return form


def _negated(truth: Truth) -> Truth:
    return np.where(truth == ERROR, ERROR, 1 - truth).astype(np.int8)


def _present(column: Column, terms: Any) -> npt.NDArray[np.bool_]:
    """Which rows of a column have an object."""
    if column.constant is not None:
        return np.ones(column.rows, bool)
    if column.known_ids is not None:
        return np.asarray(column.known_ids != 0)
    if column.known_doubles is not None:
        return column.known_doubles[1]
    return np.array([some is not None for some in column.objects(terms)], bool)


def _is_volatile(expression: Expression) -> bool:
    """Whether an expression may give something else for equal solutions, or asks patterns."""
    for part in expression_parts(expression):
        if isinstance(part, Exists):
            return True
        if isinstance(part, Operation):
            function = by_name(part.name)
            if function is not None and function.volatile:
                return True
    return False


_FORMS: dict[str, Callable[[_Evaluation, tuple[Expression, ...], Solutions], Column]] = {
    "BOUND": _Evaluation._bound,
    "!": _Evaluation._not,
    "&&": _Evaluation._and,
    "||": _Evaluation._or,
    "IF": _Evaluation._if,
    "COALESCE": _Evaluation._coalesce,
    "=": _Evaluation._equal,
    "!=": _Evaluation._unequal,
    "IN": _Evaluation._in,
    **{operator: _ordering(operator) for operator in ("<", "<=", ">", ">=")},
}
