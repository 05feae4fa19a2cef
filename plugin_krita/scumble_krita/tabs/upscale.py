"""The Upscale tab."""

from typing import Any

from krita import Krita

from scumble_editor.choices import UpscaleChoices, option
from scumble_editor.sizes import UNITS, Wish, how_text, shown, size_text
from scumble_editor.words import description_of, tr

from ..model import Model
from ..qt import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from ..widgets.job_list import JobList
from ..widgets.slider import BarSlider, percent, read_percent, read_times, times

USUAL = (1.5, 2.0, 3.0, 4.0)


class UpscaleTab(QWidget):
    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model
        limits = option(UpscaleChoices, "factor")
        self.factor = BarSlider(tr(limits.label), limits.low, limits.high, 0.1, times, read_times, logarithmic=True)
        self.factor.setToolTip(tr(limits.help))
        self.factor.changed.connect(lambda value: model.choices.choose_upscale(factor=value))
        usual = QHBoxLayout()
        usual.setSpacing(2)
        for factor in USUAL:
            button = QToolButton()
            button.setText(times(factor))
            button.clicked.connect(lambda _, factor=factor: model.choices.choose_upscale(factor=factor))
            usual.addWidget(button)
        usual.addStretch(1)
        self.size = QDoubleSpinBox()
        self.size.setRange(0.1, 200_000)
        self.size.setDecimals(1)
        self.size.setKeyboardTracking(False)
        self.size.setToolTip(tr("How large the result is to be."))
        self.size.valueChanged.connect(self._size_typed)
        self.unit = QComboBox()
        for word, label in UNITS.items():
            self.unit.addItem(tr(label), word)
        self.unit.activated.connect(lambda index: self._show())
        self.sizes = QLabel()
        self.network = QComboBox()
        self.network.setToolTip(tr(option(UpscaleChoices, "model").help))
        self.network.activated.connect(lambda index: model.choices.choose_upscale(model=self.network.itemData(index)))
        self.vivid, self.grain = self._share("vivid"), self._share("grain")
        self.best = QCheckBox(tr(option(UpscaleChoices, "best").label))
        self.best.setToolTip(tr(option(UpscaleChoices, "best").help))
        self.best.clicked.connect(lambda on: model.choices.choose_upscale(best=on))
        self.source = QComboBox()
        for word, label in option(UpscaleChoices, "source").words:
            self.source.addItem(tr(label), word)
        for box in (self.network, self.source, self.unit):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.source.activated.connect(lambda index: model.choices.choose_upscale(source=self.source.itemData(index)))
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.go = QPushButton(Krita.instance().icon("dialog-ok"), tr("Upscale"))
        self.go.clicked.connect(lambda: model.layers.upscale())
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        size = QHBoxLayout()
        size.addWidget(self.size)
        size.addWidget(self.unit, 1)
        form.addRow(tr("Size"), size)
        form.addRow("", self.sizes)
        form.addRow(tr(option(UpscaleChoices, "source").label), self.source)
        form.addRow(tr(option(UpscaleChoices, "model").label), self.network)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 6, 4, 4)
        column.setSpacing(6)
        column.addWidget(self.factor)
        column.addLayout(usual)
        column.addLayout(form)
        column.addWidget(self.about)
        for widget in (self.vivid, self.grain, self.best):
            column.addWidget(widget)
        column.addWidget(self.go)
        column.addWidget(JobList(model.backend, "upscale"), 1)
        model.subscribe("choices", self._show)
        model.backend.subscribe("packs", self._fill)
        self._fill()

    def _share(self, name: str) -> BarSlider:
        """A slider from 0 to 100 percent for one of the choices."""
        shown = option(UpscaleChoices, name)
        slider = BarSlider(tr(shown.label), shown.low, shown.high, shown.step, percent, read_percent, usual=0.0)
        slider.setToolTip(tr(shown.help))
        slider.changed.connect(lambda value: self._model.choices.choose_upscale(**{name: value}))
        return slider

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Another layer may be current by now."""
        super().showEvent(event)
        self._show()

    def _show_size(self, choices: UpscaleChoices) -> None:
        """What the factor comes to; a person's typing is not what changes here."""
        now = self._model.canvas.extent(choices.source)
        self.size.setEnabled(now is not None)
        self.sizes.setText(size_text(*now, choices.factor) if now is not None else "")
        self.size.blockSignals(True)
        if now is not None:
            unit = self.unit.currentData()
            self.size.setDecimals(1 if unit.startswith("print") else 0)
            self.size.setValue(shown(choices.factor, unit, *now))
        self.size.blockSignals(False)

    def _size_typed(self, value: float) -> None:
        now = self._model.canvas.extent(self._model.choices.upscale.source)
        if now is not None:
            limits = option(UpscaleChoices, "factor")
            factor = Wish(value, self.unit.currentData()).factor(*now)
            self._model.choices.choose_upscale(factor=min(limits.high, max(limits.low, factor)))

    def _fill(self) -> None:
        self.network.clear()
        for pack in self._model.backend.upscalers():
            self.network.addItem(pack.title, pack.id)
        self.network.addItem(tr("Bicubic (no network)"), "bicubic")
        self._show()

    def _show(self) -> None:
        choices = self._model.choices.upscale
        self.factor.set_value(choices.factor)
        self.network.setCurrentIndex(max(0, self.network.findData(choices.model)))
        self.source.setCurrentIndex(max(0, self.source.findData(choices.source)))
        self.vivid.set_value(choices.vivid)
        self.vivid.setEnabled(choices.model != "vivid")
        self.grain.set_value(choices.grain)
        self.best.setChecked(choices.best)
        self._show_size(choices)
        pack = self._model.backend.pack(choices.model)
        how = how_text(choices.model, choices.factor, self._model.backend.upscalers())
        self.about.setText("\n".join(filter(None, (how, description_of(pack) if pack is not None else ""))))
        self.about.setVisible(bool(self.about.text()))
