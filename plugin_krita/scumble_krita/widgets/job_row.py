"""One job as a line: title, progress, what it does now, buttons."""

from collections.abc import Callable

from krita import Krita

from scumble_editor.backend import Backend, Delivery, Job
from scumble_editor.words import tr
from scumble_wire.messages import TrainPreview

from ..qt import (
    QFrame,
    QGridLayout,
    QIcon,
    QLabel,
    QPixmap,
    QProgressBar,
    QSize,
    QSizePolicy,
    Qt,
    QToolButton,
)
from .pictures import FittedPicture, to_image

TILE = 48  # pixels of the picture of a style that was learned


class JobRow(QFrame):
    def __init__(
        self,
        backend: Backend,
        job: Job,
        *,
        picture_height: int = 120,
        use: Callable[[str], None] | None = None,
    ) -> None:
        """use: see `JobList`."""
        super().__init__()
        self._use = use
        self._backend, self.job = backend, job
        self._shown: Delivery | None = None
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._title = QLabel()
        self._title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(8)
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._picture = FittedPicture(picture_height)
        self._picture.hide()
        self._pause = self._button("animation_pause", tr("Pause"))
        self._pause.clicked.connect(self._pause_or_resume)
        self._stop = self._button("dialog-cancel", tr("Cancel"))
        self._stop.clicked.connect(self._stop_or_dismiss)
        self._tile = QToolButton()
        self._tile.setText(tr("Here it is: paint with it"))
        self._tile.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._tile.setIconSize(QSize(TILE, TILE))
        self._tile.clicked.connect(lambda: self._use(self.job.pack) if self._use is not None else None)
        self._tile.hide()
        grid = QGridLayout(self)
        grid.setContentsMargins(6, 4, 4, 4)
        grid.setVerticalSpacing(2)
        grid.addWidget(self._title, 0, 0)
        grid.addWidget(self._pause, 0, 1)
        grid.addWidget(self._stop, 0, 2)
        grid.addWidget(self._bar, 1, 0, 1, 3)
        grid.addWidget(self._text, 2, 0, 1, 3)
        grid.addWidget(self._tile, 3, 0, 1, 3)
        grid.addWidget(self._picture, 4, 0, 1, 3)
        grid.setColumnStretch(0, 1)
        self.refresh()

    def _button(self, icon: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setIcon(Krita.instance().icon(icon))
        button.setToolTip(tip)
        button.setAutoRaise(True)
        return button

    def refresh(self) -> None:
        job = self.job
        self._title.setText(job.title)
        self._title.setToolTip(job.title)
        self._bar.setVisible(job.open)
        # A waiting job has no length yet: the bar stays empty rather than pretending to move.
        self._bar.setValue(round(job.fraction * 1000))
        self._text.setText(job.text)
        self._pause.setVisible(job.kind == "train" and bool(job.id) and job.state != "done")
        going_on = job.state in ("waiting", "running")
        self._pause.setIcon(Krita.instance().icon("animation_pause" if going_on else "animation_play"))
        self._pause.setToolTip(tr("Pause") if going_on else tr("Go on"))
        self._show_tile()
        self._stop.setEnabled(not (job.open and job.cancel_asked))
        self._stop.setIcon(Krita.instance().icon("dialog-cancel" if job.open else "window-close"))
        self._stop.setToolTip(tr("Cancel") if job.open else tr("Dismiss"))
        if job.preview is not None and job.preview is not self._shown:
            self._shown = job.preview
            assert isinstance(job.preview.message, TrainPreview)
            info = job.preview.message.image
            self._picture.show_picture(info, job.preview.frames[info.frame])
            self._picture.show()

    def _show_tile(self) -> None:
        """What a finished training has made, to click."""
        pack = self.job.pack if self._use is not None and self._backend.pack(self.job.pack) is not None else ""
        self._tile.setVisible(bool(pack))
        picture = self._backend.thumbnail(pack) if pack else None
        if picture is not None and self._tile.icon().isNull():
            image = QPixmap.fromImage(to_image(*picture))
            keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            self._tile.setIcon(QIcon(image.scaled(TILE, TILE, keep, smooth)))

    def _pause_or_resume(self) -> None:
        if self.job.state in ("waiting", "running"):
            self._backend.pause(self.job)
        else:
            self._backend.resume(self.job)

    def _stop_or_dismiss(self) -> None:
        if self.job.open:
            self._backend.cancel(self.job)
        else:
            self._backend.dismiss(self.job)
