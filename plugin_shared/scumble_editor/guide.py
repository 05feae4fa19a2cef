"""Where the manual lies that a plugin carries: a page for a browser, so that Help works without a network."""

from __future__ import annotations

from pathlib import Path

from .words import tr

FOLDER = "manual"  # beside this package; builds put docs/manual there


def manual() -> Path:
    """The manual in the user's language. It has the headings #krita and #gimp."""
    return Path(__file__).resolve().parent.parent / FOLDER / tr("en.html")
