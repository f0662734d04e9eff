# SPDX-License-Identifier: Apache-2.0
"""What an expression gives for many solutions at once.

A :class:`Column` holds one object per row - an id, a truth value, a double, a geometry or a Python object - and turns
into the other forms when asked, once. An error and an unbound variable are the same thing here: no object.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from semcube.engines.classify import Classified, classify_term
from semcube.engines.ids import BIAS, PAYLOAD, SHIFT, Tag, boolean_id
from semcube.io.terms import Literal
from semcube.sparql.comparison import effective
from semcube.sparql.terms import Typed
from semcube.sparql.values import ExpressionError, Object, to_term
from semcube.vocab import XSD_STRING

if TYPE_CHECKING:
    import pyarrow as pa

    from semcube.geometry import Geometries
    from semcube.sparql.terms import Ids, QueryTerms

__all__ = ["ERROR", "FALSE", "TRUE", "Column", "Shapes", "Truth"]

Truth = npt.NDArray[np.int8]
TRUE, FALSE, ERROR = 1, 0, -1


@dataclass(frozen=True)
class Shapes:
    """Computed geometries, and the datatype of the literal that each becomes."""

    geometries: Geometries
    datatypes: npt.NDArray[np.object_]


class Column:
    """One object per row; rows without one are errors or unbound.

    Example:
        >>> from semcube.sparql.terms import QueryTerms
        >>> column = Column.of_objects([1, "a", None])
        >>> column.truth(QueryTerms(None)).tolist()
        [1, 1, -1]
    """

    __slots__ = ("_doubles", "_ids", "_objects", "_shapes", "_strings", "_truth", "constant", "rows")

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.constant: Object | None = None
        """The object of every row, where it is known to be one."""
        self._ids: Ids | None = None
        self._objects: list[Object | None] | None = None
        self._truth: Truth | None = None
        self._doubles: npt.NDArray[np.float64] | None = None
        self._shapes: Shapes | None = None
        self._strings: tuple[pa.Array, pa.Array] | None = None

    @classmethod
    def of_ids(cls, ids: Ids) -> Column:
        """From ids, 0 where there is no object."""
        column = cls(len(ids))
        column._ids = ids
        return column

    @classmethod
    def of_objects(cls, objects: Sequence[Object | None]) -> Column:
        """From terms and computed values."""
        column = cls(len(objects))
        column._objects = list(objects)
        return column

    @classmethod
    def of_truth(cls, truth: Truth) -> Column:
        """From 1, 0 and -1 (error)."""
        column = cls(len(truth))
        column._truth = truth
        return column

    @classmethod
    def of_doubles(cls, numbers: npt.NDArray[np.float64], valid: npt.NDArray[np.bool_]) -> Column:
        """From ``xsd:double`` values, with a mask of those that exist."""
        column = cls(len(numbers))
        column._doubles = np.where(valid, numbers, np.nan)
        column._truth = np.where(valid, (numbers != 0) & ~np.isnan(numbers), ERROR).astype(np.int8)
        return column

    @classmethod
    def of_strings(cls, lexical: pa.Array, language: pa.Array | None = None) -> Column:
        """From string literals: texts (null: error) and languages (null: none)."""
        import pyarrow as pa

        column = cls(len(lexical))
        column._strings = (lexical, pa.nulls(len(lexical), pa.large_string()) if language is None else language)
        return column

    @classmethod
    def of_shapes(cls, geometries: Geometries, datatypes: npt.NDArray[np.object_]) -> Column:
        """From geometries (None: error) and the literal datatype of each."""
        column = cls(len(geometries))
        column._shapes = Shapes(geometries, datatypes)
        return column

    @classmethod
    def of_constant(cls, some: Object, rows: int) -> Column:
        """The same object in every row."""
        column = cls(rows)
        column.constant = some
        return column

    @classmethod
    def of_errors(cls, rows: int) -> Column:
        """No object in any row."""
        return cls.of_ids(np.zeros(rows, np.int64))

    def ids(self, terms: QueryTerms) -> Ids:
        """The ids of the rows' terms, 0 where there is none."""
        if self._ids is None:
            if self.constant is not None:
                self._ids = np.repeat(terms.intern_terms([to_term(self.constant)]), self.rows)
            elif self._strings is not None:
                self._ids = terms.intern(_string_keys(*self._strings))
            elif self._doubles is not None or self._objects is not None:
                self._ids = terms.intern_terms([_term(some) for some in self.objects(terms)])
            elif self._truth is not None:
                numbers = np.array([boolean_id(False), boolean_id(True), 0], np.int64)
                self._ids = numbers[self._truth]
            else:
                self._ids = terms.intern_terms(self._literals())
        return self._ids

    def _literals(self) -> list[Literal | None]:
        """The literals of computed geometries."""
        assert self._shapes is not None
        geometries, datatypes = self._shapes.geometries, self._shapes.datatypes
        result: list[Literal | None] = [None] * self.rows
        for name in {str(datatype) for datatype in datatypes.tolist() if datatype is not None}:
            rows = np.flatnonzero(datatypes == name)
            texts = geometries.take(rows).serialise(name)
            for row, text in zip(rows.tolist(), texts.tolist(), strict=True):
                result[row] = None if text is None else Literal(text, name)
        return result

    def objects(self, terms: QueryTerms) -> list[Object | None]:
        """The objects of the rows: terms as they are, or computed values."""
        if self._objects is None:
            if self.constant is not None:
                self._objects = [self.constant] * self.rows
            elif self._doubles is not None and self._truth is not None:
                pairs = zip(self._doubles.tolist(), self._truth.tolist(), strict=True)
                self._objects = [None if truth == ERROR else number for number, truth in pairs]
            elif self._ids is not None:
                self._objects = list(terms.terms(self._ids))
            elif self._strings is not None:
                pairs = zip(*(column.to_pylist() for column in self._strings), strict=True)
                self._objects = [text if tongue is None else _tagged(text, tongue) for text, tongue in pairs]
            elif self._truth is not None:
                self._objects = [(False, True, None)[truth] for truth in self._truth.tolist()]
            else:
                self._objects = list(self._literals())
        return self._objects

    def truth(self, terms: QueryTerms) -> Truth:
        """The effective boolean values: 1, 0, or -1 for an error (section 17.2.2)."""
        if self._truth is None:
            if self.constant is not None:
                self._truth = np.full(self.rows, _truth_of(self.constant), np.int8)
            elif self._ids is not None:
                self._truth = _truth_of_ids(self._ids, terms)
            elif self._strings is not None:
                self._truth = _truth_of_strings(self._strings[0])
            else:
                self._truth = np.array([_truth_of(some) for some in self.objects(terms)], np.int8)
        return self._truth

    @property
    def known_ids(self) -> Ids | None:
        """The ids, where the column was made of ids."""
        return self._ids

    @property
    def known_doubles(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]] | None:
        """The numbers and which of them exist, where the column was made of doubles."""
        if self._doubles is None or self._truth is None:
            return None
        return self._doubles, self._truth != ERROR

    @property
    def known_texts(self) -> pa.Array | None:
        """The texts (null: error), where the column was made of strings without languages."""
        if self._strings is None or self._ids is not None or self._strings[1].null_count < self.rows:
            return None
        return self._strings[0]

    def shapes(self, terms: QueryTerms) -> Shapes:
        """The geometries of the rows, missing where the object is no well-formed geometry literal."""
        if self._shapes is None:
            if self.constant is not None:
                one = Column.of_ids(terms.intern_terms([to_term(self.constant)])).shapes(terms)
                rows = np.zeros(self.rows, np.int64)
                self._shapes = Shapes(one.geometries.take(rows), one.datatypes[rows])
            else:
                ids = self.ids(terms)
                distinct, places = np.unique(ids, return_inverse=True)
                found = terms.geometries(distinct).take(places.ravel())
                self._shapes = Shapes(found, _datatypes(distinct, terms)[places.ravel()])
        return self._shapes

    def strings(self, terms: QueryTerms) -> tuple[pa.Array, pa.Array]:
        """Lexical forms and languages of string literals; a null lexical form elsewhere."""
        import pyarrow as pa

        if self._strings is not None:
            return self._strings
        if self.constant is not None:
            text, language = _string(self.constant)
            return tuple(pa.repeat(pa.scalar(one, pa.large_string()), self.rows) for one in (text, language))
        if self._ids is None:
            found = [_string(some) for some in self.objects(terms)]
            texts = pa.array([text for text, _ in found], pa.large_string())
            return texts, pa.array([language for _, language in found], pa.large_string())
        tags = self._ids >> SHIFT
        wanted = (tags == Tag.STRING) | (tags == Tag.LANGUAGE)
        decoded = terms.decode(np.where(wanted, self._ids, 0))
        self._strings = decoded["lexical"], decoded["language"]
        return self._strings

    def typed(self, terms: QueryTerms) -> tuple[Ids | None, npt.NDArray[np.int64], Typed]:
        """Ids (None where the rows' objects were computed and have none yet), tags (0: error), and value columns."""
        if self._ids is None and self.constant is None:
            if self._doubles is not None and self._truth is not None:
                valid = self._truth != ERROR
                exact = valid & ~np.isnan(self._doubles)
                typed = Typed.empty(self.rows)._replace(number=self._doubles, exact=exact, double=valid, nearest=exact)
                return None, np.where(valid, int(Tag.NUMERIC), 0), typed
            if self._strings is not None:
                lexical, language = (column.is_valid().to_numpy(zero_copy_only=False) for column in self._strings)
                tags = np.where(lexical, np.where(language, int(Tag.LANGUAGE), int(Tag.STRING)), 0)
                return None, tags, Typed.empty(self.rows)
            if self._objects is not None:
                return None, *_typed_objects(self._objects)
        ids = self.ids(terms)
        return ids, ids >> SHIFT, terms.typed(ids)

    @property
    def _is_truth(self) -> bool:
        """Whether the column was made of truth values."""
        made_of = (self._ids, self._objects, self._doubles, self._shapes, self._strings, self.constant)
        return self._truth is not None and all(other is None for other in made_of)

    def take(self, rows: npt.NDArray[np.int64]) -> Column:
        """The rows with these numbers."""
        column = Column(len(rows))
        column.constant = self.constant
        if self.constant is not None:
            return column
        column._ids = None if self._ids is None else self._ids[rows]
        column._truth = None if self._truth is None else self._truth[rows]
        column._doubles = None if self._doubles is None else self._doubles[rows]
        if self._objects is not None:
            column._objects = [self._objects[row] for row in rows.tolist()]
        if self._strings is not None:
            import pyarrow as pa

            lexical, language = self._strings
            column._strings = lexical.take(pa.array(rows)), language.take(pa.array(rows))
        if self._shapes is not None:
            column._shapes = Shapes(self._shapes.geometries.take(rows), self._shapes.datatypes[rows])
        return column

    @staticmethod
    def merge(rows: int, parts: Sequence[tuple[npt.NDArray[np.int64], Column]], terms: QueryTerms) -> Column:
        """One column of parts that lie in the given rows; rows in no part are errors."""
        parts = [(place, column) for place, column in parts if len(place)]
        if len(parts) == 1 and len(parts[0][0]) == rows:
            return parts[0][1].take(np.argsort(parts[0][0], kind="stable"))
        if all(column._ids is not None or column.constant is not None for _, column in parts):
            ids = np.zeros(rows, np.int64)
            for place, column in parts:
                ids[place] = column.ids(terms)
            return Column.of_ids(ids)
        if all(column._is_truth for _, column in parts):
            truth = np.full(rows, ERROR, np.int8)
            for place, column in parts:
                truth[place] = column.truth(terms)
            return Column.of_truth(truth)
        objects: list[Object | None] = [None] * rows
        for place, column in parts:
            for row, some in zip(place.tolist(), column.objects(terms), strict=True):
                objects[row] = some
        return Column.of_objects(objects)


def _term(some: Object | None) -> Any:
    """The term of an object; None too where its literal would be too long."""
    try:
        return None if some is None else to_term(some)
    except ExpressionError:
        return None


def _truth_of(some: Object | None) -> int:
    """The effective boolean value of one object."""
    try:
        return ERROR if some is None else int(effective(some))
    except ExpressionError:
        return ERROR


def _truth_of_ids(ids: Ids, terms: QueryTerms) -> Truth:
    """The effective boolean values of ids: inline ones as columns, others once per distinct id."""
    tags = ids >> SHIFT
    truth = np.full(len(ids), ERROR, np.int8)
    boolean, integer = tags == Tag.BOOLEAN, tags == Tag.INTEGER
    truth[boolean] = ids[boolean] & 1
    truth[integer] = (ids[integer] & PAYLOAD) != BIAS
    rest = np.flatnonzero(~(boolean | integer) & (tags != Tag.IRI) & (tags != Tag.BLANK) & (ids != 0))
    if len(rest):
        distinct, places = np.unique(ids[rest], return_inverse=True)
        found = np.array([_truth_of(term) for term in terms.terms(distinct)], np.int8)
        truth[rest] = found[places.ravel()]
    return truth


def _truth_of_strings(lexical: pa.Array) -> Truth:
    """A string is true unless it is empty."""
    import pyarrow.compute as pc

    length = pc.binary_length(lexical).fill_null(-1).to_numpy(zero_copy_only=False)
    return np.asarray(np.sign(length), dtype=np.int8)


def _string_keys(lexical: pa.Array, language: pa.Array) -> pa.Array:
    """The keys of string literals."""
    import pyarrow as pa
    import pyarrow.compute as pc

    nothing, quote, at = (pa.scalar(text, pa.large_string()) for text in ("", '"', "@"))
    tagged = pc.binary_join_element_wise(at, language.cast(pa.large_string()), nothing)
    return pc.binary_join_element_wise(quote, lexical.cast(pa.large_string()), quote, tagged.fill_null(""), nothing)


def _tagged(text: str, language: str) -> Literal:
    return Literal(text, language=language)


def _typed_objects(objects: list[Object | None]) -> tuple[npt.NDArray[np.int64], Typed]:
    """Tags and value columns of Python objects; what is not exact here is decided object by object elsewhere."""
    tags, typed = np.zeros(len(objects), np.int64), Typed.empty(len(objects))
    for row, some in enumerate(objects):
        if some is None:
            continue
        if type(some) is float:
            tags[row], typed.number[row], typed.exact[row], typed.double[row] = (
                Tag.NUMERIC,
                some,
                not math.isnan(some),
                True,
            )
        elif isinstance(some, bool):
            tags[row] = Tag.BOOLEAN
        elif isinstance(some, int):
            tags[row] = Tag.NUMERIC
            if abs(some) <= _EXACT_INTEGER:
                typed.number[row], typed.exact[row] = some, True
        elif isinstance(some, str):
            tags[row] = Tag.STRING
        else:
            found = classify_term(to_term(some)) if not isinstance(some, Decimal) else _DECIMAL
            tags[row] = found.tag
            if found.exact and found.number is not None:
                typed.number[row], typed.exact[row] = found.number, True
    typed.nearest[:] = typed.exact
    return tags, typed


_DECIMAL = Classified(Tag.NUMERIC)
_EXACT_INTEGER = 1 << 53


def _string(some: Object | None) -> tuple[str | None, str | None]:
    """Text and language of a string, None for anything else."""
    if isinstance(some, str):
        return some, None
    if isinstance(some, Literal) and (some.language is not None or some.datatype == XSD_STRING):
        return some.lexical, some.language
    return None, None


def _datatypes(ids: Ids, terms: QueryTerms) -> npt.NDArray[np.object_]:
    """The datatype IRI of each geometry literal, None of anything else."""
    found = np.full(len(ids), None, object)
    rows = np.flatnonzero((ids >> SHIFT) == Tag.GEOMETRY)
    if len(rows):
        found[rows] = terms.decode(ids[rows])["datatype"].to_numpy(zero_copy_only=False)
    return found
