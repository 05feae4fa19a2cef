"""The long-running process that paints, enlarges and learns, and the `scumble` command."""

__version__ = "0.1.0"
