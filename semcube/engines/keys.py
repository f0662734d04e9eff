# SPDX-License-Identifier: Apache-2.0
"""Term keys <-> term columns, see :mod:`semcube.io.keys`."""

from __future__ import annotations

from semcube.io.keys import join, split

__all__ = ["join", "split"]
