# SPDX-License-Identifier: Apache-2.0
"""Settings: one frozen dataclass, read from the environment with the prefix ``SEMCUBE_``.

Example:
    >>> Settings.from_environment({"SEMCUBE_THREADS": "3"}).threads
    3
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from semcube.errors import UsageError


@dataclass(frozen=True)
class Settings:
    """How much of the machine semcube may use, and the defaults of long work."""

    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Threads of the embedded engine and of the spatial operator."""
    memory_mb: int = 2048
    """Memory of the embedded engine before it spills to disk, in MiB; of a store with all that it keeps beside it."""
    batch_bytes: int = 16 * 1024 * 1024
    """Upper bound of one Arrow batch read from a source, in bytes."""
    batch_rows: int = 65536
    """Upper bound of one Arrow batch, in rows."""
    timeout_s: float = 60.0
    """Deadline of one query of the endpoint, in seconds; 0 is none."""
    base: str = "https://example.org/"
    """Base of generated IRIs where none is given."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Settings from ``SEMCUBE_*`` variables, defaults elsewhere.

        Raises:
            UsageError: A variable does not hold a value of its type.
        """
        values = os.environ if environment is None else environment
        given: dict[str, object] = {}
        for item in fields(cls):
            name = "SEMCUBE_" + item.name.upper()
            if name not in values:
                continue
            kind = {"int": int, "float": float, "str": str}[str(item.type)]
            try:
                given[item.name] = kind(values[name])
            except ValueError:
                raise UsageError(
                    f"{name} is {values[name]!r}",
                    expected=f"a value of type {item.type}",
                    fix=f"set {name} to such a value or unset it",
                ) from None
        return cls(**given)  # type: ignore[arg-type]
