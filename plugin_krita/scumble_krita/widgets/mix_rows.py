"""The styles of a mix, one row each: which it is, how much it counts, where."""

from scumble_editor.choices import place_words
from scumble_editor.words import tr
from scumble_wire.mix import MOST_STYLES, Part

from ..model import Model
from ..qt import QComboBox, QHBoxLayout, QLabel, QPushButton, QSizePolicy, Qt, QToolButton, QVBoxLayout, QWidget
from .checkable import checkable
from .slider import BarSlider, percent, read_percent


class MixRows(QWidget):
    """Rows for up to four styles, and a button that mixes in one more."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model
        self.rows: list[_Row] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self.note = QLabel(tr("On different networks: mixed as pictures, not as one manner."))
        self.note.setWordWrap(True)
        self.add = QPushButton(tr("Mix in a style"))
        self.add.setToolTip(tr("Up to four styles become one manner; each can have a place of its own."))
        self.add.clicked.connect(lambda: model.choices.mix_in())
        self._column.addWidget(self.note)

    def show_choices(self) -> None:
        """Follow the model."""
        kept = self._model.choices
        parts = kept.style.parts
        while len(self.rows) > len(parts):
            row = self.rows.pop()
            self._column.removeWidget(row)
            row.deleteLater()
        while len(self.rows) < len(parts):
            row = _Row(self._model, len(self.rows))
            self._column.insertWidget(len(self.rows), row)
            self.rows.append(row)
        whole = sum(part.weight for part in parts) or 1.0
        for number, (row, part) in enumerate(zip(self.rows, parts, strict=True)):
            row.show_part(part, part.weight / whole, marked=number == kept.part)
            row.setVisible(len(parts) > 1)
        self.note.setVisible(self._model.backend.mixed_as_pictures(kept.style))
        self.add.setEnabled(0 < len(parts) < MOST_STYLES and bool(self._model.backend.another_style(kept.style)))


class _Row(QWidget):
    def __init__(self, model: Model, number: int) -> None:
        super().__init__()
        self._model, self._number = model, number
        self.name = QPushButton()
        checkable(self.name)
        self.name.setToolTip(tr("The style that a click on a picture above changes."))
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.name.clicked.connect(lambda: model.choices.mark_part(number))
        self.weight = BarSlider(tr("Weight"), 0.01, 1.0, 0.01, percent, read_percent)
        self.weight.setToolTip(tr("How much the style counts against the others."))
        self.weight.changed.connect(lambda value: model.choices.change_part(number, weight=value))
        self.place = _Places(model)
        self.place.setToolTip(tr("Where the style is painted; soft where a mask is soft."))
        self.place.activated.connect(lambda index: self._choose_place(index))
        self.remove = QToolButton()
        self.remove.setText("✕")
        self.remove.setAutoRaise(True)
        self.remove.setToolTip(tr("Take this style out of the mix."))
        self.remove.clicked.connect(lambda: model.choices.take_out(number))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self.name, 3)
        row.addWidget(self.weight, 3)
        row.addWidget(self.place, 3)
        row.addWidget(self.remove)

    def show_part(self, part: Part, share: float, *, marked: bool) -> None:
        """share: of the weight of all."""
        title = self._model.backend.titles.get(part.pack, part.pack)
        self.name.setText(
            self.name.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, max(60, self.name.width() - 12))
        )
        self.name.setToolTip(title)
        self.name.setChecked(marked)
        self.weight.set_value(min(1.0, part.weight))
        self.weight.setAccessibleDescription(percent(share))
        self.place.show_place(part.place)

    def _choose_place(self, index: int) -> None:
        self._model.choices.change_part(self._number, place=self.place.itemData(index))


class _Places(QComboBox):
    """The places of the current document; looked up whenever the list is opened."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)

    def show_place(self, place: str) -> None:
        if self.currentData() != place:
            self._fill(place)

    def _places(self, chosen: str) -> list[tuple[str, str]]:
        canvas = self._model.canvas
        return place_words(canvas.mask_names(), chosen, canvas.layer_names())

    def showPopup(self) -> None:  # noqa: N802
        self._fill(self.currentData() or "everywhere")
        super().showPopup()

    def _fill(self, place: str) -> None:
        self.clear()
        for each, label in self._places(place):
            self.addItem(label, each)
        self.setCurrentIndex(max(0, self.findData(place)))
