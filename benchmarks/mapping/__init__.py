# SPDX-License-Identifier: Apache-2.0
"""The mapper beside others: the same rows, the same mapping, the same triples."""
