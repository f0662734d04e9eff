# SPDX-License-Identifier: Apache-2.0
"""The table ``terms`` with the texts of all terms."""

from __future__ import annotations

from typing import Any

from semcube.store.derived import with_texts

__all__ = ["register_written"]


def register_written(connection: Any) -> Any:
    """The connection, where SQL knows the terms as ``written``."""
    connection.register("written", with_texts(connection.sql("SELECT * FROM terms").to_arrow_table(), connection))
    return connection
