# SPDX-License-Identifier: Apache-2.0
"""Functions on RDF terms (SPARQL 1.1 section 17.4.2) and hashes (section 17.4.6)."""

from __future__ import annotations

import hashlib
import re
import uuid as uuids

from semcube.engines.ids import Tag
from semcube.engines.xsd import NUMERIC
from semcube.io.terms import IRI, BlankNode, Literal, Term
from semcube.sparql.functions import columns_of_strings as columns
from semcube.sparql.functions.table import Calling, function
from semcube.sparql.iris import resolve
from semcube.sparql.values import ExpressionError, Object, value
from semcube.vocab import RDF_LANG_STRING, XSD_STRING

_CLAUSE = "SPARQL 1.1, 17.4.2"
_NOT_IN_IRIS = re.compile(r'[\x00-\x20<>"{}|^`\\]')
_TAG = re.compile("[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")


@function("sameTerm", ("term", "term"), "boolean", clause="SPARQL 1.1, 17.4.1.8", vector=columns.same_term, cheap=True)
def same_term(left: Term, right: Term) -> Object:
    """Whether two terms are the same RDF term."""
    return left == right


@function("isIRI", ("term",), "boolean", clause=_CLAUSE + ".1", vector=columns.is_tagged(Tag.IRI), cheap=True)
@function("isURI", ("term",), "boolean", clause=_CLAUSE + ".1", vector=columns.is_tagged(Tag.IRI), cheap=True)
def is_iri(term: Term) -> Object:
    """Whether it is an IRI."""
    return isinstance(term, IRI)


@function("isBLANK", ("term",), "boolean", clause=_CLAUSE + ".2", vector=columns.is_tagged(Tag.BLANK), cheap=True)
def is_blank(term: Term) -> Object:
    """Whether it is a blank node."""
    return isinstance(term, BlankNode)


@function(
    "isLITERAL",
    ("term",),
    "boolean",
    clause=_CLAUSE + ".3",
    vector=columns.is_tagged(*set(Tag) - {Tag.IRI, Tag.BLANK}),
    cheap=True,
)
def is_literal(term: Term) -> Object:
    """Whether it is a literal."""
    return isinstance(term, Literal)


@function(
    "isNUMERIC",
    ("term",),
    "boolean",
    clause=_CLAUSE + ".4",
    vector=columns.is_tagged(Tag.INTEGER, Tag.NUMERIC),
    cheap=True,
)
def is_numeric(term: Term) -> Object:
    """Whether it is a literal of a numeric datatype with a valid lexical form."""
    return isinstance(term, Literal) and term.datatype in NUMERIC and not isinstance(value(term), Literal)


@function("STR", ("term",), "simple literal", clause=_CLAUSE + ".5", vector=columns.str_)
def str_(term: Term) -> Object:
    """The lexical form of a literal as loaded, or the text of an IRI."""
    if isinstance(term, BlankNode):
        raise ExpressionError("a blank node has no text")
    return term.value if isinstance(term, IRI) else term.lexical


@function("LANG", ("literal",), "simple literal", clause=_CLAUSE + ".6", vector=columns.lang)
def lang(term: Literal) -> Object:
    """The language tag in lower case; empty without one."""
    return term.language or ""


@function("DATATYPE", ("literal",), "IRI", clause=_CLAUSE + ".7", vector=columns.datatype)
def datatype(term: Literal) -> Object:
    """The datatype IRI."""
    return IRI(RDF_LANG_STRING if term.language is not None else term.datatype)


@function("IRI", ("term",), "IRI", clause=_CLAUSE + ".8", calling=True)
@function("URI", ("term",), "IRI", clause=_CLAUSE + ".8", calling=True)
def iri(calling: Calling, term: Term) -> Object:
    """The IRI of a text, resolved against the base of the query."""
    if isinstance(term, IRI):
        return term
    if not isinstance(term, Literal) or term.datatype != XSD_STRING:
        raise ExpressionError("neither an IRI nor a simple literal")
    text = resolve(term.lexical, calling.context.base)
    if text is None or _NOT_IN_IRIS.search(text) is not None:
        raise ExpressionError("no absolute IRI")
    return IRI(text)


@function("BNODE", ("simple literal",), "blank node", arity=(0, 1), clause=_CLAUSE + ".9", calling=True, volatile=True)
def bnode(calling: Calling, text: str | None = None) -> Object:
    """A fresh blank node; for a text the same one within one solution."""
    if text is None or calling.solution is None:
        return BlankNode("f" + uuids.uuid4().hex)
    name = uuids.uuid5(calling.context.terms.namespace, f"{calling.solution} {text}")
    return BlankNode("f" + name.hex)


@function("STRDT", ("simple literal", "IRI"), "literal", clause=_CLAUSE + ".10")
def strdt(text: str, kind: IRI) -> Object:
    """A literal of a text and a datatype."""
    if kind.value == RDF_LANG_STRING:
        raise ExpressionError("rdf:langString needs a language")
    return Literal(text, kind.value)


@function("STRLANG", ("simple literal", "simple literal"), "literal", clause=_CLAUSE + ".11")
def strlang(text: str, tag: str) -> Object:
    """A literal of a text and a language tag."""
    if _TAG.fullmatch(tag) is None:
        raise ExpressionError("not a language tag")
    return Literal(text, language=tag)


@function("UUID", (), "IRI", clause=_CLAUSE + ".12", calling=True, volatile=True)
def uuid(_: Calling) -> Object:
    """A fresh IRI of the scheme urn:uuid."""
    return IRI(f"urn:uuid:{uuids.uuid4()}")


@function("STRUUID", (), "simple literal", clause=_CLAUSE + ".13", calling=True, volatile=True)
def struuid(_: Calling) -> Object:
    """The text of a fresh UUID."""
    return str(uuids.uuid4())


@function("MD5", ("simple literal",), "simple literal", clause="SPARQL 1.1, 17.4.6.1")
def md5(text: str) -> Object:
    """The MD5 checksum of the UTF-8 text, in hexadecimal digits."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@function("SHA1", ("simple literal",), "simple literal", clause="SPARQL 1.1, 17.4.6.2")
def sha1(text: str) -> Object:
    """The SHA-1 checksum of the UTF-8 text, in hexadecimal digits."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


@function("SHA256", ("simple literal",), "simple literal", clause="SPARQL 1.1, 17.4.6.3")
def sha256(text: str) -> Object:
    """The SHA-256 checksum of the UTF-8 text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


@function("SHA384", ("simple literal",), "simple literal", clause="SPARQL 1.1, 17.4.6.4")
def sha384(text: str) -> Object:
    """The SHA-384 checksum of the UTF-8 text, in hexadecimal digits."""
    return hashlib.sha384(text.encode()).hexdigest()


@function("SHA512", ("simple literal",), "simple literal", clause="SPARQL 1.1, 17.4.6.5")
def sha512(text: str) -> Object:
    """The SHA-512 checksum of the UTF-8 text, in hexadecimal digits."""
    return hashlib.sha512(text.encode()).hexdigest()
