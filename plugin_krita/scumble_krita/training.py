"""Learning a style from one picture."""

from __future__ import annotations

from scumble_editor.backend import Job
from scumble_editor.words import tr
from scumble_wire.messages import Train

from .context import Context, Part, told
from .kept_choices import KeptChoices
from .troubles import NoName


class Training(Part):
    def __init__(self, context: Context, choices: KeptChoices) -> None:
        super().__init__(context)
        self._choices = choices
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
        message = Train(image, name, choices.quality, choices.strength, recipe=self.recipe, title=name)
        return self.backend.submit(message, [frame], title=tr("Learning {name}", name=name))

    def learn_from_file(self, path: str) -> None:
        self.file = path
        self._choices.choose_train(source="file")
