"""Taking pixels out of Krita: which rectangle, in which format."""

import contextlib
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from krita import Krita

from scumble_editor.areas import Area, fitted, with_context
from scumble_wire.messages import ImageInfo

from ..qt import QByteArray, QImage, Qt
from ..troubles import LayerEmpty, NoSelection, PixelsRefused, UnreadablePicture
from .places import (
    Place,
    Taken,
    area_of,
    canvas_of,
    current_document,
    document_space,
    node_space,
    selected_part,
    selection_for,
)
from .spaces import U8, Space, bridge_of, is_direct, wire_image
from .turning import every

LEAST_SIDE = 32  # pixels: a smaller piece is taken with what lies around it
FINGERPRINT_ROWS = 64


def as_bytes(data: Any) -> QByteArray:
    """Anything with the buffer protocol as Qt wants it, copied at most once."""
    if isinstance(data, QByteArray):
        return data
    return QByteArray(data if isinstance(data, (bytes, bytearray)) else bytes(data))


def convert(data: Any, width: int, height: int, source: Space, target: Space) -> QByteArray:
    """Change the color space of raw pixels with Krita's color engine, in a document that nobody sees."""
    if source == target:
        return as_bytes(data)
    with scratch_document(width, height, source) as scratch:
        node = scratch.createNode("pixels", "paintlayer")
        node.setPixelData(as_bytes(data), 0, 0, width, height)
        node.setColorSpace(*target)
        return node.pixelData(0, 0, width, height)


@contextlib.contextmanager
def scratch_document(width: int, height: int, space: Space) -> Iterator[Any]:
    """A document that no window shows, with an undo history of its own."""
    scratch = Krita.instance().createDocument(width, height, "scumble", *space, 72.0)
    try:
        scratch.setBatchmode(True)
        yield scratch
    finally:
        scratch.setModified(False)
        scratch.close()


def read_node(node: Any, area: Area) -> QByteArray:
    """The layer as it looks with its masks, in its own space."""
    if node.type() == "paintlayer" and not any(child.type() != "selectionmask" for child in node.childNodes()):
        return node.pixelData(*area)
    return node.projectionPixelData(*area)


def for_wire(data: QByteArray, area: Area, space: Space) -> tuple[ImageInfo, Any, Space]:
    """Pixels in a format that the wire knows: header, buffer and the space they are in now. Raises PixelsRefused."""
    if not is_direct(space):
        bridge = bridge_of(space)
        data, space = convert(data, area.width, area.height, space, bridge), bridge
    image = wire_image(space, area.width, area.height)
    if image is None or data.size() != image.nbytes:
        raise PixelsRefused(f"{space.model} {space.depth}, {data.size()} B, {area.width} x {area.height}")
    return image, memoryview(data), space


def take_layer(
    document: Any,
    node: Any,
    mark_size: float = 1.0,
    *,
    context: bool = True,
    need_selection: bool = False,
    whole: bool = False,
) -> Taken:
    """A layer, or the selection on it with the context that the network has to see.

    mark_size: of the brush marks against what styles learned, for the width of the context.
    whole: all of the layer, whatever is selected.
    context False: exactly the selection's rectangle, or exactly what is painted. Raises a Trouble.
    """
    canvas = canvas_of(document)
    selected, mask = (None, None) if whole else selected_part(document, node)
    if selected is None and need_selection:
        raise NoSelection
    painted = area_of(node.bounds())
    if selected is not None:
        inner = selected
        if painted.meet(inner).empty:
            raise LayerEmpty(node.name())
        area = with_context(inner, canvas, mark_size) if context else inner
    else:
        inner = area = painted.meet(canvas)
        if area.empty:
            raise LayerEmpty(node.name())
        if context and min(area.width, area.height) < LEAST_SIDE:
            inner = area = area.grown(LEAST_SIDE // 2).meet(canvas)
    space = node_space(node)
    image, frame, sent = for_wire(read_node(node, area), area, space)
    size = (canvas.width, canvas.height)
    return Taken(
        image, frame, Place(document, node.uniqueId(), node.name(), area, inner, mask, sent, size, painted, space)
    )


def take_document() -> tuple[ImageInfo, Any]:
    """The whole picture as it looks."""
    document = current_document()
    area = canvas_of(document)
    image, frame, _ = for_wire(document.pixelData(*area), area, document_space(document))
    return image, frame


def picture_of(image: QImage) -> tuple[ImageInfo, bytes]:
    """A QImage as BGRA u8 with straight alpha."""
    image = image.convertToFormat(QImage.Format.Format_ARGB32)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return ImageInfo(image.width(), image.height(), "u8", "BGRA", "srgb"), bytes(bits)


def read_file(path: str) -> tuple[ImageInfo, bytes]:
    """A picture file for training. Raises UnreadablePicture."""
    image = QImage(path)
    if image.isNull():
        raise UnreadablePicture(path.rsplit("/", 1)[-1])
    return picture_of(image)


def small_file(path: str, side: int) -> tuple[ImageInfo, bytes]:
    """A picture file, no side longer than `side`. Raises UnreadablePicture."""
    image = QImage(path)
    if image.isNull():
        raise UnreadablePicture(path.rsplit("/", 1)[-1])
    keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    return picture_of(image.scaled(side, side, keep, smooth))


def small_copy(
    document: Any,
    node: Any,
    side: int,
    *,
    detail: bool,
    at: tuple[float, float] = (0.5, 0.5),
    whole: bool = False,
) -> Taken:
    """The layer or selection small enough for the docker, as BGRA u8.

    detail: not scaled down but cut out around `at`, so that brush marks have their true size. whole: all of the
    layer, whatever is selected. The area that the picture shows is its place's. Raises a Trouble.
    """
    canvas = canvas_of(document)
    bounds = area_of(node.bounds())
    selected, mask = (None, None) if whole else selected_part(document, node)
    area = selected or bounds.meet(canvas)
    if area.meet(bounds).empty:
        raise LayerEmpty(node.name())
    space = node_space(node)
    size = (canvas.width, canvas.height)
    place = Place(document, node.uniqueId(), node.name(), area, area, mask, space, size, bounds, space)
    if detail:
        width, height = min(area.width, side), min(area.height, side)
        left = min(area.width - width, max(0, round(at[0] * area.width) - width // 2))
        top = min(area.height - height, max(0, round(at[1] * area.height) - height // 2))
        middle = Area(area.x + left, area.y + top, width, height)
        image, frame, sent = for_wire(read_node(node, middle), middle, space)
        if image.depth != "u8" or image.order != "BGRA" or image.transfer != "srgb":
            data = convert(QByteArray(bytes(frame)), width, height, sent, U8)
            image, frame = ImageInfo(width, height, "u8", "BGRA", "srgb"), memoryview(data)
        return Taken(image, bytes(frame), replace(place, area=middle))
    image, data = picture_of(reduced(node, area, *fitted(area.width, area.height, side, least=8)))
    return Taken(image, data, place, image.width / area.width)


def reduced(node: Any, area: Area, width: int, height: int) -> QImage:
    """An area of the layer in a smaller size, as ARGB32.

    Only every n-th pixel of every n-th row is read: converting all of them, as Krita's thumbnails do, takes seconds.
    """
    space = node_space(node)
    finer = 2 if space == U8 else 1  # the rest is scaled down smoothly; other spaces have to be converted before
    step = max(1, min(area.width // (finer * width), area.height // (finer * height)))
    columns = range(area.x + step // 2, area.x + area.width, step)
    rows = range(area.y + step // 2, area.y + area.height, step)
    if step == 1:
        data = read_node(node, area)
    else:
        lines = [read_node(node, Area(columns[0], y, area.x + area.width - columns[0], 1)) for y in rows]
        data = QByteArray(b"".join(every(memoryview(line), step, space.pixel_bytes) for line in lines))
    small = bytes(convert(data, len(columns), len(rows), space, U8))
    image = QImage(small, len(columns), len(rows), len(columns) * 4, QImage.Format.Format_ARGB32)
    return image.scaled(
        width, height, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    ).convertToFormat(QImage.Format.Format_ARGB32)


def fingerprint(document: Any, node: Any) -> int:
    """Changes when the layer or the selection is painted on: a checksum of rows of both. Raises a Trouble."""
    canvas = canvas_of(document)
    total = 0
    area = area_of(node.bounds()).meet(canvas)
    for row in _rows(area):
        total = zlib.crc32(memoryview(read_node(node, row)), total)
    selection = selection_for(document, node)
    if selection is not None:
        area = Area(selection.x(), selection.y(), selection.width(), selection.height()).meet(canvas)
        for row in _rows(area):
            total = zlib.crc32(memoryview(selection.pixelData(*row)), total)
    return total


def _rows(area: Area) -> list[Area]:
    """Rows spread over the area, each one pixel high."""
    step = max(1, area.height // FINGERPRINT_ROWS)
    return [Area(area.x, y, area.width, 1) for y in range(area.y + step // 2, area.y + area.height, step)]
