"""Enlarging a whole document: one job after another, one layer each; the new document is made when all have come."""

from __future__ import annotations

from typing import Any

from scumble_editor.backend import Backend, Delivery, Job
from scumble_editor.choices import UpscaleChoices
from scumble_editor.words import tr
from scumble_wire.messages import ImageResult

from .context import Editor


class DocumentEnlargement:
    """Keeps a snapshot of the document while its layers go through the backend.

    When a layer fails or is cancelled, the rest is dropped and no document is made.
    """

    def __init__(self, backend: Backend, canvas: Editor, choices: UpscaleChoices) -> None:
        self._backend = backend
        self._canvas = canvas
        self._choices = choices
        self._plan: Any = None
        self._waiting: list[Any] = []
        self._count = 0

    def start(self) -> list[Job]:
        """Read the document and begin with its first layer; its job, or none where shapes are all there is.

        Raises a Trouble.
        """
        self._plan = self._canvas.plan_document()
        self._waiting = self._plan.pixels()
        self._count = len(self._waiting)
        self._backend.dismiss_problem()
        if not self._waiting:
            self._canvas.build_document(self._plan, self._choices.factor)
            return []
        return [self._next()]

    def _next(self) -> Job:
        part = self._waiting[0]
        number = self._count - len(self._waiting) + 1
        title = tr(
            "{name} ×{factor}, layer {n} of {count}",
            name=self._plan.name or tr("Document"), factor=f"{self._choices.factor:g}", n=number, count=self._count,
        )  # fmt: skip
        message = self._choices.message(part.image, "batch", title)
        return self._backend.submit(message, [part.frame], on_done=self._arrived, on_end=self._ended)

    def _arrived(self, job: Job, delivery: Delivery) -> None:
        assert isinstance(delivery.message, ImageResult)
        image = delivery.message.image
        part = self._waiting.pop(0)
        part.result, part.frame = (image, delivery.frames[image.frame]), None
        if not self._waiting:
            plan, self._plan = self._plan, None
            job.note = self._canvas.build_document(plan, self._choices.factor)

    def _ended(self, job: Job) -> None:
        if job.state != "done":
            self._plan, self._waiting = None, []
        elif self._waiting:
            self._next()
