# SPDX-License-Identifier: Apache-2.0
"""Tables of predictions, one column of probabilities per class: observations with a category and a result per class."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from semcube.errors import UsageError
from semcube.io.terms import Literal
from semcube.mapping.build import constant, iri_of, literal, predicate, rule
from semcube.mapping.iri import iri_safe
from semcube.mapping.iri import sql_text as quoted_text
from semcube.mapping.model import Constant, LogicalSource, Reference, TermMap, TermType, TriplesMap
from semcube.vocab import PROV, RDFS, SEMCUBE, SKOS, SOSA, XSD_DOUBLE

__all__ = ["prediction_maps", "probability_columns"]

_BEST = "prediction.class"


def probability_columns(names: Iterable[str], pattern: str) -> dict[str, str]:
    """Columns of probabilities -> classes: the first group of the pattern, else the name.

    Raises:
        UsageError: The pattern is no regular expression.

    Example:
        >>> probability_columns(["id", "p_maize", "p_rye"], "p_(.+)")
        {'p_maize': 'maize', 'p_rye': 'rye'}
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"--probabilities {pattern!r}: {error}", expected="a regular expression") from None
    fits = {name: compiled.fullmatch(name) for name in names}
    return {name: (match[1] if compiled.groups else match[0]) or name for name, match in fits.items() if match}


def prediction_maps(
    source: LogicalSource, start: str, key: str, pattern: str, columns: dict[str, str], *, has_model: bool
) -> list[TriplesMap]:
    """Triples maps of the predictions of a layer.

    Each feature has one observation, whose category is the class with the highest probability (the first of equals) and
    whose results are the probabilities of all classes. A null probability gives no result.

    Args:
        source: The layer.
        start: IRI of the layer, ending in ``/``.
        key: Column that identifies a feature.
        pattern: Names of the columns of probabilities.
        columns: These columns -> classes.
        has_model: Whether the run of a model is at ``<start>run``.
    """
    segment = start.rstrip("/").rpartition("/")[2]
    observation = iri_of(start, Reference(key), "/prediction")
    result = iri_of(start, Reference(key), "/prediction/", Reference("unpivot.name"))
    scheme, observed = constant(start + "classes"), constant(start + "predicted-class")
    run = (predicate(PROV + "wasGeneratedBy", constant(start + "run")),) if has_model else ()
    decided, long = _with(source, "derive", _decision(columns)), _with(source, "unpivot", pattern)
    concepts = [
        rule(
            f"#{segment}-class-{number}", source, constant(f"{start}class/{iri_safe(name)}"), (SKOS + "Concept",),
            predicate(SKOS + "prefLabel", _text(name)),
            predicate(SKOS + "inScheme", scheme),
        )
        for number, name in enumerate(dict.fromkeys(columns.values()), 1)
    ]  # fmt: skip
    return [
        rule(
            f"#{segment}-prediction", decided, observation, (SOSA + "Observation",),
            predicate(SOSA + "hasFeatureOfInterest", iri_of(start, Reference(key))),
            predicate(SOSA + "observedProperty", observed),
            predicate(SEMCUBE + "category", iri_of(start + "class/", Reference(_BEST)), comment="the most probable"),
            *run,
        ),
        rule(f"#{segment}-results", long, observation, (), predicate(SOSA + "hasResult", result)),
        rule(
            f"#{segment}-result", long, result, (SOSA + "Result",),
            predicate(SEMCUBE + "category", iri_of(start + "class/", Reference("unpivot.name"))),
            predicate(SEMCUBE + "probability", literal("unpivot.value", XSD_DOUBLE)),
        ),
        rule(
            f"#{segment}-observed", source, observed, (SOSA + "ObservableProperty",),
            predicate(RDFS + "label", _text("predicted class")),
        ),
        rule(f"#{segment}-classes", source, scheme, (SKOS + "ConceptScheme",)),
        *concepts,
    ]  # fmt: skip


def _decision(columns: dict[str, str]) -> str:
    """The class of the highest probability as a derived column."""
    values = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
    classes = ", ".join(quoted_text(name) for name in columns.values())
    position = f"list_position([{values}], greatest({values}))"
    return f"{_BEST} = CASE WHEN greatest({values}) IS NOT NULL THEN list_extract([{classes}], {position}) END"


def _with(source: LogicalSource, name: str, value: str) -> LogicalSource:
    return replace(source, options=tuple(sorted((*source.options, (name, value)))))


def _text(text: str) -> TermMap:
    return TermMap(Constant(Literal(text)), TermType.LITERAL)
