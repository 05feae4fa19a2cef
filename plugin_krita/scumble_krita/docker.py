"""The docker: a bar for problems, and the tabs."""

from typing import Any

from krita import DockWidget, Krita

from scumble_editor.words import tr

from .model import Model
from .qt import Qt, QTabWidget, QTimer, QVBoxLayout, QWidget
from .tabs.jobs import JobsTab
from .tabs.packs import PacksTab
from .tabs.settings import SettingsTab
from .tabs.style import StyleTab
from .tabs.train import TrainTab
from .tabs.upscale import UpscaleTab
from .widgets.message_bar import MessageBar

LOOK_MS = 400  # Krita tells nobody that another layer was chosen
PACK_FILES = (".scumble", ".zip", ".pth", ".pt", ".safetensors", ".t7", ".onnx")


class ScumbleDocker(DockWidget):
    """Krita makes one for each of its windows; all show the same model."""

    model: Model  # set by the extension before Krita makes any

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Scumble")
        model = self.model
        inside = QWidget()
        self.setWidget(inside)
        self.setAcceptDrops(True)
        self.message = MessageBar()
        self.message.dismissed.connect(model.backend.dismiss_problem)
        self.message.retry.connect(model.reconnect)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.setElideMode(Qt.TextElideMode.ElideRight)
        self.tabs.tabBar().setStyleSheet("QTabBar::tab { padding: 4px 7px; min-width: 12px; }")
        self.style_tab = StyleTab(model)
        self.upscale_tab = UpscaleTab(model)
        self.train_tab = TrainTab(model)
        self.train_tab.style_wanted.connect(lambda: self.tabs.setCurrentWidget(self.style_tab))
        self.packs_tab = PacksTab(model)
        self.jobs_tab = JobsTab(model)
        self.settings_tab = SettingsTab(model)
        for tab, name in (
            (self.style_tab, tr("Style")),
            (self.upscale_tab, tr("Upscale")),
            (self.train_tab, tr("Train")),
            (self.packs_tab, tr("Packs")),
            (self.jobs_tab, tr("Jobs")),
            (self.settings_tab, ""),
        ):
            self.tabs.addTab(tab, name)
        self.tabs.setTabIcon(self.tabs.count() - 1, Krita.instance().icon("configure"))
        self.tabs.setTabToolTip(self.tabs.count() - 1, tr("Settings"))
        column = QVBoxLayout(inside)
        column.setContentsMargins(2, 2, 2, 2)
        column.setSpacing(2)
        column.addWidget(self.message)
        column.addWidget(self.tabs, 1)
        model.backend.subscribe("problem", self._show_problem)
        model.backend.subscribe("jobs", self._count_jobs)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(model.preview.look)
        self._show_problem()

    def canvasChanged(self, canvas: Any) -> None:  # noqa: N802
        """Krita calls this when another document or view becomes current."""
        self.model.preview.look()

    def showEvent(self, event: Any) -> None:  # noqa: N802
        super().showEvent(event)
        self.model.start()
        self._timer.start()

    def hideEvent(self, event: Any) -> None:  # noqa: N802
        super().hideEvent(event)
        self._timer.stop()

    def dragEnterEvent(self, event: Any) -> None:  # noqa: N802
        if dropped_pack(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:  # noqa: N802
        path = dropped_pack(event.mimeData())
        if path:
            event.acceptProposedAction()
            self.tabs.setCurrentWidget(self.packs_tab)
            self.model.pack_files.look_into(path)

    def _show_problem(self) -> None:
        self.message.show_problem(self.model.backend.problem)

    def _count_jobs(self) -> None:
        count = sum(job.open for job in self.model.backend.jobs)
        index = self.tabs.indexOf(self.jobs_tab)
        self.tabs.setTabText(index, f"{tr('Jobs')} ({count})" if count else tr("Jobs"))


def dropped_pack(data: Any) -> str:
    """Path of the one pack file that is being dropped; empty for anything else."""
    paths = [url.toLocalFile() for url in data.urls() if url.isLocalFile()] if data.hasUrls() else []
    return paths[0] if len(paths) == 1 and paths[0].lower().endswith(PACK_FILES) else ""
