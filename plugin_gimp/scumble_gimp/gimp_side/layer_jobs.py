"""How Stylize and Upscale run: look at the layers, ask, let the backend compute all pictures, only then insert."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from gi.repository import Gimp

from scumble_editor.areas import Area
from scumble_editor.jobs import JobMessage
from scumble_wire.messages import ImageInfo

from . import answers, layers, targets
from .formats import PixelFormat
from .session import Session, Steps, picture_of
from .stopwatch import Stopwatch
from .targets import Target

#: The dialog: (procedure, config, session, targets) -> whether a person agreed.
Ask = Callable[[Any, Any, Session, list[Target]], bool]
#: The work: (session, image, targets, config) -> the procedure's return values by name.
Work = Callable[[Session, Any, list[Target], Any], dict[str, Any]]


class Picture(NamedTuple):
    """What the backend made of a target: row-major pixels in the format that they were sent in."""

    aim: Target
    form: PixelFormat
    sent: Area  # in pixels of the target's source
    width: int
    height: int
    pixels: Any


def run(procedure: Any, mode: Any, image: Any, drawables: list[Any], config: Any, ask: Ask, work: Work) -> Any:
    """Run a procedure on the chosen layers and answer for it."""

    def all_of_it() -> Any:
        aims = targets.look_at_all(image, drawables)
        with Session() as session:
            if mode == Gimp.RunMode.INTERACTIVE and not ask(procedure, config, session, aims):
                return answers.cancelled(procedure)
            values = work(session, image, aims, config)
        return answers.success(procedure, **values)

    return answers.guarded(procedure, all_of_it)


def compute(
    session: Session,
    plan: Sequence[tuple[Target, Area]],
    message: Callable[[Target, ImageInfo], JobMessage],
    steps: Steps,
    watch: Stopwatch,
    places: Sequence[str] = (),
) -> Iterator[Picture]:
    """Let the backend work on parts of targets, one after the other. Raises ScumbleError.

    plan: targets of one image, each with the part to send. message: the job for a target's pixels.
    places: those whose masks follow the pixels.
    """
    srgb = layers.has_srgb_profile(plan[0][0].image) if plan else True
    for aim, area in plan:
        form = layers.pixel_format(aim, srgb=srgb)
        with watch.part("reading"):
            pixels = layers.read(aim.source, area, form)
            masks = [layers.place_mask(aim, area, place, area.width, area.height) for place in places]
        job, delivery = session.run(message(aim, form.info(area.width, area.height)), [pixels, *masks], steps)
        watch.job(job, delivery)
        info, painted = picture_of(delivery)
        yield Picture(aim, form, area, info.width, info.height, painted)
        steps.next()
