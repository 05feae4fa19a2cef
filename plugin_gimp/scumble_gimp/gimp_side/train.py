"""Filters > Scumble > Train a Style: learn a new style from this image; the training goes on without GIMP."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from gi.repository import Gimp, GLib

from scumble_editor.choices import TrainChoices
from scumble_wire.messages import ImageInfo, Trained

from . import answers, arguments, declaring, layers, targets
from .errors import WrongArgument
from .seen import as_seen
from .session import Session, Steps
from .texts import _

NAME = "plug-in-scumble-train"
SHOW = "plug-in-scumble-show-training"
SHOWN_SIDE = 512  # pixels of the picture whose middle the previews show
SOURCES = (("image", "The image as it is seen"), ("layer", "The chosen layer"))


def declare(plug_in: Any, name: str) -> Any:
    procedure = declaring.for_layers(
        plug_in,
        name,
        run,
        label=_("_Train a Style from This Image…"),
        blurb=_("Learn a new style from this image"),
        help=_(
            "A training is started that learns the style of the image, or of its selected part. It runs beside GIMP, "
            "goes on when its window is closed, and its style is then among the others in Stylize."
        ),
    )
    arguments.add(procedure, TrainChoices)
    arguments.add_choice(
        procedure, "source", _("Learn _from"), _("Where the style is seen. A selection limits it."), "image", SOURCES
    )
    procedure.add_string_argument(
        "photos",
        _("Photos"),
        _("Folder or zip of photos to practice on; empty for the usual ones."),
        "",
        arguments.FLAGS,
    )
    procedure.add_string_argument(
        "recipe",
        _("Recipe"),
        _("Name or path of a training recipe; empty for the quality's own."),
        "",
        arguments.FLAGS,
    )
    procedure.add_boolean_argument(
        "wait", _("Wait"), _("Let a script wait until the style is finished."), True, arguments.FLAGS
    )
    declaring.add_style_answer(procedure, _("The id of the finished style; empty while it is still learned."))
    return procedure


def declare_show(plug_in: Any, name: str) -> Any:
    return declaring.without_image(
        plug_in,
        name,
        run_show,
        label=_("Sho_w Training"),
        blurb=_("Show the trainings that run"),
        help=_("Opens the window with progress and preview of every training."),
    )


def run(procedure: Any, mode: Any, image: Any, drawables: list[Any], config: Any, data: object) -> Any:
    interactive = mode == Gimp.RunMode.INTERACTIVE

    def work() -> Any:
        if interactive and not config.get_property("name"):
            config.set_property("name", suggested_name(image))
        with Session() as session:
            if interactive:
                from .dialogs.train import ask

                if not ask(procedure, config):
                    return answers.cancelled(procedure)
            choices = arguments.read(config, TrainChoices)
            if not choices.name.strip():
                raise WrongArgument(_("The new style needs a name."), remedy=_("Give it one and try again."))
            info, pixels = picture(image, drawables, config.get_property("source"))
            message = replace(
                choices.message(info, title=choices.name),
                photos=config.get_property("photos") or "",
                recipe=config.get_property("recipe") or "",
            )
            if interactive:
                from .dialogs.training import watch

                own = another_picture(image)
                shown = replace(own[0], frame=1) if own is not None else None
                watch(session, replace(message, shown=shown), [pixels] if own is None else [pixels, own[1]])
                return answers.success(procedure, style="")
            if not config.get_property("wait"):
                session.start(message, [pixels])
                return answers.success(procedure, style="")
            steps = Steps(_("Learning"))
            _job, delivery = session.run(message, [pixels], steps)
            steps.end()
            assert isinstance(delivery.message, Trained)
            return answers.success(procedure, style=delivery.message.pack.id)

    return answers.guarded(procedure, work)


def run_show(procedure: Any, config: Any, data: object) -> Any:
    def work() -> Any:
        if config.get_property("run-mode") != Gimp.RunMode.INTERACTIVE:
            raise WrongArgument(_("The training window is for people."), remedy=_("Call it interactively."))
        from .dialogs.training import watch

        with Session() as session:
            watch(session)
        return answers.success(procedure)

    return answers.guarded(procedure, work)


def suggested_name(image: Any) -> str:
    """The file's name without its ending, or a plain word."""
    file = image.get_file() or image.get_imported_file()
    name = Path(GLib.filename_display_basename(file.get_path())).stem if file is not None and file.get_path() else ""
    return name.replace("_", " ").replace("-", " ").strip().capitalize() or _("My style")


def another_picture(image: Any) -> tuple[ImageInfo, bytes] | None:
    """Another image that is open, small: the previews show what the style does to it; None: there is none."""
    others = [each for each in Gimp.get_images() if each.get_id() != image.get_id()]
    return layers.image_small(others[0], SHOWN_SIDE) if others else None


def picture(image: Any, drawables: list[Any], source: str) -> tuple[ImageInfo, bytes]:
    """The picture to learn from. Raises WrongArgument, LayerRefused."""
    if source == "layer":
        if not drawables:
            raise WrongArgument(_("No layer was given."), remedy=_("Choose a layer and try again."))
        with as_seen([targets.look(image, drawables[0])]) as (aim,):
            return layers.style_picture(aim)
    return layers.style_picture_as_seen(image)
