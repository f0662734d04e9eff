# SPDX-License-Identifier: Apache-2.0
"""Benchmarks of semcube beside other engines: ``python -m benchmarks --help``."""
