# SPDX-License-Identifier: Apache-2.0
"""What terms are beside their texts: tag, datatype and language, each combination once and by number.

A store has few of them, and they are never changed or removed, so they are kept in memory (about 300 bytes each).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from semcube.engines.ids import Tag
from semcube.io.terms import KIND_BLANK, KIND_IRI, KIND_LITERAL
from semcube.store.term_rows import About, as_about

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

__all__ = ["Form", "FormColumns", "Forms"]

_KINDS = {int(Tag.IRI): KIND_IRI, int(Tag.BLANK): KIND_BLANK}


class Form(NamedTuple):
    """What a term is beside its text."""

    tag: int
    """:class:`semcube.engines.ids.Tag`."""
    datatype: str | None = None
    """None unless a literal."""
    language: str | None = None


class FormColumns(NamedTuple):
    """All forms, by number."""

    kind: npt.NDArray[np.int8]
    datatype: pa.Array
    language: pa.Array


class Forms:
    """The forms of a store that are known; their numbers count from 0. Safe between threads.

    Args:
        known: Those with the first numbers.

    Example:
        >>> forms = Forms()
        >>> forms.number(Form(3, "http://e/d")), forms.number(Form(2)), forms.number(Form(3, "http://e/d"))
        (0, 1, 0)
    """

    def __init__(self, known: list[Form] | None = None) -> None:
        self._lock = threading.Lock()
        self._numbers: dict[Form, int] = {}
        self._abouts: list[About] = []
        self._columns: FormColumns | None = None
        self._add(known or [])

    def __len__(self) -> int:
        return len(self._abouts)

    def _add(self, forms: list[Form]) -> None:
        for form in forms:
            self._numbers[form] = len(self._numbers)
            self._abouts.append(as_about(_KINDS.get(form.tag, KIND_LITERAL), form.datatype, form.language))

    def copy(self) -> Forms:
        """The same forms, to which others may be added."""
        with self._lock:
            return Forms(list(self._numbers))

    def number(self, form: Form) -> int:
        """The number of a form, which becomes known if it is not."""
        found = self._numbers.get(form)
        if found is None:
            found = len(self._numbers)
            self._add([form])
        return found

    def since(self, first: int) -> list[Form]:
        """The forms from a number on."""
        return list(self._numbers)[first:]

    def read(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Get to know the forms that a connection sees."""
        with self._lock:
            text = f"SELECT tag, datatype, language FROM forms WHERE form >= {len(self)} ORDER BY form"
            self._add([Form(*row) for row in connection.execute(text).fetchall()])

    def about(self, number: int) -> About:
        """Kind, datatype and language of a form that is known."""
        return self._abouts[number]

    def columns(self) -> FormColumns:
        """Kind, datatype and language of all forms that are known."""
        found = self._columns
        if found is None or len(found.kind) < len(self):
            listed = self._abouts[: len(self)]
            texts = (pa.array([about[i] for about in listed], pa.large_string()) for i in (1, 2))
            found = self._columns = FormColumns(np.array([about[0] for about in listed], np.int8), *texts)
        return found
