"""The menu beside Apply: presets, favorites, and what is needed now and then."""

from collections.abc import Callable
from functools import partial
from typing import Any

from scumble_editor.choices import StyleChoices, option
from scumble_editor.kept import Kept, preset_pack
from scumble_editor.words import tr

from ..help import open_guide
from ..model import Model
from ..qt import QFileDialog, QInputDialog, QMenu, QWidget


class StyleMenu(QMenu):
    """Filled whenever it is opened."""

    def __init__(self, model: Model, parent: QWidget) -> None:
        super().__init__(parent)
        self.setToolTipsVisible(True)
        self._model = model
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        self.clear()
        shelves, kept = self._model.shelves, self._model.choices
        pack = kept.marked_pack()
        title = self._model.backend.titles.get(pack, pack)
        if pack in shelves.shelf.kept.favorites():
            self._add(tr("Take {style} off the favorites", style=title), shelves.toggle_favorite)
        elif pack:
            self._add(tr("Add {style} to the favorites", style=title), shelves.toggle_favorite)
        self.addSeparator()
        self._add(tr("Paint all frames of this layer"), self._model.layers.paint_frames)
        self.addSeparator()
        self._add(tr("Save as a preset …"), self._save)
        self._add(tr("Export as a pack …"), self._export)
        current = [each.title for each in shelves.shelf.kept.presets() if each.choices == kept.style]
        for name in current:
            self._add(tr("Delete the preset {name}", name=name), partial(shelves.remove_preset, name))
        self.addSeparator()
        limits, on = option(StyleChoices, "absolute_strokes"), kept.style.absolute_strokes
        pixels = self._add(tr(limits.label), lambda: kept.choose_style(absolute_strokes=not on))
        pixels.setCheckable(True)
        pixels.setChecked(on)
        pixels.setToolTip(tr(limits.help))
        self.addSeparator()
        self._add(tr("Open the manual"), open_guide)

    def _add(self, text: str, run: Callable[[], object]) -> Any:
        action = self.addAction(text.replace("&", "&&"))
        action.triggered.connect(lambda: run())
        return action

    def _name(self) -> str:
        """Asked for, with the name of the layer as a start; empty when the person has thought better of it."""
        choices = self._model.choices.style
        start = choices.layer_name(self._model.backend.titles) if choices.style else ""
        name, agreed = QInputDialog.getText(self.parentWidget(), tr("Preset"), tr("Name:"), text=start)
        return name.strip() if agreed else ""

    def _save(self) -> None:
        name = self._name()
        if name:
            self._model.shelves.keep_preset(name)

    def _export(self) -> None:
        name = self._name()
        if not name:
            return
        suggested, _ = preset_pack(Kept(name, self._model.choices.style))
        path, _ = QFileDialog.getSaveFileName(
            self.parentWidget(), tr("Export as a pack"), suggested, tr("Packs and networks") + " (*.scumble)"
        )
        if path:
            self._model.shelves.export_preset(path, name)
