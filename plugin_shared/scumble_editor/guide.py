"""Where the guide lies that a plugin carries: pages for a browser, so that Help works without a network."""

from __future__ import annotations

from pathlib import Path


def page(name: str) -> Path:
    """The page of an editor, "krita" or "gimp": a build of the plugin puts it beside this package."""
    return Path(__file__).resolve().parent.parent / "guide" / f"{name}.html"
