# SPDX-License-Identifier: Apache-2.0
"""The reference operators: SPARQL 1.1 algebra over tables of ids, exact to the W3C text.

In comes a node of the algebra (or of the planner) and a context; out comes an iterator of :class:`Solutions`. Filter,
Extend, Project, Union, Slice and the probe side of joins stream; operators that must wait hold ids only. Each node is
offered to the dataset first (``Dataset.push``); what it takes over runs there, everything else here.
"""

from semcube.sparql.evaluate.run import run, solve
from semcube.sparql.evaluate.solutions import Solutions

__all__ = ["Solutions", "run", "solve"]
