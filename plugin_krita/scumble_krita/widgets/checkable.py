"""Buttons that stay down: in Krita's own style one that is on is hardly told from one that is off."""

from ..qt import QApplication, QPalette, QPushButton, QToolButton


def checkable(button: QPushButton | QToolButton) -> None:
    """Let a button stay down, in the color of what is chosen."""
    button.setCheckable(True)
    button.toggled.connect(lambda on: _color(button, bool(on)))


def _color(button: QPushButton | QToolButton, on: bool) -> None:
    palette = QApplication.palette()
    if on:
        palette.setColor(QPalette.ColorRole.Button, palette.color(QPalette.ColorRole.Highlight))
        palette.setColor(QPalette.ColorRole.ButtonText, palette.color(QPalette.ColorRole.HighlightedText))
    button.setPalette(palette)
