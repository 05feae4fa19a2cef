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

DOCKER_SIDE = 320  # pixels: what the docker shows
CANVAS_SIDE = 1024  # pixels: what is enlarged over the canvas


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
    taken: Taken


class StylePreview(Part):
    """Follows the choices, and what is current and painted in the editor as often as `look` is called."""

    def __init__(self, context: Context, choices: KeptChoices) -> None:
        super().__init__(context)
        self._choices = choices
        self._copy: _SmallCopy | None = None
        self._asked: StyleChoices | None = None  # what the newest preview was asked for with; None: ask again
        self._looking = False
        self.in_docker = False
        self.on_canvas = False
        self.detail = False
        self.picture: Picture | None = None
        self.problem: Problem | None = None
        self.seconds = 0.0  # from asking to showing, of the newest
        self.network_seconds = 0.0  # of these, in the network
        context.subscribe("choices", self._choices_changed)
        self.backend.subscribe("connection", self._connection_changed)

    @property
    def shown(self) -> bool:
        return self.in_docker or self.on_canvas

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
            elif kept.fingerprint != self.canvas.fingerprint():
                self._copy = None
                self._ask()
        finally:
            self._looking = False

    def _choices_changed(self) -> None:
        if self.shown and self._asked != self._choices.style:
            self._ask()

    def _connection_changed(self) -> None:
        if not self.backend.connected:
            self.problem = self.backend.problem
            self.context.changed("preview")
        elif self.problem is not None and self.shown:
            self._ask()

    def _forget(self) -> None:
        """What is shown belongs to something that is no longer current."""
        self.backend.preview.drop()
        self._copy = self._asked = self.picture = None
        self.canvas.hide_preview()

    def _ask(self) -> None:
        """Ask for a new picture where one is shown."""
        style = self._choices.style
        if not self.shown or not style.pack:
            return
        began = self.context.clock()
        try:
            taken = self._small_copy()
        except ScumbleError as error:
            self._forget()
            self._tell(explain(error))
            return

        def show(job: Job, delivery: Delivery) -> None:
            assert isinstance(delivery.message, ImageResult)
            image, frame = delivery.message.image, delivery.frames[delivery.message.image.frame]
            image.check_payload(len(frame))
            self.picture = Picture(image, frame)
            self.seconds = self.context.clock() - began
            self.network_seconds = delivery.message.network_seconds
            if self.on_canvas:
                self.canvas.show_preview(taken.place, image, frame)
            self._tell(None)

        def ended(job: Job) -> None:
            if job.state == "failed":
                self._tell(job.problem)

        self._asked = style
        message = style.message(taken.image, "preview", picture_pixels=taken.picture_pixels, scale=taken.scale)
        self.backend.preview.show(message, [taken.frame], show, ended)

    def _tell(self, problem: Problem | None) -> None:
        if problem is None or problem != self.problem:
            self.problem = problem
            self.context.changed("preview")

    def _small_copy(self) -> Taken:
        """The layer as it is now; while a slider is dragged, the one that is there already."""
        side = CANVAS_SIDE if self.on_canvas else DOCKER_SIDE
        detail = self.detail and not self.on_canvas
        copy = self._copy
        if copy is None or (copy.side, copy.detail) != (side, detail) or copy.key != self.canvas.key():
            key, fingerprint = self.canvas.key(), self.canvas.fingerprint()
            copy = _SmallCopy(key, fingerprint, side, detail, self.canvas.small_copy(side, detail))
            self._copy = copy
        return copy.taken
