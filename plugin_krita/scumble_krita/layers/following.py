"""What became of the place of a result while it was made: the document may have been cropped, turned, scaled."""

import time
from dataclasses import dataclass
from typing import Any

from scumble_editor.areas import Area, crop_rows
from scumble_editor.words import tr

from ..qt import QApplication, QByteArray, QImage, Qt
from .places import Taken, area_of, canvas_of, find_node, node_space
from .reading import convert, for_wire, layer_picture, picture_of, read_node, reduced, scratch_document
from .spaces import U8, Space
from .turning import Move, every, locate

PATIENCE_S = 5.0
SAMPLED = 256  # pixels: longer side of the picture that is kept for comparing
COMPARED = 24  # pixels: side of the squares that are compared
ALIKE = 8.0  # of 255: mean difference of pictures that show the same


@dataclass
class Piece:
    """Pixels on their way into a document. area: in pixels of the document; mask: one byte a pixel, or None."""

    data: Any  # buffer of area.width * area.height pixels
    space: Space
    area: Area
    mask: bytes | None


class Lost(Exception):
    """Nobody can tell where the place is now."""


def follow(taken: Taken, piece: Piece) -> tuple[Piece, str]:
    """The piece as it has to be now, and what has to be said about it. Raises Lost."""
    place = taken.place
    document = place.document
    _wait_for(document)
    resized = (document.width(), document.height()) != place.size
    node = find_node(document, place.node_id)
    if node is None or place.source != "layer":  # a picture of several layers stays where it is on the canvas
        if resized:
            raise Lost
        return piece, ""
    move = _moved(taken, node, resized)
    if move is not None:
        if move == Move():
            return piece, ""
        return _turned(piece, move), tr("The layer was moved, cropped or turned meanwhile; the result follows it.")
    if not resized:
        return piece, tr("The layer was changed meanwhile; the result shows it as it was.")
    if _looks_like(taken, node, place.area):
        return piece, ""
    wide, high = document.width() / place.size[0], document.height() / place.size[1]
    if _looks_like(taken, node, _scaled_area(place.area, wide, high)):
        return _scaled(piece, wide, high), tr("The document was scaled meanwhile; the result follows it.")
    raise Lost


def _wait_for(document: Any) -> None:
    """Let Krita finish cropping, turning and the like, which it does in other threads; no pen stroke."""
    end = time.monotonic() + PATIENCE_S
    while not document.tryBarrierLock():
        if time.monotonic() > end or QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            return
        time.sleep(0.01)
    document.unlock()


def _moved(taken: Taken, node: Any, resized: bool) -> Move | None:
    place, space = taken.place, node_space(node)
    now = area_of(node.bounds())
    same = not resized and now == place.bounds
    if space != place.layer_space:
        return Move() if same else None
    now = now.meet(canvas_of(place.document))
    if now.empty:
        return None

    def read(area: Area) -> bytes:
        return bytes(for_wire(read_node(node, area), area, space)[1])

    return locate(memoryview(taken.frame), place.area, place.space.pixel_bytes, read, now, same=same)


def _turned(piece: Piece, move: Move) -> Piece:
    width, height = piece.area.width, piece.area.height
    data = move.pixels(memoryview(piece.data), width, height, piece.space.pixel_bytes)
    mask = None if piece.mask is None else move.pixels(piece.mask, width, height, 1)
    return Piece(data, piece.space, move.area(piece.area), mask)


def _scaled_area(area: Area, wide: float, high: float) -> Area:
    x, y = round(area.x * wide), round(area.y * high)
    right, bottom = round((area.x + area.width) * wide), round((area.y + area.height) * high)
    return Area(x, y, max(1, right - x), max(1, bottom - y))


def _scaled(piece: Piece, wide: float, high: float) -> Piece:
    area = _scaled_area(piece.area, wide, high)
    with scratch_document(piece.area.width, piece.area.height, piece.space) as scratch:
        layer = scratch.createNode("pixels", "paintlayer")
        layer.setPixelData(QByteArray(bytes(piece.data)), 0, 0, piece.area.width, piece.area.height)
        scratch.rootNode().addChildNode(layer, None)
        scratch.scaleImage(area.width, area.height, 72, 72, "Bicubic")
        scratch.waitForDone()
        data = layer.pixelData(0, 0, area.width, area.height)
    mask = piece.mask
    if mask is not None:
        mask = scaled_mask(mask, piece.area.width, piece.area.height, area.width, area.height)
    return Piece(data, piece.space, area, mask)


def _looks_like(taken: Taken, node: Any, area: Area) -> bool:
    """Whether the layer shows in `area` now what was taken before."""
    now = bytes(picture_of(reduced(layer_picture(node), area, COMPARED, COMPARED))[1])
    then = bytes(picture_of(_small(taken))[1])
    return sum(abs(one - other) for one, other in zip(now, then, strict=True)) / len(now) <= ALIKE


def _small(taken: Taken) -> QImage:
    """What was taken, in the size for comparing: every n-th pixel, converted, and scaled down from there."""
    place = taken.place
    step = max(1, max(place.area.width, place.area.height) // SAMPLED)
    size, stride = place.space.pixel_bytes, place.area.width * place.space.pixel_bytes
    data = memoryview(taken.frame).cast("B")
    starts = range(0, place.area.height * stride, step * stride)
    lines = [every(data[start : start + stride], step, size) for start in starts]
    width, height = len(lines[0]) // size, len(lines)
    sampled = bytes(convert(QByteArray(b"".join(lines)), width, height, place.space, U8))
    image = QImage(sampled, width, height, width * 4, QImage.Format.Format_ARGB32)
    return image.scaled(
        COMPARED, COMPARED, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    )


def scaled_mask(mask: bytes, width: int, height: int, new_width: int, new_height: int) -> bytes:
    """A selection mask (one byte a pixel) in another size, smooth."""
    image = QImage(mask, width, height, width, QImage.Format.Format_Grayscale8)
    image = image.scaled(
        new_width, new_height, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    ).convertToFormat(QImage.Format.Format_Grayscale8)
    return rows_of(image)


def rows_of(image: QImage) -> bytes:
    """The pixels of an image with one byte a pixel, without what fills up its lines."""
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return crop_rows(memoryview(bytes(bits)), image.bytesPerLine(), 1, Area(0, 0, image.width(), image.height()))
