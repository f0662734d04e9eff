# SPDX-License-Identifier: Apache-2.0
"""Tag, datatype and language of terms, and the values of numbers and times, which have tables of their own."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest

from semcube.engines.ids import Tag
from semcube.engines.xsd import time_kind
from semcube.io.terms import key
from semcube.store import Store
from semcube.store.forms import Form, Forms
from semcube.vocab import XSD, XSD_DATE, XSD_DATETIME

LITERALS = {
    f'"{text}"^^<{XSD}{datatype}>'
    for datatype, texts in {
        "decimal": ["1.5", "12345678901234567.25", "x"],
        "integer": ["7", "007", str(2**70)],
        "float": ["1.1"],
        "double": ["NaN", "1e400", "2.5"],
        "date": ["2020-01-02", "2020-01-02Z", "2020-02-30", "-0400-01-01"],
        "dateTime": ["2020-01-02T03:04:05Z", "999999999999-01-01T00:00:00"],
        "time": ["01:02:03.0000001"],
        "boolean": ["true", "1"],
    }.items()
    for text in texts
} | {'"a"@en', '"a"@fr', '"a"', '"a"^^<http://e/d>', "<http://e/a>", "_:a"}


def triples(literals: set[str]) -> bytes:
    return "".join(f"<http://e/s> <http://e/p> {text} .\n" for text in sorted(literals)).encode()


def asked(store: Store) -> set[str]:
    with store.query("SELECT ?o { <http://e/s> <http://e/p> ?o }") as result:
        return {"_:a" if key(row[0]).startswith("_:") else key(row[0]) for row in result}


def rows(store: Store, sql: str) -> list[tuple[object, ...]]:
    with store.snapshot() as snapshot:
        return snapshot.connection().execute(sql).fetchall()


def test_forms_have_numbers_in_the_order_of_arrival() -> None:
    forms = Forms([Form(int(Tag.IRI))])
    own = forms.copy()
    assert [own.number(each) for each in (Form(3, "d"), Form(2), Form(4, "l", "fr"), Form(3, "d"))] == [1, 0, 2, 1]
    assert (len(forms), len(own), own.since(1)) == (1, 3, [Form(3, "d"), Form(4, "l", "fr")])
    columns = own.columns()
    assert columns.kind.tolist() == [0, 2, 2]
    assert (columns.datatype.to_pylist(), columns.language.to_pylist()) == ([None, "d", "l"], [None, None, "fr"])
    assert own.about(2) == (2, "l", "fr")


@pytest.mark.parametrize("at_once", [True, False], ids=["many", "few"])
def test_terms_of_all_forms_are_read_as_they_were_written(at_once: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semcube.store.encoder.FEW", 0 if at_once else 1000)
    monkeypatch.setattr("semcube.store.transaction.FEW", 0 if at_once else 1000)
    with Store.in_memory() as store:
        for part in (sorted(LITERALS)[::2], sorted(LITERALS)):
            store.load(triples(set(part)), format="nt")
        assert asked(store) == LITERALS
        used = "SELECT count(*), count(DISTINCT form), max(form) + 1, (SELECT forms FROM meta) FROM forms"
        ((count, distinct, last, known),) = rows(store, used)
        assert count == distinct == last == known
        assert rows(store, "SELECT count(*) FROM terms WHERE form NOT IN (SELECT form FROM forms)") == [(0,)]
        for tag, table in ((Tag.NUMERIC, "numbers"), (Tag.TEMPORAL, "times")):
            tagged = f"SELECT n FROM terms JOIN forms USING (form) WHERE tag = {int(tag)} ORDER BY n"
            assert rows(store, tagged) == rows(store, f"SELECT n FROM {table} ORDER BY n")
        named = "SELECT lexical, {} FROM {} JOIN terms USING (n)"
        numbers = {text: values for text, *values in rows(store, named.format("number, exact", "numbers"))}
        assert numbers["1.5"] == [1.5, True]
        assert numbers["12345678901234567.25"] == [float("12345678901234567.25"), False]
        assert (numbers["1.1"][1], numbers["NaN"][1], "x" in numbers, "7" in numbers) == (False, False, False, False)
        kinds = dict(rows(store, named.format("kind", "times")))
        assert kinds["2020-01-02"] == time_kind(XSD_DATE, zoned=False, known=True)
        assert kinds["2020-01-02Z"] == time_kind(XSD_DATE, zoned=True, known=True)
        assert kinds["2020-01-02T03:04:05Z"] == time_kind(XSD_DATETIME, zoned=True, known=True)
        assert kinds["01:02:03.0000001"] == kinds["999999999999-01-01T00:00:00"] == 64
        assert "2020-02-30" not in kinds


def test_forms_of_an_undone_change_are_forgotten(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s", create=True) as store:
        store.load(b'<http://e/s> <http://e/p> "a"@en .', format="nt")
        assert asked(store) == {'"a"@en'}
        with suppress(ZeroDivisionError), store.transaction() as transaction:
            transaction.encode(keys_of('"b"@xx', '"b"^^<http://e/gone>'))
            raise ZeroDivisionError
        store.update('INSERT DATA { <http://e/s> <http://e/p> "c"@yy }')
        store.update('INSERT { <http://e/s> <http://e/p> ?v } WHERE { BIND("d"@zz AS ?v) }')
        store.update('DELETE { ?s ?p ?o } INSERT { ?s ?p "e"@ww } WHERE { ?s ?p ?o . FILTER(LANG(?o) = "zz") }')
        assert asked(store) == {'"a"@en', '"c"@yy', '"e"@ww'}
    with Store.open(tmp_path / "s") as store:
        assert asked(store) == {'"a"@en', '"c"@yy', '"e"@ww'}
        assert len(rows(store, "SELECT * FROM forms WHERE language IN ('xx', 'yy')")) == 1


def test_an_older_state_reads_while_forms_are_added() -> None:
    with Store.in_memory() as store:
        store.load(triples({'"a"@en'}), format="nt")
        with store.snapshot() as older:
            store.load(triples({f'"a"@x{chr(97 + i % 26)}{chr(97 + i // 26)}' for i in range(300)}), format="nt")
            assert len(asked(store)) == 301
            number = int(older.dictionary.find(keys_of('"a"@en'))[0])
            assert older.dictionary.decode([number])["language"].to_pylist() == ["en"]


def keys_of(*keys: str) -> pa.Array:
    return pa.array(keys, pa.large_string())
