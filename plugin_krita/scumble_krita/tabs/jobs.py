"""The Jobs tab: everything that runs and waits."""

from scumble_editor.words import tr

from ..model import Model
from ..qt import QVBoxLayout, QWidget
from ..widgets.job_list import JobList


class JobsTab(QWidget):
    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 6, 4, 4)
        column.addWidget(JobList(model.backend, "", tr("Nothing runs and nothing waits.")))

    def showEvent(self, event: object) -> None:  # noqa: N802
        super().showEvent(event)
        if self._model.backend.connected:
            self._model.backend.refresh_jobs()
