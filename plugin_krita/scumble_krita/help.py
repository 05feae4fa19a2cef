"""Help: the guide that the plugin carries, in the browser."""

from scumble_editor.guide import page

from .qt import QDesktopServices, QUrl


def open_guide() -> None:
    """Show the guide's page on Krita."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(page("krita"))))
