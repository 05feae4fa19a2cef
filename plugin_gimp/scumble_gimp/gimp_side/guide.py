"""Filters > Scumble > Guide: the guide that the plug-in carries, in the browser."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp, Gio, GLib

from scumble_editor.guide import page

from . import answers, declaring
from .texts import _

NAME = "plug-in-scumble-guide"


def declare(plug_in: Any, name: str) -> Any:
    return declaring.without_image(
        plug_in,
        name,
        run,
        label=_("_Guide"),
        blurb=_("Open Scumble's guide"),
        help=_("Opens the guide that lies in the plug-in's folder, in the browser; it needs no network."),
    )


def run(procedure: Any, config: Any, data: object) -> Any:
    def work() -> Any:
        open_guide()
        return answers.success(procedure)

    return answers.guarded(procedure, work)


def open_guide() -> None:
    """Show the guide's page on GIMP; where no browser is known, say where it lies."""
    path = page("gimp")
    try:
        Gio.AppInfo.launch_default_for_uri(path.as_uri(), None)
    except GLib.Error:
        Gimp.message(_("The guide lies at {path}; open it with a browser.", path=path))
