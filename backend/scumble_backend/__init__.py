"""The long-running process that paints, enlarges and learns, and the `scumble` command."""

from scumble_wire import __version__

__all__ = ["__version__"]
