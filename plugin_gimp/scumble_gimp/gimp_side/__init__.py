"""What Scumble does inside GIMP. `layers` is the only module that touches pixels."""

from scumble_wire import __version__ as VERSION

__all__ = ["VERSION"]
