"""`python -m scumble_cli`: the `scumble` command where no entry point is installed."""

import sys

from scumble_cli.main import main

sys.exit(main())
