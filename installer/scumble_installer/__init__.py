"""Scumble's installer: facts are gathered, a plan is computed from them, a thin runner carries it out.

Standard library only, and syntax of Python 3.8, since it must run before anything is installed.
"""

from __future__ import annotations
