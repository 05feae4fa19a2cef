"""Help: the manual that the plugin carries, in the browser."""

from scumble_editor.guide import manual

from .qt import QDesktopServices, QUrl


def open_guide() -> None:
    """Show what the manual says of Krita."""
    place = QUrl.fromLocalFile(str(manual()))
    place.setFragment("krita")
    QDesktopServices.openUrl(place)
