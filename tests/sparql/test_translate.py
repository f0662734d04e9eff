# SPDX-License-Identifier: Apache-2.0
"""The translation of section 18.2: which algebra a text means."""

from __future__ import annotations

import pytest

from semcube.io.terms import IRI, BlankNode, Literal
from semcube.sparql.algebra import (
    BGP,
    Add,
    Aggregate,
    Algebra,
    Ask,
    Clear,
    Construct,
    Copy,
    Create,
    DatasetClause,
    DeleteData,
    Describe,
    Distinct,
    Drop,
    Exists,
    Expression,
    Extend,
    Filter,
    FunctionCall,
    Graph,
    Group,
    InsertData,
    InversePath,
    Join,
    LeftJoin,
    Load,
    Minus,
    Modify,
    Move,
    NegatedPropertySet,
    OneOrMorePath,
    Operation,
    OrderBy,
    OrderCondition,
    Path,
    PredicatePath,
    Project,
    QuadTemplate,
    Query,
    Reduced,
    Select,
    SequencePath,
    Service,
    Slice,
    TermPattern,
    TriplePattern,
    Union,
    Unit,
    UpdateOperation,
    Values,
    Variable,
    ZeroOrMorePath,
    ZeroOrOnePath,
)
from semcube.sparql.parser import parse_query, parse_update
from semcube.sparql.scope import certain, in_scope, mentioned, visible
from semcube.vocab import GEOF, RDF, XSD_INTEGER

PREFIX = "PREFIX : <http://e/>\n"


def v(name: str) -> Variable:
    return Variable(name)


def iri(name: str) -> IRI:
    return IRI(f"http://e/{name}")


def n(value: int) -> Literal:
    return Literal(str(value), XSD_INTEGER)


def t(s: TermPattern, p: str | Variable, o: TermPattern) -> TriplePattern:
    return TriplePattern(s, iri(p) if isinstance(p, str) else p, o)


def bgp(*triples: TriplePattern) -> BGP:
    return BGP(triples)


def op(name: str, *arguments: Expression) -> Operation:
    return Operation(name, arguments)


S, P, O, X, Y, Z = (v(name) for name in "spoxyz")  # noqa: E741
SPO = bgp(TriplePattern(S, P, O))


def group(text: str) -> Algebra:
    """The algebra of a group."""
    form = parse_query(f"{PREFIX}ASK {{ {text} }}").form
    return form.pattern


def query(text: str) -> Query:
    return parse_query(PREFIX + text)


# --- groups (section 18.2.2; the examples of 18.2.3 first) ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("?s ?p ?o", SPO),
        ("?s :p :a ; :q :b", bgp(t(S, "p", iri("a")), t(S, "q", iri("b")))),
        ("{ ?s :p :a } UNION { ?s :q :b }", Union(bgp(t(S, "p", iri("a"))), bgp(t(S, "q", iri("b"))))),
        (
            "{ ?s :p 1 } UNION { ?s :p 2 } UNION { ?s :p 3 }",
            Union(Union(bgp(t(S, "p", n(1))), bgp(t(S, "p", n(2)))), bgp(t(S, "p", n(3)))),
        ),
        ("?s :p ?x OPTIONAL { ?s :q ?y }", LeftJoin(bgp(t(S, "p", X)), bgp(t(S, "q", Y)))),
        (
            "?s :p ?x OPTIONAL { ?s :q ?y FILTER(?y < 1) }",
            LeftJoin(bgp(t(S, "p", X)), bgp(t(S, "q", Y)), op("<", Y, n(1))),
        ),
        (
            "?s :p ?x OPTIONAL { { ?s :q ?y FILTER(?y < ?x) } }",
            LeftJoin(bgp(t(S, "p", X)), Filter(op("<", Y, X), bgp(t(S, "q", Y)))),
        ),
        (
            "?s :p ?x OPTIONAL { ?s :q ?y } OPTIONAL { ?s :r ?z }",
            LeftJoin(LeftJoin(bgp(t(S, "p", X)), bgp(t(S, "q", Y))), bgp(t(S, "r", Z))),
        ),
        ("?s :p ?x FILTER(?x < 1) ?s :q ?y", Filter(op("<", X, n(1)), bgp(t(S, "p", X), t(S, "q", Y)))),
        ("FILTER(?x) FILTER(?y) ?s ?p ?o", Filter(op("&&", X, Y), SPO)),
        ("OPTIONAL { ?s :q ?y }", LeftJoin(Unit(), bgp(t(S, "q", Y)))),
        ("", Unit()),
        ("{}", Unit()),
        ("{ ?s ?p ?o } {}", SPO),
        ("?s :p ?x { ?s :q ?y } ?s :r ?z", Join(Join(bgp(t(S, "p", X)), bgp(t(S, "q", Y))), bgp(t(S, "r", Z)))),
        ("?s :p ?x MINUS { ?s :q ?y }", Minus(bgp(t(S, "p", X)), bgp(t(S, "q", Y)))),
        ("MINUS { ?s :q ?y } ?s :p ?x", Join(Minus(Unit(), bgp(t(S, "q", Y))), bgp(t(S, "p", X)))),
        ("?s :p ?x BIND(?x AS ?y) ?s :q ?y", Join(Extend(bgp(t(S, "p", X)), Y, X), bgp(t(S, "q", Y)))),
        ("BIND(1 AS ?x)", Extend(Unit(), X, n(1))),
        ("GRAPH ?x { ?s ?p ?o } ", Graph(X, SPO)),
        ("GRAPH :g { GRAPH :h { ?s ?p ?o } }", Graph(iri("g"), Graph(iri("h"), SPO))),
        ("SERVICE SILENT <http://h/> { ?s ?p ?o }", Service(IRI("http://h/"), SPO, True)),
        ("SERVICE ?x { ?s ?p ?o }", Service(X, SPO, False)),
        ("VALUES ?x { 1 UNDEF :a }", Values((X,), ((n(1),), (None,), (iri("a"),)))),
        ("VALUES (?x ?y) { (1 2) (UNDEF 'a') }", Values((X, Y), ((n(1), n(2)), (None, Literal("a"))))),
        ("VALUES () { () () }", Values((), ((), ()))),
        ("{ SELECT ?s { ?s ?p ?o } }", Project(SPO, (S,))),
        ("FILTER NOT EXISTS { ?s ?p ?o } ?s :p ?x", Filter(op("!", Exists(SPO)), bgp(t(S, "p", X)))),
    ],
)
def test_groups(text: str, expected: Algebra) -> None:
    assert group(text) == expected


# --- triples and paths ---


def fresh(number: int) -> Variable:
    return v(f"_:-{number}")


RDF_FIRST, RDF_REST, RDF_NIL = (IRI(RDF + name) for name in ("first", "rest", "nil"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("_:a :p _:a", bgp(t(v("_:a"), "p", v("_:a")))),
        ("[] :p []", bgp(t(fresh(1), "p", fresh(2)))),
        ("[ :p ?x ; :q ?y ]", bgp(t(fresh(1), "p", X), t(fresh(1), "q", Y))),
        ("?s :p [ :q ?y ] , ?z", bgp(t(S, "p", fresh(1)), t(fresh(1), "q", Y), t(S, "p", Z))),
        ("?s :p ()", bgp(t(S, "p", RDF_NIL))),
        (
            "(1 ?x) :p ?y",
            bgp(
                TriplePattern(fresh(1), RDF_FIRST, n(1)),
                TriplePattern(fresh(1), RDF_REST, fresh(2)),
                TriplePattern(fresh(2), RDF_FIRST, X),
                TriplePattern(fresh(2), RDF_REST, RDF_NIL),
                t(fresh(1), "p", Y),
            ),
        ),
        ("?s :p/:q ?o", bgp(t(S, "p", fresh(1)), t(fresh(1), "q", O))),
        ("?s ^:p ?o", bgp(t(O, "p", S))),
        ("?s ^(:p/:q) ?o", bgp(t(O, "p", fresh(1)), t(fresh(1), "q", S))),
        ("?s :p|:q ?o", Union(bgp(t(S, "p", O)), bgp(t(S, "q", O)))),
        (
            "?s :p/(:q|:r) ?o . ?o :t ?x",
            Join(
                Join(bgp(t(S, "p", fresh(1))), Union(bgp(t(fresh(1), "q", O)), bgp(t(fresh(1), "r", O)))),
                bgp(t(O, "t", X)),
            ),
        ),
        ("?s :p* ?o", Path(S, ZeroOrMorePath(PredicatePath(iri("p"))), O)),
        (
            "?s (:p/^:q)+ ?o",
            Path(S, OneOrMorePath(SequencePath(PredicatePath(iri("p")), InversePath(PredicatePath(iri("q"))))), O),
        ),
        ("?s ^:p? ?o", Path(O, ZeroOrOnePath(PredicatePath(iri("p"))), S)),
        ("?s !(:p|^:q|a) ?o", Path(S, NegatedPropertySet((iri("p"), IRI(RDF + "type")), (iri("q"),)), O)),
        ("?s !:p ?o", Path(S, NegatedPropertySet((iri("p"),), ()), O)),
        ("?s !() ?o", Path(S, NegatedPropertySet((), ()), O)),
        (
            "?s :p ?x . ?x :q+ ?y . ?y :r ?z",
            Join(
                Join(bgp(t(S, "p", X)), Path(X, OneOrMorePath(PredicatePath(iri("q"))), Y)),
                bgp(t(Y, "r", Z)),
            ),
        ),
    ],
)
def test_triples_and_paths(text: str, expected: Algebra) -> None:
    assert group(text) == expected


# --- expressions ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("?x + ?y * ?z", op("+", X, op("*", Y, Z))),
        ("?x - ?y - ?z", op("-", op("-", X, Y), Z)),
        ("?x -1", op("-", X, n(1))),
        ("?x+1*?y", op("+", X, op("*", n(1), Y))),
        ("?x * -1", op("*", X, n(-1))),
        ("-?x", op("U-", X)),
        ("+?x", op("U+", X)),
        ("!?x && ?y || ?z", op("||", op("&&", op("!", X), Y), Z)),
        ("?x IN (1, ?y)", op("IN", X, n(1), Y)),
        ("?x NOT IN ()", op("!", op("IN", X))),
        ("?x != 1", op("!=", X, n(1))),
        ("?x<=?y", op("<=", X, Y)),
        ("(?x = ?y) = ?z", op("=", op("=", X, Y), Z)),
        ("URI(?x)", op("IRI", X)),
        ("isuri(?x)", op("ISIRI", X)),
        ("BNODE()", op("BNODE")),
        ("COALESCE()", op("COALESCE")),
        ("IF(?x, 1, 2)", op("IF", X, n(1), n(2))),
        ("STRSTARTS(STR(?x), 'a')", op("STRSTARTS", op("STR", X), Literal("a"))),
        (":f(?x, 1)", FunctionCall(iri("f"), (X, n(1)))),
        (":f()", FunctionCall(iri("f"), ())),
        (":f(DISTINCT ?x)", FunctionCall(iri("f"), (X,), True)),
        (":a", iri("a")),
        ("EXISTS { ?s ?p ?o }", Exists(SPO)),
    ],
)
def test_expressions(text: str, expected: Expression) -> None:
    found = group(f"FILTER({text})")
    assert isinstance(found, Filter)
    assert found.expression == expected


def test_spans_point_into_the_text() -> None:
    text = "SELECT * { ?s <http://e/p> ?o FILTER(STR(?o) = 'a') }"
    found = parse_query(text).form.pattern
    assert isinstance(found, Project)
    assert isinstance(found.pattern, Filter)
    comparison = found.pattern.expression
    assert isinstance(comparison, Operation)
    assert comparison.span is not None
    assert text[slice(*comparison.span)] == "STR(?o) = 'a'"
    assert isinstance(found.pattern.pattern, BGP)
    span = found.pattern.pattern.triples[0].span
    assert span is not None
    assert text[slice(*span)] == "<http://e/p> ?o"


# --- queries (sections 18.2.4 and 18.2.5) ---


def select(text: str) -> Algebra:
    form = query(text).form
    assert isinstance(form, Select)
    return form.pattern


C1 = fresh(1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "SELECT * { ?s ?p ?o . _:b ?p ?x }",
            Project(bgp(TriplePattern(S, P, O), TriplePattern(v("_:b"), P, X)), (S, P, O, X)),
        ),
        ("SELECT DISTINCT ?o ?s { ?s ?p ?o }", Distinct(Project(SPO, (O, S)))),
        ("SELECT REDUCED ?o { ?s ?p ?o }", Reduced(Project(SPO, (O,)))),
        ("SELECT ?s { ?s ?p ?o } LIMIT 5", Slice(Project(SPO, (S,)), 0, 5)),
        ("SELECT ?s { ?s ?p ?o } OFFSET 2 LIMIT 0", Slice(Project(SPO, (S,)), 2, 0)),
        ("SELECT ?s { ?s ?p ?o } OFFSET 2", Slice(Project(SPO, (S,)), 2, None)),
        (
            "SELECT ?s { ?s ?p ?o } ORDER BY DESC(?o) ?p (?o + 1)",
            Project(
                OrderBy(SPO, (OrderCondition(O, True), OrderCondition(P), OrderCondition(op("+", O, n(1))))), (S,)
            ),
        ),
        (
            "SELECT (?o AS ?x) (?x + 1 AS ?y) { ?s ?p ?o }",
            Project(Extend(Extend(SPO, X, O), Y, op("+", X, n(1))), (X, Y)),
        ),
        ("SELECT ?s { ?s ?p ?o } VALUES ?s { 1 }", Project(Join(SPO, Values((S,), ((n(1),),))), (S,))),
        (
            "SELECT (COUNT(*) AS ?x) { ?s ?p ?o }",
            Project(Extend(Group(SPO, (), ((C1, Aggregate("COUNT", ())),)), X, C1), (X,)),
        ),
        (
            "SELECT ?p (SUM(DISTINCT ?o) + SUM(DISTINCT ?o) AS ?x) { ?s ?p ?o } GROUP BY ?p HAVING (AVG(?o) > 1)",
            Project(
                Extend(
                    Filter(
                        op(">", C1, n(1)),
                        Group(SPO, ((P, P),), ((C1, Aggregate("AVG", (O,))), (fresh(2), Aggregate("SUM", (O,), True)))),
                    ),
                    X,
                    op("+", fresh(2), fresh(2)),
                ),
                (P, X),
            ),
        ),
        (
            "SELECT ?x { ?s ?p ?o } GROUP BY (STR(?o) AS ?x) STR(?p)",
            Project(Group(SPO, ((X, op("STR", O)), (C1, op("STR", P))), ()), (X,)),
        ),
        (
            "SELECT ?p { ?s ?p ?o } GROUP BY ?p HAVING (?o > 1) ORDER BY ?s",
            Project(
                OrderBy(
                    Filter(
                        op(">", C1, n(1)),
                        Group(SPO, ((P, P),), ((C1, Aggregate("SAMPLE", (O,))), (fresh(2), Aggregate("SAMPLE", (S,))))),
                    ),
                    (OrderCondition(fresh(2)),),
                ),
                (P,),
            ),
        ),
        (
            "SELECT (GROUP_CONCAT(?o; SEPARATOR=', ') AS ?x) { ?s ?p ?o } ORDER BY ?x",
            Project(
                OrderBy(
                    Extend(Group(SPO, (), ((C1, Aggregate("GROUP_CONCAT", (O,), False, ", ")),)), X, C1),
                    (OrderCondition(X),),
                ),
                (X,),
            ),
        ),
        (
            f"SELECT (<{GEOF}aggUnion>(?o) AS ?x) {{ ?s ?p ?o }}",
            Project(Extend(Group(SPO, (), ((C1, Aggregate(f"{GEOF}aggUnion", (O,))),)), X, C1), (X,)),
        ),
        (
            "SELECT ?s { ?s ?p ?o { SELECT ?o (MAX(?x) AS ?y) { ?o ?p ?x } GROUP BY ?o LIMIT 1 } }",
            Project(
                Join(
                    SPO,
                    Slice(
                        Project(
                            Extend(
                                Group(bgp(TriplePattern(O, P, X)), ((O, O),), ((C1, Aggregate("MAX", (X,))),)), Y, C1
                            ),
                            (O, Y),
                        ),
                        0,
                        1,
                    ),
                ),
                (S,),
            ),
        ),
    ],
)  # fmt: skip
def test_select(text: str, expected: Algebra) -> None:
    assert select(text) == expected


def test_other_forms() -> None:
    found = query("CONSTRUCT { _:a :p ?o . [] :q ?s } FROM :g FROM NAMED :h { ?s ?p ?o } LIMIT 1")
    assert found.dataset == DatasetClause((iri("g"),), (iri("h"),))
    assert found.form == Construct((t(BlankNode("a"), "p", O), t(BlankNode("-1"), "q", S)), Slice(SPO, 0, 1))
    short = query("CONSTRUCT WHERE { ?s :p _:a }").form
    assert short == Construct((t(S, "p", BlankNode("a")),), bgp(t(S, "p", v("_:a"))))
    assert query("ASK { ?s ?p ?o }").form == Ask(SPO)
    assert query("DESCRIBE ?o :a ?o { ?s ?p ?o }").form == Describe((O, iri("a")), SPO)
    assert query("DESCRIBE * { ?s ?p ?o . _:b ?p ?o }").form.targets == (S, P, O)
    assert query("DESCRIBE :a").form == Describe((iri("a"),), Unit())
    assert query("ASK {}").dataset is None


# --- updates ---


def q(s: TermPattern, p: str, o: TermPattern, g: Variable | IRI | None = None) -> QuadTemplate:
    return QuadTemplate(s, iri(p), o, g)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "INSERT DATA { :a :p 1 GRAPH :g { _:b :p 2 } :a :p 3 }",
            InsertData(
                (q(iri("a"), "p", n(1)), q(BlankNode("b"), "p", n(2), iri("g")), q(iri("a"), "p", n(3)))
            ),
        ),
        ("DELETE DATA { :a :p 1 }", DeleteData((q(iri("a"), "p", n(1)),))),
        (
            "DELETE WHERE { ?s :p ?o ; :q ?x . GRAPH ?z { ?s :p ?y } ?s :r 1 }",
            Modify(
                (q(S, "p", O), q(S, "q", X), q(S, "p", Y, Z), q(S, "r", n(1))),
                (),
                Join(Join(bgp(t(S, "p", O), t(S, "q", X)), Graph(Z, bgp(t(S, "p", Y)))), bgp(t(S, "r", n(1)))),
            ),
        ),
        (
            "WITH :g DELETE { ?s :p ?o } INSERT { _:b :q ?o GRAPH :h { ?s :r [] } } WHERE { ?s ?p ?o }",
            Modify(
                (q(S, "p", O, iri("g")),),
                (q(BlankNode("b"), "q", O, iri("g")), q(S, "r", BlankNode("-1"), iri("h"))),
                SPO,
                None,
                iri("g"),
            ),
        ),
        (
            "WITH :g INSERT { ?s :p ?o } USING :h USING NAMED :k WHERE { ?s ?p ?o }",
            Modify((), (q(S, "p", O, iri("g")),), SPO, DatasetClause((iri("h"),), (iri("k"),)), None),
        ),
        ("LOAD SILENT :a INTO GRAPH :g", Load(iri("a"), iri("g"), True)),
        ("LOAD :a", Load(iri("a"))),
        ("CLEAR ALL", Clear("ALL")),
        ("CLEAR SILENT GRAPH :g", Clear(iri("g"), True)),
        ("DROP default", Drop("DEFAULT")),
        ("DROP NAMED", Drop("NAMED")),
        ("CREATE GRAPH :g", Create(iri("g"))),
        ("COPY DEFAULT TO :g", Copy("DEFAULT", iri("g"))),
        ("MOVE SILENT GRAPH :g TO GRAPH :h", Move(iri("g"), iri("h"), True)),
        ("ADD :g TO DEFAULT", Add(iri("g"), "DEFAULT")),
    ],
)  # fmt: skip
def test_updates(text: str, expected: UpdateOperation) -> None:
    assert parse_update(PREFIX + text).operations == (expected,)


def test_prologues_between_operations() -> None:
    update = parse_update("PREFIX a: <http://a/> CLEAR GRAPH a:x ; PREFIX a: <http://b/> CLEAR GRAPH a:x ;")
    assert update.operations == (Clear(IRI("http://a/x")), Clear(IRI("http://b/x")))
    assert parse_update("PREFIX a: <http://a/>").operations == ()


# --- scope ---


def test_scope() -> None:
    found = group(
        "?s :p ?x OPTIONAL { ?s :q ?y } MINUS { ?s :r ?z } FILTER(?o) VALUES (?a ?b) { (1 UNDEF) } BIND(?x AS ?c) "
        "BIND(?y + 1 AS ?d) FILTER EXISTS { ?s :p ?e }"
    )
    assert {i.name for i in in_scope(found)} == set("sxyabcd")
    assert {i.name for i in certain(found)} == set("sxac")
    assert {i.name for i in mentioned(found)} == set("sxyzoabcde")
    assert [i.name for i in visible(found)] == list("sxyabcd")


def test_scope_of_groups_and_graphs() -> None:
    found = select("SELECT ?g ?n { GRAPH ?g { ?s :p ?o } { SELECT ?o (COUNT(?k) AS ?n) { ?o ?k ?l } GROUP BY ?o } }")
    assert isinstance(found, Project)
    assert {i.name for i in in_scope(found.pattern)} == set("gson")
    assert {i.name for i in certain(found.pattern)} == set("gson")
