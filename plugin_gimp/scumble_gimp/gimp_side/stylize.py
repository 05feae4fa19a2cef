"""Filters > Scumble > Stylize: paint layers in the style of a pack, or of two mixed."""

from __future__ import annotations

import contextlib
from typing import Any

from gi.repository import Gimp

from scumble_editor.choices import StyleChoices
from scumble_editor.words import free_name
from scumble_wire.messages import ImageInfo, Stylize

from . import arguments, declaring, layer_jobs, layers, targets
from .errors import WrongArgument
from .seen import as_seen
from .session import Session, Steps
from .stopwatch import Stopwatch
from .targets import Target
from .texts import _

NAME = "plug-in-scumble-stylize"
RESULTS = (("new-layer", "New layer above"), ("in-place", "Change the layer itself"))


def declare(plug_in: Any, name: str) -> Any:
    procedure = declaring.for_layers(
        plug_in,
        name,
        run,
        label=_("_Stylize…"),
        blurb=_("Paint layers in the style of a painting"),
        help=_(
            "Every chosen layer is painted by the network of a style pack. The selection and its feathered edge are "
            "honored, transparency is never changed, and depth and color profile stay as they are. The result is "
            "a new layer above, or the layer itself; either way one undo step."
        ),
    )
    arguments.add(
        procedure,
        StyleChoices,
        {
            "pack": _("The id of an installed style pack, such as “starry-night”."),
            "second_pack": _("The id of a style pack; empty for none."),
        },
    )
    declaring.add_result(procedure, _("Where the painted picture goes."), RESULTS)
    declaring.add_layer_answer(
        procedure, _("The painted layer; of several, the first. New layers are the selected ones then.")
    )
    return procedure


def run(procedure: Any, mode: Any, image: Any, drawables: list[Any], config: Any, data: object) -> Any:
    return layer_jobs.run(procedure, mode, image, drawables, config, _ask, paint)


def _ask(procedure: Any, config: Any, session: Session, aims: list[Target]) -> bool:
    from .dialogs.stylize import ask

    return ask(procedure, config, session, aims)


def paint(session: Session, image: Any, aims: list[Target], config: Any) -> dict[str, Any]:
    """Paint every target in one undo step. All are computed before the first is changed.

    A new layer shows what is seen, effects and all; a layer changed in place keeps its effects above its pixels.
    """
    choices, result = arguments.read(config, StyleChoices), config.get_property("result")
    for aim in aims:
        targets.check(aim, result)
    session.load_packs()
    _check_packs(session, choices)
    watch, steps = Stopwatch(), Steps(_("Painting"), len(aims))
    style = session.backend.titles[choices.pack]

    def message(aim: Target, info: ImageInfo) -> Stylize:
        title = _("{style} on “{layer}”", style=style, layer=aim.name)
        return choices.message(info, title=title, picture_pixels=aim.picture_pixels)

    with as_seen(aims) if result == "new-layer" else contextlib.nullcontext(aims) as sources:
        plan = [(aim, aim.with_context(choices.mark_size(aim.picture_pixels))) for aim in sources]
        finished = [
            (each.aim, each.form, layers.cut(each.pixels, each.form, each.sent, each.aim.wanted))
            for each in layer_jobs.compute(session, plan, message, steps, watch)
        ]
    targets.still_there(aims)
    with watch.part("inserting"):
        made = _insert(image, finished, choices.layer_name(session.backend.titles), result)
    steps.end()
    watch.write()
    return {"layer": made[0]}


def _insert(image: Any, finished: list[tuple[Target, Any, Any]], name: str, result: str) -> list[Any]:
    image.undo_group_start()
    try:
        if result == "in-place":
            for aim, form, pixels in finished:
                layers.paint_in_place(aim, form, pixels)
            return [aim.drawable for aim, _form, _pixels in finished]
        made = []
        for aim, form, pixels in finished:
            taken = [layer.get_name() for layer in targets.flat(image)]
            made.append(layers.add_above(aim, form, pixels, free_name(name, taken)))
        image.set_selected_layers(made)
        return made
    finally:
        image.undo_group_end()
        Gimp.displays_flush()


def _check_packs(session: Session, choices: StyleChoices) -> None:
    """Raises WrongArgument while a style is not named or not installed."""
    backend = session.backend
    installed = ", ".join(pack.id for pack in backend.styles()) or _("none")
    for wanted in [choices.pack] + ([choices.second_pack] if choices.second_pack else []):
        pack = backend.pack(wanted)
        if pack is None or pack.kind == "upscale":
            raise WrongArgument(
                _("No style “{name}” is installed.", name=wanted) if wanted else _("No style was chosen."),
                remedy=_("Installed styles: {names}.", names=installed),
            )
