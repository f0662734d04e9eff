# SPDX-License-Identifier: Apache-2.0
"""Names of variables as names of SQL columns."""

from __future__ import annotations

__all__ = ["column_name", "variable_name"]


def column_name(variable: str) -> str:
    """The column of a variable: engines hold ``a`` and ``A`` for the same name, SPARQL does not.

    Example:
        >>> column_name("roadName"), variable_name("road^4e;ame")
        ('road^4e;ame', 'roadName')
    """
    return "".join(c if c.isascii() and c == c.lower() else f"^{ord(c):x};" for c in variable)


def variable_name(column: str) -> str:
    """The variable of a column."""
    head, *rest = column.split("^")
    return head + "".join(chr(int(code, 16)) + tail for code, _, tail in (part.partition(";") for part in rest))
