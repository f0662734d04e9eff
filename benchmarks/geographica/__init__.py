# SPDX-License-Identifier: Apache-2.0
"""The synthetic part of the Geographica 2 benchmark: a generator of data and a quick run of queries."""
