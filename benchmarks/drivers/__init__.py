# SPDX-License-Identifier: Apache-2.0
"""One driver per engine: load data, ask queries, say what they cost. Each runs in a process of its own."""
