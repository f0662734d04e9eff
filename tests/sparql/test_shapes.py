# SPDX-License-Identifier: Apache-2.0
"""A text that is given the tree of another of its shape is parsed as it would be alone."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from semcube.errors import QueryError
from semcube.sparql import parser
from semcube.sparql.algebra import Query
from semcube.sparql.shapes import Shapes
from semcube.sparql.translate_queries import QueryTranslator
from tests.sparql.fuzz.generator import draw

CONSTANTS = re.compile(r"<[^<> ]+>|\"[^\"\n]*\"|'[^'\n]*'|(?<![\w.\"'])[+-]?[0-9]+(?:\.[0-9]+)?(?![\w.])")
OTHERS = {
    "<": ("<http://e/other>", "<urn:x>", "<relative>", "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>", "<a:b#c>"),
    '"': ('"other"', '""', '"a \\" b"', '"#"', '"<http://e/a>"', '"\\q"', '"""long " one"""'),
    "'": ("'other'", "''", "'it\\'s'", "'?x'"),
    "0": ("0", "7", "123456789", "1.5", "-3", "+2", "1e3"),
}
PIECES = (" ", "<", ">", '"', "'", "#", "\n", "\\", ":", ".", "1", "?x", "<b>", '"s"', "@en", "^^", "(", ")")


def alone(text: str, base: str | None = None) -> Query | str:
    """The query of a text that is parsed for itself."""
    try:
        return QueryTranslator(text, base).query(parser._tree(text, "query_unit"))
    except QueryError as error:
        return str(error)


def shaped(shapes: Shapes, text: str, base: str | None = None) -> tuple[Query | str, bool]:
    """The same by shape, and whether a tree was used again."""
    try:
        tree, moved = shapes.tree(text)
        return QueryTranslator(text, base, moved).query(tree), moved is not None
    except QueryError as error:
        return str(error), False


def spans(value: object) -> Iterator[object]:
    """All spans of a query in order."""
    if is_dataclass(value):
        for item in fields(value):
            inner = getattr(value, item.name)
            if item.name == "span":
                yield inner
            else:
                yield from spans(inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from spans(inner)


def assert_same(shapes: Shapes, text: str, base: str | None = None) -> bool:
    expected = alone(text, base)
    found, again = shaped(shapes, text, base)
    assert found == expected, text
    if isinstance(found, Query) and isinstance(expected, Query):
        assert list(spans(found)) == list(spans(expected)), text
        assert found.text == expected.text
    return again


def with_other_constants(text: str, chance: random.Random) -> str:
    def other(match: re.Match[str]) -> str:
        first = match[0][0] if match[0][0] in OTHERS else "0"
        return chance.choice(OTHERS[first]) if chance.random() < 0.6 else match[0]

    return CONSTANTS.sub(other, text)


def fresh() -> Shapes:
    return Shapes(lambda text: parser._tree(text, "query_unit"), size=64)


def test_random_queries_with_other_constants() -> None:
    shapes, chance, again = fresh(), random.Random(1), 0
    for seed in range(120):
        text = draw(seed)[1]
        for changed in (text, *(with_other_constants(text, chance) for _ in range(4))):
            again += assert_same(shapes, changed)
    assert again > 150


def test_texts_with_characters_changed() -> None:
    """What only looks like the same shape is parsed as it is, or refused as it would be."""
    chance = random.Random(2)
    for seed in range(60):
        shapes, text = fresh(), draw(seed)[1]
        for _ in range(6):
            assert_same(shapes, text)
            place = chance.randrange(len(text))
            text = text[:place] + chance.choice(PIECES) + text[place + chance.randrange(2) :]


@pytest.mark.parametrize(
    "texts",
    [
        ("?s <http://e/a> 1", "?s <http://e/abc> 22222", "?s <b> 3"),
        ("?s ?p ?o FILTER(?s<?p&&?o>?s)", "?s ?p ?o FILTER(?s<?pp&&?o>?s)"),
        ("?s ?p ?o FILTER(?o<5 && ?o>3)", "?s ?p ?o FILTER(?o<51 && ?o>3)"),
        ("?s ?p ?o FILTER(?o<5&&?o>3)", "?s ?p ?o FILTER(?o<5 &&?o>3)"),
        ("?s ?p 'a', 'a'", "?s ?p 'a', 'b'"),
        ("{ SELECT (SUM(?o + 1) AS ?a) (SUM(?o + 2) AS ?b) { ?s ?p ?o } }",
         "{ SELECT (SUM(?o + 2) AS ?a) (SUM(?o + 2) AS ?b) { ?s ?p ?o } }"),
        ("{ SELECT * { ?s <p> ?o } LIMIT 5 }", "{ SELECT * { ?s <../p> ?o } LIMIT 555 }"),
        ('?s ?p """a"""', '?s ?p """a " b"""', '?s ?p "a"', '?s ?p ""'),
        ("?s ?p '5'^^<http://www.w3.org/2001/XMLSchema#integer>", "?s ?p '5'^^<http://e/t>"),
        ("?s ?p 5 # five <http://e/a>\n", "?s ?p 6 # five <http://e/a>\n", "?s ?p 6 # six\n"),
        ("BIND(<http://e/f>(?o) AS ?x)", "BIND(<http://www.w3.org/2001/XMLSchema#integer>(?o) AS ?x)"),
        ("?s <http://e/a>/<http://e/b>* ?o", "?s <http://e/b>/<http://e/b>* ?o"),
    ],
)  # fmt: skip
def test_where_constants_mean_different_things(texts: tuple[str, ...]) -> None:
    shapes = fresh()
    for text in (*texts, *texts):
        for head in ("", "BASE <http://e/x/> ", "BASE <http://other/> PREFIX e: <http://e/> "):
            assert_same(shapes, f"{head}SELECT * {{ {text} }}")
            assert_same(shapes, f"{head}CONSTRUCT {{ ?s <http://e/c> 1 }} FROM <http://e/g> {{ {text} }} LIMIT 3")


def test_errors_are_where_they_are_in_the_text() -> None:
    shapes = fresh()
    assert_same(shapes, "SELECT * { ?s <http://e/a> ?o . ?s <http://e/b> <http://e/c> }")
    found, _ = shaped(shapes, "SELECT * { ?s <http://example.org/longer> ?o . ?s <http://e/b> <relative> }")
    assert isinstance(found, str)
    assert "line 1, column 64" in found


def test_shapes_are_bounded_and_used() -> None:
    shapes = Shapes(lambda text: parser._tree(text, "query_unit"), size=3)
    for i in range(9):
        assert not assert_same(shapes, f"SELECT * {{ ?s{i} ?p 5 }}")
    assert len(shapes._templates) == 3
    assert assert_same(shapes, "SELECT * { ?s8 ?p 77 }")
    assert not assert_same(shapes, "SELECT * { ?s0 ?p 77 }")


@pytest.mark.shared
def test_w3c_texts_with_other_constants(shared: Path) -> None:
    shapes, chance, again = fresh(), random.Random(3), 0
    texts = [path.read_text("utf-8") for path in sorted((shared / "suites" / "sparql11").rglob("*.rq"))[::4]]
    assert len(texts) > 100
    for text in texts:
        for changed in (text, with_other_constants(text, chance)):
            if "\\u" not in changed and "\\U" not in changed:
                again += assert_same(shapes, changed, "http://e/base/")
    assert again > 20
