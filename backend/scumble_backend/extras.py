"""What to do about a package that only some people need: a command for the very Python that lacks it."""

from __future__ import annotations

import importlib.util
import sys


def how_to_install(*packages: str) -> str:
    """The remedy for missing packages. The installer's private Python isn't the one that a bare `pip` belongs to."""
    python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    command = f"{python} -m pip install" if importlib.util.find_spec("pip") else f"uv pip install --python {python}"
    return f"Install what is missing into Scumble's own Python: `{command} {' '.join(packages)}`."
