# SPDX-License-Identifier: Apache-2.0
"""What a browser gets: the query page with its map, the page without scripts, example queries.

In: a dataset (for the examples), the built front end (``frontend/`` -> ``static/`` by :mod:`semcube.web.build`).
Out: files with their media types and cache rules, HTML text, lists of examples. The HTTP routes are in
:mod:`semcube.server`. Nothing that is served loads anything from another host.
"""

from semcube.web.assets import Asset, asset, background, is_built
from semcube.web.examples import Example, examples, vocabulary
from semcube.web.plain import plain_page, plain_style

__all__ = ["Asset", "Example", "asset", "background", "examples", "is_built", "plain_page", "plain_style", "vocabulary"]
