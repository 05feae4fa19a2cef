"""The shelf of styles, presets, results and surprises, as the Style tab shows it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from scumble_editor.kept import Kept, KeptFile, preset_pack
from scumble_editor.shelf import Sample, Shelf
from scumble_editor.words import about, tr
from scumble_wire.errors import ScumbleError

from .context import Context, Part, told
from .kept_choices import KeptChoices
from .preview import StylePreview

SAMPLE_SIDE = 128  # pixels: the user's own picture on a tile


class Shelves(Part):
    """What a click on a tile, and the menu beside Apply, do."""

    def __init__(self, context: Context, choices: KeptChoices, preview: StylePreview, file: Path) -> None:
        super().__init__(context)
        self._choices, self._preview = choices, preview
        self.shelf = Shelf(self.backend, KeptFile(file), about)

    @told
    def show(self, view: str) -> None:
        """Show another view; on "here" and "surprise" the current layer is painted small."""
        self.shelf.show(view, self._choices.style)
        if self.shelf.wants_sample:
            kept = self._choices
            taken = self.canvas.small_copy(SAMPLE_SIDE, False, source=kept.style.source, without=kept.replaces)
            self.shelf.paint(Sample(taken.image, taken.frame, taken.picture_pixels, taken.scale))

    @told
    def choose(self, key: str) -> None:
        """A tile was clicked."""
        choices = self.shelf.chosen(key)
        if choices is None:
            self._choices.choose_pack(key)
        else:
            self.backend.dismiss_problem()
            self._choices.part = 0
            self._choices.choose_style(**vars(choices))

    @told
    def keep_preset(self, name: str) -> None:
        """Keep what is chosen under a name."""
        picture = self._preview.picture
        with _words():
            shown = (picture.info, picture.data) if picture is not None else None
            self.shelf.keep_preset(name, self._choices.style, shown)

    @told
    def remove_preset(self, name: str) -> None:
        with _words():
            self.shelf.remove_preset(name)

    @told
    def export_preset(self, path: str, name: str) -> None:
        """Write what is chosen as a pack that others can install."""
        picture = next((each.picture for each in self.shelf.kept.presets() if each.title == name), None)
        _, raw = preset_pack(Kept(name, self._choices.style, picture))
        with _words():
            Path(path).write_bytes(raw)

    @told
    def toggle_favorite(self) -> None:
        """Make the marked style a favorite, or take it off them."""
        pack = self._choices.marked_pack()
        if pack:
            with _words():
                self.shelf.set_favorite(pack, pack not in self.shelf.kept.favorites())


@contextlib.contextmanager
def _words() -> Iterator[None]:
    """Errors of the file system in words."""
    try:
        yield
    except OSError as error:
        raise ScumbleError(
            tr("It can't be saved: {error}.", error=error.strerror or error),
            remedy=tr("Check the folder, or choose another one."),
        ) from error
