# SPDX-License-Identifier: Apache-2.0
"""What is run by hand and needs more than the suite."""

from __future__ import annotations

collect_ignore_glob = ["fuzz/*", "peers/*"]
