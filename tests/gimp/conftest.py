"""The GIMP plug-in's modules that need no GIMP."""

import sys
from pathlib import Path

PLUG_IN = Path(__file__).resolve().parents[2] / "plugin_gimp"

sys.path[:0] = [str(PLUG_IN), str(PLUG_IN / "scumble_gimp"), str(PLUG_IN.parent / "installer")]
