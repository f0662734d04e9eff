# SPDX-License-Identifier: Apache-2.0
"""Column kernels of ``+ - * /`` and unary minus, where they give exactly what the scalar kernels give.

That is where every row is an error, or all are small inline integers, or in each a double meets a double or an exact
number (:data:`semcube.engines.classify.CLASSES`); otherwise None, and the scalar kernel works row by row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from semcube.engines.ids import BIAS, PAYLOAD, SHIFT, Tag
from semcube.sparql.columns import Column

if TYPE_CHECKING:
    from semcube.sparql.context import Context

__all__ = ["add", "divide", "multiply", "negate", "subtract"]

_SMALL = 1 << 27
"""Products of integers below this fit an inline id."""

Kernel = Callable[["Context", list[Column]], "Column | None"]


def _kernel(operation: Callable[..., Any], limit: int) -> Kernel:
    """The column kernel of a numpy operation; integers need operands below the limit (0: never)."""

    def kernel(context: Context, arguments: list[Column]) -> Column | None:
        sides = [column.typed(context.terms) for column in arguments]
        bound = np.logical_and.reduce([tags != 0 for _, tags, _ in sides])
        if limit and all(ids is not None and bool((tags == Tag.INTEGER).all()) for ids, tags, _ in sides):
            values = [(ids & PAYLOAD) - BIAS for ids, _, _ in sides if ids is not None]
            if all(not len(value) or int(np.abs(value).max()) < limit for value in values):
                return Column.of_ids((int(Tag.INTEGER) << SHIFT) | (operation(*values) + BIAS))
            return None
        typed = [side[2] for side in sides]
        double = np.logical_or.reduce([side.double for side in typed])
        known = np.logical_and.reduce([side.double | side.exact for side in typed])
        if not bool((double & known | ~bound).all()):
            return None
        with np.errstate(all="ignore"):
            return Column.of_doubles(operation(*(side.number for side in typed)), bound)

    return kernel


add = _kernel(np.add, BIAS // 2)
subtract = _kernel(np.subtract, BIAS // 2)
multiply = _kernel(np.multiply, _SMALL)
divide = _kernel(np.true_divide, 0)
negate = _kernel(np.negative, BIAS)
