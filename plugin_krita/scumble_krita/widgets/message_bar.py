"""The place where the docker says what went wrong and what to do."""

from krita import Krita

from scumble_editor.words import Problem, tr

from ..qt import QFrame, QHBoxLayout, QLabel, QPalette, QSizePolicy, Qt, QToolButton, pyqtSignal


class MessageBar(QFrame):
    """One problem at a time, until it is dismissed or solved."""

    dismissed = pyqtSignal()
    retry = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        again = QToolButton()
        again.setText(tr("Try again"))
        again.setAutoRaise(True)
        again.clicked.connect(self.retry)
        self._again = again
        close = QToolButton()
        close.setIcon(Krita.instance().icon("window-close"))
        close.setToolTip(tr("Dismiss"))
        close.setAutoRaise(True)
        close.clicked.connect(self.dismissed)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 4, 4, 4)
        row.addWidget(self._text, 1)
        row.addWidget(again, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def show_problem(self, problem: Problem | None) -> None:
        if problem is None:
            self.hide()
            return
        self._text.setText(f"<b>{_escaped(problem.headline)}</b> {_escaped(problem.remedy)}")
        self._text.setToolTip(problem.detail if problem.detail != problem.headline else "")
        connection = (
            "no_connection", "connection_lost", "backend_not_started", "timed_out", "wrong_secret", "backend_silent",
            "endpoint_unusable",
        )  # fmt: skip
        self._again.setVisible(problem.code in connection)
        # The theme's own color for things to look at, mixed into the background: readable in light and dark.
        palette = QPalette(self.palette())
        window = palette.color(QPalette.ColorRole.Window)
        warn = (200, 90, 40)
        mixed = [(3 * own + other) // 4 for own, other in zip(window.getRgb()[:3], warn, strict=True)]
        window.setRgb(*mixed)
        palette.setColor(QPalette.ColorRole.Window, window)
        self.setPalette(palette)
        self.show()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
