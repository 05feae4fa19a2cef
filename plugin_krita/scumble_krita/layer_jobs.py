"""Jobs that end as layers: painting in a style, and enlarging."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from scumble_editor.backend import Delivery, Job, JobMessage
from scumble_editor.shelf import Shelf
from scumble_editor.words import tr, upscaled_name
from scumble_wire.messages import ImageResult, ListPacks, Stylize

from .context import Context, Part, Taken, told
from .enlarging import DocumentEnlargement
from .frame_jobs import FramePainting
from .kept_choices import KeptChoices
from .preview import StylePreview
from .troubles import NoStyle


class LayerJobs(Part):
    def __init__(self, context: Context, choices: KeptChoices, preview: StylePreview, shelf: Shelf) -> None:
        super().__init__(context)
        self._shelf = shelf
        self._choices = choices
        self._preview = preview
        self._open: list[tuple[Job, Any]] = []  # with the place where its result goes
        self.timings: dict[str, float] = {}  # seconds of the last painting: reading, sending, network, ...

    @told
    def apply_style(self) -> list[Job]:
        """Paint the selected layers, or the selection on them, each into a new layer."""
        began = self.context.clock()
        style = self._choices.style
        if not style.style:
            raise NoStyle
        replaces = self._choices.replaces
        everything = self.canvas.take(style.mark_size, style.mask_places, style.source, replaces)
        read = self.context.clock()
        self.backend.dismiss_problem()
        name = style.layer_name(self.backend.titles)
        replaces, self._choices.replaces = replaces if len(everything) == 1 else "", ""

        def submit(taken: Taken) -> Job:
            def insert(job: Job, image: ImageResult, frame: Any) -> None:
                arrived = self.context.clock()
                self._note(job, self.canvas.insert(taken, image.image, frame, name, style, replaces))
                self._measure(job, image, began, read, arrived)
                self._shelf.remember(style, name, image.image, frame)

            title = tr("{name} on {layer}", name=name, layer=taken.place.name)
            message = style.message(taken.image, "apply", title, picture_pixels=taken.picture_pixels)
            masks = [taken.masks[place] for place in style.mask_places]
            return self._submit(message, taken, insert, self._painted, masks)

        jobs = [submit(taken) for taken in everything]
        if replaces:
            self.context.changed("choices")
        return jobs

    @told
    def paint_frames(self) -> Job:
        """Paint all frames of the current layer, or the selection on them, into a new layer with the same frames."""
        style = self._choices.style
        if not style.style:
            raise NoStyle
        frames = self.canvas.take_frames(style.mark_size, style.mask_places)
        self.backend.dismiss_problem()
        name = style.layer_name(self.backend.titles)

        def submit(
            message: Stylize,
            taken: Taken,
            others: list[Any],
            arrived: Callable[[Job, ImageResult, Any], None],
            ended: Callable[[Job], None],
        ) -> Job:
            return self._submit(message, taken, arrived, ended, others)

        insert = partial(self.canvas.insert_frames, frames, name, style)
        return FramePainting(frames, style, name, submit, insert).next()

    @told
    def edit_again(self) -> None:
        """Take over what made the current layer; the next painting replaces it."""
        made, replaces = self.canvas.edit_again()
        self._shelf.check(made.choices, made.title)
        self.backend.dismiss_problem()
        self._choices.replaces = replaces
        self._choices.choose_style(**vars(made.choices))

    @told
    def leave_editing(self) -> None:
        """The next painting is a new layer after all."""
        self._choices.replaces = ""
        self.context.changed("choices")

    @told
    def apply_last(self) -> None:
        """The menu's action: works before any docker was seen, too."""

        def know(delivery: Delivery) -> None:
            self.apply_style()

        if self.backend.packs_known:
            self.apply_style()
        else:
            self.backend.ask(ListPacks(), on_answer=know)

    @told
    def upscale(self, source: str = "") -> list[Job]:
        """Enlarge what the Upscale tab says; source: "layer", "selection" or "document" instead of its choice."""
        choices = self._choices.upscale
        source = source or choices.source
        if source == "document":
            return DocumentEnlargement(self.backend, self.canvas, choices).start()
        everything = self.canvas.take_exactly(need_selection=source == "selection")
        self.backend.dismiss_problem()

        def submit(taken: Taken) -> Job:
            name = upscaled_name(taken.place.name, choices.factor)

            def insert(job: Job, image: ImageResult, frame: Any) -> None:
                self._note(job, self.canvas.insert_enlarged(taken, image.image, frame, name))

            return self._submit(choices.message(taken.image, "apply", name), taken, insert)

        return [submit(taken) for taken in everything]

    @told
    def document_closed(self) -> None:
        """Cancel the jobs whose document is gone."""
        for job, place in list(self._open):
            if not self.canvas.is_open(place):
                job.note = tr("The document was closed.")
                self.backend.cancel(job)

    def _submit(
        self,
        message: JobMessage,
        taken: Taken,
        insert: Callable[[Job, ImageResult, Any], None],
        on_end: Callable[[Job], None] = lambda job: None,
        masks: Sequence[Any] = (),
    ) -> Job:
        def done(job: Job, delivery: Delivery) -> None:
            assert isinstance(delivery.message, ImageResult)
            insert(job, delivery.message, delivery.frames[delivery.message.image.frame])

        def ended(job: Job) -> None:
            self._open = [each for each in self._open if each[0] is not job]
            on_end(job)

        job = self.backend.submit(message, [taken.frame, *masks], on_done=done, on_end=ended)
        self._open.append((job, taken.place))
        return job

    @staticmethod
    def _note(job: Job, note: str) -> None:
        job.note = " ".join(part for part in (job.note, note) if part)

    def _painted(self, job: Job) -> None:
        if self._preview.on_canvas:
            self._preview.show(canvas=False)

    def _measure(self, job: Job, result: ImageResult, began: float, read: float, arrived: float) -> None:
        posted, accepted, came = (job.marks.get(name, 0.0) for name in ("posted", "accepted", "arrived"))
        self.timings = {
            "reading": read - began,
            "sending": accepted - posted,
            "network": result.network_seconds,
            "backend_beside_network": result.seconds - result.network_seconds,
            "receiving": max(0.0, came - accepted - result.seconds),
            "inserting": self.context.clock() - arrived,
            "total": self.context.clock() - began,
        }
