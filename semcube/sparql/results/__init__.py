# SPDX-License-Identifier: Apache-2.0
"""Result formats of SPARQL.

In come variables and batches of decoded terms (:data:`semcube.io.terms.TERMS`, one batch for each variable); out go
bytes, piece by piece: SPARQL JSON, XML, CSV and TSV, GeoJSON, Arrow, a text table. The readers go the other way, to
columns of term keys.
"""

from semcube.sparql.results.formats import FORMATS, ResultFormat, find_format, read, write, write_boolean
from semcube.sparql.results.json_reader import read_json
from semcube.sparql.results.reading import Results
from semcube.sparql.results.text_readers import read_csv, read_tsv
from semcube.sparql.results.xml_reader import read_xml

__all__ = [
    "FORMATS",
    "ResultFormat",
    "Results",
    "find_format",
    "read",
    "read_csv",
    "read_json",
    "read_tsv",
    "read_xml",
    "write",
    "write_boolean",
]
