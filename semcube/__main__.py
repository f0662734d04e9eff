# SPDX-License-Identifier: Apache-2.0
"""``python -m semcube`` is the ``semcube`` command."""

from semcube.cli import run

if __name__ == "__main__":
    run()
