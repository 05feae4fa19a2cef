"""Filters > Scumble > Upscale: enlarge layers, a selection or the whole image with a super-resolution network."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp

from scumble_editor.choices import UpscaleChoices
from scumble_editor.words import upscaled_name

from . import answers, arguments, enlarged, layers, targets
from .session import Session, Steps
from .stopwatch import Stopwatch
from .texts import _

NAME = "plug-in-scumble-upscale"
RESULTS = (
    ("new-image", "New image from the chosen layers"),
    ("new-layer", "New layer above"),
    ("whole-image", "This image with all its layers"),
)


def declare(plug_in: Any, name: str) -> Any:
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, run, None)
    procedure.set_image_types("*")
    procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE | Gimp.ProcedureSensitivityMask.DRAWABLES)
    procedure.set_menu_label(_("_Upscale…"))
    procedure.add_menu_path("<Image>/Filters/Scumble")
    procedure.set_documentation(
        _("Enlarge layers, a selection or the image with a network"),
        _(
            "The chosen layers, or their selected part, are enlarged. Depth, color profile, resolution and metadata "
            "stay as they are. The result is a new image, a new layer, or this image with all its layers, whose text "
            "becomes pixels as with GIMP's own Scale Image; one undo step."
        ),
        name,
    )
    arguments.add(
        procedure,
        UpscaleChoices,
        {"model": _("The id of an installed upscale pack, or “bicubic”.")},
    )
    arguments.add_choice(
        procedure, "result", _("Resul_t"), _("Where the enlarged picture goes."), "new-image", RESULTS
    )
    procedure.add_image_return_value("image", _("Image"), _("The image with the result."), False, arguments.FLAGS)
    procedure.add_layer_return_value(
        "layer", _("Layer"), _("The enlarged layer; of several, the first."), False, arguments.FLAGS
    )
    return procedure


def run(procedure: Any, mode: Any, image: Any, drawables: list[Any], config: Any, data: object) -> Any:
    def work() -> Any:
        aims = [targets.look(image, drawable) for drawable in drawables]
        with Session() as session:
            if mode == Gimp.RunMode.INTERACTIVE:
                from .dialogs.upscale import ask

                if not ask(procedure, config, session, aims):
                    return answers.cancelled(procedure)
            where, made = enlarge(session, image, aims, config)
        if mode == Gimp.RunMode.INTERACTIVE and where.get_id() != image.get_id():
            Gimp.Display.new(where)
        Gimp.displays_flush()
        return answers.success(procedure, image=where, layer=made[0])

    return answers.guarded(procedure, work)


def enlarge(session: Session, image: Any, aims: list[targets.Target], config: Any) -> tuple[Any, list[Any]]:
    """(the image with the result, its enlarged layers). All is computed before anything is changed."""
    choices, result = arguments.read(config, UpscaleChoices), config.get_property("result")
    if result == "whole-image":
        aims = targets.every_layer(image)
    for aim in aims:
        targets.check_enlarging(aim, result)
    session.load_packs()
    _check_model(session, choices.model)
    watch = Stopwatch()
    painted = [aim for aim in aims if result == "new-layer" or not aim.drawn_by_gimp]
    steps = Steps(_("Enlarging"), max(1, len(painted)))
    finished: dict[int, enlarged.Enlarged] = {}
    for aim in painted:
        form, area = layers.pixel_format(image, aim.drawable), aim.wanted
        with watch.part("reading"):
            pixels = layers.read(aim.drawable, area, form)
        message = choices.message(form.info(area.width, area.height), title=upscaled_name(aim.name, choices.factor))
        job, delivery = session.run(message, [pixels], steps)
        watch.job(job, delivery)
        info = delivery.message.image
        finished[aim.drawable.get_id()] = enlarged.Enlarged(
            form, info.width, info.height, delivery.frames[info.frame]
        )
        steps.next()
    targets.still_there(aims, whole_layers=result == "whole-image")
    with watch.part("inserting"):
        if result == "new-layer":
            answer = enlarged.as_layers(image, aims, finished, choices.factor)
        elif result == "whole-image":
            answer = enlarged.in_this_image(image, aims, finished, choices.factor)
        else:
            answer = enlarged.as_new_image(image, aims, finished, choices.factor)
    steps.end()
    watch.write()
    return answer


def _check_model(session: Session, model: str) -> None:
    """Raises WrongArgument for a model that is not installed."""
    names = [pack.id for pack in session.backend.upscalers()]
    if model not in (*names, arguments.BICUBIC):
        raise answers.WrongArgument(
            _("No upscale pack “{name}” is installed.", name=model),
            remedy=_("Installed: {names}.", names=", ".join([*names, arguments.BICUBIC])),
        )
