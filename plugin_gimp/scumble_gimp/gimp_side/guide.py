"""Filters > Scumble > Manual: the manual that the plug-in carries, in the browser."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp, Gio, GLib

from scumble_editor.guide import manual

from . import answers, declaring
from .texts import _

NAME = "plug-in-scumble-manual"


def declare(plug_in: Any, name: str) -> Any:
    procedure = declaring.without_image(
        plug_in,
        name,
        run,
        label=_("Scumble _Manual"),
        blurb=_("Open Scumble's manual"),
        help=_("Opens the manual that lies in the plug-in's folder, in the browser; it needs no network."),
    )
    procedure.add_menu_path("<Image>/Help")
    return procedure


def run(procedure: Any, config: Any, data: object) -> Any:
    def work() -> Any:
        open_guide()
        return answers.success(procedure)

    return answers.guarded(procedure, work)


def open_guide() -> None:
    """Show what the manual says of GIMP; where no browser is known, say where it lies."""
    path = manual()
    try:
        Gio.AppInfo.launch_default_for_uri(f"{path.as_uri()}#gimp", None)
    except GLib.Error:
        Gimp.message(_("The manual lies at {path}; open it with a browser.", path=path))
