"""Filters > Scumble > Stylize: paint layers in the style of a pack, or of several mixed."""

from __future__ import annotations

import contextlib
from typing import Any

from gi.repository import Gimp

from scumble_editor.choices import StyleChoices
from scumble_editor.kept import KeptFile
from scumble_editor.shelf import Shelf
from scumble_editor.words import about, free_name
from scumble_wire.messages import ImageInfo, Stylize

from . import arguments, declaring, layer_jobs, layers, records, targets
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
            "style": _(
                "The id of an installed style pack, such as “starry-night”, or a mix with weights and places, such "
                "as “starry-night:0.7@light + great-wave:0.3@rest”."
            ),
        },
    )
    declaring.add_result(procedure, _("Where the painted picture goes."), RESULTS)
    declaring.add_layer_answer(
        procedure, _("The painted layer; of several, the first. New layers are the selected ones then.")
    )
    return procedure


def run(procedure: Any, mode: Any, image: Any, drawables: list[Any], config: Any, data: object) -> Any:
    return layer_jobs.run(procedure, mode, image, drawables, config, ask, paint)


def ask(procedure: Any, config: Any, session: Session, aims: list[Target], replaces: Any = None) -> bool:
    """Show the dialog. replaces: the layer that the result will replace; it is not in what is shown."""
    from .dialogs import stylize as window

    return window.ask(procedure, config, session, aims, paint, replaces)


def paint(session: Session, image: Any, aims: list[Target], config: Any, *, replaces: Any = None) -> dict[str, Any]:
    """Paint every target in one undo step. All are computed before the first is changed.

    replaces: a layer that goes when the new one is there.
    A new layer shows what is seen, effects and all; a layer changed in place keeps its effects above its pixels.
    """
    choices, result = arguments.read(config, StyleChoices), config.get_property("result")
    if choices.source == "visible":
        aims = aims[:1]  # the picture is the same for all chosen layers
    if choices.source != "layer" and result == "in-place":
        raise WrongArgument(
            _("What several layers show together can't be painted into one of them."),
            remedy=_("Let the result be a new layer, or let the input be this layer alone."),
        )
    for aim in aims:
        targets.check(aim, result)
    session.load_packs()
    _check_packs(session, choices)
    watch, steps = Stopwatch(), Steps(_("Painting"), len(aims))
    style = choices.layer_name(session.backend.titles)
    whole = choices.places_selection

    def message(aim: Target, info: ImageInfo) -> Stylize:
        title = _("{style} on “{layer}”", style=style, layer=aim.name)
        return choices.message(info, title=title, picture_pixels=aim.picture_pixels)

    meant = [targets.whole(aim) for aim in aims] if whole else aims
    drawn = as_seen(meant, choices.source, replaces) if result == "new-layer" else contextlib.nullcontext(meant)
    with drawn as sources:
        plan = [(aim, aim.with_context(choices.mark_size(aim.picture_pixels))) for aim in sources]
        finished = [
            (each.aim, each.form, layers.cut(each.pixels, each.form, each.sent, each.aim.wanted))
            for each in layer_jobs.compute(session, plan, message, steps, watch, choices.mask_places)
        ]
    targets.still_there(aims)
    with watch.part("inserting"):
        made = _insert(image, finished, choices, style, result, replaces)
    _remember(session, choices, style, finished)
    steps.end()
    watch.write()
    return {"layer": made[0]}


def _insert(
    image: Any,
    finished: list[tuple[Target, Any, Any]],
    choices: StyleChoices,
    name: str,
    result: str,
    replaces: Any,
) -> list[Any]:
    """Where the selection places styles, it does not confine what is changed."""
    image.undo_group_start()
    try:
        if result == "in-place":
            with targets.without_selection(image) if choices.places_selection else contextlib.nullcontext():
                for aim, form, pixels in finished:
                    layers.paint_in_place(aim, form, pixels)
            return [aim.drawable for aim, _form, _pixels in finished]
        made = []
        for aim, form, pixels in finished:
            taken = [layer.get_name() for layer in targets.flat(image)]
            made.append(layers.add_above(aim, form, pixels, free_name(name, taken)))
            records.keep(made[-1], aim.drawable, choices)
        if replaces is not None:
            image.remove_layer(replaces)
            made[0].set_name(free_name(name, [each.get_name() for each in targets.flat(image) if each != made[0]]))
        image.set_selected_layers(made)
        return made
    finally:
        image.undo_group_end()
        Gimp.displays_flush()


def _remember(session: Session, choices: StyleChoices, name: str, finished: list[tuple[Target, Any, Any]]) -> None:
    """Keep the first picture among the last results; a folder that can't be written to costs no painting."""
    aim, form, pixels = finished[0]
    shelf = Shelf(session.backend, KeptFile(records.kept_file()), about)
    with contextlib.suppress(OSError):
        shelf.remember(choices, name, form.info(aim.wanted.width, aim.wanted.height), pixels)


def _check_packs(session: Session, choices: StyleChoices) -> None:
    """Raises WrongArgument while a style is not named or not installed."""
    backend = session.backend
    installed = ", ".join(pack.id for pack in backend.styles()) or _("none")
    for wanted in choices.packs or [""]:
        pack = backend.pack(wanted)
        if pack is None or not pack.is_style:
            raise WrongArgument(
                _("No style “{name}” is installed.", name=wanted) if wanted else _("No style was chosen."),
                remedy=_("Installed styles: {names}.", names=installed),
            )
