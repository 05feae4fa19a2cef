"""Filters > Scumble > Edit Again: Stylize with what made a painted layer, which the result replaces."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp

from . import answers, arguments, declaring, records, stylize, targets
from .errors import LayerRefused, WrongArgument
from .session import Session
from .texts import _

NAME = "plug-in-scumble-edit-again"


def declare(plug_in: Any, name: str) -> Any:
    procedure = declaring.for_layers(
        plug_in,
        name,
        run,
        label=_("Edit _Again…"),
        blurb=_("Change what made a painted layer, and paint it once more"),
        help=_(
            "Opens Stylize with everything that was chosen for the layer. The new picture is painted from the same "
            "layer as before and takes the place of the old one, in one undo step. Called by a script, it paints "
            "with what was chosen then."
        ),
    )
    declaring.add_layer_answer(procedure, _("The new layer."))
    return procedure


def run(procedure: Any, mode: Any, image: Any, drawables: list[Any], config: Any, data: object) -> Any:
    return answers.guarded(procedure, lambda: _run(procedure, mode, image, drawables))


def _run(procedure: Any, mode: Any, image: Any, drawables: list[Any]) -> Any:
    if len(drawables) != 1:
        raise WrongArgument(_("Edit Again takes one layer."), remedy=_("Choose one painted layer."))
    old = drawables[0]
    targets.check_home(image, old)
    made = records.of(old) if old.is_layer() else None
    if made is None:
        raise LayerRefused(
            _("“{name}” was not painted by Scumble, or its settings were not kept.", name=old.get_name()),
            remedy=_("Choose a painted layer."),
        )
    source = records.source_of(image, made)
    if source is None:
        raise LayerRefused(
            _("The layer that “{name}” was painted from is gone.", name=old.get_name()),
            remedy=_("Choose the layer to paint and run Stylize; the last results there hold these settings."),
        )
    stylizing = stylize.declare(procedure.get_plug_in(), stylize.NAME)
    settings = stylizing.create_config()
    arguments.write(settings, made.choices)
    aims = [targets.look(image, source)]
    with Session() as session:
        if mode == Gimp.RunMode.INTERACTIVE and not stylize.ask(stylizing, settings, session, aims, old):
            return answers.cancelled(procedure)
        values = stylize.paint(session, image, aims, settings, replaces=old)
    return answers.success(procedure, **values)
