"""The Train tab: learn a style from one picture."""

from pathlib import Path
from typing import Any

from krita import Krita

from scumble_editor.choices import TrainChoices, option
from scumble_editor.words import tr

from ..model import Model
from ..qt import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from ..widgets.job_list import JobList
from ..widgets.pictures import FittedPicture
from ..widgets.slider import BarSlider, read_times, times


class TrainTab(QWidget):
    style_wanted = pyqtSignal()  # a style that was learned is chosen: show it

    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model
        self._pictured: Any = None  # what the picture shows
        self.name = QLineEdit()
        self.name.setPlaceholderText(tr("Name of the new style"))
        self.name.textEdited.connect(lambda text: model.choices.choose_train(name=text))
        self.source = QComboBox()
        for word, label in option(TrainChoices, "source").words:
            self.source.addItem(tr(label), word)
        self.source.activated.connect(lambda index: model.choices.choose_train(source=self.source.itemData(index)))
        self.file = QToolButton()
        self.file.setIcon(Krita.instance().icon("document-open"))
        self.file.setToolTip(tr("Choose a picture"))
        self.file.clicked.connect(self._choose_file)
        self.photos = QPushButton()
        self.photos.setToolTip(tr(option(TrainChoices, "photos").help))
        self.photos.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.photos.clicked.connect(self._choose_photos)
        self.without_photos = QToolButton()
        self.without_photos.setText("✕")
        self.without_photos.setAutoRaise(True)
        self.without_photos.setToolTip(tr("Do without this folder."))
        self.without_photos.clicked.connect(lambda: model.choices.choose_train(photos=""))
        self.quality = QComboBox()
        for word, label in option(TrainChoices, "quality").words:
            self.quality.addItem(tr(label), word)
        self.quality.setToolTip(tr(option(TrainChoices, "quality").help))
        self.quality.activated.connect(lambda index: model.choices.choose_train(quality=self.quality.itemData(index)))
        limits = option(TrainChoices, "strength")
        self.strength = BarSlider(
            tr(limits.label), limits.low, limits.high, limits.step, times, read_times, logarithmic=True
        )
        self.strength.setToolTip(tr(limits.help))
        self.strength.changed.connect(lambda value: model.choices.choose_train(strength=value))
        self.go = QPushButton(Krita.instance().icon("dialog-ok"), tr("Learn this style"))
        self.go.clicked.connect(lambda: model.training.start())
        self.picture = FittedPicture(140)
        self.picture.setToolTip(tr("The picture to learn from."))
        row = QHBoxLayout()
        row.addWidget(self.source, 1)
        row.addWidget(self.file)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(tr(option(TrainChoices, "name").label), self.name)
        form.addRow(tr(option(TrainChoices, "source").label), row)
        photos = QHBoxLayout()
        photos.addWidget(self.photos, 1)
        photos.addWidget(self.without_photos)
        form.addRow(tr(option(TrainChoices, "photos").label), photos)
        form.addRow(tr(option(TrainChoices, "quality").label), self.quality)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 6, 4, 4)
        column.setSpacing(6)
        column.addLayout(form)
        column.addWidget(self.strength)
        column.addWidget(self.picture)
        column.addWidget(self.go)
        waiting = tr(
            "Training goes on in the background, even when Krita is closed. The finished style appears under Style."
        )
        column.addWidget(JobList(model.backend, "train", waiting, picture_height=260, use=self._use), 1)
        model.subscribe("choices", self._show)
        self._show()

    def _show(self) -> None:
        choices = self._model.choices.train
        if self.name.text() != choices.name:
            self.name.setText(choices.name)
        self.source.setCurrentIndex(max(0, self.source.findData(choices.source)))
        file = Path(self._model.training.file).name
        index = self.source.findData("file")
        label = dict(option(TrainChoices, "source").words)["file"]
        self.source.setItemText(index, tr("File: {name}", name=file) if file else tr(label))
        self.file.setVisible(choices.source == "file")
        self.photos.setText(Path(choices.photos).name if choices.photos else tr("Choose a folder …"))
        self.without_photos.setVisible(bool(choices.photos))
        self.quality.setCurrentIndex(max(0, self.quality.findData(choices.quality)))
        self.strength.set_value(choices.strength)
        self.go.setEnabled(bool(choices.name.strip()))
        for index, (word, text) in enumerate(option(TrainChoices, "quality").words):
            took = self._model.training.took(word)
            self.quality.setItemText(index, f"{tr(text)} ({took})" if took else tr(text))
        if self.isVisible():
            self._show_picture(choices.source)

    def showEvent(self, event: Any) -> None:  # noqa: N802
        super().showEvent(event)
        self._show_picture(self._model.choices.train.source)

    def _show_picture(self, source: str) -> None:
        """What would be learned from now; asked for again only when it may be another picture."""
        wanted = (source, self._model.training.file, self._model.canvas.key(), self._model.canvas.fingerprint())
        if wanted == self._pictured:
            return
        self._pictured = wanted
        picture = self._model.training.picture(280)
        if picture is None:
            self.picture.show_text(tr("Nothing to learn from yet."))
        else:
            self.picture.show_picture(*picture)

    def _use(self, pack: str) -> None:
        self._model.choices.choose_style(style=pack)
        self.style_wanted.emit()

    def _choose_photos(self) -> None:
        path = QFileDialog.getExistingDirectory(self, tr("Photos to practice on"), self._model.choices.train.photos)
        if path:
            self._model.choices.choose_train(photos=path)

    def _choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, tr("Picture to learn from"), "", tr("Pictures") + " (*.png *.jpg *.jpeg *.webp *.tif *.tiff *.bmp)"
        )
        if path:
            self._model.training.learn_from_file(path)
