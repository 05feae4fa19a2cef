"""The preview in the docker: zoomed by the wheel, moved by dragging, split into before and after by a line."""

from typing import Any

from ..qt import QColor, QPainter, QPixmap, QRectF, Qt, pyqtSignal
from .pictures import FittedPicture, checks, to_image

MOST_ZOOM = 16.0
NEAR = 8  # pixels around the line in which it is taken hold of
Frame = tuple[float, float, float, float]  # left, top, width, height as parts of the picture


class ComparePicture(FittedPicture):
    """A painted picture, and the same part of the layer as it is."""

    looked_closer = pyqtSignal()  # the zoom has changed
    aimed = pyqtSignal(float, float)  # the frame was dragged: its middle, as parts of the picture

    def __init__(self) -> None:
        super().__init__()
        self._before: QPixmap | None = None
        self._split: float | None = None  # where the line stands, as a part of the width; None: there is none
        self._zoom, self._middle = 1.0, (0.5, 0.5)  # the part of the picture that is in the middle
        self._frame: Frame | None = None
        self._held = ""  # what the mouse drags: "line", "frame", "picture"
        self._from = (0.0, 0.0)
        self.setMouseTracking(True)

    @property
    def zoom(self) -> float:
        return self._zoom

    def show_pair(self, before: Any, after: Any, frame: Frame | None) -> None:
        """before, after: (ImageInfo, pixels) of the same part. frame: what "1:1" would show."""
        self._before = QPixmap.fromImage(to_image(*before)) if before is not None else None
        self._frame = frame
        self.show_picture(*after)

    def split(self, on: bool) -> None:
        """Show the line between before and after, or take it away."""
        self._split = 0.5 if on else None
        self.update()

    def reset(self) -> None:
        """The whole picture again."""
        self._zoom, self._middle = 1.0, (0.5, 0.5)
        self.looked_closer.emit()
        self.update()

    def _rect(self) -> QRectF:
        """Where the whole picture lies, in pixels of the widget; larger than it when zoomed."""
        inside = self.contentsRect()
        if self._picture is None:
            return QRectF(inside)
        size = self._picture.size().scaled(inside.size(), Qt.AspectRatioMode.KeepAspectRatio)
        width, height = size.width() * self._zoom, size.height() * self._zoom
        x = inside.center().x() - width * self._middle[0]
        y = inside.center().y() - height * self._middle[1]
        return QRectF(x, y, width, height)

    def _line(self) -> float:
        """x of the line, in pixels of the widget."""
        seen = self._rect().intersected(QRectF(self.contentsRect()))
        return seen.left() + seen.width() * (self._split or 0.0)

    def _framed(self) -> QRectF:
        left, top, width, height = self._frame or (0.0, 0.0, 0.0, 0.0)
        rect = self._rect()
        x, y = rect.x() + left * rect.width(), rect.y() + top * rect.height()
        return QRectF(x, y, width * rect.width(), height * rect.height())

    # --- mouse ---------------------------------------------------------------------------------------------

    @staticmethod
    def _at(event: Any) -> tuple[float, float]:
        point = event.position() if hasattr(event, "position") else event.localPos()
        return float(point.x()), float(point.y())

    def wheelEvent(self, event: Any) -> None:  # noqa: N802
        if self._picture is None:
            event.ignore()
            return
        point = event.position() if hasattr(event, "position") else event.posF()
        rect = self._rect()
        part = ((point.x() - rect.x()) / rect.width(), (point.y() - rect.y()) / rect.height())
        before = self._zoom
        self._zoom = min(MOST_ZOOM, max(1.0, before * (1.25 if event.angleDelta().y() > 0 else 0.8)))
        share = 1 - before / self._zoom if self._zoom > before else 0.0
        self._middle = tuple(m + (p - m) * share for m, p in zip(self._middle, part, strict=True))
        self._keep_inside()
        self.looked_closer.emit()
        self.update()

    def mousePressEvent(self, event: Any) -> None:  # noqa: N802
        x, y = self._at(event)
        if self._split is not None and abs(x - self._line()) <= NEAR:
            self._held = "line"
        elif self._frame is not None and self._zoom == 1.0 and self._framed().contains(x, y):
            self._held = "frame"
        else:
            self._held = "picture"
        self._from = (x, y)

    def mouseMoveEvent(self, event: Any) -> None:  # noqa: N802
        x, y = self._at(event)
        rect = self._rect()
        if self._held == "line":
            seen = rect.intersected(QRectF(self.contentsRect()))
            self._split = min(1.0, max(0.0, (x - seen.left()) / max(1.0, seen.width())))
        elif self._held in ("picture", "frame"):
            moved = ((x - self._from[0]) / rect.width(), (y - self._from[1]) / rect.height())
            self._from = (x, y)
            if self._held == "picture":
                self._middle = (self._middle[0] - moved[0], self._middle[1] - moved[1])
                self._keep_inside()
            else:
                self._move_frame(*moved)
        else:
            near = self._split is not None and abs(x - self._line()) <= NEAR
            self.setCursor(Qt.CursorShape.SplitHCursor if near else Qt.CursorShape.ArrowCursor)
            return
        self.update()

    def mouseReleaseEvent(self, event: Any) -> None:  # noqa: N802
        held, self._held = self._held, ""
        if held == "frame" and self._frame is not None:
            left, top, width, height = self._frame
            self.aimed.emit(left + width / 2, top + height / 2)

    def mouseDoubleClickEvent(self, event: Any) -> None:  # noqa: N802
        self.reset()

    def _keep_inside(self) -> None:
        half = 0.5 / self._zoom
        self._middle = tuple(min(1 - half, max(half, part)) for part in self._middle)  # type: ignore[assignment]

    def _move_frame(self, x: float, y: float) -> None:
        assert self._frame is not None
        left, top, width, height = self._frame
        self._frame = (min(1 - width, max(0, left + x)), min(1 - height, max(0, top + y)), width, height)

    # --- painting ------------------------------------------------------------------------------------------

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        if self._picture is None:
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._zoom < 4)
        inside, rect = QRectF(self.contentsRect()), self._rect()
        seen = rect.intersected(inside)
        painter.setClipRect(seen)
        if self._picture.hasAlphaChannel():
            checks(painter, seen)
        painter.drawPixmap(rect, self._picture, QRectF(self._picture.rect()))
        if self._split is not None and self._before is not None:
            line = self._line()
            left = QRectF(seen.left(), seen.top(), line - seen.left(), seen.height())
            painter.setClipRect(left)
            if self._before.hasAlphaChannel():
                checks(painter, left)
            painter.drawPixmap(rect, self._before, QRectF(self._before.rect()))
            painter.setClipRect(seen)
            painter.fillRect(QRectF(line - 1.5, seen.top(), 3, seen.height()), QColor(0, 0, 0, 120))
            painter.fillRect(QRectF(line - 0.5, seen.top(), 1, seen.height()), QColor(255, 255, 255))
        if self._frame is not None and self._zoom == 1.0:
            for grow, color in ((0, QColor(0, 0, 0)), (1, QColor(255, 255, 255))):
                painter.setPen(color)
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(self._framed().adjusted(grow, grow, -grow - 1, -grow - 1))
        painter.end()
