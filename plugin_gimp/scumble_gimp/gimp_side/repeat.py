"""Filters > Scumble > Repeat Last Style: Stylize once more with its last values, without a dialog."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp

from . import answers, declaring, stylize
from .texts import _

NAME = "plug-in-scumble-repeat"


def declare(plug_in: Any, name: str) -> Any:
    procedure = declaring.for_layers(
        plug_in,
        name,
        run,
        label=_("_Repeat Last Style"),
        blurb=_("Paint layers with the style and the values used last"),
        help=_("Runs Stylize with its last values. If there are none yet, its dialog opens; a script gets an error."),
    )
    declaring.add_layer_answer(procedure, _("The painted layer; of several, the first."))
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
