"""The Upscale tab."""

from krita import Krita

from scumble_editor.choices import UpscaleChoices, option
from scumble_editor.words import tr

from ..model import Model
from ..qt import QComboBox, QFormLayout, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget
from ..widgets.job_list import JobList
from ..widgets.slider import BarSlider, read_times, times

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
        self.network = QComboBox()
        self.network.setToolTip(tr(option(UpscaleChoices, "model").help))
        self.network.activated.connect(lambda index: model.choices.choose_upscale(model=self.network.itemData(index)))
        self.source = QComboBox()
        for word, label in option(UpscaleChoices, "source").words:
            self.source.addItem(tr(label), word)
        for box in (self.network, self.source):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.source.activated.connect(lambda index: model.choices.choose_upscale(source=self.source.itemData(index)))
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.go = QPushButton(Krita.instance().icon("dialog-ok"), tr("Upscale"))
        self.go.clicked.connect(lambda: model.layers.upscale())
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(tr(option(UpscaleChoices, "source").label), self.source)
        form.addRow(tr(option(UpscaleChoices, "model").label), self.network)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 6, 4, 4)
        column.setSpacing(6)
        column.addWidget(self.factor)
        column.addLayout(usual)
        column.addLayout(form)
        column.addWidget(self.about)
        column.addWidget(self.go)
        column.addWidget(JobList(model.backend, "upscale"), 1)
        model.subscribe("choices", self._show)
        model.backend.subscribe("packs", self._fill)
        self._fill()

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
        pack = self._model.backend.pack(choices.model)
        self.about.setText(pack.description if pack is not None else "")
        self.about.setVisible(bool(self.about.text()))
