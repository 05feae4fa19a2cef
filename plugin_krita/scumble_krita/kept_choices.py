"""What a person has chosen in the tabs, kept between sessions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from scumble_editor.choices import ChoicesFile, StyleChoices, TrainChoices, UpscaleChoices
from scumble_editor.words import tr
from scumble_wire.errors import ScumbleError

from .context import Context, Part, told


class KeptChoices(Part):
    """The choices of the Style, Upscale and Train tabs; every change is written to the file at once."""

    def __init__(self, context: Context, file: ChoicesFile) -> None:
        super().__init__(context)
        self.file = file
        self.style = file.get("style", StyleChoices)
        self.upscale = file.get("upscale", UpscaleChoices)
        self.train = file.get("train", TrainChoices)
        self.backend.subscribe("packs", self._packs_changed)

    @told
    def choose_style(self, /, **changes: Any) -> None:
        """Change fields of StyleChoices."""
        self.style = replace(self.style, **changes)
        self._keep("style", self.style)

    @told
    def choose_upscale(self, /, **changes: Any) -> None:
        """Change fields of UpscaleChoices."""
        self.upscale = replace(self.upscale, **changes)
        self._keep("upscale", self.upscale)

    @told
    def choose_train(self, /, **changes: Any) -> None:
        """Change fields of TrainChoices."""
        self.train = replace(self.train, **changes)
        self._keep("train", self.train)

    def _keep(self, section: str, choices: StyleChoices | UpscaleChoices | TrainChoices) -> None:
        try:
            self.file.put(section, choices)
        except OSError as error:
            self.backend.report(
                ScumbleError(
                    tr("Your choices can't be saved: {error}.", error=error.strerror or error),
                    remedy=tr("Check the folder {folder}.", folder=self.file.path.parent),
                )
            )
        self.context.changed("choices")

    def _packs_changed(self) -> None:
        """Leave packs that are gone: another style, no second one, another network for enlarging."""
        names = {pack.id for pack in self.backend.packs}
        changes: dict[str, Any] = {}
        styles = self.backend.styles()
        if self.style.pack not in names and styles:
            changes["pack"] = styles[0].id
        if self.style.second_pack and self.style.second_pack not in names:
            changes |= {"second_pack": "", "mix": 0.0}
        if changes:
            self.choose_style(**changes)
        models = [pack.id for pack in self.backend.upscalers()]
        if models and self.upscale.model not in (*models, "bicubic"):
            self.choose_upscale(model=models[0])
