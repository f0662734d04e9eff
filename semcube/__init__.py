# SPDX-License-Identifier: Apache-2.0
"""semcube turns Earth-observation data into linked data and answers GeoSPARQL queries over it."""

__version__ = "0.1.0"
