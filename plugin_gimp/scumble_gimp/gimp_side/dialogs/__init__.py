"""Scumble's windows in GIMP: GTK 3, GIMP's own widgets wherever it has them. Imported for interactive calls only."""

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
