"""Filters > Scumble > Stylize: paint layers in the style of a pack, or of two mixed."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp

from scumble_editor.choices import StyleChoices
from scumble_editor.words import free_name

from . import answers, arguments, layers, targets
from .session import Session, Steps
from .stopwatch import Stopwatch
from .texts import _

NAME = "plug-in-scumble-stylize"
RESULTS = (("new-layer", "New layer above"), ("in-place", "Change the layer itself"))


def declare(plug_in: Any, name: str) -> Any:
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, run, None)
    procedure.set_image_types("*")
    procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE | Gimp.ProcedureSensitivityMask.DRAWABLES)
    procedure.set_menu_label(_("_Stylize…"))
    procedure.add_menu_path("<Image>/Filters/Scumble")
    procedure.set_documentation(
        _("Paint layers in the style of a painting"),
        _(
            "Every chosen layer is painted by the network of a style pack. The selection and its feathered edge are "
            "honored, transparency is never changed, and depth and color profile stay as they are. The result is "
            "a new layer above, or the layer itself; either way one undo step."
        ),
        name,
    )
    arguments.add(
        procedure,
        StyleChoices,
        {
            "pack": _("The id of an installed style pack, such as “starry-night”."),
            "second_pack": _("The id of a style pack; empty for none."),
        },
    )
    arguments.add_choice(
        procedure, "result", _("Resul_t"), _("Where the painted picture goes."), "new-layer", RESULTS
    )
    procedure.add_layer_return_value(
        "layer",
        _("Layer"),
        _("The painted layer; of several, the first. New layers are the selected ones then."),
        False,
        arguments.FLAGS,
    )
    return procedure


def run(procedure: Any, mode: Any, image: Any, drawables: list[Any], config: Any, data: object) -> Any:
    def work() -> Any:
        aims = [targets.look(image, drawable) for drawable in drawables]
        with Session() as session:
            if mode == Gimp.RunMode.INTERACTIVE:
                from .dialogs.stylize import ask

                if not ask(procedure, config, session, aims):
                    return answers.cancelled(procedure)
            made = paint(session, image, aims, config)
        return answers.success(procedure, layer=made[0])

    return answers.guarded(procedure, work)


def paint(session: Session, image: Any, aims: list[targets.Target], config: Any) -> list[Any]:
    """Paint every target, one after the other, in one undo step. All are computed before the first is changed."""
    choices, result = arguments.read(config, StyleChoices), config.get_property("result")
    for aim in aims:
        targets.check(aim, result)
    session.load_packs()
    _check_pack(session, choices)
    watch, steps = Stopwatch(), Steps(_("Painting"), len(aims))
    finished = []
    for aim in aims:
        form, area = layers.pixel_format(image, aim.drawable), aim.with_context(choices.mark_size(aim.picture_pixels))
        with watch.part("reading"):
            pixels = layers.read(aim.drawable, area, form)
        title = _("{style} on “{layer}”", style=session.backend.titles[choices.pack], layer=aim.name)
        message = choices.message(form.info(area.width, area.height), title=title, picture_pixels=aim.picture_pixels)
        job, delivery = session.run(message, [pixels], steps)
        watch.job(job, delivery)
        finished.append(
            (aim, form, layers.cut(delivery.frames[delivery.message.image.frame], form, area, aim.wanted))
        )
        steps.next()
    targets.still_there(aims)
    with watch.part("inserting"):
        made = _insert(image, finished, choices.layer_name(session.backend.titles), result)
    steps.end()
    watch.write()
    return made


def _insert(image: Any, finished: list[tuple[Any, Any, Any]], name: str, result: str) -> list[Any]:
    image.undo_group_start()
    try:
        if result == "in-place":
            for aim, form, pixels in finished:
                layers.paint_in_place(aim, form, pixels)
            return [aim.drawable for aim, _form, _pixels in finished]
        made = []
        for aim, form, pixels in finished:
            taken = [layer.get_name() for layer in image.get_layers()]
            made.append(layers.add_above(aim, form, pixels, free_name(name, taken)))
        image.set_selected_layers(made)
        return made
    finally:
        image.undo_group_end()
        Gimp.displays_flush()


def _check_pack(session: Session, choices: StyleChoices) -> None:
    """Raises WrongArgument while a style is not named or not installed."""
    backend = session.backend
    installed = ", ".join(pack.id for pack in backend.styles()) or _("none")
    for wanted in [choices.pack] + ([choices.second_pack] if choices.second_pack else []):
        pack = backend.pack(wanted)
        if pack is None or pack.kind == "upscale":
            raise answers.WrongArgument(
                _("No style “{name}” is installed.", name=wanted) if wanted else _("No style was chosen."),
                remedy=_("Installed styles: {names}.", names=installed),
            )
