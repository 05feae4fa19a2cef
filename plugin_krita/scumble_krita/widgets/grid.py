"""A grid of pictures with names, as Krita's own resource choosers show brushes."""

from typing import Any

from scumble_editor.backend import Backend
from scumble_editor.words import tr
from scumble_wire.messages import ImageInfo, PackInfo

from ..qt import (
    QAbstractItemView,
    QListView,
    QPalette,
    QPixmap,
    QRect,
    QSize,
    QStandardItem,
    QStandardItemModel,
    QStyle,
    QStyledItemDelegate,
    Qt,
    QTimer,
    pyqtSignal,
)
from .pictures import to_image

ID = (
    int(Qt.ItemDataRole.UserRole)
    if not hasattr(Qt.ItemDataRole.UserRole, "value")
    else Qt.ItemDataRole.UserRole.value
)
PICTURE = ID + 1
MARGIN = 4
LINES = 2  # of a name


class _Tile(QStyledItemDelegate):
    """A square picture, its name under it, the accent color around the chosen one."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def sizeHint(self, option: Any, index: Any) -> QSize:  # noqa: N802
        return QSize(self.side + 2 * MARGIN, self.side + 3 * MARGIN + LINES * option.fontMetrics.lineSpacing())

    def paint(self, painter: Any, option: Any, index: Any) -> None:
        painter.save()
        palette, rect = option.palette, option.rect
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        if chosen:
            painter.fillRect(rect, palette.color(QPalette.ColorRole.Highlight))
        elif hovered:
            painter.fillRect(rect, palette.color(QPalette.ColorRole.AlternateBase))
        square = QRect(rect.x() + (rect.width() - self.side) // 2, rect.y() + MARGIN, self.side, self.side)
        picture = index.data(PICTURE)
        if isinstance(picture, QPixmap):
            painter.drawPixmap(square, picture)
        else:
            painter.fillRect(square, palette.color(QPalette.ColorRole.Mid))
        role = QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text
        painter.setPen(palette.color(role))
        metrics = option.fontMetrics
        below = QRect(rect.x() + 2, square.bottom() + MARGIN, rect.width() - 4, LINES * metrics.lineSpacing())
        name = metrics.elidedText(str(index.data()), Qt.TextElideMode.ElideRight, LINES * below.width() - 20)
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        painter.drawText(below, int(flags), name)
        painter.restore()


class StyleGrid(QListView):
    """Styles to choose one from."""

    chosen = pyqtSignal(str)  # pack id, by a person

    def __init__(self, backend: Backend, side: int = 72) -> None:
        """side: of the pictures, in pixels; the backend has them."""
        super().__init__()
        self._backend = backend
        self._side = side
        self._items = QStandardItemModel()
        self._filling = False
        self.setModel(self._items)
        self._tile = _Tile(side)
        self.setItemDelegate(self._tile)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setMinimumHeight(side)
        self.selectionModel().currentChanged.connect(self._current_changed)
        backend.subscribe("thumbnails", self._add_pictures)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(260, 2 * (self._side + 48))

    def fill(self, packs: list[PackInfo], current: str) -> None:
        """Show these packs, with the current one highlighted."""
        self._filling = True
        try:
            self._items.clear()
            for pack in packs:
                item = QStandardItem(pack.title)
                item.setData(pack.id, ID)
                item.setToolTip(_about(pack))
                self._items.appendRow(item)
        finally:
            self._filling = False
        for pack in packs:
            self._backend.thumbnail(pack.id)  # asks for it, if need be
        self._add_pictures()
        self.mark(current)
        QTimer.singleShot(0, lambda: self.scrollTo(self.currentIndex()))  # once it is laid out

    def mark(self, current: str) -> None:
        """Highlight a pack where it is among those shown, and no other."""
        self._filling = True
        try:
            self.clearSelection()
            for row in range(self._items.rowCount()):
                if self._items.item(row).data(ID) == current:
                    self.setCurrentIndex(self._items.index(row, 0))
        finally:
            self._filling = False

    def _add_pictures(self) -> None:
        for row in range(self._items.rowCount()):
            item = self._items.item(row)
            picture = self._backend.thumbnails.get(item.data(ID))
            if picture is not None and item.data(PICTURE) is None:
                item.setData(self._square(*picture), PICTURE)

    def _square(self, info: ImageInfo, data: Any) -> QPixmap:
        """The middle of a picture in the size of a tile."""
        ratio = self.devicePixelRatioF()
        side = round(self._side * ratio)
        picture = QPixmap.fromImage(to_image(info, data)).scaled(
            side, side, Qt.AspectRatioMode.KeepAspectRatioByExpanding, Qt.TransformationMode.SmoothTransformation
        )
        picture = picture.copy((picture.width() - side) // 2, (picture.height() - side) // 2, side, side)
        picture.setDevicePixelRatio(ratio)
        return picture

    def _current_changed(self, index: Any, before: Any) -> None:
        if not self._filling and index.isValid():
            self.chosen.emit(index.data(ID))


def _about(pack: PackInfo) -> str:
    lines = [pack.title, pack.painting, pack.description]
    if pack.authors:
        lines.append(tr("By {authors}", authors=", ".join(pack.authors)))
    return "\n".join(line for line in lines if line)
