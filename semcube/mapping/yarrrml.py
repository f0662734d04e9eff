# SPDX-License-Identifier: Apache-2.0
"""YARRRML documents (https://rml.io/yarrrml/spec/) -> the triples of the RML document that they stand for."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

from semcube.errors import MappingError, UnsupportedError
from semcube.io.terms import IRI, BlankNode, Literal, Term
from semcube.mapping.functions import GREL, IDLAB
from semcube.mapping.graph import BASE, MappingGraph
from semcube.mapping.yarrrml_keys import KEYS, checked, collection, listed, loaded, long_name
from semcube.mapping.yarrrml_sources import source_facts, target_facts
from semcube.mapping.yarrrml_terms import Texts, split_call, split_mark
from semcube.vocab import RDF_TYPE, RML, XSD_STRING

__all__ = ["SUFFIXES", "read_yarrrml"]

SUFFIXES = (".yml", ".yaml", ".yarrrml")
"""How names of YARRRML documents end."""

_TYPES = {"iri": "IRI", "literal": "Literal", "blank": "BlankNode", "blanknode": "BlankNode"}
_SHORT = {"equal": IDLAB + "equal", "notEqual": IDLAB + "notEqual"}
_SHORT_PARAMETERS = {"str1": GREL + "valueParameter", "str2": GREL + "valueParameter2"}


def read_yarrrml(path: Path, text: str | None = None) -> MappingGraph:
    """The RML triples of a document.

    Raises:
        MappingError: The document is not YAML, or not YARRRML; names the mapping and the key.
        UnsupportedError: The package for YAML is missing, or a source is of a kind that cannot be read.

    Example:
        >>> graph = read_yarrrml(Path("m.yml"), '''
        ... mappings:
        ...   town: {sources: [[towns.csv~csv]], s: "http://a/$(id)", po: [[a, "http://a/Town"]]}''')
        >>> [graph.name(node) for node in graph.subjects("logicalSource")]
        ['#town']
    """
    document = checked(loaded(path, text), "document", path, None, "document")
    builder = _Builder(path, document)
    for name, value in collection(document.get("mappings"), path, "mappings").items():
        builder.name = name
        builder.mapping(name, value)
    return MappingGraph(builder.triples, tuple(sorted(builder.texts.prefixes.items())))


class _Builder:
    """Collects the triples."""

    def __init__(self, path: Path, document: dict[str, Any]) -> None:
        self.path, self.name = path, ""
        prefixes = {
            str(key): str(value) for key, value in collection(document.get("prefixes"), path, "prefixes").items()
        }
        external = {
            str(key): str(value) for key, value in collection(document.get("external"), path, "external").items()
        }
        self.texts = Texts(prefixes, external)
        self.base = document.get("base")
        self.sources = collection(document.get("sources"), path, "sources")
        self.targets = collection(document.get("targets"), path, "targets")
        self.mappings = collection(document.get("mappings"), path, "mappings")
        self.triples: list[tuple[Term, str, Term]] = []
        self.numbers = count()

    # --- triples ---

    def add(self, subject: Term, name: str, value: Term | str) -> None:
        term = Literal(value) if isinstance(value, str) else value
        self.triples.append((subject, name if ":" in name else RML + name, term))

    def node(self) -> BlankNode:
        return BlankNode(f"y{next(self.numbers)}")

    def facts(self, facts: Iterable[tuple[str, Any]]) -> BlankNode:
        """A node with these properties; nested ones are lists of their own."""
        node = self.node()
        for name, value in facts:
            self.add(node, name, self.facts(value) if isinstance(value, list) else value)
        return node

    def error(self, found: str, node: str, *, expected: str | None = None, fix: str | None = None) -> MappingError:
        return MappingError(found, source=self.path, triples_map=f"#{self.name}", node=node, expected=expected, fix=fix)

    def keys(self, value: Any, kind: str, node: str) -> dict[str, Any]:
        return checked(value, kind, self.path, f"#{self.name}", node)

    # --- mappings ---

    def maps(self, name: str, value: Any) -> list[tuple[IRI, Any, Any]]:
        """The triples maps of a mapping: one for each source and subject."""
        keys = self.keys(value, "mapping", "mapping")
        sources, subjects = self.source_list(keys.get("sources")), listed(keys.get("subjects")) or [None]
        found = [(source, subject) for source in sources or [None] for subject in subjects]
        suffixes = ["", *(f"-{number}" for number in range(2, len(found) + 1))]
        return [
            (IRI(f"{BASE}#{name}{suffix}"), source, subject)
            for suffix, (source, subject) in zip(suffixes, found, strict=True)
        ]

    def source_list(self, value: Any) -> list[Any]:
        """The sources of a mapping: a key, a collection, a shortcut, or several of these."""
        if isinstance(value, list) and value and isinstance(value[0], str) and "~" in value[0]:
            return [value]
        return listed(value)

    def mapping(self, name: str, value: Any) -> None:
        """All triples maps of a mapping."""
        keys = self.keys(value, "mapping", "mapping")
        for iri, source, subject in self.maps(name, value):
            self.logical_source(iri, source)
            if isinstance(self.base, str):
                self.add(iri, "baseIRI", IRI(self.base))
            self.add(iri, "subjectMap", self.subject(subject, keys))
            for number, item in enumerate(self.items(keys.get("predicateobjects")), 1):
                self.predicate_object(iri, item, f"predicateobjects {number}", subject)

    @staticmethod
    def items(value: Any) -> list[Any]:
        """The predicate-object pairs; a single one may stand alone."""
        is_single = isinstance(value, list) and len(value) in (2, 3) and isinstance(value[0], str)
        return [value] if is_single else listed(value)

    def logical_source(self, iri: IRI, source: Any) -> None:
        given = source
        if isinstance(source, str) and source not in self.sources and "~" in source:
            given = [source]
        elif isinstance(source, str):
            if source not in self.sources:
                known = ", ".join(self.sources) or "none is defined"
                raise self.error(f"source {source!r} is not defined", "sources", expected=known)
            given = self.sources[source]
        # Without a source the file or database is given with the run.
        self.add(iri, "logicalSource", self.facts([] if given is None else source_facts(given, self.error)))

    def subject(self, value: Any, keys: dict[str, Any]) -> Term:
        """The subject map, with the graphs and the condition of the mapping."""
        plain = {"value": value} if isinstance(value, str) else value
        own = self.keys(plain, "subject", "subjects")
        if own.get("value", "null") in ("null", "~", "") and "function" not in own:
            node: Term = self.facts([("termType", IRI(RML + "BlankNode"))])
        else:
            text, mark = split_mark(own["value"]) if isinstance(own.get("value"), str) else ("", None)
            own |= {"value": text} if text else {}
            node = self.term_map({"type": mark or "iri"} | own, "subjects")
        for graph in listed(keys.get("graphs")) + listed(own.get("graphs")):
            self.add(node, "graphMap", self.iri_map(graph, "graphs"))
        self.logical_targets(node, listed(own.get("targets")) + listed(keys.get("targets")))
        # The condition of the subject itself is written by term_map.
        self.condition(node, keys.get("condition") if own.get("condition") is None else None, "condition")
        return node

    def predicate_object(self, iri: IRI, value: Any, where: str, subject: Any) -> None:
        """A predicate-object map; the condition of a pair is that of its predicates."""
        keys = self.pair(value, where)
        node = self.node()
        predicates = listed(keys.get("predicates"))
        if not predicates and "inversepredicates" not in keys:
            raise self.error("no predicate", where, expected="predicates")
        for each in predicates:
            predicate = self.iri_map(each, f"{where}, predicates")
            self.condition(predicate, keys.get("condition"), f"{where}, condition")
            self.add(node, "predicateMap", predicate)
        objects = [self.object(each, keys, f"{where}, objects") for each in self.objects(keys.get("objects"))]
        is_type = any(self.texts.predicate(each) == RDF_TYPE for each in predicates if isinstance(each, str))
        for each in objects:
            for made in self.object_maps(each, is_type, f"{where}, objects"):
                self.add(node, "objectMap", made)
        for graph in listed(keys.get("graphs")):
            self.add(node, "graphMap", self.iri_map(graph, f"{where}, graphs"))
        if predicates:
            self.add(iri, "predicateObjectMap", node)
        for each in listed(keys.get("inversepredicates")):
            self.inverse(iri, each, objects, subject, where)

    def pair(self, value: Any, where: str) -> dict[str, Any]:
        """A pair with its keys; ``[predicates, objects, datatype or language]`` is short for one."""
        if not isinstance(value, list):
            return self.keys(value, "predicateobject", where)
        if len(value) not in (2, 3):
            raise self.error(
                f"{len(value)} parts", where, expected="[predicate, object] or [predicate, object, datatype]"
            )
        keys = {"predicates": value[0], "objects": value[1]}
        if len(value) == 3:
            text, mark = split_mark(str(value[2]))
            keys["language" if mark == "lang" else "datatype"] = text
        return keys

    def objects(self, value: Any) -> list[Any]:
        return [value] if isinstance(value, dict) else listed(value)

    def object(self, value: Any, keys: dict[str, Any], where: str) -> dict[str, Any]:
        """An object with its keys; ``[value, datatype or language]`` is short for one."""
        made: dict[str, Any] = {
            name: keys[name] for name in ("type", "datatype", "language", "targets") if name in keys
        }
        if isinstance(value, list):
            if len(value) not in (1, 2):
                raise self.error(f"{len(value)} parts", where, expected="[value, datatype] or [value, language~lang]")
            made["value"] = value[0]
            if len(value) == 2:
                text, mark = split_mark(str(value[1]))
                made["language" if mark == "lang" else "datatype"] = text
        elif isinstance(value, dict):
            made |= self.keys(value, "object", where)
        else:
            made["value"] = value
        if isinstance(made.get("value"), str):
            made["value"], mark = split_mark(made["value"])
            made |= {"type": mark} if mark else {}
        return made

    def object_maps(self, item: dict[str, Any], is_type: bool, where: str) -> list[Term]:
        """The object maps of an object; one for each triples map that it refers to."""
        if "mapping" in item:
            return self.references(item, where)
        kind = item.get("type") or ("iri" if is_type else "literal")
        node = self.term_map(item | {"type": kind}, where)
        self.logical_targets(node, listed(item.get("targets")))
        return [node]

    def references(self, item: dict[str, Any], where: str) -> list[Term]:
        name = str(item["mapping"])
        if name not in self.mappings:
            raise self.error(f"mapping {name!r} is not defined", where, expected=", ".join(self.mappings))
        nodes: list[Term] = []
        for parent, _, _ in self.maps(name, self.mappings[name]):
            node = self.facts([("parentTriplesMap", parent)])
            for each in listed(item.get("condition")):
                self.add(node, "joinCondition", self.join(each, f"{where}, condition"))
            self.logical_targets(node, listed(item.get("targets")))
            nodes.append(node)
        return nodes

    def join(self, value: Any, where: str) -> Term:
        """A join: ``equal`` of a value of the subject's row (``s``) and of the object's (``o``)."""
        function, parameters = self.call(value, where)
        sides = {side: each for _, each, side in parameters}
        if len(parameters) == 2 and set(sides) == {"s"}:
            sides = {"s": parameters[0][1], "o": parameters[1][1]}
        if function != IDLAB + "equal" or set(sides) != {"s", "o"} or len(parameters) != 2:
            raise UnsupportedError(
                f"{self.path}, #{self.name}, {where}: a condition on another mapping",
                expected="function equal of one parameter with s and one with o",
            )
        node = self.node()
        for name, side in (("child", "s"), ("parent", "o")):
            parts = self.texts.parts(sides[side]) if isinstance(sides[side], str) else []
            if len(parts) == 1 and parts[0][0]:
                self.add(node, name, parts[0][1])
            else:
                self.add(node, f"{name}Map", self.value(sides[side], where))
        return node

    def inverse(self, iri: IRI, predicate: Any, objects: list[dict[str, Any]], subject: Any, where: str) -> None:
        """A triples map of its own from the objects to the subject."""
        for item in objects:
            if "mapping" in item or item.get("type") != "iri" or not isinstance(subject, str):
                raise UnsupportedError(
                    f"{self.path}, #{self.name}, {where}: an inverse predicate", expected="an object of type iri"
                )
            own = IRI(f"{iri.value}-inverse-{next(self.numbers)}")
            source = next(value for node, name, value in self.triples if node == iri and name == RML + "logicalSource")
            self.add(own, "logicalSource", source)
            self.add(own, "subjectMap", self.term_map(item, where))
            pair = self.node()
            self.add(pair, "predicateMap", self.iri_map(predicate, where))
            self.add(pair, "objectMap", self.term_map({"value": split_mark(subject)[0], "type": "iri"}, where))
            self.add(own, "predicateObjectMap", pair)

    # --- terms ---

    def iri_map(self, value: Any, where: str) -> Term:
        """A predicate or graph."""
        if isinstance(value, dict):
            return self.term_map({"type": "iri"} | self.keys(value, "object", where), where)
        return self.term_map({"value": self.texts.predicate(split_mark(str(value))[0]), "type": "iri"}, where)

    def term_map(self, item: dict[str, Any], where: str) -> Term:
        """A term map of a value or a function, with its type, datatype, language and condition."""
        kind = str(item.get("type") or "literal").lower()
        if kind not in _TYPES:
            raise self.error(f"type {kind!r}", where, expected="iri, literal or blank")
        if "function" in item:
            node = self.execution(item, where)
        elif "value" in item:
            node = self.expression(item["value"], where, is_iri=kind == "iri")
        else:
            node = self.node()
        if not (kind == "literal" and "value" in item) or not self.is_constant(item["value"]):
            self.add(node, "termType", IRI(RML + _TYPES[kind]))
        for name in ("datatype", "language"):
            if name in item and kind == "literal":
                self.annotation(node, name, str(item[name]), item, where)
        self.condition(node, item.get("condition"), f"{where}, condition")
        return node

    def annotation(self, node: Term, name: str, text: str, item: dict[str, Any], where: str) -> None:
        """A datatype or language, fixed or from the data."""
        text = split_mark(text)[0]
        if name == "datatype" and "language" in item:
            return  # rdf:langString
        expanded = self.texts.expanded(text) if name == "datatype" else text
        if any(is_reference for is_reference, _ in self.texts.parts(expanded)):
            self.add(node, f"{name}Map", self.expression(expanded, where, is_iri=name == "datatype"))
        elif "value" in item and self.is_constant(item["value"]):
            self.constant_with(node, name, expanded)
        else:
            self.add(node, name, IRI(expanded) if name == "datatype" else expanded)

    def constant_with(self, node: Term, name: str, value: str) -> None:
        """Give a constant literal its datatype or language."""
        for place, (subject, predicate, term) in enumerate(self.triples):
            if subject == node and predicate == RML + "constant" and isinstance(term, Literal):
                made = (
                    Literal(term.lexical, value)
                    if name == "datatype"
                    else Literal(term.lexical, language=value.lower())
                )
                self.triples[place] = (subject, predicate, made)

    def is_constant(self, value: Any) -> bool:
        """Whether a value has no reference."""
        return isinstance(value, str) and not any(is_reference for is_reference, _ in self.texts.parts(value))

    def expression(self, value: Any, where: str, *, is_iri: bool) -> Term:
        """A node with a constant, a reference or a template."""
        if isinstance(value, dict):
            return self.execution(self.keys(value, "object", where), where)
        parts = self.texts.parts(self.texts.expanded(str(value)))
        node = self.node()
        if len(parts) == 1 and parts[0][0]:
            self.add(node, "reference", parts[0][1])
        elif any(is_reference for is_reference, _ in parts):
            self.add(
                node, "template", "".join("{" + _braced(text) + "}" if ref else _braced(text) for ref, text in parts)
            )
        else:
            text = "".join(text for _, text in parts)
            self.add(node, "constant", IRI(text) if is_iri else Literal(text, XSD_STRING))
        return node

    def value(self, value: Any, where: str) -> Term:
        """An argument of a function or one side of a join."""
        if isinstance(value, str):
            text, mark = split_mark(value)
            return self.expression(text, where, is_iri=mark == "iri")
        return self.expression(value, where, is_iri=False)

    # --- functions ---

    def execution(self, item: dict[str, Any], where: str) -> Term:
        """A node with a function execution."""
        function, parameters = self.call({key: item[key] for key in ("function", "parameters") if key in item}, where)
        node, execution = self.node(), self.node()
        self.add(node, "functionExecution", execution)
        self.add(execution, "function", IRI(function))
        for name, value, _ in parameters:
            given = self.node()
            self.add(execution, "input", given)
            self.add(given, "parameter", IRI(name))
            self.add(given, "inputValueMap", self.value(value, where))
        return node

    def call(self, value: Any, where: str) -> tuple[str, list[tuple[str, Any, str]]]:
        """The function, and its parameters with their values and sides."""
        keys = self.keys(value, "condition", where)
        if not isinstance(keys.get("function"), str):
            raise self.error("no function", where, expected="function")
        text, parameters = keys["function"], []
        inline = split_call(text)
        if inline is not None:
            text = inline[0]
            prefix = text.partition(":")[0] + ":" if ":" in text else ""
            parameters = [[name if ":" in name else prefix + name, given] for name, given in inline[1]]
        parameters += self.parameter_list(keys.get("parameters"))
        function = _SHORT.get(text, self.texts.expanded(text))
        return function, [self.parameter(each, where) for each in parameters]

    @staticmethod
    def parameter_list(value: Any) -> list[Any]:
        return [value] if isinstance(value, dict) else listed(value)

    def parameter(self, value: Any, where: str) -> tuple[str, Any, str]:
        if isinstance(value, list) and len(value) in (2, 3):
            name, given, side = value[0], value[1], value[2] if len(value) == 3 else None
        else:
            keys = self.keys(value, "parameter", where)
            if "parameter" not in keys or "value" not in keys:
                raise self.error("a parameter without its name or value", where, expected="parameter and value")
            name, given, side = keys["parameter"], keys["value"], keys.get("from")
            given = f"{given}~iri" if keys.get("type") == "iri" and isinstance(given, str) else given
        if side not in (None, "s", "o", "subject", "object"):
            raise self.error(f"side {side!r} of parameter {name}", where, expected="s or o")
        if side is None and isinstance(given, dict):
            # A side may also stand at the parameters of a function within.
            _, inner = self.call({key: given[key] for key in given if long_name(key) in KEYS["condition"]}, where)
            side = next((each for _, _, each in inner if each != "s"), None)
        return _SHORT_PARAMETERS.get(str(name), self.texts.expanded(str(name))), given, (side or "s")[0]

    def condition(self, node: Term, value: Any, where: str) -> None:
        """The condition of a term map; several have to hold together."""
        conditions = [self.execution(self.keys(each, "condition", where), where) for each in listed(value)]
        if len(conditions) > 1:
            both, execution = self.node(), self.node()
            self.add(both, "functionExecution", execution)
            self.add(execution, "function", IRI(GREL + "boolean_and"))
            for each in conditions:
                given = self.node()
                self.add(execution, "input", given)
                self.add(given, "parameter", IRI(GREL + "param_rep_b"))
                self.add(given, "inputValueMap", each)
            conditions = [both]
        for each in conditions:
            self.add(node, "condition", each)

    def logical_targets(self, node: Term, targets: list[Any]) -> None:
        if targets and isinstance(targets[0], str) and "~" in targets[0]:
            targets = [targets]
        for each in targets:
            given = each
            if isinstance(each, str):
                if each not in self.targets:
                    raise self.error(
                        f"target {each!r} is not defined", "targets", expected=", ".join(self.targets) or None
                    )
                given = self.targets[each]
            self.add(node, "logicalTarget", self.facts(target_facts(given, self.error)))


def _braced(text: str) -> str:
    """A text as it stands in a template of RML."""
    return text.replace("\\", "\\\\").replace("{", "\\{").replace("}", "\\}")
