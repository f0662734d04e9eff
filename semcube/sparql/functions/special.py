# SPDX-License-Identifier: Apache-2.0
"""Rows of the forms that the evaluator knows itself: they do not simply compute with the values of their arguments."""

from __future__ import annotations

from semcube.sparql.functions.table import row

_OPERATORS = "SPARQL 1.1, 17.3"
_FORMS = "SPARQL 1.1, 17.4.1"
_VALUE = ("value", "value")

row(
    "||",
    ("boolean", "boolean"),
    "boolean",
    clause=_FORMS + ".5",
    doc="Whether one is true; an error beside true is true.",
)
row(
    "&&",
    ("boolean", "boolean"),
    "boolean",
    clause=_FORMS + ".6",
    doc="Whether both are true; an error beside false is false.",
)
row("!", ("boolean",), "boolean", clause=_OPERATORS, doc="Whether it is false.")
row("=", _VALUE, "boolean", clause=_FORMS + ".7", doc="Whether two terms have the same value.")
row("!=", _VALUE, "boolean", clause=_OPERATORS, doc="Whether two terms have different values.")
row(
    "<",
    _VALUE,
    "boolean",
    clause=_OPERATORS,
    doc="Whether the first is less: numbers, strings, booleans, dates and times.",
)
row(">", _VALUE, "boolean", clause=_OPERATORS, doc="Whether the first is greater.")
row("<=", _VALUE, "boolean", clause=_OPERATORS, doc="Whether the first is less or equal.")
row(">=", _VALUE, "boolean", clause=_OPERATORS, doc="Whether the first is greater or equal.")
row("IN", _VALUE, "boolean", arity=(1, None), clause=_FORMS + ".9", doc="Whether the value equals one of a list.")
row("BOUND", ("variable",), "boolean", clause=_FORMS + ".1", doc="Whether a variable has a value.")
row(
    "IF", ("boolean", "term", "term"), "term", clause=_FORMS + ".2",
    doc="The second argument if the first is true, else the third.",
)  # fmt: skip
row("COALESCE", ("term",), "term", arity=(0, None), clause=_FORMS + ".3", doc="The first argument that is no error.")
row("EXISTS", ("pattern",), "boolean", clause=_FORMS + ".4", doc="Whether a pattern has a solution; also NOT EXISTS.")
