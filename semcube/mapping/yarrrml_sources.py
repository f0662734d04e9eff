# SPDX-License-Identifier: Apache-2.0
"""Sources and targets of YARRRML as properties of RML's logical sources and targets."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from semcube.errors import MappingError, UnsupportedError
from semcube.io.terms import IRI
from semcube.vocab import RDF_TYPE, RML, SEMCUBE

__all__ = ["source_facts", "target_facts"]

Facts = list[tuple[str, Any]]
Fail = Callable[..., MappingError]

_D2RQ = "http://www.wiwiss.fu-berlin.de/suhl/bizer/D2RQ/0.1#"
_FORMULATIONS = {
    "csv": RML + "CSV",
    "jsonpath": RML + "JSONPath",
    "xpath": RML + "XPath",
    "vector": SEMCUBE + "Vector",
    "raster": SEMCUBE + "Raster",
    "spreadsheet": SEMCUBE + "Spreadsheet",
    "geoparquet": RML + "GeoParquet",
    "shapefile": RML + "Shapefile",
}
_FILES = ("localfile", "remotefile", None)
_DATABASES = ("postgresql", "sqlite", "duckdb")
_SOURCE_KEYS = (
    *("access", "type", "credentials", "queryFormulation", "query", "table", "encoding", "delimiter"),
    *("referenceFormulation", "iterator", "compression"),
)
_TARGET_KEYS = ("access", "type", "serialization", "compression")
_SYNTAXES = {
    "turtle": "Turtle",
    "ntriples": "N-Triples",
    "nquads": "N-Quads",
    "trig": "TriG",
    "jsonld": "JSON-LD",
    "rdfxml": "RDF_XML",
    "rdfjson": "RDF_JSON",
    "n3": "N3",
}
_COMPRESSIONS = {"gzip": "gzip", "zip": "zip", "targzip": "targz", "targz": "targz", "tarxz": "tarxz"}


def source_facts(value: Any, fail: Fail) -> Facts:
    """The properties of a logical source.

    Args:
        value: A collection, or the shortcut ``[access~formulation, iterator]``.
        fail: Makes the error about a node.

    Raises:
        MappingError: A key or value is not known.
        UnsupportedError: The source is of a kind that cannot be read.

    Example:
        >>> [name for name, _ in source_facts(["a.json~jsonpath", "$.a[*]"], MappingError)]
        ['source', 'referenceFormulation', 'iterator']
    """
    if isinstance(value, list):
        if not value or len(value) > 2 or not isinstance(value[0], str):
            raise fail(f"source {value!r}"[:200], "sources", expected="[path~formulation, iterator]")
        access, formulation = _parted(value[0])
        value = {"access": access, "referenceFormulation": formulation, "iterator": dict(enumerate(value)).get(1)}
    keys = _checked(value, _SOURCE_KEYS, "sources", fail)
    kind = keys.get("type")
    if kind in _DATABASES:
        return _database(keys, str(kind))
    if kind not in _FILES:
        raise UnsupportedError(f"source of type {kind}", expected=", ".join((*_FILES[:2], *_DATABASES)))
    if not keys.get("access") and (keys.get("query") or keys.get("table")):
        return [(name, keys[name]) for name in ("query",) if keys.get(name)] or [("tableName", keys["table"])]
    if not keys.get("access"):
        raise fail("a source without access", "sources", expected="access: the path of a file")
    facts: Facts = [("source", _file(keys))]
    formulation = keys.get("referenceFormulation")
    if formulation is not None:
        if formulation.lower() not in _FORMULATIONS:
            raise fail(f"reference formulation {formulation!r}", "sources", expected=", ".join(_FORMULATIONS))
        facts.append(("referenceFormulation", IRI(_FORMULATIONS[formulation.lower()])))
    if keys.get("iterator"):
        facts.append(("iterator", keys["iterator"]))
    if keys.get("delimiter"):
        facts.append((SEMCUBE + "delimiter", keys["delimiter"].replace("\\t", "\t")))
    return facts


def _file(keys: dict[str, Any]) -> Any:
    """The path, or the description of a file that is packed or encoded."""
    given = [(name, keys[name]) for name in ("encoding", "compression") if keys.get(name)]
    if not given:
        return keys["access"]
    facts: Facts = [("path", keys["access"]), ("root", IRI(RML + "MappingDirectory"))]
    return facts + [(name, IRI(RML + value)) for name, value in given]


def _database(keys: dict[str, Any], kind: str) -> Facts:
    """A table or query of a database."""
    access = str(keys.get("access") or "")
    if kind == "postgresql":
        access = re.sub(r"^(\w+:)?//", "postgresql://", access if "//" in access else f"//{access}")
    else:
        access = f"{kind}:{access.removeprefix(kind + ':')}"
    source: Facts = [(_D2RQ + "jdbcDSN", access)]
    credentials = keys.get("credentials") or {}
    source += [(_D2RQ + name, credentials[name]) for name in ("username", "password") if credentials.get(name)]
    facts: Facts = [("source", source)]
    if keys.get("query"):
        return [*facts, ("query", keys["query"]), ("referenceFormulation", IRI(RML + "SQL2008Query"))]
    name = keys.get("table") or keys.get("iterator") or ""
    return [*facts, ("iterator", name), ("referenceFormulation", IRI(RML + "SQL2008Table"))]


def target_facts(value: Any, fail: Fail) -> Facts:
    """The properties of a logical target.

    Args:
        value: A collection, or the shortcut ``[access~type, serialization, compression]``.
        fail: Makes the error about a node.

    Raises:
        MappingError: A key or value is not known.
        UnsupportedError: The target is no file.
    """
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list):
        access, mark = _parted(str(value[0])) if value else ("", None)
        rest = dict(zip(("serialization", "compression"), value[1:], strict=False))
        value = {"access": access, "type": mark} | rest
    keys = _checked(value, _TARGET_KEYS, "targets", fail)
    if keys.get("type") == "sparql":
        raise UnsupportedError("a target of type sparql", expected="a file")
    file: Facts = [(RDF_TYPE, IRI(RML + "FilePath")), ("path", str(keys.get("access") or ""))]
    facts: Facts = [("target", file)]
    for name, known, space in (
        ("serialization", _SYNTAXES, "http://www.w3.org/ns/formats/"),
        ("compression", _COMPRESSIONS, RML),
    ):
        if keys.get(name):
            if keys[name] not in known:
                raise fail(f"{name} {keys[name]!r}", "targets", expected=", ".join(known))
            facts.append((name, IRI(space + known[keys[name]])))
    return facts


def _parted(text: str) -> tuple[str, str | None]:
    access, tilde, kind = text.rpartition("~")
    return (access, kind) if tilde else (text, None)


def _checked(value: Any, known: tuple[str, ...], node: str, fail: Fail) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise fail(f"{node} has {value!r}"[:200], node, expected="keys and values, or a list")
    for key in value:
        if key not in known:
            raise fail(f"key {key!r} is not known here", node, expected="one of " + ", ".join(known))
    return value
