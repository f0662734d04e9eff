# SPDX-License-Identifier: Apache-2.0
"""Result formats of SPARQL.

In come variables and batches of decoded terms (:data:`semcube.io.terms.TERMS`, one batch for each variable); out go
bytes, piece by piece: SPARQL JSON, XML, CSV and TSV, GeoJSON, Arrow, a text table. The readers go the other way, to
columns of term keys.
"""

from semcube.sparql.results.formats import FORMATS, ResultFormat, find_format, write, write_boolean

__all__ = ["FORMATS", "ResultFormat", "find_format", "write", "write_boolean"]
