"""Learning a style from one picture."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from scumble_editor.backend import Delivery, Job
from scumble_editor.kept import KeptFile
from scumble_editor.words import took_text, tr
from scumble_wire.errors import ScumbleError
from scumble_wire.messages import ImageInfo, Train, Trained

from .context import Context, Part, told
from .kept_choices import KeptChoices
from .troubles import NoName

SHOWN_SIDE = 512  # pixels: the user's layer, of which previews show the middle


class Training(Part):
    def __init__(self, context: Context, choices: KeptChoices, kept: KeptFile) -> None:
        super().__init__(context)
        self._choices = choices
        self._kept = kept
        self.file = ""  # path of the picture, where the choice is to learn from a file
        self.recipe = ""  # name or path of a recipe of one's own; empty: by quality

    @told
    def start(self) -> Job:
        """Train with the choices of the Train tab."""
        choices = self._choices.train
        name = choices.name.strip()
        if not name:
            raise NoName
        image, frame = self.canvas.take_reference(choices.source, self.file)
        self.backend.dismiss_problem()
        own = self._own_layer(choices.source)
        frames = [frame] if own is None else [frame, own[1]]
        message = Train(
            image, name, choices.quality, choices.strength, photos=choices.photos, recipe=self.recipe, title=name,
            shown=own[0] if own is not None else None,
        )  # fmt: skip

        def learned(job: Job, delivery: Delivery) -> None:
            if isinstance(delivery.message, Trained) and not self.recipe:
                with contextlib.suppress(OSError):  # only a figure would be lost
                    self._kept.add_training(choices.quality, delivery.message.seconds)
                self.context.changed("choices")

        title = tr("Learning {name}", name=name)
        return self.backend.submit(message, frames, on_done=learned, title=title)

    def _own_layer(self, source: str) -> tuple[ImageInfo, Any] | None:
        """The current layer, small, for previews to show painted; None where it is what is learned from."""
        if source in ("layer", "selection"):
            return None
        try:
            image, frame = self.canvas.small_reference("layer", "", SHOWN_SIDE)
        except ScumbleError:
            return None
        return replace(image, frame=1), frame

    def took(self, quality: str) -> str:
        """How long the last training of a quality took on this machine, in words; empty: none has been measured."""
        seconds = self._kept.training_seconds().get(quality)
        return took_text(seconds) if seconds is not None else ""

    def picture(self, side: int) -> tuple[ImageInfo, Any] | None:
        """A small copy of what would be learned from; None while there is nothing."""
        try:
            return self.canvas.small_reference(self._choices.train.source, self.file, side)
        except ScumbleError:
            return None

    def learn_from_file(self, path: str) -> None:
        self.file = path
        self._choices.choose_train(source="file")
