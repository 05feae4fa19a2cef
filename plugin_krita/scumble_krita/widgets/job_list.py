"""The jobs of one kind, or all, newest on top."""

from collections.abc import Callable

from scumble_editor.backend import Backend
from scumble_editor.words import STATES, tr

from ..qt import QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget
from .job_row import JobRow


class JobList(QScrollArea):
    """kind: "" for all, with other programs' jobs below. empty: what is said when there are none.

    use: called with the style of a finished training that a person wants to paint with.
    """

    def __init__(
        self,
        backend: Backend,
        kind: str = "",
        empty: str = "",
        *,
        picture_height: int = 120,
        use: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self._backend, self._kind, self._height, self._use = backend, kind, picture_height, use
        self._rows: dict[int, JobRow] = {}
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        inside = QWidget()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._empty = QLabel(empty)
        self._empty.setWordWrap(True)
        self._empty.setEnabled(False)
        self._others = QLabel()
        self._others.setWordWrap(True)
        self._column.addWidget(self._empty)
        self._column.addWidget(self._others)
        self._column.addStretch(1)
        self.setWidget(inside)
        for topic in ("jobs", "packs", "thumbnails") if use is not None else ("jobs",):
            backend.subscribe(topic, self.refresh)
        self.refresh()

    def refresh(self) -> None:
        jobs = [job for job in self._backend.jobs if not self._kind or job.kind == self._kind]
        for ticket in [ticket for ticket in self._rows if ticket not in {job.ticket for job in jobs}]:
            row = self._rows.pop(ticket)
            self._column.removeWidget(row)
            row.deleteLater()
        for job in jobs:
            if job.ticket in self._rows:
                self._rows[job.ticket].refresh()
            else:
                row = self._rows[job.ticket] = JobRow(self._backend, job, picture_height=self._height, use=self._use)
                self._column.insertWidget(0, row)
        lines = []
        if not self._kind:
            for info in [info for info in self._backend.other_jobs if info.state in ("waiting", "running", "paused")]:
                lines.append(f"{info.title} ({tr(STATES[info.state])}, {info.fraction:.0%})")
        self._others.setText((tr("Other programs:") + "\n" + "\n".join(lines)) if lines else "")
        self._others.setVisible(bool(lines))
        self._empty.setVisible(not jobs and not lines and bool(self._empty.text()))
