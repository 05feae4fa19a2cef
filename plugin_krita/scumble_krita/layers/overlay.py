"""The preview over the canvas: a widget above Krita's own, no layer. So it is in no file and in no undo step.

It lies on top of all layers, moves with the view, and lets the pen and the mouse through.
"""

from typing import Any

from krita import Krita

from scumble_editor.areas import Area
from scumble_wire.messages import ImageInfo

from ..qt import QAbstractScrollArea, QImage, QMdiArea, QPainter, QRectF, Qt, QTimer, QTransform, QWidget
from .following import scaled_mask
from .places import Place

FOLLOW_MS = 40  # Krita tells nobody that the view was moved


class CanvasOverlay(QWidget):
    """A picture over the canvas of one view."""

    def __init__(self, view: Any, over: QWidget) -> None:
        super().__init__(over)
        self._view = view
        self._image = QImage()
        self._area = Area(0, 0, 0, 0)
        self._transform = QTransform()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._timer = QTimer(self)
        self._timer.setInterval(FOLLOW_MS)
        self._timer.timeout.connect(self._follow)

    def show_picture(self, image: QImage, area: Area) -> None:
        """area: where the picture lies, in pixels of the document."""
        self._image, self._area = image, area
        self._follow()
        self.show()
        self.raise_()
        self._timer.start()
        self.update()

    def _follow(self) -> None:
        if self.geometry() != self.parentWidget().rect():
            self.setGeometry(self.parentWidget().rect())
        transform = image_to_canvas(self._view)
        if transform != self._transform:
            self._transform = transform
            self.update()

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setTransform(self._transform)
        painter.drawImage(QRectF(*self._area), self._image)
        painter.end()


def image_to_canvas(view: Any) -> QTransform:
    """From pixels of the document to those of the canvas widget, with zoom, rotation and mirroring."""
    to_flake, possible = view.flakeToImageTransform().inverted()
    return to_flake * view.flakeToCanvasTransform() if possible else QTransform()


def canvas_widget() -> QWidget | None:
    """The widget that the active view draws its canvas in."""
    window = Krita.instance().activeWindow()
    area = window.qwindow().findChild(QMdiArea) if window is not None else None
    inside = area.activeSubWindow() if area is not None else None
    scrolled = inside.findChild(QAbstractScrollArea) if inside is not None else None
    return scrolled.viewport() if scrolled is not None else None


def masked_picture(place: Place, image: ImageInfo, frame: Any) -> QImage:
    """A BGRA u8 picture of place.inner, in any size, seen only where it is selected."""
    picture = QImage(bytes(frame), image.width, image.height, image.width * 4, QImage.Format.Format_ARGB32).copy()
    if place.mask is None:
        return picture
    mask = scaled_mask(place.mask, place.inner.width, place.inner.height, image.width, image.height)
    cut = QImage(mask, image.width, image.height, image.width, QImage.Format.Format_Alpha8)
    painter = QPainter(picture)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
    painter.drawImage(0, 0, cut)
    painter.end()
    return picture
