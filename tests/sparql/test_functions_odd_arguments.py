# SPDX-License-Identifier: Apache-2.0
"""Whatever a function is given, it gives terms or errors: no call makes a query fail."""

from __future__ import annotations

import random

import pytest

from semcube.io.terms import IRI, BlankNode, Literal, Term
from semcube.sparql.algebra import Expression, FunctionCall, Operation, Variable
from semcube.sparql.expressions import evaluate
from semcube.sparql.functions import Function, table
from semcube.vocab import (
    EPSG,
    GEOJSON_LITERAL,
    GML_LITERAL,
    KML_LITERAL,
    UOM,
    WKT_LITERAL,
    XSD,
    XSD_BOOLEAN,
    XSD_DATE,
    XSD_DATETIME,
    XSD_DECIMAL,
    XSD_DOUBLE,
    XSD_FLOAT,
    XSD_INTEGER,
    XSD_TIME,
)
from tests.sparql.expression_cases import context
from tests.sparql.expression_cases import table as solutions_of

WKT = (
    "", "POINT EMPTY", "POINT (1 2)", "POINT ZM (1 2 3 4)", "POINT M (1 2 3)", "LINESTRING (0 0, 1 1)",
    "LINESTRING (0 0, 0 0)", "POLYGON ((0 0, 2 2, 0 2, 2 0, 0 0))", "POLYGON EMPTY", "GEOMETRYCOLLECTION EMPTY",
    "GEOMETRYCOLLECTION (POINT (1 1), LINESTRING (0 0, 2 2))", "LINESTRING (179 0, -179 0)", "POINT (180 90)",
    "POINT (NaN 1)", "POINT (1e308 1e308)", "<http://nowhere> POINT (1 1)", "broken", "CIRCULARSTRING (0 0, 1 1, 2 0)",
    f"<{EPSG}4326> POINT (91 200)", f"<{EPSG}3857> POLYGON ((0 0, 1000 0, 1000 1000, 0 0))",
)  # fmt: skip
GEOMETRIES = [
    *(Literal(text, WKT_LITERAL) for text in WKT),
    Literal('{"type":"Point","coordinates":[]}', GEOJSON_LITERAL),
    Literal('{"type":"Point","coordinates":[1,2]}', GEOJSON_LITERAL),
    Literal("<Point/>", KML_LITERAL),
    Literal("<x", GML_LITERAL),
    Literal("", GML_LITERAL),
]
LITERALS = {
    XSD + "string": ("", "abc", "[", "$1", "T********", "i", "\u00e9\U0001f600\x00"),
    XSD_INTEGER: ("0", "1", "-1", "9" * 30, "9" * 999, "x", "2147483648", "-99999999999"),
    XSD_DECIMAL: ("0.0", "1.5", "-.5", "9" * 990 + ".5"),
    XSD_DOUBLE: ("NaN", "INF", "-INF", "1e308", "-0", "1e-320", "4.5e15", "1e19"),
    XSD_FLOAT: ("1e38", "NaN"),
    XSD_BOOLEAN: ("true", "1"),
    XSD_DATETIME: (
        "2020-02-29T23:59:59.999Z",
        "-999999999999999999-01-01T00:00:00Z",
        "999999999999999999-12-31T24:00:00",
    ),
    XSD_DATE: ("2020-01-01", "2020-13-01"),
    XSD_TIME: ("24:00:00",),
    XSD + "yearMonthDuration": ("P1Y", "-P99999999999999Y"),
    XSD + "dayTimeDuration": ("PT" + "9" * 400 + "S", "-P1D"),
    XSD + "duration": ("P1DT1S",),
}
OTHERS: list[Term] = [
    IRI("http://a"),
    BlankNode("b"),
    Literal("a", language="en"),
    IRI(EPSG + "3857"),
    *(IRI(UOM + name) for name in ("metre", "degree", "unity", "squareMetre")),
    *(Literal(text, datatype) for datatype, texts in LITERALS.items() for text in texts),
]
FUNCTIONS = [row for row in table() if row.kernel is not None or row.vector is not None]


def argument(row: Function, place: int, choose: random.Random) -> Term | None:
    """An argument, of the right kind more often than not."""
    kind = row.arguments[min(place, len(row.arguments) - 1)]
    if kind == "geometry literal" and choose.random() < 0.9:
        return choose.choice(GEOMETRIES)
    return choose.choice([None, *GEOMETRIES]) if choose.random() < 0.05 else choose.choice(OTHERS)


@pytest.mark.parametrize("seed", range(6))
def test_no_call_fails(seed: int) -> None:
    choose = random.Random(seed)
    for row in FUNCTIONS:
        most = row.min_arity + 2 if row.max_arity is None else row.max_arity
        count = choose.randint(row.min_arity, most)
        rows = [tuple(argument(row, i, choose) for i in range(count)) for _ in range(choose.choice((1, 3, 20)))]
        names = list("abcd"[:count])
        arguments: list[Expression] = []
        for name, first in zip(names, rows[0], strict=True):
            fixed = first is not None and not isinstance(first, BlankNode) and choose.random() < 0.3
            arguments.append(first if fixed else Variable(name))  # type: ignore[arg-type]
        given = tuple(arguments)
        call = FunctionCall(IRI(row.iri), given) if row.iri else Operation(row.name.upper(), given)
        some = context()
        solutions = solutions_of(rows, names, some)
        found = some.terms.terms(evaluate(call, solutions, some))
        assert len(found) == len(rows)
        assert len(evaluate(Operation("STR", (call,)), solutions, some)) == len(rows)
