# SPDX-License-Identifier: Apache-2.0
"""The RDF syntaxes: names, extensions, media types, and whether they carry graphs. The one table of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from semcube.errors import UnsupportedError

if TYPE_CHECKING:
    import pyoxigraph

__all__ = ["COMPRESSIONS", "FORMATS", "QUAD_PARQUET", "Format", "format_of", "output_format_of", "split_compression"]


@dataclass(frozen=True, slots=True)
class Format:
    """One RDF syntax."""

    name: str
    """Short name, also the preferred extension."""
    title: str
    extensions: tuple[str, ...]
    media_types: tuple[str, ...]
    """The registered media type first."""
    graphs: bool
    """Whether it carries named graphs."""
    writable: bool = True

    @property
    def media_type(self) -> str:
        """The registered media type."""
        return self.media_types[0]

    @property
    def oxigraph(self) -> pyoxigraph.RdfFormat:
        """The same syntax in pyoxigraph."""
        import pyoxigraph

        found = pyoxigraph.RdfFormat.from_media_type(self.media_type)
        if found is None:
            raise UnsupportedError(f"pyoxigraph does not know {self.media_type}")
        return found


FORMATS: tuple[Format, ...] = (
    Format("nt", "N-Triples", ("nt", "ntriples"), ("application/n-triples", "text/plain"), False),
    Format("nq", "N-Quads", ("nq", "nquads"), ("application/n-quads", "text/x-nquads"), True),
    Format("ttl", "Turtle", ("ttl", "turtle"), ("text/turtle", "application/x-turtle"), False),
    Format("trig", "TriG", ("trig",), ("application/trig", "application/x-trig"), True),
    Format(
        "rdf", "RDF/XML", ("rdf", "rdfs", "owl", "xml"), ("application/rdf+xml", "application/xml", "text/xml"), False
    ),
    Format("jsonld", "JSON-LD", ("jsonld", "json"), ("application/ld+json", "application/json"), True),
    Format("n3", "Notation3", ("n3",), ("text/n3", "text/rdf+n3"), False),
)
"""Every syntax that is read and written."""

QUAD_PARQUET = Format("parquet", "Quad-Parquet", ("parquet",), ("application/vnd.apache.parquet",), True)
"""Quads as a table (:mod:`semcube.io.quad_parquet`); apart, since other Parquet files hold no RDF."""

COMPRESSIONS = {"gz": "gzip", "zst": "zstd", "bz2": "bzip2", "xz": "xz"}
"""Extension -> compression."""


def split_compression(name: str) -> tuple[str, str | None]:
    """A file name without its compression extension, and the compression.

    Example:
        >>> split_compression("a.nt.gz"), split_compression("a.nt")
        (('a.nt', 'gzip'), ('a.nt', None))
    """
    stem, _, extension = name.rpartition(".")
    found = COMPRESSIONS.get(extension.lower()) if stem else None
    return (stem, found) if found else (name, None)


def format_of(text: str | Path) -> Format:
    """The syntax of a path, a file name, an extension, a short name or a media type.

    Args:
        text: ``data/a.ttl.gz``, ``.nq``, ``turtle`` or ``text/turtle; charset=utf-8``.

    Raises:
        UnsupportedError: No such syntax; the message lists those that are read.

    Example:
        >>> format_of("a.nt.gz").title, format_of("text/turtle; charset=utf-8").name, format_of("jsonld").graphs
        ('N-Triples', 'ttl', True)
    """
    given = str(text)
    media_type = given.partition(";")[0].strip().lower()
    name = split_compression(Path(given).name)[0].lower()
    extension = name.rpartition(".")[2]
    for item in FORMATS:
        if media_type in item.media_types or extension in item.extensions:
            return item
    known = ", ".join(f".{e}" for item in FORMATS for e in item.extensions)
    raise UnsupportedError(
        f"{given!r} is no RDF syntax that semcube knows",
        expected=f"one of {known} (also with .gz, .zst, .bz2, .xz) or their media types",
        fix="rename the file or name its format",
    )


def output_format_of(text: str | Path) -> Format:
    """As :func:`format_of`, for what is written: a Parquet file there holds quads.

    Raises:
        UnsupportedError: No such syntax.

    Example:
        >>> output_format_of("roads.parquet").title, output_format_of("roads.nt").title
        ('Quad-Parquet', 'N-Triples')
    """
    name = str(text).lower().rpartition(".")[2]
    return QUAD_PARQUET if name == QUAD_PARQUET.name else format_of(text)
