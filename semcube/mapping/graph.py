# SPDX-License-Identifier: Apache-2.0
"""The triples of a mapping document, looked up by local names of R2RML and both RML vocabularies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semcube.errors import MappingError
from semcube.io.terms import IRI, BlankNode, Literal, Term
from semcube.vocab import RDF_TYPE, RML, RML_LEGACY, RR, SEMCUBE

__all__ = ["BASE", "MappingGraph", "term_of", "text_of"]

_FNML = "http://semweb.mmlab.be/ns/fnml#"
_VOCABULARIES = (RML, RR, RML_LEGACY, SEMCUBE, _FNML)
_SYNTAXES = {
    ".ttl": "TURTLE",
    ".nt": "N_TRIPLES",
    ".rdf": "RDF_XML",
    ".owl": "RDF_XML",
    ".jsonld": "JSON_LD",
    ".n3": "N3",
}


class MappingGraph:
    """A small graph in a dictionary; order of the document is kept.

    Example:
        >>> graph = MappingGraph.read(Path("m.ttl"), '<http://a> <http://www.w3.org/ns/r2rml#template> "x" .')
        >>> graph.values(IRI("http://a"), "template")[0].lexical
        'x'
    """

    def __init__(self, triples: list[tuple[Term, str, Term]], prefixes: tuple[tuple[str, str], ...]) -> None:
        self.prefixes = prefixes
        self._index: dict[Term, dict[str, list[Term]]] = {}
        for subject, predicate, value in triples:
            values = self._index.setdefault(subject, {}).setdefault(predicate, [])
            if value not in values:
                values.append(value)

    @classmethod
    def read(cls, path: Path, text: str | None = None) -> MappingGraph:
        """Parse a document; the base of relative IRIs is the file itself, as a short stand-in.

        Raises:
            MappingError: There is no such file, or it is not RDF; the line is in the message.
        """
        import pyoxigraph

        if text is None:
            text = text_of(path, "Turtle")
        syntax = getattr(pyoxigraph.RdfFormat, _SYNTAXES.get(path.suffix.lower(), "TURTLE"))
        try:
            parser = pyoxigraph.parse(text.encode(), format=syntax, base_iri=BASE)
            triples = [(term_of(quad.subject), quad.predicate.value, term_of(quad.object)) for quad in parser]
        except (SyntaxError, ValueError) as error:
            raise MappingError(f"not valid RDF: {error}", source=path, expected="a Turtle document") from None
        return cls(triples, tuple(sorted(parser.prefixes.items())))

    def has(self, node: Term) -> bool:
        """Whether a node is a subject."""
        return node in self._index

    def exact(self, node: Term, predicate: str) -> list[Term]:
        """Values of one predicate."""
        return self._index.get(node, {}).get(predicate, [])

    def values(self, node: Term, name: str) -> list[Term]:
        """Values of a property by its local name."""
        return [value for vocabulary in _VOCABULARIES for value in self.exact(node, vocabulary + name)]

    def subjects(self, name: str) -> list[Term]:
        """Nodes that have a property."""
        return [node for node in self._index if self.values(node, name)]

    def typed(self, name: str) -> list[Term]:
        """Nodes of a class, by its local name."""
        classes = [IRI(vocabulary + name) for vocabulary in _VOCABULARIES]
        return [node for node in self._index if any(each in classes for each in self.exact(node, RDF_TYPE))]

    def name(self, node: Term) -> str:
        """A node as a reader of the document knows it."""
        if isinstance(node, IRI):
            short = node.value.removeprefix(BASE)
            for prefix, namespace in self.prefixes:
                if namespace and short.startswith(namespace):
                    return f"{prefix}:{short[len(namespace) :]}"
            return short if short != node.value else f"<{short}>"
        if isinstance(node, BlankNode):
            return f"_:{node.label}"
        return repr(node.lexical)


BASE = "urn:semcube:mapping"
"""What relative IRIs of a document are relative to, while it is read."""


def text_of(path: Path, expected: str) -> str:
    """The text of a mapping's file.

    Raises:
        MappingError: It cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise MappingError(f"cannot be read: {error.strerror}", source=path) from None
    except UnicodeDecodeError as error:
        raise MappingError(f"not UTF-8 at byte {error.start}", source=path, expected=expected) from None


def term_of(node: Any) -> Term:
    """A term of pyoxigraph as one of the project."""
    import pyoxigraph

    if isinstance(node, pyoxigraph.NamedNode):
        return IRI(node.value)
    if isinstance(node, pyoxigraph.BlankNode):
        return BlankNode(node.value)
    return Literal(node.value, node.datatype.value, node.language)
