# SPDX-License-Identifier: Apache-2.0
"""The IRIs of what is linked: a column that holds them, or a template over columns."""

from __future__ import annotations

import re
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from semcube.errors import RowError, SourceError

__all__ = ["ABSOLUTE_IRI", "IRINaming"]

_FIELD = re.compile(r"\{([^{}]+)\}")
_SAFE = r"^[A-Za-z0-9._~\x{A0}-\x{D7FF}\x{F900}-\x{FDCF}\x{FDF0}-\x{FFEF}-]*$"
_UNSAFE = re.compile(r"[^A-Za-z0-9._~\u00A0-\uD7FF\uF900-\uFDCF\uFDF0-\uFFEF\U00010000-\U000EFFFD-]")
ABSOLUTE_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]*")
_IRI = r"^[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]*$"


class IRINaming:
    """How the rows of a side are called.

    Args:
        text: The name of a column of IRIs, or a template such as ``http://e/{code}`` whose values are made safe for
            IRIs (R2RML, 7.3).
        columns: The columns there are.
        source: What is read, for messages.

    Raises:
        SourceError: A column does not exist.

    Example:
        >>> naming = IRINaming("http://e/{code}", ["fid", "code"], "towns.csv")
        >>> naming.iris(pa.record_batch({"code": ["a b", "c"]}), 0).to_pylist()
        ['http://e/a%20b', 'http://e/c']
    """

    def __init__(self, text: str, columns: list[str], source: str) -> None:
        self.source = source
        self.text = text
        self.pieces = [text] if text in columns else _FIELD.split(text)
        self.is_column = text in columns
        self.columns = [text] if self.is_column else self.pieces[1::2]
        missing = [name for name in self.columns if name not in columns]
        if not self.columns or missing:
            raise SourceError(
                f"IRIs from {text!r}" + (f": no column {', '.join(missing)}" if missing else ": no such column"),
                source=source,
                expected=f"a column, or a template such as https://example.org/{{{columns[0] if columns else 'id'}}}"
                f" with some of {', '.join(columns) or '(no columns)'}",
            )

    def iris(self, batch: pa.RecordBatch, first_row: int) -> pa.Array:
        """The IRIs of a batch (``large_string``); null where a column is.

        Raises:
            RowError: A value makes no IRI; says row and column.
        """
        if self.is_column:
            made = batch.column(self.text).cast(pa.large_string())
        else:
            parts: list[pa.Array | pa.Scalar] = []
            for number, piece in enumerate(self.pieces):
                value = _safe(batch.column(piece)) if number % 2 else pa.scalar(piece, pa.large_string())
                parts.append(value)
            made = pc.binary_join_element_wise(*parts, pa.scalar("", pa.large_string()))
        good = pc.fill_null(pc.match_substring_regex(made, _IRI), True)
        if not pc.all(good, min_count=0).as_py():
            row = pc.index(good, False).as_py()
            raise RowError(
                f"{made[row].as_py()!r} is no absolute IRI",
                source=self.source,
                row=first_row + row,
                column=", ".join(self.columns),
                fix="give a template such as https://example.org/{column} instead of the column",
            )
        return made


def _safe(column: pa.Array) -> pa.Array:
    texts = column.cast(pa.large_string())
    if pc.all(pc.match_substring_regex(texts, _SAFE), min_count=0).as_py() is not False:
        return texts
    encoded = texts.dictionary_encode()
    words = [_UNSAFE.sub(lambda m: quote(m[0], safe=""), word) for word in encoded.dictionary.to_pylist()]
    return pa.array(words, pa.large_string()).take(encoded.indices)
