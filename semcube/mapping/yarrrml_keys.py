# SPDX-License-Identifier: Apache-2.0
"""YARRRML documents as collections with the long names of their keys (YARRRML, section 13.1)."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

from semcube.errors import MappingError, UnsupportedError
from semcube.mapping.graph import text_of

__all__ = ["KEYS", "checked", "collection", "listed", "loaded", "long_name"]

_ALIASES = {
    "mappings": "mapping m",
    "subjects": "subject s",
    "predicates": "predicate p",
    "inversepredicates": "inversepredicate i",
    "objects": "object o",
    "predicateobjects": "predicateobject po",
    "function": "fn f",
    "parameters": "pms",
    "parameter": "pm",
    "value": "v",
    "authors": "author a",
    "sources": "source",
    "graphs": "graph g",
    "targets": "target",
    "condition": "conditions c",
    "prefixes": "prefix",
}
_NAMES = {alias: name for name, aliases in _ALIASES.items() for alias in (name, *aliases.split())}
KEYS = {
    "document": ["prefixes", "base", "authors", "external", "sources", "targets", "mappings"],
    "mapping": ["sources", "subjects", "predicateobjects", "graphs", "condition", "targets"],
    "subject": ["value", "type", "function", "parameters", "condition", "targets", "graphs"],
    "predicateobject": [
        "predicates",
        "inversepredicates",
        "objects",
        "graphs",
        "condition",
        "type",
        "datatype",
        "language",
        "targets",
    ],
    "object": ["value", "type", "datatype", "language", "function", "parameters", "mapping", "condition", "targets"],
    "condition": ["function", "parameters"],
    "parameter": ["parameter", "value", "type", "from"],
}


def loaded(path: Path, text: str | None) -> Any:
    """The collections of a YAML document; every scalar is the text that is written."""
    try:
        yaml = import_module("yaml")
    except ImportError:
        raise UnsupportedError(
            f"{path}: YARRRML needs the package pyyaml", fix="pip install 'semcube[formats]'"
        ) from None
    if text is None:
        text = text_of(path, "YARRRML")
    try:
        # Every scalar as it is written: 007 stays 007, and yes stays yes.
        return yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise MappingError(f"not valid YAML: {' '.join(str(error).split())}", source=path, expected="YARRRML") from None


def collection(value: Any, path: Path, node: str, name: str | None = None) -> dict[str, Any]:
    """Keys and values; nothing is an empty collection."""
    if value is None or value == "":
        return {}
    if not isinstance(value, dict):
        raise MappingError(
            f"{node} is {value!r}"[:200], source=path, triples_map=name, node=node, expected="keys and values"
        )
    return value


def checked(value: Any, kind: str, path: Path, name: str | None, node: str) -> dict[str, Any]:
    """A collection with the long names of its keys."""
    found: dict[str, Any] = {}
    for key, each in collection(value, path, node, name).items():
        long = str(key) if key in KEYS[kind] else long_name(str(key))
        if long not in KEYS[kind]:
            near = get_close_matches(str(key), [*KEYS[kind], *_NAMES], n=1)
            raise MappingError(
                f"key {key!r} is not known here",
                source=path,
                triples_map=name,
                node=node,
                expected="one of " + ", ".join(KEYS[kind]),
                fix=f"did you mean {near[0]!r}?" if near else None,
            )
        found[long] = each
    return found


def long_name(key: str) -> str:
    """The long name of a key.

    Example:
        >>> long_name("po"), long_name("x")
        ('predicateobjects', 'x')
    """
    return _NAMES.get(key, key)


def listed(value: Any) -> list[Any]:
    """Values; one may stand alone."""
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]
