# SPDX-License-Identifier: Apache-2.0
"""Ids of a query: identity of terms, the dataset's ids first, decoding in any mixture."""

from __future__ import annotations

import threading

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.engines.ids import LOCAL, Tag, boolean_id, integer_id
from semcube.engines.keys import split
from semcube.io.terms import IRI, BlankNode, Literal, Term, key
from semcube.sparql.memory import MemoryDictionary
from semcube.sparql.terms import QueryTerms, assign_tag
from semcube.vocab import XSD_BOOLEAN, XSD_DECIMAL, XSD_INTEGER

KNOWN = [IRI("http://e/known"), Literal("known"), Literal("01", XSD_INTEGER), BlankNode("k")]
SAMPLE: list[Term | None] = [
    *KNOWN,
    None,
    IRI("http://e/new"),
    Literal("new"),
    Literal("1", XSD_INTEGER),
    Literal("-1", XSD_INTEGER),
    Literal("true", XSD_BOOLEAN),
    Literal("1", XSD_BOOLEAN),
    Literal("1.0", XSD_DECIMAL),
    Literal('say "hi"', language="en-GB"),
    BlankNode("n"),
]


@pytest.fixture
def terms() -> QueryTerms:
    dictionary = MemoryDictionary()
    dictionary.add(pa.array([key(term) for term in KNOWN]))
    return QueryTerms(dictionary)


def test_dataset_ids_inline_ids_and_local_ids(terms: QueryTerms) -> None:
    ids = terms.intern_terms(SAMPLE)
    assert not (ids[:4] & LOCAL).any()
    assert ids[4] == 0
    assert ids[7] == integer_id(1)
    assert ids[8] == integer_id(-1)
    assert ids[9] == boolean_id(True)
    local = np.array([5, 6, 10, 11, 12, 13])
    assert (ids[local] & LOCAL).all()
    assert [Tag(int(i) >> 56) for i in ids[local]] == [
        Tag.IRI,
        Tag.STRING,
        Tag.OTHER,
        Tag.NUMERIC,
        Tag.LANGUAGE,
        Tag.BLANK,
    ]
    assert len(set(ids.tolist())) == len(SAMPLE)


def test_decoding_any_mixture(terms: QueryTerms) -> None:
    ids = terms.intern_terms(SAMPLE)
    expected = split(pa.array([None if term is None else key(term) for term in SAMPLE], pa.large_string()))
    assert terms.decode(ids).to_pylist() == expected.to_pylist()
    assert terms.terms(ids) == SAMPLE
    assert terms.keys(ids).to_pylist() == [None if term is None else key(term) for term in SAMPLE]
    assert terms.term(int(ids[0])) == KNOWN[0]
    assert len(terms.decode(np.zeros(0, np.int64))) == 0
    with pytest.raises(KeyError):
        terms.term(0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(SAMPLE), max_size=120), st.booleans(), st.booleans())
def test_the_ways_to_intern_agree(sample: list[Term | None], encoded: bool, first_few: bool) -> None:
    dictionary = MemoryDictionary()
    dictionary.add(pa.array([key(term) for term in KNOWN]))
    terms = QueryTerms(dictionary)
    keys = [None if term is None else key(term) for term in sample]
    array = pa.array(keys, pa.large_string())
    if first_few:
        few = np.concatenate([terms.intern([text]) for text in keys] or [np.zeros(0, np.int64)])
        many = terms.intern(array.dictionary_encode() if encoded else array)
    else:
        many = terms.intern(array.dictionary_encode() if encoded else array)
        few = np.concatenate([terms.intern([text]) for text in keys] or [np.zeros(0, np.int64)])
    assert few.tolist() == many.tolist()
    assert terms.terms(many) == sample


def test_identity_is_of_terms_not_values(terms: QueryTerms) -> None:
    one, padded, text = terms.intern_terms([Literal("1", XSD_INTEGER), Literal("01", XSD_INTEGER), Literal("1")])
    assert len({int(one), int(padded), int(text)}) == 3


def test_without_a_dictionary() -> None:
    terms = QueryTerms(None)
    ids = terms.intern_terms(SAMPLE)
    assert terms.terms(ids) == SAMPLE
    with pytest.raises(KeyError):
        terms.decode(np.array([(2 << 56) | 5]))


def test_many_threads_give_one_id(terms: QueryTerms) -> None:
    found: list[list[int]] = []

    def work() -> None:
        found.append(terms.intern(pa.array([f'"{i % 500}"' for i in range(5000)])).tolist())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(ids == found[0] for ids in found)


def test_assign_tag() -> None:
    assert assign_tag(Literal("7", XSD_INTEGER)) == (Tag.INTEGER, integer_id(7))
    assert assign_tag(IRI("http://e/")) == (Tag.IRI, None)
