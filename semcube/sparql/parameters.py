# SPDX-License-Identifier: Apache-2.0
"""Values that a caller gives for variables of a query."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from semcube.errors import UsageError
from semcube.io.terms import IRI, BlankNode, Literal, Term
from semcube.vocab import (
    WKT_LITERAL,
    XSD_BOOLEAN,
    XSD_DATE,
    XSD_DATETIME,
    XSD_DECIMAL,
    XSD_DOUBLE,
    XSD_INTEGER,
    XSD_TIME,
)

if TYPE_CHECKING:
    from semcube.sparql.algebra import Algebra
    from semcube.sparql.context import Context

__all__ = ["bind_parameters", "term_of"]


def bind_parameters(pattern: Algebra, values: Mapping[str, Any], context: Context) -> Algebra:
    """A pattern with variables bound to given values, wherever they occur.

    Args:
        pattern: The pattern of a query.
        values: Variable name, with or without ``?`` or ``$`` -> value (:func:`term_of`).
        context: The evaluation.
    """
    if not values:
        return pattern
    from semcube.sparql.evaluate.exists import Substitution

    names = [name.lstrip("?$") for name in values]
    numbers = context.terms.intern_terms([term_of(value) for value in values.values()])
    chosen = dict(zip(names, numbers.tolist(), strict=True))
    return Substitution(chosen, context, everywhere=True).apply(pattern)


def term_of(value: Any) -> Term:
    """The term of a Python value: a term itself, text, a number, a boolean, a date or time, or a shapely geometry.

    A geometry has longitude and latitude (CRS84).

    Raises:
        UsageError: The value has no term.

    Example:
        >>> term_of(5)
        Literal(lexical='5', datatype='http://www.w3.org/2001/XMLSchema#integer', language=None)
    """
    if hasattr(value, "item") and hasattr(value, "dtype"):
        value = value.item()
    match value:
        case IRI() | Literal() | BlankNode():
            return value
        case bool():
            return Literal(str(value).lower(), XSD_BOOLEAN)
        case str():
            return Literal(value)
        case int():
            return Literal(str(value), XSD_INTEGER)
        case float():
            return Literal(_double(value), XSD_DOUBLE)
        case Decimal():
            return Literal(format(value, "f"), XSD_DECIMAL)
        case datetime():
            return Literal(value.isoformat().replace("+00:00", "Z"), XSD_DATETIME)
        case date():
            return Literal(value.isoformat(), XSD_DATE)
        case time():
            return Literal(value.isoformat().replace("+00:00", "Z"), XSD_TIME)
        case _ if hasattr(value, "geom_type") and hasattr(value, "wkt"):
            import shapely

            return Literal(shapely.to_wkt(value, rounding_precision=-1, trim=True), WKT_LITERAL)
        case _:
            raise UsageError(
                f"a parameter of type {type(value).__name__}",
                expected="a term, text, a number, a boolean, a date or time, or a geometry",
            )


def _double(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else ("INF" if value > 0 else "-INF")
