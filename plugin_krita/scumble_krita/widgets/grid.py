"""A grid of pictures with names, as Krita's own resource choosers show brushes."""

import base64
import html
from collections.abc import Sequence
from typing import Any

from scumble_editor.shelf import Tile
from scumble_editor.small_pictures import png
from scumble_wire.messages import ImageInfo

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
SHOWN = ID + 2  # what the picture was made from
TOLD = ID + 3  # and the tooltip
MARGIN = 4
LINES = 2  # of a name


def _with_picture(tile: Tile) -> str:
    """The tooltip of a tile, with the painting above the words where the pack carries it."""
    if tile.painting is None:
        return tile.about
    shown = base64.b64encode(png(*tile.painting)).decode()
    words = "<br>".join(html.escape(line) for line in tile.about.splitlines())
    return f'<img src="data:image/png;base64,{shown}"><br>{words}'


class _Tile(QStyledItemDelegate):
    """A square picture, its name under it, the accent color around the chosen one."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side
        self.width = side + 2 * MARGIN  # of a tile

    def sizeHint(self, option: Any, index: Any) -> QSize:  # noqa: N802
        return QSize(self.width, self.side + 3 * MARGIN + LINES * option.fontMetrics.lineSpacing())

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
    """Tiles to choose one from."""

    chosen = pyqtSignal(str)  # key of a tile, by a person

    def __init__(self, side: int = 72) -> None:
        """side: of the pictures, in pixels."""
        super().__init__()
        self._side = side
        self._items = QStandardItemModel()
        self._filling = False
        self._told = ""  # the tile whose choice was told while the button is down
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
        self.clicked.connect(self._clicked)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(260, 2 * (self._side + 48))

    @property
    def row_height(self) -> int:
        """Pixels of a row of tiles with their titles."""
        return int(self._side + 3 * MARGIN + LINES * self.fontMetrics().lineSpacing())

    def keys(self) -> list[str]:
        return [self._items.item(row).data(ID) for row in range(self._items.rowCount())]

    def fill(self, tiles: Sequence[Tile], current: str) -> None:
        """Show these tiles, with the current one highlighted; those there already only get their pictures."""
        if [tile.key for tile in tiles] != self.keys():
            self._filling = True
            try:
                self._items.clear()
                for tile in tiles:
                    item = QStandardItem()
                    item.setData(tile.key, ID)
                    self._items.appendRow(item)
            finally:
                self._filling = False
            QTimer.singleShot(0, lambda: self.scrollTo(self.currentIndex()))  # once it is laid out
        for row, tile in enumerate(tiles):
            item = self._items.item(row)
            item.setText(tile.title)
            told = (tile.about, tile.painting)
            if item.data(TOLD) != told:
                item.setData(told, TOLD)
                item.setToolTip(_with_picture(tile))
            if tile.picture is not None and item.data(SHOWN) is not tile.picture:
                item.setData(tile.picture, SHOWN)
                item.setData(self._square(*tile.picture), PICTURE)
        self.mark(current)

    def mark(self, current: str) -> None:
        """Highlight a tile where it is among those shown, and no other."""
        self._filling = True
        try:
            self.selectionModel().clear()
            for row, key in enumerate(self.keys()):
                if key == current:
                    self.setCurrentIndex(self._items.index(row, 0))
        finally:
            self._filling = False

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        """The tiles share the width: no empty strip at the right."""
        super().resizeEvent(event)
        width = self.viewport().width() - 2  # Qt wraps a row that fills all of it
        self._tile.width = width // max(1, width // (self._side + 2 * MARGIN))
        self.scheduleDelayedItemsLayout()
        if self.currentIndex().isValid():  # the chosen tile stays in sight
            self.scrollTo(self.currentIndex())

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
            self._told = index.data(ID)
            self.chosen.emit(index.data(ID))

    def _clicked(self, index: Any) -> None:
        """A click on the tile that is current already; `_current_changed` has told the others."""
        told, self._told = self._told, ""
        if index.data(ID) != told:
            self.chosen.emit(index.data(ID))
