# SPDX-License-Identifier: Apache-2.0
"""The names in the real data; without libraries, since the environments of peers have few."""

__all__ = ["BASE", "CLASSES", "GEO", "LABEL", "TYPE"]

BASE = "http://example.org/geographica/"
GEO = "http://www.opengis.net/ont/geosparql#"
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
CLASSES = ("Area", "BurntArea", "City", "Hotspot", "Ice", "LandCover", "Parcel", "Place", "Way")
