#!/usr/bin/env python3
"""Scumble for GIMP 3: registers the procedures under Filters > Scumble. What they do stands in `gimp_side`."""

from __future__ import annotations

import sys

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gimp  # noqa: E402  (GIMP's versions must be named before)

from gimp_side import procedures, texts  # noqa: E402


class Scumble(Gimp.PlugIn):
    """One process of this class runs for each call of a procedure, and ends with it."""

    def do_set_i18n(self, name: str) -> bool:
        return False  # labels are handed over translated, by `texts`

    def do_query_procedures(self) -> list[str]:
        return procedures.names()

    def do_create_procedure(self, name: str) -> Gimp.Procedure:
        texts.install()
        return procedures.create(self, name)


Gimp.main(Scumble.__gtype__, sys.argv)
