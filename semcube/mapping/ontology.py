# SPDX-License-Identifier: Apache-2.0
"""The ontology of generated terms: classes and properties with labels, domains and ranges."""

from __future__ import annotations

from dataclasses import dataclass, replace

from semcube.mapping.turtle import iri, quoted
from semcube.vocab import GEO, OWL, PREFIXES, RDFS, XSD_STRING

__all__ = ["Ontology", "Property", "Term"]


@dataclass(frozen=True, slots=True)
class Term:
    """A class."""

    iri: str
    label: str
    comment: str | None = None
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Property:
    """A property and where it is used."""

    iri: str
    label: str
    comment: str | None = None
    domains: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    is_object: bool = False

    def used(self, domain: str, datatype: str) -> Property:
        """The same property, also used by a class with a datatype."""
        return replace(
            self,
            domains=tuple(dict.fromkeys((*self.domains, domain))),
            ranges=tuple(dict.fromkeys((*self.ranges, datatype))),
        )


@dataclass(frozen=True, slots=True)
class Ontology:
    """Classes and properties of one namespace.

    Example:
        >>> onto = Ontology("http://a#", (Term("http://a#Road", "Road", None, (GEO + "Feature",)),))
        >>> "onto:Road a owl:Class" in onto.turtle()
        True
    """

    namespace: str
    classes: tuple[Term, ...] = ()
    properties: tuple[Property, ...] = ()

    def merged(self, other: Ontology) -> Ontology:
        """Both together."""
        classes = {each.iri: each for each in (*self.classes, *other.classes)}
        properties = {each.iri: each for each in (*self.properties, *other.properties)}
        return Ontology(self.namespace, tuple(classes.values()), tuple(properties.values()))

    def turtle(self) -> str:
        """The ontology as a Turtle document."""
        prefixes = {name: PREFIXES[name] for name in ("geo", "owl", "rdfs", "sf", "sosa", "skos", "xsd")}
        prefixes["onto"] = self.namespace
        lines = [f"@prefix {name}: <{value}> ." for name, value in sorted(prefixes.items())]
        name = self.namespace.rstrip("#/")
        lines += ["", f"<{name}> a owl:Ontology ;", "    rdfs:seeAlso <http://www.opengis.net/ont/geosparql> .", ""]
        if self.classes:
            lines += ["# Classes: one for each layer", ""]
        for item in self.classes:
            lines += _statement(item.iri, OWL + "Class", _class_facts(item, name), prefixes)
        if self.properties:
            lines += ["# Properties: one for each column", ""]
        for each in self.properties:
            kind = "ObjectProperty" if each.is_object else "DatatypeProperty"
            lines += _statement(each.iri, OWL + kind, _property_facts(each, name, prefixes), prefixes)
        if any(GEO + "Feature" in item.parents for item in self.classes):
            lines += [_GEOSPARQL]
        return "\n".join(lines)


def _class_facts(item: Term, ontology: str) -> list[tuple[str, str]]:
    facts = [("rdfs:label", quoted(item.label)), ("rdfs:isDefinedBy", f"<{ontology}>")]
    facts += [("rdfs:comment", quoted(item.comment))] if item.comment else []
    return facts + [("rdfs:subClassOf", f"<{parent}>") for parent in item.parents]


def _property_facts(item: Property, ontology: str, prefixes: dict[str, str]) -> list[tuple[str, str]]:
    facts = [("rdfs:label", quoted(item.label)), ("rdfs:isDefinedBy", f"<{ontology}>")]
    facts += [("rdfs:comment", quoted(item.comment))] if item.comment else []
    names = [iri(each, prefixes) for each in item.domains]
    if len(names) == 1:
        facts.append(("rdfs:domain", names[0]))
    elif names:
        facts.append(("rdfs:domain", f"[ a owl:Class ; owl:unionOf ( {' '.join(names)} ) ]"))
    ranges = item.ranges if len(item.ranges) == 1 else (RDFS + "Literal",) if item.ranges else ()
    return facts + [("rdfs:range", iri(each or XSD_STRING, prefixes)) for each in ranges]


def _statement(subject: str, kind: str, facts: list[tuple[str, str]], prefixes: dict[str, str]) -> list[str]:
    lines = [f"{iri(subject, prefixes)} a {iri(kind, prefixes)}"]
    for predicate, value in facts:
        lines[-1] += " ;"
        shown = iri(value[1:-1], prefixes) if value.startswith("<") else value
        lines.append(f"    {predicate} {shown}")
    lines[-1] += " ."
    return [*lines, ""]


_GEOSPARQL = """# Terms of GeoSPARQL that the data uses, declared so that the file can be read on its own

geo:Feature a owl:Class ; rdfs:label "Feature"@en ; rdfs:isDefinedBy <http://www.opengis.net/ont/geosparql> .
geo:Geometry a owl:Class ; rdfs:label "Geometry"@en ; rdfs:isDefinedBy <http://www.opengis.net/ont/geosparql> .
geo:hasGeometry a owl:ObjectProperty ; rdfs:label "has geometry"@en ;
    rdfs:domain geo:Feature ; rdfs:range geo:Geometry ; rdfs:isDefinedBy <http://www.opengis.net/ont/geosparql> .
geo:hasDefaultGeometry a owl:ObjectProperty ; rdfs:label "has default geometry"@en ;
    rdfs:subPropertyOf geo:hasGeometry ;
    rdfs:domain geo:Feature ; rdfs:range geo:Geometry ; rdfs:isDefinedBy <http://www.opengis.net/ont/geosparql> .
geo:asWKT a owl:DatatypeProperty ; rdfs:label "as WKT"@en ;
    rdfs:domain geo:Geometry ; rdfs:range geo:wktLiteral ; rdfs:isDefinedBy <http://www.opengis.net/ont/geosparql> .
geo:wktLiteral a rdfs:Datatype ; rdfs:label "Well-known text literal"@en ;
    rdfs:isDefinedBy <http://www.opengis.net/ont/geosparql> .
"""
