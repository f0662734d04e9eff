# SPDX-License-Identifier: Apache-2.0
"""Push-down: sub-plans of SPARQL algebra -> relational plans over ids, run by a database.

Comes in: a node of the algebra and the :class:`Leaves` of a dataset. Goes out: a relation whose answer is exactly
that of the reference operators, or None. There is no third way: what cannot be shown to be equal stays with the
reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from semcube.sparql.pushdown.names import column_name, variable_name
from semcube.sparql.pushdown.parts import Leaves
from semcube.sparql.pushdown.relation import SqlRelation

if TYPE_CHECKING:
    from semcube.sparql.algebra import Algebra
    from semcube.sparql.context import Context

__all__ = ["Leaves", "SqlRelation", "column_name", "push", "variable_name"]


def push(node: Algebra, leaves: Leaves, context: Context) -> SqlRelation | None:
    """The node as a relation of the dataset, None where that might differ from the reference operators.

    Args:
        node: A node of the algebra or of a plan.
        leaves: The dataset's tables.
        context: The evaluation, whose dataset ``leaves`` belongs to.
    """
    from semcube.sparql.pushdown.patterns import Compiler

    part = Compiler(leaves, context).compile(node)
    return None if part is None else SqlRelation(part, leaves, context)
