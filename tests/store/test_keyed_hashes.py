# SPDX-License-Identifier: Apache-2.0
"""Hashes of terms: columns and single keys give the same numbers, and different terms different ones."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.io.keys import split
from semcube.io.terms import IRI, BlankNode, Literal, key
from semcube.store.keyed_hashes import SHORT, TermHasher, about_of, abouts_of, hash_of, hasher
from semcube.vocab import XSD

characters = st.characters(exclude_categories=["Cs"])
text = st.one_of(
    st.text(characters, max_size=40),
    st.integers(SHORT - 20, SHORT + 20).map("x".__mul__),
    st.text('a\0é"', min_size=0, max_size=20),
)
terms = st.one_of(
    st.builds(IRI, text),
    st.builds(BlankNode, text),
    st.builds(Literal, text),
    st.builds(Literal, text, language=st.sampled_from(["de", "en-gb"])),
    st.builds(Literal, text, st.sampled_from([XSD + "integer", XSD + "decimal", "http://e/d"])),
)


def lanes(salt: str, keys: list[str]) -> np.ndarray:
    split_keys = split(pa.array(keys, pa.large_string()))
    return TermHasher(salt).lanes(split_keys["lexical"], *abouts_of(split_keys))


@given(st.lists(terms, min_size=1, max_size=30), st.sampled_from(["", "salt"]))
@settings(max_examples=150, deadline=None)
def test_columns_and_single_keys_give_the_same(some: list[IRI | BlankNode | Literal], salt: str) -> None:
    keys = [key(term) for term in some]
    found = lanes(salt, keys)
    assert (found[0] >> np.uint64(32)).tolist() == [hash_of(salt, each) for each in keys]
    alone = np.concatenate([lanes(salt, [each]) for each in keys], axis=1)
    assert (found == alone).all()
    by_key = dict(zip(keys, map(tuple, (found >> np.uint64(32)).T.tolist()), strict=True))
    assert len(set(by_key.values())) == len(by_key)


@given(st.lists(text, min_size=1, max_size=20), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_slices_and_binary_columns_hash_as_their_bytes(texts: list[str], start: int) -> None:
    whole = pa.array([*"abcde"[:start], *texts], pa.large_string())
    wanted = hasher("s").lanes(pa.array(texts, pa.large_string()), ['"'])
    assert (hasher("s").lanes(whole.slice(start), ['"']) == wanted).all()
    assert (hasher("s").lanes(pa.array([t.encode() for t in texts], pa.large_binary()), ['"']) == wanted).all()
    assert (hasher("s").lanes(pa.array(texts, pa.large_string()), ['"'], count=1) == wanted[:1]).all()


def test_many_rows_of_all_lengths_hash_as_single_keys() -> None:
    texts = ["é" * (n % 140) + str(n) for n in range(20_000)]
    found = hasher("t").lanes(pa.array(texts, pa.large_string()), ["<"])
    chosen = range(0, len(texts), 37)
    assert [int(found[0, n]) >> 32 for n in chosen] == [hash_of("t", f"<{texts[n]}>") for n in chosen]
    assert len({tuple(row) for row in found.T.tolist()}) == len(set(texts))


@pytest.mark.parametrize("one", [b"", b"a", b"12345678", b"x" * SHORT])
def test_zeros_at_the_end_count(one: bytes) -> None:
    texts = pa.array([one, one + b"\0", one + bytes(8)], pa.large_binary())
    assert len(np.unique(hasher("s").lanes(texts, ["<"])[0])) == 3


def test_the_salt_counts() -> None:
    assert len({hash_of(salt, "<http://a>") for salt in ("a", "b", "c")}) == 3


def test_single_bits_change_each_lane() -> None:
    """Texts that differ in one bit, in each place: no lane takes two of them for the same."""
    plain = bytes(range(60, 60 + 40))
    texts = [plain]
    for place in range(8 * len(plain)):
        changed = bytearray(plain)
        changed[place // 8] ^= 1 << place % 8
        texts.append(bytes(changed))
    found = hasher("s").lanes(pa.array(texts, pa.large_binary()), ["<"]) >> np.uint64(32)
    assert [len(np.unique(lane)) for lane in found] == [len(texts)] * 4


def test_what_is_hashed_beside_a_text() -> None:
    keys = ["<a>", "_:a", '"a"', '"a"@de', f'"a"^^<{XSD}integer>', '"b"']
    distinct, codes = abouts_of(split(pa.array(keys, pa.large_string())))
    assert [distinct[code] for code in codes] == ["<", "_:", '"', '"@de', f'"^^<{XSD}integer>', '"']
    assert about_of(2, "http://e/d") == '"^^<http://e/d>'
    assert len({hash_of("s", each) for each in keys}) == len(keys)
