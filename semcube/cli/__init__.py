# SPDX-License-Identifier: Apache-2.0
"""The command line. One module per command; a module is imported when its command runs or asks for help."""

from semcube.cli.app import main, run

__all__ = ["main", "run"]
