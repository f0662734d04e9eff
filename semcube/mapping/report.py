# SPDX-License-Identifier: Apache-2.0
"""What a run did: rows in, rows out, and every row or value that was left out, with the reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from semcube.io.remote import shown

__all__ = ["LayerReport", "Skipped", "TransformReport"]

KEPT = 10_000
"""Skipped rows and values listed one by one per layer; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row, or one value of it, that was left out."""

    row: int | None
    """The format's id of the row."""
    column: str | None
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"row": self.row, "column": self.column, "reason": self.reason}


@dataclass
class LayerReport:
    """Counts of one source; ``features_in == features_out + features_skipped`` always."""

    source: str
    layer: str | None = None
    key: str | None = None
    """What the subject IRIs are made of, in words."""
    crs: str | None = None
    """System of the coordinates written."""
    features_in: int = 0
    features_out: int = 0
    features_skipped: int = 0
    values_skipped: int = 0
    null_geometries: int = 0
    empty_geometries: int = 0
    invalid_geometries: int = 0
    """Read and written as they are, or repaired."""
    repaired_geometries: int = 0
    triples: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    describes: bool = False
    """Whether its row is about a layer, and no feature."""

    def __post_init__(self) -> None:
        self.source = shown(self.source)

    def skip_row(self, row: int | None, reason: str, column: str | None = None) -> None:
        """Count a row that gives nothing."""
        self.features_skipped += 1
        self._list(row, column, reason)

    def skip_value(self, row: int | None, column: str, reason: str) -> None:
        """Count a value that gives nothing while its row does."""
        self.values_skipped += 1
        self._list(row, column, reason)

    def note(self, text: str) -> None:
        """Remember a remark once."""
        if text not in self.notes:
            self.notes.append(text)

    def add(self, other: LayerReport) -> None:
        """Count what another part of the same layer gave.

        Example:
            >>> whole, part = LayerReport("roads.gpkg", features_in=2), LayerReport("roads.gpkg", features_in=3)
            >>> part.skip_row(7, "no geometry")
            >>> whole.add(part)
            >>> whole.features_in, whole.features_skipped, whole.reasons
            (5, 1, Counter({'no geometry': 1}))
        """
        for name, value in vars(other).items():
            if type(value) is int:
                setattr(self, name, getattr(self, name) + value)
        self.crs = self.crs or other.crs
        self.reasons += other.reasons
        self.skipped += other.skipped[: KEPT - len(self.skipped)]
        for text in other.notes:
            self.note(text)

    def _list(self, row: int | None, column: str | None, reason: str) -> None:
        self.reasons[reason] += 1
        if len(self.skipped) < KEPT:
            self.skipped.append(Skipped(row, column, reason))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        plain = {name: value for name, value in vars(self).items() if name not in ("reasons", "skipped", "describes")}
        return plain | {"reasons": dict(self.reasons), "skipped": [each.as_dict() for each in self.skipped]}


@dataclass
class TransformReport:
    """Counts of a run.

    Example:
        >>> report = TransformReport()
        >>> layer = report.layer("roads.gpkg", "roads")
        >>> layer.features_in, layer.features_out = 3, 3
        >>> report.features_in, report.features_skipped
        (3, 0)
    """

    layers: list[LayerReport] = field(default_factory=list)
    seconds: float = 0.0
    output: str | None = None

    def layer(self, source: str, layer: str | None) -> LayerReport:
        """A new part of the report."""
        self.layers.append(LayerReport(source, layer))
        return self.layers[-1]

    @property
    def features_in(self) -> int:
        """Rows read, after ``where`` and ``bbox``."""
        return sum(layer.features_in for layer in self.layers if not layer.describes)

    @property
    def features_out(self) -> int:
        """Rows that gave at least one triple."""
        return sum(layer.features_out for layer in self.layers if not layer.describes)

    @property
    def features_skipped(self) -> int:
        """Rows that gave none; the reasons are in the layers."""
        return sum(layer.features_skipped for layer in self.layers if not layer.describes)

    @property
    def triples(self) -> int:
        """Triples written, repeated ones counted each time."""
        return sum(layer.triples for layer in self.layers)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        names = ("features_in", "features_out", "features_skipped", "triples")
        counts = {name: getattr(self, name) for name in names}
        layers = [layer.as_dict() for layer in self.layers if not layer.describes]
        return counts | {"seconds": round(self.seconds, 3), "output": self.output, "layers": layers}

    def summary(self) -> str:
        """A few lines for people."""
        lines = []
        for layer in self.layers:
            if layer.describes:
                continue
            name = layer.source if layer.layer in (None, layer.source) else f"{layer.source}, {layer.layer}"
            extra = [
                f"{count} {what}"
                for count, what in (
                    (layer.features_skipped, "skipped"),
                    (layer.values_skipped, "values skipped"),
                    (layer.null_geometries, "without geometry"),
                    (layer.empty_geometries, "with empty geometry"),
                    (layer.invalid_geometries, "with invalid geometry"),
                    (layer.repaired_geometries, "repaired"),
                )
                if count
            ]
            tail = f" ({', '.join(extra)})" if extra else ""
            lines.append(f"{name}: {layer.features_in} in, {layer.features_out} out, {layer.triples} triples{tail}")
            lines += [f"  {count} x {reason}" for reason, count in layer.reasons.most_common(5)]
            lines += [f"  note: {note}" for note in layer.notes]
        rate = f", {self.triples / self.seconds:,.0f} triples/s" if self.seconds > 0 else ""
        total = f"{self.features_in} features in, {self.features_out} out, {self.features_skipped} skipped"
        return "\n".join([*lines, f"{total}, {self.triples} triples in {self.seconds:.2f} s{rate}"])
