"""The preview of a style, in the docker and over the canvas: what is asked for, when, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scumble_editor.backend import Delivery, Job
from scumble_editor.choices import StyleChoices
from scumble_editor.words import Problem, explain
from scumble_wire.errors import ScumbleError
from scumble_wire.messages import ImageInfo, ImageResult

from .context import Context, Part, Taken, told
from .kept_choices import KeptChoices

COARSE_SIDE = 320  # pixels: what is painted at once, and what "1:1" shows
FINE_SIDE = 1024  # pixels: the most that is painted afterwards
CALM_S = 0.3  # so long nothing is chosen before the finer picture is asked for
FINER = 1.25  # by so much a finer picture has to be larger to be worth it


@dataclass
class Picture:
    """A picture for the docker: RGB(A) u8 as its info says."""

    info: ImageInfo
    data: Any


@dataclass
class _SmallCopy:
    """What was painted last, small. key and fingerprint: the layer as it was then."""

    key: Any
    fingerprint: Any
    side: int
    detail: bool
    places: list[str]
    at: tuple[float, float]
    source: str
    without: str
    taken: Taken

    @property
    def wanted(self) -> tuple[Any, ...]:
        return self.key, self.side, self.detail, self.places, self.at, self.source, self.without


class StylePreview(Part):
    """Follows the choices, and what is current and painted in the editor as often as `look` is called."""

    def __init__(self, context: Context, choices: KeptChoices) -> None:
        super().__init__(context)
        self._choices = choices
        self._copy: _SmallCopy | None = None
        self._fine_copy: _SmallCopy | None = None
        self._fine = False  # whether the newest was asked for as large as there is room
        self._room = COARSE_SIDE
        self._asked_at = 0.0
        self._asked: tuple[StyleChoices, str] | None = None  # what the newest was asked for with; None: ask again
        self._looking = False
        self.in_docker = False
        self.on_canvas = False
        self.detail = False
        self.detail_at = (0.5, 0.5)  # the middle of the detail, as parts of the whole
        self.picture: Picture | None = None
        self.before: Picture | None = None  # the same part of the layer as it is
        self.problem: Problem | None = None
        self.seconds = 0.0  # from asking to showing, of the newest
        self.network_seconds = 0.0  # of these, in the network
        context.subscribe("choices", self._choices_changed)
        self.backend.subscribe("connection", self._connection_changed)

    @property
    def shown(self) -> bool:
        return self.in_docker or self.on_canvas

    @property
    def frame(self) -> tuple[float, float, float, float] | None:
        """What the detail is of the whole: left, top, width, height as parts of it; None while it is shown itself."""
        if self._copy is None or self._copy.detail:
            return None
        taken = self._copy.taken
        width = min(1.0, COARSE_SIDE * taken.scale / taken.image.width)
        height = min(1.0, COARSE_SIDE * taken.scale / taken.image.height)
        left = min(1 - width, max(0.0, self.detail_at[0] - width / 2))
        top = min(1 - height, max(0.0, self.detail_at[1] - height / 2))
        return None if width == height == 1.0 else (left, top, width, height)

    @told
    def make_room(self, pixels: float) -> None:
        """There is room for a picture of so many pixels; `look` has one painted that fills it."""
        self._room = min(FINE_SIDE, max(COARSE_SIDE, -(-round(pixels) // 64) * 64))

    @told
    def aim(self, x: float, y: float) -> None:
        """Choose the middle of the detail, as parts of the whole."""
        self.detail_at = (x, y)
        if self.detail:
            self._ask()
        else:
            self.context.changed("preview")

    @told
    def show(self, *, docker: bool | None = None, canvas: bool | None = None, detail: bool | None = None) -> None:
        """Switch the preview in the docker, that over the canvas, or the detail in its true size; None: as it is."""
        self.in_docker = self.in_docker if docker is None else docker
        self.detail = self.detail if detail is None else detail
        if canvas is not None and canvas != self.on_canvas:
            self.on_canvas = canvas
            if not canvas:
                self.canvas.hide_preview()
        if not self.shown:
            self._forget()
            self.problem = None
        self.context.changed("preview")
        self._ask()

    @told
    def look(self) -> None:
        """Called a few times a second: paint again if something else is current now, or was painted on."""
        if not self.shown or self._looking:
            return
        self._looking = True  # the editor may turn its event loop while it answers
        try:
            kept = self._copy
            if kept is None:
                self._ask()
            elif kept.key != self.canvas.key():
                self._forget()
                self.context.changed("preview")
                self._ask()
            elif kept.fingerprint != self.canvas.fingerprint(kept.source):
                self._copy = self._fine_copy = None
                self._ask()
            elif self._may_be_finer():
                self._ask(fine=True)
        finally:
            self._looking = False

    def _side(self) -> int:
        """Of the finer picture."""
        return FINE_SIDE if self.on_canvas else self._room

    def _may_be_finer(self) -> bool:
        if self.picture is None or self.backend.preview.busy or self.problem is not None or self.detail:
            return False
        if self.context.clock() - self._asked_at < CALM_S:
            return False
        taken = self._copy.taken if self._copy is not None else None
        whole = max(taken.image.width, taken.image.height) / taken.scale if taken is not None else 0
        return not self._fine_is_asked() and min(self._side(), whole) > FINER * COARSE_SIDE

    def _fine_is_asked(self) -> bool:
        return self._fine and self._fine_copy is not None and self._fine_copy.side == self._side()

    def _choices_changed(self) -> None:
        if self.shown and self._asked != (self._choices.style, self._left_out()):
            self._ask()

    def _left_out(self) -> str:
        """The layer that is not in the picture; only where it could be."""
        return self._choices.replaces if self._choices.style.source == "visible" else ""

    def _connection_changed(self) -> None:
        if not self.backend.connected:
            self.problem = self.backend.problem
            self.context.changed("preview")
        elif self.problem is not None and self.shown:
            self._ask()

    def _forget(self) -> None:
        """What is shown belongs to something that is no longer current."""
        self.backend.preview.drop()
        self._copy = self._fine_copy = self._asked = self.picture = self.before = None
        self.canvas.hide_preview()

    def _ask(self, *, fine: bool = False) -> None:
        """Ask for a new picture where one is shown: a small one at once, a finer one when that is there."""
        style = self._choices.style
        if not self.shown or not style.style:
            return
        began = self.context.clock()
        try:
            taken = self._small_copy(fine)
        except ScumbleError as error:
            self._forget()
            self._tell(explain(error))
            return

        def show(job: Job, delivery: Delivery) -> None:
            assert isinstance(delivery.message, ImageResult)
            image, frame = delivery.message.image, delivery.frames[delivery.message.image.frame]
            image.check_payload(len(frame))
            self.picture, self.before = Picture(image, frame), Picture(taken.image, taken.frame)
            self.seconds = self.context.clock() - began
            self.network_seconds = delivery.message.network_seconds
            if self.on_canvas:
                self.canvas.show_preview(taken.place, image, frame)
            self._tell(None)

        def ended(job: Job) -> None:
            if job.state == "failed":
                self._tell(job.problem)

        if self._fine and not fine:
            self.backend.preview.drop()  # a finer picture of what is no longer chosen must not hold up this one
        self._asked, self._asked_at, self._fine = (style, self._left_out()), began, fine
        message = style.message(taken.image, "preview", picture_pixels=taken.picture_pixels, scale=taken.scale)
        masks = [taken.masks[place] for place in style.mask_places]
        self.backend.preview.show(message, [taken.frame, *masks], show, ended)

    def _tell(self, problem: Problem | None) -> None:
        if problem is None or problem != self.problem:
            self.problem = problem
            self.context.changed("preview")

    def _small_copy(self, fine: bool) -> Taken:
        """The layer as it is now; while a slider is dragged, the one that is there already."""
        side = self._side() if fine else COARSE_SIDE
        detail = self.detail and not self.on_canvas
        style, without = self._choices.style, self._left_out()
        places, at = style.mask_places, self.detail_at if detail else (0.5, 0.5)
        copy, key = self._fine_copy if fine else self._copy, self.canvas.key()
        if copy is None or copy.wanted != (key, side, detail, places, at, style.source, without):
            fingerprint = self.canvas.fingerprint(style.source)
            taken = self.canvas.small_copy(side, detail, places, at, style.source, without)
            copy = _SmallCopy(key, fingerprint, side, detail, places, at, style.source, without, taken)
            if fine:
                self._fine_copy = copy
            else:
                self._copy = copy
        return copy.taken
