"""The docker: a bar for problems, and the tabs."""

from typing import Any

from krita import DockWidget, Krita

from scumble_editor.words import tr

from .model import Model
from .qt import QIcon, Qt, QTabWidget, QTimer, QVBoxLayout, QWidget
from .tabs.jobs import JobsTab
from .tabs.packs import PacksTab
from .tabs.settings import SettingsTab
from .tabs.style import StyleTab
from .tabs.train import TrainTab
from .tabs.upscale import UpscaleTab
from .widgets.message_bar import MessageBar

LOOK_MS = 400  # Krita tells nobody that another layer was chosen
AROUND_WORDS, SETTINGS_TAB = 17, 44  # pixels of a tab beside its name, and of the one that always has an icon
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
        self._names: list[str] = []
        self._icons: list[Any] = []
        for tab, name, icon in (
            (self.style_tab, tr("Style"), "krita_tool_freehand"),
            (self.upscale_tab, tr("Upscale"), "zoom-in"),
            (self.train_tab, tr("Train"), "tools-wizard"),
            (self.packs_tab, tr("Packs"), "bundle_archive"),
            (self.jobs_tab, tr("Jobs"), "view-list-details"),
            (self.settings_tab, tr("Settings"), "configure"),
        ):
            self._names.append(name)
            self._icons.append(Krita.instance().icon(icon))
            self.tabs.addTab(tab, name)
        self.tabs.currentChanged.connect(lambda _: self._fit_tabs())
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

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._fit_tabs()

    def _fit_tabs(self) -> None:
        """Words on the tabs where there is room for all but the settings' own; else icons but on the current one."""
        words = self.tabs.tabBar().fontMetrics()
        needed = sum(words.horizontalAdvance(name) + AROUND_WORDS for name in self._names[:-1]) + SETTINGS_TAB
        narrow, last = needed > self.tabs.width(), len(self._names) - 1
        for index, (name, icon) in enumerate(zip(self._names, self._icons, strict=True)):
            worded = index != last and (not narrow or index == self.tabs.currentIndex())
            self.tabs.setTabText(index, name if worded else "")
            self.tabs.setTabIcon(index, QIcon() if worded else icon)
            self.tabs.setTabToolTip(index, name)

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
        self._names[self.tabs.indexOf(self.jobs_tab)] = f"{tr('Jobs')} ({count})" if count else tr("Jobs")
        self._fit_tabs()


def dropped_pack(data: Any) -> str:
    """Path of the one pack file that is being dropped; empty for anything else."""
    paths = [url.toLocalFile() for url in data.urls() if url.isLocalFile()] if data.hasUrls() else []
    return paths[0] if len(paths) == 1 and paths[0].lower().endswith(PACK_FILES) else ""
