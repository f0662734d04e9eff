# SPDX-License-Identifier: Apache-2.0
"""Column kernels of functions on strings and terms, where they give exactly what the scalar kernels give; else None."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.engines.ids import BIAS, SHIFT, Tag
from semcube.io.terms import IRI, KIND_BLANK, KIND_LITERAL, Literal
from semcube.sparql.columns import ERROR, Column
from semcube.sparql.functions.table import COERCE
from semcube.sparql.values import ExpressionError
from semcube.vocab import RDF_LANG_STRING

if TYPE_CHECKING:
    from semcube.sparql.context import Context

__all__ = [
    "concat", "contains", "datatype", "is_tagged", "lang", "langmatches", "lcase", "same_term", "str_", "strends",
    "strlen", "strstarts", "substr", "ucase",
]  # fmt: skip

Kernel = Callable[["Context", list[Column]], "Column | None"]


def _numpy(array: pa.Array, missing: Any) -> Any:
    return array.fill_null(missing).to_numpy(zero_copy_only=False)


def strlen(context: Context, arguments: list[Column]) -> Column:
    """See STRLEN."""
    length = _numpy(pc.utf8_length(arguments[0].strings(context.terms)[0]).cast(pa.int64()), -1)
    return Column.of_ids(np.where(length < 0, 0, (int(Tag.INTEGER) << SHIFT) | (length + BIAS)))


def _searching(search: Callable[..., pa.Array]) -> Kernel:
    """A test for a constant part."""

    def kernel(context: Context, arguments: list[Column]) -> Column | None:
        text, part = arguments
        if part.constant is None:
            return None
        try:
            wanted: Literal = COERCE["string"](part.constant)
        except ExpressionError:
            return Column.of_errors(text.rows)
        lexical, language = text.strings(context.terms)
        truth = _numpy(search(lexical, wanted.lexical).cast(pa.int8()), ERROR).astype(np.int8)
        if wanted.language is not None:
            same = _numpy(pc.equal(language, wanted.language), False)
            truth = np.where(same, truth, ERROR).astype(np.int8)
        return Column.of_truth(truth)

    return kernel


contains = _searching(pc.match_substring)
strstarts = _searching(pc.starts_with)
strends = _searching(pc.ends_with)


def _cased(ascii_kernel: Callable[[pa.Array], pa.Array]) -> Kernel:
    """Case mapping of ASCII texts; other texts have mappings that change their length."""

    def kernel(context: Context, arguments: list[Column]) -> Column | None:
        lexical, language = arguments[0].strings(context.terms)
        if not _numpy(pc.string_is_ascii(lexical), True).all():
            return None
        return Column.of_strings(ascii_kernel(lexical), language)

    return kernel


ucase = _cased(pc.ascii_upper)
lcase = _cased(pc.ascii_lower)


def substr(context: Context, arguments: list[Column]) -> Column | None:
    """See SUBSTR; for a constant place and length."""
    numbers = []
    for column in arguments[1:]:
        if column.constant is None:
            return None
        try:
            numbers.append(COERCE["integer"](column.constant))
        except ExpressionError:
            return Column.of_errors(column.rows)
    if any(abs(number) >= 1 << 31 for number in numbers):
        return None
    start = max(numbers[0] - 1, 0)
    stop = max(numbers[0] - 1 + numbers[1], start) if len(numbers) > 1 else None
    lexical, language = arguments[0].strings(context.terms)
    return Column.of_strings(pc.utf8_slice_codeunits(lexical, start, stop), language)


def langmatches(context: Context, arguments: list[Column]) -> Column | None:
    """See LANGMATCHES; for a constant range and tags of ASCII."""
    tags, wanted = arguments
    if wanted.constant is None:
        return None
    try:
        range_ = str(COERCE["simple literal"](wanted.constant)).lower()
    except ExpressionError:
        return Column.of_errors(tags.rows)
    lexical, language = tags.strings(context.terms)
    if not _numpy(pc.string_is_ascii(lexical), True).all():
        return None
    if range_ == "*":
        found = pc.not_equal(lexical, "")
    else:
        lower = pc.ascii_lower(lexical)
        found = pc.or_(pc.equal(lower, range_), pc.starts_with(lower, range_ + "-"))
    truth = _numpy(found.cast(pa.int8()), ERROR)
    return Column.of_truth(np.where(_numpy(language.is_null(), True), truth, ERROR).astype(np.int8))


def concat(context: Context, arguments: list[Column]) -> Column | None:
    """See CONCAT."""
    if not arguments:
        return None
    texts = [column.strings(context.terms) for column in arguments]
    nothing = pa.scalar("", pa.large_string())
    joined = pc.binary_join_element_wise(*(lexical for lexical, _ in texts), nothing)
    first = texts[0][1].fill_null("")
    same = np.ones(arguments[0].rows, bool)
    for _, language in texts[1:]:
        same &= _numpy(pc.equal(first, language.fill_null("")), False)
    return Column.of_strings(joined, pc.if_else(pa.array(same), texts[0][1], pa.scalar(None, pa.large_string())))


def _decoded(context: Context, column: Column) -> pa.RecordBatch | None:
    """The terms of a column that has ids, as columns."""
    return None if column.known_ids is None or column.constant is not None else context.terms.decode(column.known_ids)


def str_(context: Context, arguments: list[Column]) -> Column | None:
    """See STR."""
    terms = _decoded(context, arguments[0])
    if terms is None:
        return None
    nothing = pa.scalar(None, pa.large_string())
    return Column.of_strings(pc.if_else(pc.not_equal(terms["kind"], KIND_BLANK), terms["lexical"], nothing))


def lang(context: Context, arguments: list[Column]) -> Column | None:
    """See LANG."""
    terms = _decoded(context, arguments[0])
    if terms is None:
        return None
    nothing = pa.scalar(None, pa.large_string())
    return Column.of_strings(
        pc.if_else(pc.equal(terms["kind"], KIND_LITERAL), terms["language"].fill_null(""), nothing)
    )


def datatype(context: Context, arguments: list[Column]) -> Column | None:
    """See DATATYPE."""
    terms = _decoded(context, arguments[0])
    if terms is None:
        return None
    names = pc.if_else(terms["language"].is_valid(), RDF_LANG_STRING, terms["datatype"]).dictionary_encode()
    distinct = context.terms.intern_terms([IRI(name) for name in names.dictionary.to_pylist()])
    literal = _numpy(pc.equal(terms["kind"], KIND_LITERAL), False)
    codes = _numpy(names.indices, len(distinct))
    return Column.of_ids(np.where(literal, np.append(distinct, 0)[codes], 0))


def is_tagged(*tags: Tag) -> Kernel:
    """The test for some tags."""

    def kernel(context: Context, arguments: list[Column]) -> Column:
        found = arguments[0].typed(context.terms)[1]
        return Column.of_truth(np.where(found == 0, ERROR, np.isin(found, tags)).astype(np.int8))

    return kernel


def same_term(context: Context, arguments: list[Column]) -> Column | None:
    """See sameTerm; where both sides have ids."""
    if any(column.known_ids is None and column.constant is None for column in arguments):
        return None
    left, right = (column.ids(context.terms) for column in arguments)
    return Column.of_truth(np.where((left == 0) | (right == 0), ERROR, left == right).astype(np.int8))
