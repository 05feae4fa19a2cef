"""Pictures that came over the wire, as Qt wants them, and a label that fits one into its width."""

from typing import Any

from scumble_wire.messages import ImageInfo

from ..qt import QColor, QImage, QLabel, QPainter, QPixmap, QRectF, QSize, QSizePolicy, Qt


def to_image(info: ImageInfo, data: Any) -> QImage:
    """A QImage of its own memory. info: u8, RGB, BGRA or RGBA. Raises ValueError for others or a wrong length."""
    info.check_payload(len(data))
    formats = {
        "RGB": QImage.Format.Format_RGB888,
        "RGBA": QImage.Format.Format_RGBA8888,
        "BGRA": QImage.Format.Format_ARGB32,
        "GRAY": QImage.Format.Format_Grayscale8,
    }
    if info.depth != "u8" or info.order not in formats:
        raise ValueError(f"{info.order} {info.depth} can't be shown.")
    return QImage(bytes(data), info.width, info.height, info.width * info.channels, formats[info.order]).copy()


def checks(painter: QPainter, area: QRectF) -> None:
    """Gray squares, as they are seen below transparent pixels."""
    painter.fillRect(area, QColor(160, 160, 160))
    x, y = int(area.left()), int(area.top())
    for row in range(y, int(area.bottom()) + 1, 8):
        for column in range(x + (row - y) % 16, int(area.right()) + 1, 16):
            painter.fillRect(QRectF(column, row, 8, 8), QColor(200, 200, 200))


class FittedPicture(QLabel):
    """Shows a picture as large as there is room, on a checkerboard where it is transparent."""

    def __init__(self, height: int = 0) -> None:
        """height: the most it asks for, in pixels, and as its width needs; 0: it takes all that there is."""
        super().__init__()
        self._picture: QPixmap | None = None
        self._most = height
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setWordWrap(True)
        self.setMinimumSize(QSize(64, 48))
        self.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred if height else QSizePolicy.Policy.Expanding
        )
        self.setFrameShape(QLabel.Shape.StyledPanel)

    def show_picture(self, info: ImageInfo, data: Any) -> None:
        self._picture = QPixmap.fromImage(to_image(info, data))
        self.setText("")
        self.updateGeometry()
        self.update()

    def show_text(self, text: str) -> None:
        self._picture = None
        self.setText(text)
        self.updateGeometry()

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        return self._most > 0 and self._picture is not None

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        if self._picture is None:
            return super().heightForWidth(width)
        return min(self._most, max(48, width * self._picture.height() // max(1, self._picture.width())))

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(240, self.heightForWidth(240) if self._picture is not None else 64)

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        super().paintEvent(event)
        if self._picture is None:
            return
        inside = self.contentsRect()
        size = self._picture.size().scaled(inside.size(), Qt.AspectRatioMode.KeepAspectRatio)
        x = inside.x() + (inside.width() - size.width()) // 2
        y = inside.y() + (inside.height() - size.height()) // 2
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setClipRect(x, y, size.width(), size.height())
        checks(painter, QRectF(x, y, size.width(), size.height()))
        painter.drawPixmap(x, y, size.width(), size.height(), self._picture)
        painter.end()
