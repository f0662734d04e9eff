# SPDX-License-Identifier: Apache-2.0
"""Options that the commands of mappings share."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = [
    "Categorical",
    "Cells",
    "CodeList",
    "Confidence",
    "Describe",
    "Key",
    "LanguageColumns",
    "Layer",
    "MaxRegions",
    "MinPixels",
    "Model",
    "Probabilities",
    "SourceCrs",
    "Zones",
]

Layer = Annotated[str | None, typer.Option(help="Only this layer; of a raster, this variable.")]
Key = Annotated[str | None, typer.Option(help="Column that identifies a feature.")]
SourceCrs = Annotated[str | None, typer.Option(help="System of inputs that do not say theirs.")]
Zones = Annotated[str | None, typer.Option(help="FILE[:layer] of polygons to summarise pixels over.")]
Cells = Annotated[str | None, typer.Option(help="Grid to summarise pixels over: h3 or h3:N.")]
Categorical = Annotated[
    bool | None, typer.Option("--categorical/--continuous", help="Whether pixel values are classes.")
]
MinPixels = Annotated[int | None, typer.Option(min=1, help="Give regions of fewer pixels to their largest neighbour.")]
MaxRegions = Annotated[
    int | None, typer.Option(min=1, help="Stop at more class polygons than this; a million by default.")
]
Confidence = Annotated[
    str | None, typer.Option(help="Band of confidences: VARIABLE of the same file, FILE or FILE:VARIABLE.")
]
Model = Annotated[
    list[str] | None,
    typer.Option(help="What made a raster or predictions: NAME=VALUE, or a .ttl, .json or .yaml file."),
]
LanguageColumns = Annotated[
    bool, typer.Option("--language-columns", help="Columns like title_de become one property in languages.")
]
CodeList = Annotated[
    list[str] | None, typer.Option(help="COLUMN=FILE: the table of a column's codes, which become SKOS concepts.")
]
Describe = Annotated[bool, typer.Option("--describe/--no-describe", help="Describe vector layers as datasets (DCAT).")]
Probabilities = Annotated[
    str | None, typer.Option(help="Columns of class probabilities, as a pattern such as 'p_(.+)'.")
]
