# SPDX-License-Identifier: Apache-2.0
"""Example queries, made from what a dataset holds, and its vocabulary for completion."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from semcube.io.terms import IRI, BlankNode, Literal, Term
from semcube.vocab import (
    GEO,
    GEOMETRY_LITERALS,
    OWL,
    PREFIXES,
    RDF,
    RDFS,
    SKOS,
    XSD,
    XSD_DATE,
    XSD_DATETIME,
)

if TYPE_CHECKING:
    from semcube.sparql.dataset import Dataset

__all__ = ["Example", "examples", "vocabulary"]

_NUMBERS = frozenset(XSD + name for name in ("integer", "decimal", "float", "double", "int", "long"))
_TIMES = frozenset((XSD_DATE, XSD_DATETIME, XSD + "gYear"))
_LABELS = (RDFS + "label", SKOS + "prefLabel", PREFIXES["dcterms"] + "title", PREFIXES["schema"] + "name")
_SKIPPED = (RDF, RDFS, OWL, PREFIXES["sd"], PREFIXES["void"])
_DULL = re.compile(r"(?:^|_|\b)(?:x|y|lat|lon|lng|latitude|longitude|code)$|id$", re.IGNORECASE)
_CLASSES = 6
_MEMBERS = 40
_SHOWN = 5000


@dataclass(frozen=True, slots=True)
class Example:
    """One query to start from."""

    label: str
    group: str
    """Heading in the menu."""
    query: str


@dataclass(frozen=True, slots=True)
class _Property:
    iri: str
    kind: str
    """``number``, ``time``, ``text`` or ``link``"""


@dataclass(frozen=True, slots=True)
class _Class:
    """A class whose members have geometries: how they are reached and what else is said of them."""

    iri: str
    members: int
    path: str
    properties: tuple[_Property, ...]
    area: str | None
    """WKT of a box where some of its members are."""

    @property
    def name(self) -> str:
        return _local(self.iri)


def _local(iri: str) -> str:
    """The last part of an IRI."""
    return re.split(r"[#/:]", iri.rstrip("/#"))[-1] or iri


def _variable(iri: str, taken: set[str]) -> str:
    """A variable name for a property, not one of ``taken``."""
    name = re.sub(r"\W+", "_", _local(iri), flags=re.ASCII).strip("_") or "value"
    if name[0].isdigit():
        name = f"p_{name}"
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _rows(dataset: Dataset, query: str, timeout_s: float) -> Iterator[dict[str, Term]]:
    """Solutions as Python terms; for small answers."""
    from semcube.sparql.query import execute

    answer = execute(query, dataset, timeout=timeout_s)
    for row in answer.rows():
        yield {name: term for name, term in zip(answer.variables, row, strict=True) if term is not None}


def _pattern(inner: str, named: bool) -> str:
    """The pattern, asked of the named graphs where the default graph is empty."""
    return f"GRAPH ?graph {{ {inner} }}" if named else inner


def _is_named(dataset: Dataset, timeout_s: float) -> bool:
    from semcube.sparql.query import execute

    return not execute("ASK { ?s ?p ?o }", dataset, timeout=timeout_s).boolean


def vocabulary(dataset: Dataset, timeout_s: float = 10.0, limit: int = 2000) -> dict[str, list[str]]:
    """The classes and properties of a dataset, most used first.

    Args:
        dataset: What to ask.
        timeout_s: Deadline of each of the two queries.
        limit: The most of each to return.

    Raises:
        QueryTimeoutError: The dataset did not answer in time.
    """
    named = _is_named(dataset, timeout_s)
    texts = {
        "classes": f"SELECT ?x (COUNT(*) AS ?n) {{ {_pattern('?member a ?x', named)} }}",
        "properties": f"SELECT ?x (COUNT(*) AS ?n) {{ {_pattern('?subject ?x ?object', named)} }}",
    }
    found: dict[str, list[str]] = {}
    for name, text in texts.items():
        rows = _rows(dataset, f"{text} GROUP BY ?x ORDER BY DESC(?n) ?x LIMIT {limit}", timeout_s)
        found[name] = [row["x"].value for row in rows if isinstance(row["x"], IRI)]
    return found


def examples(dataset: Dataset, timeout_s: float = 5.0) -> list[Example]:
    """Queries that have answers in this dataset.

    First the queries that the data bring along (``sh:select`` with a label), then maps of the largest classes with
    geometries, then questions that fit any dataset.

    Args:
        dataset: What to ask.
        timeout_s: Deadline of each query asked to find out.

    Raises:
        QueryTimeoutError: The dataset did not answer in time.
    """
    named = _is_named(dataset, timeout_s)
    mapped = list(_mapped_classes(dataset, named, timeout_s))
    # every feature is a geo:Feature: interesting only where nothing says more
    mapped = [item for item in mapped if item.iri != GEO + "Feature"] or mapped
    made = [*_stored(dataset, named, timeout_s)]
    for item in mapped:
        made += _maps(item, named)
    made += _relations(mapped, named)
    made += _general(named)
    return made


def _stored(dataset: Dataset, named: bool, timeout_s: float) -> Iterator[Example]:
    """Queries kept as data, as SHACL-SPARQL executables."""
    inner = (
        "?executable <http://www.w3.org/ns/shacl#select> ?text "
        f"OPTIONAL {{ ?executable <{RDFS}label> ?name }} OPTIONAL {{ ?executable <{RDFS}comment> ?comment }}"
    )
    query = f"SELECT ?text ?name ?comment {{ {_pattern(inner, named)} }} ORDER BY ?name ?comment ?text LIMIT 50"
    for row in _rows(dataset, query, timeout_s):
        label = row.get("name") or row.get("comment")
        text = row["text"]
        if isinstance(text, Literal):
            yield Example(label.lexical if isinstance(label, Literal) else "Query", "Of this dataset", text.lexical)


def _mapped_classes(dataset: Dataset, named: bool, timeout_s: float) -> Iterator[_Class]:
    """The largest classes whose members have geometries."""
    query = f"SELECT ?c (COUNT(*) AS ?n) {{ {_pattern('?x a ?c', named)} }} GROUP BY ?c ORDER BY DESC(?n) ?c LIMIT 40"
    found = 0
    for row in list(_rows(dataset, query, timeout_s)):
        iri, members = row["c"], row["n"]
        if not isinstance(iri, IRI) or not isinstance(members, Literal) or iri.value.startswith(_SKIPPED):
            continue
        if iri.value.startswith((PREFIXES["sf"], PREFIXES["geo"] + "Geometry")):
            continue
        sample = _sample(dataset, iri.value, named, timeout_s)
        if sample is None:
            continue
        yield replace(sample, members=int(members.lexical))
        found += 1
        if found == _CLASSES:
            return


def _sample(dataset: Dataset, iri: str, named: bool, timeout_s: float) -> _Class | None:
    """What a few members of a class say; None where they have no geometry. Members are not counted here."""
    member = f"{{ SELECT ?x {{ {_pattern(f'?x a <{iri}>', named)} }} LIMIT {_MEMBERS} }}"
    direct = list(_rows(dataset, f"SELECT ?x ?p ?v {{ {member} {_pattern('?x ?p ?v', named)} }}", timeout_s))
    found = [(f"<{_text(row['p'])}>", row["v"]) for row in direct if _kind(row["v"]) == "geometry"]
    if not found:
        hop = f"?x ?p ?g . ?g ?q ?v FILTER(isLiteral(?v) && STRSTARTS(STR(DATATYPE(?v)), '{PREFIXES['geo']}'))"
        through = list(_rows(dataset, f"SELECT ?p ?q ?v {{ {member} {_pattern(hop, named)} }}", timeout_s))
        rows = [row for row in through if _kind(row["v"]) == "geometry"]
        found = [(f"<{_text(row['p'])}>/<{_text(row['q'])}>", row["v"]) for row in rows]
    if not found:
        return None
    # the path that most take; of equals the shortest: hasGeometry before hasDefaultGeometry
    paths = [path for path, _ in found]
    path = min(set(paths), key=lambda item: (-paths.count(item), len(item), item))
    return _Class(iri, 0, path, _properties(direct), _area([term for other, term in found if other == path]))


def _area(literals: list[Term]) -> str | None:
    """A box around the middle half of some geometries, in whole degrees where it is large; None if none can be read."""
    import numpy as np
    import shapely

    from semcube.geometry import parse

    some = [term for term in literals if isinstance(term, Literal)]
    kinds = {term.datatype for term in some}
    shapes = [g for kind in kinds for g in parse([t.lexical for t in some if t.datatype == kind], kind).lonlat]
    points = shapely.centroid(np.array([g for g in shapes if g is not None and not g.is_empty], dtype=object))
    if not len(points):
        return None
    xy = shapely.get_coordinates(points)
    low, high = np.quantile(xy, 0.25, axis=0), np.quantile(xy, 0.75, axis=0)
    digits = max(0, 1 - int(np.floor(np.log10(max(float((high - low).max()), 1e-3)))))
    step = 10.0**-digits
    west, south = (float(np.floor(v / step) * step) for v in low)
    east, north = (float(np.ceil(v / step) * step) for v in high)
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return f"POLYGON(({', '.join(f'{x:.{digits}f} {y:.{digits}f}' for x, y in corners)}))"


def _properties(rows: list[dict[str, Term]]) -> tuple[_Property, ...]:
    """The properties worth showing: a label, then times, numbers and texts that most members have once."""
    kinds: dict[str, set[str]] = {}
    uses: dict[str, int] = {}
    subjects = {_text(row["x"]) for row in rows}
    for row in rows:
        iri = _text(row["p"])
        kinds.setdefault(iri, set()).add(_kind(row["v"]))
        uses[iri] = uses.get(iri, 0) + 1
    single = [
        _Property(iri, next(iter(kinds[iri])))
        for iri in kinds
        if len(kinds[iri]) == 1 and len(subjects) / 2 <= uses[iri] <= len(subjects)
    ]
    rank = {"time": 1, "number": 2, "text": 3}
    usable = [p for p in single if p.kind in rank]

    def worth(item: _Property) -> tuple[int, bool, str]:
        # numbers that only name or place a thing tell least
        return (0 if item.iri in _LABELS else rank[item.kind], bool(_DULL.search(_local(item.iri))), item.iri)

    return tuple(sorted(usable, key=worth)[:5])


def _text(term: Term) -> str:
    if isinstance(term, BlankNode):
        return f"_:{term.label}"
    return term.value if isinstance(term, IRI) else term.lexical


def _kind(term: Term) -> str:
    if not isinstance(term, Literal):
        return "link"
    if term.datatype in GEOMETRY_LITERALS:
        return "geometry"
    if term.datatype in _NUMBERS:
        return "number"
    return "time" if term.datatype in _TIMES else "text"


_IRI = re.compile(r"<([^<>\s]+)>")
_LOCAL = re.compile(r"[A-Za-z_](?:[\w.-]*[\w-])?", re.ASCII)


def _with_prefixes(body: str) -> str:
    """A query with its IRIs shortened and the prefixes it then needs; a namespace without a known prefix gets one."""
    known = dict(PREFIXES)
    for iri in _IRI.findall(body):
        start = iri[: max(iri.rfind("#"), iri.rfind("/")) + 1]
        if start and start not in known.values() and _LOCAL.fullmatch(iri[len(start) :]) and start.count("/") > 2:
            known[f"ns{len(known) - len(PREFIXES) + 1}"] = start
    used: set[str] = set()

    def shorten(match: re.Match[str]) -> str:
        for name, start in known.items():
            if match[1].startswith(start) and _LOCAL.fullmatch(match[1][len(start) :]):
                used.add(name)
                return f"{name}:{match[1][len(start) :]}"
        return match[0]

    text = _IRI.sub(shorten, body)
    head = "".join(f"PREFIX {name}: <{known[name]}>\n" for name in sorted(used))
    return f"{head}\n{text}" if head else text


def _where(lines: list[str], named: bool) -> str:
    margin = "    " if named else "  "
    body = "\n".join(margin + line for line in lines)
    return f"  GRAPH ?graph {{\n{body}\n  }}" if named else body


def _maps(item: _Class, named: bool) -> Iterator[Example]:
    """A map of a class with its properties."""
    taken = {"feature", "wkt", "graph"}
    named_properties = [(_variable(p.iri, taken), p) for p in item.properties]
    lines = [f"?feature a <{item.iri}> ;", f"    {item.path} ?wkt ."]
    lines += [f"OPTIONAL {{ ?feature <{p.iri}> ?{name} }}" for name, p in named_properties]
    variables = " ".join(["?feature", *(f"?{name}" for name, _ in named_properties), "?wkt"])
    body = f"SELECT {variables} WHERE {{\n{_where(lines, named)}\n}}\nLIMIT {_SHOWN}"
    yield Example(f"{item.name} ({item.members:,})", "On the map", _with_prefixes(body))


def _relations(mapped: list[_Class], named: bool) -> Iterator[Example]:
    """Spatial questions between the two largest classes, or inside the only one."""
    if not mapped:
        return
    first = mapped[0]
    second = mapped[1] if len(mapped) > 1 else None
    function = f"<{PREFIXES['geof']}sfIntersects>"
    if second is not None:
        lines = [f"?one a <{first.iri}> ; {first.path} ?wkt .", f"?other a <{second.iri}> ; {second.path} ?otherWkt ."]
        lines.append(f"FILTER({function}(?wkt, ?otherWkt))")
        body = f"SELECT ?one ?other ?wkt WHERE {{\n{_where(lines, named)}\n}}\nLIMIT 1000"
        yield Example(f"{first.name} that meet {second.name}", "Spatial questions", _with_prefixes(body))
    if first.area is None:
        return
    lines = [f"?feature a <{first.iri}> ; {first.path} ?wkt .", f"FILTER({function}(?wkt, ?area))"]
    values = (
        "  # the area of interest; 'Insert map area' writes the one you look at\n"
        f'  VALUES ?area {{ "{first.area}"^^<{GEO}wktLiteral> }}'
    )
    body = f"SELECT ?feature ?wkt WHERE {{\n{values}\n{_where(lines, named)}\n}}\nLIMIT {_SHOWN}"
    yield Example(f"{first.name} in an area", "Spatial questions", _with_prefixes(body))


def _general(named: bool) -> Iterator[Example]:
    """Questions that fit any dataset."""
    for label, variables, line, group in (
        ("Classes and their members", "?class (COUNT(*) AS ?members)", "?member a ?class .", "?class"),
        ("Properties and their uses", "?property (COUNT(*) AS ?uses)", "?subject ?property ?object .", "?property"),
    ):
        last = variables.split()[-1].rstrip(")")
        where = f"WHERE {{\n{_where([line], named)}\n}}"
        text = f"SELECT {variables} {where}\nGROUP BY {group}\nORDER BY DESC({last})\nLIMIT 200"
        yield Example(label, "Of any dataset", text)
    graphs = (
        "SELECT ?graph (COUNT(*) AS ?triples) WHERE {\n  GRAPH ?graph { ?s ?p ?o }\n}\nGROUP BY ?graph\nORDER BY ?graph"
    )
    yield Example("Named graphs", "Of any dataset", graphs)
    some = f"SELECT * WHERE {{\n{_where(['?subject ?property ?value .'], named)}\n}}\nLIMIT 100"
    yield Example("A hundred triples", "Of any dataset", some)
