"""The Settings tab: the backend's device and memory, logs, a diagnosis for bug reports."""

from pathlib import Path

from krita import Krita

from scumble_editor.words import tr
from scumble_wire.messages import Configure

from ..diagnosis import diagnosis
from ..help import open_guide
from ..model import Model
from ..qt import (
    QApplication,
    QComboBox,
    QDesktopServices,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    Qt,
    QUrl,
    QVBoxLayout,
    QWidget,
)

DEVICES = ("auto", "cpu", "cuda", "mps", "xpu")


class SettingsTab(QWidget):
    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model
        self.device = QComboBox()
        self.device.setEditable(True)
        self.device.addItems(DEVICES)
        self.device.setToolTip(tr("Where the networks run. A second card is cuda:1."))
        self.device.activated.connect(lambda _: self._configure(Configure(device=self.device.currentText().strip())))
        self.memory = QSpinBox()
        self.memory.setRange(0, 1_000_000)
        self.memory.setSingleStep(256)
        self.memory.setSuffix(" MB")
        self.memory.setSpecialValueText(tr("No limit"))
        self.memory.setToolTip(tr("Memory for networks that are kept ready."))
        self.memory.editingFinished.connect(self._set_memory)
        self.idle = QSpinBox()
        self.idle.setRange(0, 24 * 60)
        self.idle.setSuffix(" " + tr("min"))
        self.idle.setSpecialValueText(tr("Never"))
        self.idle.setToolTip(tr("Minutes without a job after which the graphics card is freed."))
        self.idle.editingFinished.connect(self._set_idle)
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.state.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.logs = QPushButton(Krita.instance().icon("document-open"), tr("Open the folder of logs"))
        self.logs.clicked.connect(self._open_logs)
        self.copy = QPushButton(Krita.instance().icon("edit-copy"), tr("Copy a diagnosis"))
        self.copy.setToolTip(tr("Versions, settings and the last problem, for a bug report. No pictures, no names."))
        self.copy.clicked.connect(self._copy)
        self.guide = QPushButton(Krita.instance().icon("help-contents"), tr("Open the manual"))
        self.guide.clicked.connect(lambda: open_guide())
        form = QFormLayout()
        form.addRow(tr("Device"), self.device)
        form.addRow(tr("Memory budget"), self.memory)
        form.addRow(tr("Free the card after"), self.idle)
        row = QHBoxLayout()
        row.addWidget(self.logs, 1)
        row.addWidget(self.copy, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 6, 4, 4)
        column.setSpacing(6)
        column.addLayout(form)
        column.addWidget(self.state)
        column.addLayout(row)
        column.addWidget(self.guide)
        column.addStretch(1)
        model.backend.subscribe("status", self._show)
        model.backend.subscribe("connection", self._show)
        self._show()

    def showEvent(self, event: object) -> None:  # noqa: N802
        super().showEvent(event)
        if self._model.backend.connected:
            self._model.backend.refresh_status()

    def _configure(self, message: Configure) -> None:
        self._model.backend.ask(message)

    def _set_memory(self) -> None:
        status = self._model.backend.status
        if status is not None and self.memory.value() != status.memory_budget_mb:
            self._configure(Configure(memory_budget_mb=self.memory.value()))

    def _set_idle(self) -> None:
        status = self._model.backend.status
        if status is not None and self.idle.value() != round(status.idle_release_s / 60):
            self._configure(Configure(idle_release_s=self.idle.value() * 60.0))

    def _show(self) -> None:
        status = self._model.backend.status
        for each in (self.device, self.memory, self.idle, self.logs):
            each.setEnabled(status is not None)
        if status is None:
            self.state.setText(tr("The backend is not connected."))
            return
        self.device.setEditText(status.device_setting)
        self.memory.setValue(status.memory_budget_mb)
        self.idle.setValue(round(status.idle_release_s / 60))
        if status.device:
            state = tr(
                "Backend {version} on {device}. {networks} networks ready, {memory} MB in use.",
                version=status.backend_version, device=status.device,
                networks=len(status.loaded_networks), memory=round(status.device_memory_mb),
            )  # fmt: skip
        else:
            state = tr("Backend {version} is starting.", version=status.backend_version)
        self.state.setText(state + "\n" + tr("Log: {path}", path=status.log_file))

    def _open_logs(self) -> None:
        status = self._model.backend.status
        if status is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(status.log_file).parent)))

    def _copy(self) -> None:
        QApplication.clipboard().setText(diagnosis(self._model, Krita.instance().version()))
