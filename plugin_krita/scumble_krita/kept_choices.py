"""What a person has chosen in the tabs, kept between sessions."""

from __future__ import annotations

import random
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
        self.part = 0  # which of the mixed styles a click on a tile changes
        self.replaces = ""  # the layer that the next painting replaces; empty: none
        self.upscale = file.get("upscale", UpscaleChoices)
        self.train = file.get("train", TrainChoices)
        self.backend.subscribe("packs", self._packs_changed)

    @told
    def choose_style(self, /, **changes: Any) -> None:
        """Change fields of StyleChoices."""
        self.style = replace(self.style, **changes)
        self._keep("style", self.style)

    @told
    def choose_pack(self, pack: str) -> None:
        """A tile was clicked: the style that is marked in the mix becomes this one."""
        parts = self.style.parts
        self.part = min(self.part, max(0, len(parts) - 1))
        mixed = self.style.with_part(self.part, pack=pack) if parts else self.style.with_another(pack)
        self.choose_style(style=mixed.style)

    def marked_pack(self) -> str:
        """The style that a click on a tile changes; empty while there is none."""
        parts = self.style.parts
        return parts[min(self.part, len(parts) - 1)].pack if parts else ""

    @told
    def change_part(self, part: int, /, **changes: Any) -> None:
        """Change weight or place of one of the mixed styles."""
        self.choose_style(style=self.style.with_part(part, **changes).style)

    @told
    def mix_in(self) -> None:
        """One more style: the first that isn't in the mix yet, best on the same network."""
        pack = self.backend.another_style(self.style)
        if pack:
            self.part = len(self.style.parts)
            self.choose_style(style=self.style.with_another(pack).style)

    @told
    def take_out(self, part: int) -> None:
        """Leave one of the mixed styles out."""
        self.part = max(0, min(self.part, len(self.style.parts) - 2))
        self.choose_style(style=self.style.without_part(part).style)

    @told
    def throw_dice(self) -> None:
        """Another seed."""
        self.choose_style(seed=random.randrange(1 << 16))

    @told
    def mark_part(self, part: int) -> None:
        """Say which of the mixed styles tiles change."""
        self.part = part
        self.context.changed("choices")

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
        """Leave packs that are gone: the mix without them, another style, another network for enlarging."""
        styles = self.backend.styles()
        names = {pack.id for pack in styles}
        left = self.style.without_packs(lambda pack: pack not in names)
        if not left.style and styles:
            left = left.with_another(styles[0].id)
        if left != self.style and styles:
            self.part = 0
            self.choose_style(style=left.style)
        models = [pack.id for pack in self.backend.upscalers()]
        if models and self.upscale.model not in (*models, "bicubic"):
            self.choose_upscale(model=models[0])
