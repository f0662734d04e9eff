# SPDX-License-Identifier: Apache-2.0
"""Failures of the database as errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from semcube.errors import StoreError

__all__ = ["database_errors"]


@contextmanager
def database_errors(path: object) -> Iterator[None]:
    """Turn what the database says of disk and memory into :class:`StoreError`.

    Raises:
        StoreError: The disk is full or cannot be written, or the memory limit was not enough.
    """
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise StoreError(
            f"the store {path} needs more memory than it may use: {_first_line(error)}",
            fix="raise SEMCUBE_MEMORY_MB, or load in smaller parts",
        ) from error
    except (duckdb.IOException, duckdb.FatalException, duckdb.TransactionException) as error:
        text = _first_line(error)
        if "No space left" in text or "disk" in text.lower():
            raise StoreError(
                f"the store {path} cannot be written: the disk is full",
                fix="free space, then do it again; what the store held before is unchanged",
            ) from error
        if isinstance(error, duckdb.TransactionException):
            raise
        raise StoreError(f"the store {path} cannot be read or written: {text}", fix="check the disk") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
