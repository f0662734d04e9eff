# SPDX-License-Identifier: Apache-2.0
"""Logical targets (RML-IO, section 4): files beside the output of a run, each in its own syntax and packing."""

from __future__ import annotations

import codecs
import io
import json
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from collections.abc import Mapping as Dictionary
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from semcube.errors import UnsupportedError
from semcube.io import RDFWriter
from semcube.io.formats import format_of
from semcube.io.ntriples import lines_of_keys
from semcube.io.output import output_errors, replacing
from semcube.io.streams import compressing
from semcube.mapping.model import LogicalTarget

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TargetWriters"]


class TargetWriters:
    """Writes batches to logical targets; a context manager. Files appear when they are complete.

    Args:
        targets: All targets of the mapping.
        prefixes: Prefixes for syntaxes that have them.

    Raises:
        OutputError: A file cannot be written.
        UnsupportedError: The encoding is not known.

    Example:
        >>> import pyarrow as pa
        >>> from semcube.io.terms import QUADS
        >>> target = LogicalTarget(tempfile.mkdtemp() + "/a.nt", "nt")
        >>> quad = {"s": "<http://a/b>", "p": "<http://a/c>", "o": '"d"'}
        >>> with TargetWriters([target], {}) as writers:
        ...     writers.write(target, pa.RecordBatch.from_pylist([quad], QUADS))
        >>> Path(target.path).read_text()
        '<http://a/b> <http://a/c> "d" .\\n'
    """

    def __init__(self, targets: Iterable[LogicalTarget], prefixes: Dictionary[str, str]) -> None:
        self.targets, self.prefixes = tuple(dict.fromkeys(targets)), prefixes
        self._writers: dict[LogicalTarget, RDFWriter | _RDFJSONWriter] = {}
        self._exits = ExitStack()

    def __enter__(self) -> TargetWriters:
        with ExitStack() as opening:
            for target in self.targets:
                self._writers[target] = self._open(target, opening)
            self._exits = opening.pop_all()
        return self

    def _open(self, target: LogicalTarget, exits: ExitStack) -> RDFWriter | _RDFJSONWriter:
        stream = exits.enter_context(_Packed(target))
        if target.syntax == "rj":
            return exits.enter_context(_RDFJSONWriter(stream))
        return exits.enter_context(RDFWriter(stream, format_of(target.syntax), prefixes=self.prefixes))

    def write(self, target: LogicalTarget, batch: pa.RecordBatch) -> None:
        """Write a batch to one of the targets."""
        self._writers[target].write(batch)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.__exit__(kind, error, trace)


class _Packed:
    """A stream whose content becomes the target's file: recoded, compressed or packed when it is complete."""

    def __init__(self, target: LogicalTarget) -> None:
        self.target = target
        self.path = Path(target.root or "") / target.path
        self._exits = ExitStack()

    def __enter__(self) -> IO[bytes]:
        with ExitStack() as opening:
            self._temporary = opening.enter_context(replacing(self.path))
            folder = opening.enter_context(tempfile.TemporaryDirectory(prefix="semcube-target-"))
            self._plain = Path(folder) / "plain"
            with output_errors(self.path):
                self._stream = opening.enter_context(self._plain.open("wb"))
            self._exits = opening.pop_all()
        return self._stream

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._exits as exits:
            if error is not None:
                # The folder and the unfinished file go, the old file stays.
                exits.push(lambda *_: False)
                raise error
            with output_errors(self.path):
                self._stream.close()
                self._recode()
                self._pack()

    def _recode(self) -> None:
        if codecs.lookup(self.target.encoding).name in ("utf-8", "ascii"):
            return
        other = self._plain.with_name("recoded")
        with (
            self._plain.open(encoding="utf-8", newline="") as given,
            other.open("w", encoding=self.target.encoding, newline="") as made,
        ):
            shutil.copyfileobj(given, made, 1 << 20)
        self._plain = other

    def _pack(self) -> None:
        name, kind = self.path.name, self.target.compression
        for suffix in (".gz", ".xz", ".zip", ".tar", ".bz2", ".zst"):
            name = name.removesuffix(suffix)
        if kind == "zip":
            with zipfile.ZipFile(self._temporary, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.write(self._plain, name)
        elif kind in ("targz", "tarxz"):
            with tarfile.open(self._temporary, "w:gz" if kind == "targz" else "w:xz") as archive:
                archive.add(self._plain, name)
        else:
            with self._plain.open("rb") as given, self._temporary.open("wb") as made:
                packed = compressing(
                    made, {"bzip2": "bzip2", "xz": "xz", "zstd": "zstd", "gzip": "gzip"}.get(kind or "")
                )
                shutil.copyfileobj(given, packed, 1 << 20)
                if packed is not made:
                    packed.close()


class _RDFJSONWriter:
    """RDF 1.1 JSON Alternate Serialization (https://www.w3.org/TR/rdf-json/); holds the graph in memory."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._graph: dict[str, dict[str, list[dict[str, str]]]] = {}

    def __enter__(self) -> _RDFJSONWriter:
        return self

    def write(self, batch: pa.RecordBatch) -> None:
        """Add a batch of quads."""
        import pyoxigraph

        if batch.column("g").null_count < batch.num_rows:
            raise UnsupportedError("RDF/JSON has no named graphs", fix="choose N-Quads or TriG for the target")
        lines = io.BytesIO(lines_of_keys(batch).to_pybytes())
        for quad in pyoxigraph.parse(lines, format=pyoxigraph.RdfFormat.N_TRIPLES):
            values = self._graph.setdefault(_name(quad.subject), {}).setdefault(quad.predicate.value, [])
            value = _value(quad.object)
            if value not in values:
                values.append(value)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._stream.write((json.dumps(self._graph, ensure_ascii=False, indent=1) + "\n").encode())


def _name(node: Any) -> str:
    import pyoxigraph

    return f"_:{node.value}" if isinstance(node, pyoxigraph.BlankNode) else str(node.value)


def _value(node: Any) -> dict[str, str]:
    import pyoxigraph

    if isinstance(node, pyoxigraph.Literal):
        made = {"type": "literal", "value": node.value}
        if node.language:
            return made | {"lang": node.language}
        is_plain = node.datatype.value == "http://www.w3.org/2001/XMLSchema#string"
        return made if is_plain else made | {"datatype": node.datatype.value}
    return {"type": "bnode" if isinstance(node, pyoxigraph.BlankNode) else "uri", "value": _name(node)}
