#!/usr/bin/env python3
"""Set Scumble up, try it, test it, repair it, remove it. Needs a Python 3.8 or newer and nothing installed."""

import os.path
import sys

if sys.version_info < (3, 8):  # noqa: UP036
    sys.exit(
        # no f-string: an old Python has to parse this
        "Scumble's installer needs Python 3.8 or newer; this is %d.%d. Start it with a newer one, for example\n"  # noqa: UP031
        "python3.12 installer/install.py. Get one from your system's packages or from python.org."
        % sys.version_info[:2]
    )

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    from scumble_installer.cli import main

    sys.exit(main())
