"""Filters > Scumble > Repeat Last Style: Stylize once more with its last values, without a dialog."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp

from . import answers, arguments, stylize
from .texts import _

NAME = "plug-in-scumble-repeat"


def declare(plug_in: Any, name: str) -> Any:
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, run, None)
    procedure.set_image_types("*")
    procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE | Gimp.ProcedureSensitivityMask.DRAWABLES)
    procedure.set_menu_label(_("_Repeat Last Style"))
    procedure.add_menu_path("<Image>/Filters/Scumble")
    procedure.set_documentation(
        _("Paint layers with the style and the values used last"),
        _("Runs Stylize with its last values. Where none was used yet, its dialog opens; a script gets an error."),
        name,
    )
    procedure.add_layer_return_value("layer", _("Layer"), _("The painted layer; of several, the first."), False,
                                     arguments.FLAGS)  # fmt: skip
    return procedure


def run(procedure: Any, mode: Any, image: Any, drawables: list[Any], config: Any, data: object) -> Any:
    other = Gimp.get_pdb().lookup_procedure(stylize.NAME)
    result = _call(other, image, drawables, Gimp.RunMode.WITH_LAST_VALS)
    never_used = result.index(0) == Gimp.PDBStatusType.CALLING_ERROR
    if never_used and mode == Gimp.RunMode.INTERACTIVE:
        result = _call(other, image, drawables, Gimp.RunMode.INTERACTIVE)
    if result.index(0) != Gimp.PDBStatusType.SUCCESS:
        return result
    return answers.success(procedure, layer=result.index(1))


def _call(other: Any, image: Any, drawables: list[Any], mode: Any) -> Any:
    values = other.create_config()
    values.set_property("image", image)
    values.set_core_object_array("drawables", drawables)
    values.set_property("run-mode", mode)
    return other.run(values)
