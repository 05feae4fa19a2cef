"""Painting all frames of a layer: one job after another, as a steady sequence, and one new layer at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from scumble_editor.backend import Job
from scumble_editor.choices import StyleChoices
from scumble_editor.words import tr
from scumble_wire import sequence
from scumble_wire.messages import ImageInfo, ImageResult, Stylize

from .context import Taken


class FramePainting:
    """Keeps the frames of a layer while they go through the backend.

    When a frame fails or is cancelled, the rest is dropped and nothing is added.
    frames: the editor's; see `context.Editor.take_frames`. submit: of a frame's job, with what follows its pixels and
    what to do with its result and at its end. insert: adds the painted layer; returns what has to be said about it.
    """

    def __init__(
        self,
        frames: Any,
        style: StyleChoices,
        name: str,
        submit: Callable[[Stylize, Taken, list[Any], Callable[..., None], Callable[[Job], None]], Job],
        insert: Callable[[], str],
    ) -> None:
        self._frames = frames
        self._style = style
        self._name = name
        self._submit = submit
        self._insert = insert
        self._number = 0

    def next(self) -> Job:
        """Begin with the next frame; its job."""
        number, count = self._number, self._frames.count
        around, anchors = sequence.neighbors_of(number, count), sequence.anchors_of(number, count)
        wanted = [number, *dict.fromkeys([*around, *(each for each in anchors if each != number)])]
        taken = self._frames.read(wanted)
        own, masks = taken[0], [self._frames.masks[place] for place in self._style.mask_places]
        after = 1 + len(masks)  # where the frames of neighbors and anchors begin
        at = {other: after + index for index, other in enumerate(wanted[1:])} | {number: own.image.frame}
        title = tr(
            "{name} on {layer}, frame {n} of {count}",
            name=self._name, layer=self._frames.place.name, n=number + 1, count=count,
        )  # fmt: skip
        message = replace(
            self._style.message(own.image, "batch", title, picture_pixels=own.picture_pixels),
            neighbor_frames=[at[other] for other in around],
            anchor_frames=[at[other] for other in anchors],
            anchor_weights=list(anchors.values()),
        )

        def arrived(job: Job, result: ImageResult, frame: Any) -> None:
            self._arrived(job, own, result.image, frame)

        return self._submit(message, own, [*masks, *(each.frame for each in taken[1:])], arrived, self._ended)

    def _arrived(self, job: Job, own: Taken, image: ImageInfo, frame: Any) -> None:
        self._frames.write(self._number, own, image, frame)
        self._number += 1
        if self._number == self._frames.count:
            job.note = " ".join(part for part in (job.note, self._insert()) if part)

    def _ended(self, job: Job) -> None:
        if job.state == "done" and self._number < self._frames.count:
            self.next()
        else:
            self._frames.drop()
