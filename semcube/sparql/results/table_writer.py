# SPDX-License-Identifier: Apache-2.0
"""Solutions as a table for people: aligned columns, prefixed names, long values cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from semcube.io.terms import KIND_BLANK, KIND_IRI
from semcube.sparql.results.cells import Columns, pieces
from semcube.vocab import PREFIXES

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["write_table"]

_MEASURED_ROWS = 1000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_LOCAL = re.compile(r"[\w-]+(?:\.[\w-]+)*")


def write_table(
    variables: Sequence[str],
    batches: Iterable[Columns],
    *,
    prefixes: Mapping[str, str] = PREFIXES,
    widest: int = 60,
) -> Iterator[bytes]:
    """Solutions as a text table; made for terminals, not for programs.

    Args:
        variables: Names, in order.
        batches: Solutions.
        prefixes: Prefix -> namespace, to shorten IRIs.
        widest: Cells wider than this are cut.

    Yields:
        Lines in UTF-8; the last one tells how many rows there are. Columns are as wide as the first 1,000 rows ask for.

    Example:
        >>> print(b"".join(write_table(["x", "name"], [])).decode())
        x | name
        --+-----
        0 rows
    """
    rows = (row for count, columns in pieces(batches) for row in _rows(count, columns, prefixes))
    sample = list(islice(rows, _MEASURED_ROWS))
    widths = [_width(name, (row[i] for row in sample), widest) for i, name in enumerate(variables)]
    yield (_line(variables, widths) + "\n" + "-+-".join("-" * width for width in widths) + "\n").encode()
    count = 0
    for row in _chained(sample, rows):
        count += 1
        yield (_line(row, widths) + "\n").encode()
    yield f"{count} row{'' if count == 1 else 's'}\n".encode()


def _chained(sample: list[tuple[str, ...]], rest: Iterator[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    yield from sample
    yield from rest


def _width(name: str, cells: Iterable[str], widest: int) -> int:
    from rich.cells import cell_len

    return min(widest, max([cell_len(name), *(cell_len(cell) for cell in cells)]))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    from rich.cells import cell_len, set_cell_size

    shown = [
        set_cell_size(cell, width) if cell_len(cell) <= width else set_cell_size(cell, width - 1) + "…"
        for cell, width in zip(cells, widths, strict=True)
    ]
    return " | ".join(shown).rstrip()


def _rows(count: int, columns: Sequence[pa.RecordBatch], prefixes: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    if not columns:
        return iter([()] * count)
    texts = [
        [
            _cell(kind, lexical, prefixes)
            for kind, lexical in zip(terms.column("kind").to_pylist(), terms.column("lexical").to_pylist(), strict=True)
        ]
        for terms in columns
    ]
    return zip(*texts, strict=True)


def _cell(kind: int | None, lexical: str | None, prefixes: Mapping[str, str]) -> str:
    if kind is None or lexical is None:
        return ""
    if kind == KIND_BLANK:
        return f"_:{lexical}"
    if kind == KIND_IRI:
        return _short(lexical, prefixes)
    return _CONTROL.sub(" ", lexical)


def _short(iri: str, prefixes: Mapping[str, str]) -> str:
    for prefix, namespace in prefixes.items():
        if iri.startswith(namespace) and _LOCAL.fullmatch(iri, len(namespace)):
            return f"{prefix}:{iri[len(namespace) :]}"
    return _CONTROL.sub(" ", iri)
