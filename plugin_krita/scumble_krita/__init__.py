"""Scumble inside Krita. This file alone must be readable for old Pythons: it says in words when one is too old."""

import sys

if sys.version_info >= (3, 10):  # noqa: UP036 - Krita brings its own Python
    from .extension import register

    register()
else:
    from PyQt5.QtCore import qWarning

    qWarning(b"Scumble needs a Krita with Python 3.10 or newer. Update Krita; nothing else of it is affected.")
