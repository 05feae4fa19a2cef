"""The head that Scumble's procedures share: menu, images they take, sensitivity, run mode, results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gimp

from . import arguments
from .texts import _

MENU = "<Image>/Filters/Scumble"

Declare = Callable[[Any, str], Any]  # (plug-in, name) -> the procedure with its arguments


def for_layers(plug_in: Any, name: str, run: Callable[..., Any], *, label: str, blurb: str, help: str) -> Any:
    """A procedure that works on the chosen layers of any image.

    run: called with (procedure, run mode, image, drawables, config, data).
    """
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, run, None)
    procedure.set_image_types("*")
    procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE | Gimp.ProcedureSensitivityMask.DRAWABLES)
    return _in_menu(procedure, name, label, blurb, help)


def without_image(plug_in: Any, name: str, run: Callable[..., Any], *, label: str, blurb: str, help: str) -> Any:
    """A procedure that needs no image. run: called with (procedure, config, data)."""
    procedure = Gimp.Procedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, run, None)
    procedure.add_enum_argument(
        "run-mode",
        _("Run mode"),
        _("The run mode"),
        Gimp.RunMode.__gtype__,
        Gimp.RunMode.INTERACTIVE,
        arguments.FLAGS,
    )
    return _in_menu(procedure, name, label, blurb, help)


def _in_menu(procedure: Any, name: str, label: str, blurb: str, help: str) -> Any:
    procedure.set_menu_label(label)
    procedure.add_menu_path(MENU)
    procedure.set_documentation(blurb, help, name)
    procedure.set_attribution("The Scumble authors", "The Scumble authors, MIT license", "2026")
    return procedure


def add_result(procedure: Any, blurb: str, words: tuple[tuple[str, str], ...]) -> None:
    """The argument that says where the picture goes; the first of `words` is the default."""
    arguments.add_choice(procedure, "result", _("Resul_t"), blurb, words[0][0], words)


def add_layer_answer(procedure: Any, blurb: str) -> None:
    """The return value that is the layer made or changed."""
    procedure.add_layer_return_value("layer", _("Layer"), blurb, False, arguments.FLAGS)


def add_style_answer(procedure: Any, blurb: str) -> None:
    """The return value that is the id of a pack."""
    procedure.add_string_return_value("style", _("Style"), blurb, "", arguments.FLAGS)
