# SPDX-License-Identifier: Apache-2.0
"""The page without scripts, for builds without the front end."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

__all__ = ["plain_page", "plain_style"]

_QUERY = (
    "SELECT ?class (COUNT(*) AS ?members) WHERE { ?member a ?class } GROUP BY ?class ORDER BY DESC(?members) LIMIT 100"
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>semcube</title>
<link rel="stylesheet" href="plain.css">
</head>
<body>
<h1>semcube</h1>
<p class="note">The query page with the map has not been built. Build it with <code>make web</code>, or
<code>python -m semcube.web.build</code>, and load this page again. The endpoint works without it.</p>
<form action="sparql" method="get">
<label for="query">SPARQL query</label>
<textarea id="query" name="query" spellcheck="false">{query}</textarea>
<label>Answer as <select name="format">{formats}</select></label>
<p><button type="submit">Run</button></p>
</form>
<p><a href="openapi.json">HTTP API (OpenAPI)</a> · <a href="sparql?format=ttl">Service description</a></p>
</body>
</html>
"""


def plain_page(formats: Sequence[tuple[str, str]]) -> str:
    """The HTML of a form that asks the endpoint.

    Args:
        formats: Name and title of each format of solutions.

    Example:
        >>> '<option value="csv">CSV</option>' in plain_page([("csv", "CSV")])
        True
    """
    options = "".join(f'<option value="{escape(name)}">{escape(title)}</option>' for name, title in formats)
    return _PAGE.format(query=escape(_QUERY), formats=options)


def plain_style() -> bytes:
    """The style sheet of that page."""
    return (Path(__file__).resolve().parent / "plain.css").read_bytes()
