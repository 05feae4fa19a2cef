"""Filters > Scumble > Upscale: enlarge layers, a selection or the whole image with a super-resolution network."""

from __future__ import annotations

import contextlib
from typing import Any

from gi.repository import Gimp

from scumble_editor.choices import UpscaleChoices
from scumble_editor.words import upscaled_name

from . import arguments, declaring, enlarged, layer_jobs, targets
from .errors import WrongArgument
from .seen import as_seen
from .session import Session, Steps
from .stopwatch import Stopwatch
from .targets import Target
from .texts import _

NAME = "plug-in-scumble-upscale"
RESULTS = (
    ("new-image", "New image from the chosen layers"),
    ("new-layer", "New layer above"),
    ("whole-image", "This image with all its layers"),
)


def declare(plug_in: Any, name: str) -> Any:
    procedure = declaring.for_layers(
        plug_in,
        name,
        run,
        label=_("_Upscale…"),
        blurb=_("Enlarge layers, a selection or the image with a network"),
        help=_(
            "The chosen layers, or their selected part, are enlarged. Depth, color profile, resolution and metadata "
            "stay as they are. The result is a new image, a new layer, or this image with all its layers, whose text "
            "becomes pixels as with GIMP's own Scale Image; one undo step."
        ),
    )
    arguments.add(
        procedure,
        UpscaleChoices,
        {"model": _("The id of an installed upscale pack, or “bicubic”.")},
    )
    declaring.add_result(procedure, _("Where the enlarged picture goes."), RESULTS)
    procedure.add_image_return_value("image", _("Image"), _("The image with the result."), False, arguments.FLAGS)
    declaring.add_layer_answer(procedure, _("The enlarged layer; of several, the first."))
    return procedure


def run(procedure: Any, mode: Any, image: Any, drawables: list[Any], config: Any, data: object) -> Any:
    def work(session: Session, image: Any, aims: list[Target], config: Any) -> dict[str, Any]:
        where, made = enlarge(session, image, aims, config)
        if mode == Gimp.RunMode.INTERACTIVE and where.get_id() != image.get_id():
            Gimp.Display.new(where)
        Gimp.displays_flush()
        return {"image": where, "layer": made[0]}

    return layer_jobs.run(procedure, mode, image, drawables, config, _ask, work)


def _ask(procedure: Any, config: Any, session: Session, aims: list[Target]) -> bool:
    from .dialogs.upscale import ask

    return ask(procedure, config, session, aims)


def enlarge(session: Session, image: Any, aims: list[Target], config: Any) -> tuple[Any, list[Any]]:
    """(the image with the result, its enlarged layers). All is computed before anything is changed.

    New layers and images show what is seen, effects and all; in the whole image effects stay effects.
    """
    choices, result = arguments.read(config, UpscaleChoices), config.get_property("result")
    whole = result == "whole-image"
    if whole:
        aims = targets.every_layer(image)
    for aim in aims:
        targets.check_enlarging(aim, result)
    session.load_packs()
    _check_model(session, choices.model)
    watch = Stopwatch()
    with contextlib.nullcontext(aims) if whole else as_seen(aims) as sources:
        plan = [(aim, aim.wanted) for aim in sources if result == "new-layer" or not aim.redrawn_by_gimp]
        steps = Steps(_("Enlarging"), max(1, len(plan)))
        finished = {
            each.aim.drawable.get_id(): each
            for each in layer_jobs.compute(
                session,
                plan,
                lambda aim, info: choices.message(info, title=upscaled_name(aim.name, choices.factor)),
                steps,
                watch,
            )
        }
        targets.still_there(aims, whole_layers=whole)
        with watch.part("inserting"):
            if result == "new-layer":
                answer = enlarged.as_layers(image, sources, finished, choices.factor)
            elif whole:
                answer = enlarged.in_this_image(image, sources, finished, choices.factor)
            else:
                answer = enlarged.as_new_image(image, sources, finished, choices.factor)
    steps.end()
    watch.write()
    if whole:
        _tell_of_effects(image)
    return answer


def _tell_of_effects(image: Any) -> None:
    """GIMP keeps the settings of effects when it scales an image; what a plug-in changes in them can't be undone."""
    found = [
        _("{effect} on “{layer}”", effect=effect.get_name(), layer=layer.get_name())
        for layer in targets.flat(image)
        for effect in targets.effects_of(layer)
    ]
    if found:
        Gimp.message(
            _("These effects keep their settings, whose sizes are in pixels: {effects}.", effects=", ".join(found))
        )


def _check_model(session: Session, model: str) -> None:
    """Raises WrongArgument for a model that is not installed."""
    names = [pack.id for pack in session.backend.upscalers()]
    if model not in (*names, arguments.BICUBIC):
        raise WrongArgument(
            _("No upscale pack “{name}” is installed.", name=model),
            remedy=_("Installed: {names}.", names=", ".join([*names, arguments.BICUBIC])),
        )
