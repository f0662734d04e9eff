# SPDX-License-Identifier: Apache-2.0
"""Records of JSON and XML documents and solutions of SPARQL queries, as tables in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from semcube.errors import SourceError, UnsupportedError
from semcube.io.jsonpath import json_path, json_values
from semcube.mapping.model import FID
from semcube.mapping.rows import MANY, Selection, TableRows, limited
from semcube.vocab import XSD_BOOLEAN, XSD_DOUBLE, XSD_INTEGER

__all__ = ["DocumentRows", "JSONRows", "SPARQLRows", "XMLRows", "flat_record", "record_column", "records_of_json"]


class DocumentRows(TableRows):
    """A table in memory behind the reader of tables."""

    def __init__(self, path: Path, layer: str | None, table: pa.Table) -> None:
        super().__init__(path, layer)
        self._table = table

    @property
    def schema(self) -> pa.Schema:
        """Columns of the table; those with several values are marked."""
        found = self._table.schema
        return found if FID in found.names else found.insert(0, pa.field(FID, pa.int64()))

    def _read(self, selection: Selection, select: str) -> tuple[Any, str]:
        import duckdb

        connection = duckdb.connect()
        connection.execute("SET enable_progress_bar = false")
        connection.execute("SET arrow_large_buffer_size = true")
        table = self._table if self._table.num_columns else pa.table({FID: pa.nulls(self._table.num_rows, pa.int64())})
        connection.register("records", table.replace_schema_metadata(None))
        return connection, limited(f"SELECT {select} FROM records", selection)


class JSONRows(DocumentRows):
    """Records of a JSON document under a path such as ``$.items[*]``; nested members are ``a.b``.

    Args:
        path: The document.
        iterator: Path of the records; ``$[*]`` by default.
        references: Paths with wildcards or indices that are referred to; each becomes a column of several values.

    Raises:
        SourceError: The document is not JSON, or has nothing at the path.
        UnsupportedError: The path has filters or the like.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.json"
        >>> _ = path.write_text('{"items": [{"id": 1, "at": {"x": 2}, "tags": ["a", "b"]}]}')
        >>> rows = JSONRows(path, "$.items[*]", ["$.tags[*]"])
        >>> next(rows.batches(["id", "at.x", "$.tags[*]"], Selection(), 1024)).to_pylist()
        [{'fid': 0, 'id': 1, 'at.x': 2, '$.tags[*]': ['a', 'b']}]
    """

    def __init__(self, path: Path, iterator: str | None, references: Sequence[str] = ()) -> None:
        if not path.is_file():
            raise SourceError("no such file", source=path)
        paths = {name: json_path(name) for name in references if name.startswith("$")}
        records = records_of_json(path, iterator or "$[*]")
        flat = [flat_record(each) for each in records]
        names = [name for name in dict.fromkeys(name for record in flat for name in record) if name not in paths]
        columns: dict[str, pa.Array] = {name: record_column([record.get(name) for record in flat]) for name in names}
        fields = [pa.field(name, array.type) for name, array in columns.items()]
        for name, steps in paths.items():
            columns[name] = _several([json_values(record, steps) for record in records])
            fields.append(pa.field(name, columns[name].type, metadata={MANY: b""}))
        super().__init__(path, iterator, pa.table(list(columns.values()), schema=pa.schema(fields)))
        self.is_open = not records
        """Without a record nothing says which members there are."""

    def batches(self, columns: Sequence[str], selection: Selection, batch_bytes: int) -> Iterator[pa.RecordBatch]:
        """Records in the order of the document.

        Raises:
            SourceError: A member that is asked for holds arrays.
        """
        if self.is_open:
            return iter(())
        for name in columns:
            field = self._table.schema.field(name) if name in self._table.schema.names else None
            if field is not None and pa.types.is_nested(field.type) and MANY not in (field.metadata or {}):
                raise SourceError(
                    f"member {name} holds arrays",
                    source=self.path,
                    layer=self.layer,
                    expected="single values",
                    fix=f"refer to $.{name}[*] for a term of each value",
                )
        return super().batches(columns, selection, batch_bytes)


def records_of_json(path: Path, iterator: str) -> list[Any]:
    """The records of a JSON document under a path."""
    try:
        steps = json_path(iterator)
    except UnsupportedError as error:
        raise UnsupportedError(f"{path}: {error}") from None
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise SourceError(f"not JSON: {error}", source=path, expected="a JSON document") from None
    whole = steps[: steps.index(None)] if None in steps else steps
    if not json_values(document, whole):
        raise SourceError(f"no records at {iterator}", source=path, expected="a path that the document has")
    found = json_values(document, steps)
    return found[0] if None not in steps and isinstance(found[0], list) else found


def flat_record(record: Any, prefix: str = "") -> dict[str, Any]:
    """A record whose members in members are ``a.b``.

    Example:
        >>> flat_record({"a": {"b": 1}, "c": 2})
        {'a.b': 1, 'c': 2}
    """
    flat: dict[str, Any] = {}
    for name, value in (record if isinstance(record, dict) else {"value": record}).items():
        flat |= flat_record(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def record_column(values: list[Any]) -> pa.Array:
    """Values of one type, else their texts."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([_text(value) for value in values], pa.large_string())


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _several(values: list[list[Any]]) -> pa.Array:
    """Lists of values of one type; members and arrays among them are their JSON text."""
    kept = [
        [_text(each) if isinstance(each, dict | list) else each for each in row if each is not None] for row in values
    ]
    offsets = [0]
    for row in kept:
        offsets.append(offsets[-1] + len(row))
    return pa.LargeListArray.from_arrays(
        pa.array(offsets, pa.int64()), record_column([each for row in kept for each in row])
    )


class XMLRows(DocumentRows):
    """Elements of an XML document; references are XPath 1.0 expressions from each element.

    Args:
        path: The document.
        iterator: XPath of the elements.
        references: The expressions that are referred to; each becomes a column of several values.
        namespaces: Prefix -> namespace for the expressions.

    Raises:
        SourceError: The document is not well-formed.
        MappingError: An expression is no XPath.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.xml"
        >>> _ = path.write_text('<r><i id="1"><n>a</n><n>b</n></i></r>')
        >>> rows = XMLRows(path, "/r/i", ["@id", "n"], {})
        >>> next(rows.batches(["@id", "n"], Selection(), 1024)).to_pylist()
        [{'fid': 0, '@id': ['1'], 'n': ['a', 'b']}]
    """

    def __init__(self, path: Path, iterator: str | None, references: Sequence[str], namespaces: dict[str, str]) -> None:
        try:
            from lxml import etree
        except ImportError:
            raise UnsupportedError(
                f"{path}: XPath needs the package lxml", fix="pip install 'semcube[formats]'"
            ) from None

        def compiled(text: str) -> Callable[[Any], Any]:
            from semcube.errors import MappingError

            try:
                return etree.XPath(text, namespaces=namespaces, regexp=False)  # type: ignore[no-any-return]
            except etree.XPathError as error:
                raise MappingError(f"XPath {text!r}: {error}", source=path) from None

        if not path.is_file():
            raise SourceError("no such file", source=path)
        find = compiled(iterator or "/*")
        paths = {name: compiled(name) for name in references if name != FID}
        # Neither entities nor the network: a document cannot make the reader fetch or expand anything.
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
        try:
            elements = find(etree.parse(str(path), parser))
        except etree.XMLSyntaxError as error:
            raise SourceError(f"not well-formed XML: {error}", source=path) from None
        columns = {
            name: _several([_strings(xpath(element)) for element in elements]).cast(pa.large_list(pa.large_string()))
            for name, xpath in paths.items()
        }
        fields = [pa.field(name, array.type, metadata={MANY: b""}) for name, array in columns.items()]
        if not columns:
            columns = {FID: pa.array(range(len(elements)), pa.int64())}
            fields = [pa.field(FID, pa.int64())]
        super().__init__(path, iterator, pa.table(list(columns.values()), schema=pa.schema(fields)))


def _strings(found: Any) -> list[str]:
    """String values (XPath 1.0, section 5) of what an expression gives."""
    if isinstance(found, list):
        return [str(each) if isinstance(each, str) else "".join(each.itertext()) for each in found]
    if isinstance(found, bool):
        return ["true" if found else "false"]
    if isinstance(found, float):
        return [str(int(found)) if found == int(found) else repr(found)]
    return [str(found)]


class SPARQLRows(DocumentRows):
    """Solutions of a SELECT query over an RDF file; values are texts, or numbers where a variable has no others.

    Raises:
        SourceError: The file cannot be read, or the query is not a SELECT query of SPARQL.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.nt"
        >>> _ = path.write_text('<http://a/s> <http://a/p> "x" .')
        >>> rows = SPARQLRows(path, "SELECT ?o WHERE { ?s ?p ?o }")
        >>> next(rows.batches(["o"], Selection(), 1024)).to_pylist()
        [{'fid': 0, 'o': 'x'}]
    """

    def __init__(self, path: Path, query: str | None) -> None:
        import pyoxigraph

        from semcube.io.formats import format_of

        if not path.is_file():
            raise SourceError("no such file", source=path)
        store = pyoxigraph.Store()
        try:
            store.bulk_load(path=str(path), format=format_of(path).oxigraph)
            found = store.query((query or "SELECT * WHERE { ?s ?p ?o }").strip())
        except (SyntaxError, ValueError) as error:
            raise SourceError(str(error), source=path, expected="an RDF file and a SELECT query") from None
        if not isinstance(found, pyoxigraph.QuerySolutions):
            raise SourceError("the query gives no table", source=path, expected="a SELECT query")
        names = [each.value for each in found.variables]
        solutions = list(found)
        super().__init__(
            path, None, pa.table({name: _solution_column([each[name] for each in solutions]) for name in names})
        )


def _solution_column(terms: list[Any]) -> pa.Array:
    """Integers, doubles and Booleans where a variable has no others, else texts."""
    datatypes = {getattr(getattr(each, "datatype", None), "value", None) for each in terms if each is not None}
    texts = [None if each is None else str(getattr(each, "value", each)) for each in terms]
    types = {XSD_INTEGER: pa.int64(), XSD_DOUBLE: pa.float64(), XSD_BOOLEAN: pa.bool_()}
    wanted = types.get(datatypes.pop() or "") if len(datatypes) == 1 else None
    array = pa.array(texts, pa.large_string())
    if wanted is None:
        return array
    try:
        return array.cast(wanted)
    except pa.ArrowInvalid:
        return array
