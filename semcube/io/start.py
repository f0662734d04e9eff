# SPDX-License-Identifier: Apache-2.0
"""What a process of its own does first, before it uses Arrow."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["leave_pandas_out"]


class _NoPandas:
    """Finds that there is no pandas."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> Any:
        if name == "pandas":
            raise ImportError("not needed")
        return None


def leave_pandas_out() -> None:
    """Let pyarrow look for pandas now and find none.

    It looks once, when it is first given an array, and importing pandas takes longer than a small run. Whatever needs
    pandas later (xarray, ``to_pandas``) imports it as ever.
    """
    if "pandas" in sys.modules:
        return
    finder: Any = _NoPandas
    sys.meta_path.insert(0, finder)
    try:
        import pyarrow as pa

        pa.array([0])
    finally:
        sys.meta_path.remove(finder)
