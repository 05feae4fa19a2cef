"""What Scumble does inside GIMP. `layers` is the only module that touches pixels."""

VERSION = "0.1.0"
