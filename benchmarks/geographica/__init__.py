# SPDX-License-Identifier: Apache-2.0
"""Geographica 2 beside other engines: forms of its queries for them, and its micro and macro queries on real data."""
