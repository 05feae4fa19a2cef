"""Taking pixels out of Krita: which rectangle, in which format."""

import contextlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from krita import Krita

from scumble_editor.areas import Area, fitted, with_context
from scumble_wire.messages import ImageInfo

from ..qt import QByteArray, QColorSpace, QImage, Qt
from ..troubles import LayerEmpty, NoSelection, PixelsRefused, UnreadablePicture
from .places import (
    MASKS,
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
from .spaces import U8, Space, bridge_of, is_direct, transfer_of, wire_image
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


@dataclass(frozen=True)
class Picture:
    """Pixels of a document in their own space: of one layer, or of what several make together.

    bounds: what is painted, in pixels of the document. read: the pixels of an area.
    """

    space: Space
    bounds: Area
    read: Callable[[Area], QByteArray]
    source: str = "layer"  # a word of StyleChoices.source


def layer_picture(node: Any) -> Picture:
    """The layer as it looks with its masks."""
    return Picture(node_space(node), area_of(node.bounds()), lambda area: read_node(node, area))


def visible_picture(document: Any, source: str = "visible") -> Picture:
    """What the document shows."""
    return Picture(document_space(document), canvas_of(document), lambda area: document.pixelData(*area), source)


@contextlib.contextmanager
def pictured(document: Any, node: Any, source: str, without: str = "") -> Iterator[Picture]:
    """What is painted, by a word of StyleChoices.source. without: id of a layer that is to be left out.

    What lies in the way of it is hidden in a copy of the document, which is gone after the `with`.
    """
    if source == "layer":
        yield layer_picture(node)
        return
    hidden = _in_the_way(document, node, source, without)
    if not hidden:
        yield visible_picture(document, source)
        return
    copy = document.clone()
    try:
        copy.setBatchmode(True)
        for path in hidden:
            there = copy.rootNode()
            for place in path:
                there = there.childNodes()[place]
            there.setVisible(False)
        copy.refreshProjection()
        copy.waitForDone()
        yield visible_picture(copy, source)
    finally:
        copy.setModified(False)
        copy.close()


def _in_the_way(document: Any, node: Any, source: str, without: str) -> list[tuple[int, ...]]:
    """The ways to layers that are seen and don't belong to what is painted."""
    found = []
    above = document.rootNode()
    way = _way_to(document, _name(node)) if source == "below" else ()
    for depth, place in enumerate(way):
        siblings = above.childNodes()
        for number, sibling in enumerate(siblings[place + 1 :], place + 1):
            if sibling.visible() and sibling.type() not in MASKS:
                found.append((*way[:depth], number))
        above = siblings[place]
    left_out = _way_to(document, without) if without else ()
    if left_out and not any(left_out[: len(each)] == each for each in found):
        found.append(left_out)
    return found


def _way_to(document: Any, name: str) -> tuple[int, ...]:
    """The places of a layer, named by its id, and of the groups around it among their siblings; (): it is gone."""
    waiting: list[tuple[tuple[int, ...], Any]] = [((), document.rootNode())]
    while waiting:
        way, node = waiting.pop()
        if _name(node) == name:
            return way
        waiting += [((*way, number), child) for number, child in enumerate(node.childNodes())]
    return ()


def _name(node: Any) -> str:
    return str(node.uniqueId().toString())


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
    picture: Picture | None = None,
    all_of_canvas: bool = False,
) -> Taken:
    """A layer, or the selection on it with the context that the network has to see.

    mark_size: of the brush marks against what styles learned, for the width of the context.
    whole: all of the layer, whatever is selected. picture: what is taken instead of the layer's own pixels.
    all_of_canvas: without a selection the whole canvas, empty parts too, in place of what is painted.
    context False: exactly the selection's rectangle, or exactly what is painted. Raises a Trouble.
    """
    canvas = canvas_of(document)
    picture = picture or layer_picture(node)
    selected, mask = (None, None) if whole else selected_part(document, node)
    if selected is None and need_selection:
        raise NoSelection
    painted = picture.bounds
    if selected is not None:
        inner = selected
        if painted.meet(inner).empty and not all_of_canvas:
            raise LayerEmpty(node.name())
        area = with_context(inner, canvas, mark_size) if context else inner
    elif all_of_canvas:
        inner = area = canvas
    else:
        inner = area = painted.meet(canvas)
        if area.empty:
            raise LayerEmpty(node.name())
        if context and min(area.width, area.height) < LEAST_SIDE:
            inner = area = area.grown(LEAST_SIDE // 2).meet(canvas)
    image, frame, sent = for_wire(picture.read(area), area, picture.space)
    size = (canvas.width, canvas.height)
    place = Place(
        document, node.uniqueId(), node.name(), area, inner, mask, sent, size, painted, picture.space, picture.source
    )
    return Taken(image, frame, place)


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
    picture: Picture | None = None,
) -> Taken:
    """The layer or selection small enough for the docker, as BGRA u8.

    detail: not scaled down but cut out around `at`, so that brush marks have their true size. whole: all of the
    layer, whatever is selected. picture: what is shown instead of the layer's own pixels. The area that the result
    shows is its place's. Raises a Trouble.
    """
    canvas = canvas_of(document)
    picture = picture or layer_picture(node)
    bounds = picture.bounds
    selected, mask = (None, None) if whole else selected_part(document, node)
    area = selected or bounds.meet(canvas)
    if area.meet(bounds).empty:
        raise LayerEmpty(node.name())
    space = picture.space
    size = (canvas.width, canvas.height)
    place = Place(
        document, node.uniqueId(), node.name(), area, area, mask, space, size, bounds, space, picture.source
    )
    if detail:
        width, height = min(area.width, side), min(area.height, side)
        left = min(area.width - width, max(0, round(at[0] * area.width) - width // 2))
        top = min(area.height - height, max(0, round(at[1] * area.height) - height // 2))
        middle = Area(area.x + left, area.y + top, width, height)
        image, frame, sent = for_wire(picture.read(middle), middle, space)
        if image.depth != "u8" or image.order != "BGRA" or image.transfer != "srgb":
            data = convert(QByteArray(bytes(frame)), width, height, sent, U8)
            image, frame = ImageInfo(width, height, "u8", "BGRA", "srgb"), memoryview(data)
        return Taken(image, bytes(frame), replace(place, area=middle))
    image, data = picture_of(reduced(picture, area, *fitted(area.width, area.height, side, least=8)))
    return Taken(image, data, place, image.width / area.width)


def reduced(picture: Picture, area: Area, width: int, height: int) -> QImage:
    """An area of a picture in a smaller size, as ARGB32.

    Only every n-th pixel of every n-th row is read: converting all of them, as Krita's thumbnails do, takes seconds.
    """
    space = picture.space
    finer = 2 if space == U8 else 1  # the rest is scaled down smoothly; other spaces have to be converted before
    step = max(1, min(area.width // (finer * width), area.height // (finer * height)))
    columns = range(area.x + step // 2, area.x + area.width, step)
    rows = range(area.y + step // 2, area.y + area.height, step)
    if step == 1:
        data = picture.read(area)
    else:
        lines = [picture.read(Area(columns[0], y, area.x + area.width - columns[0], 1)) for y in rows]
        data = QByteArray(b"".join(every(memoryview(line), step, space.pixel_bytes) for line in lines))
    small = in_8_bits(data, len(columns), len(rows), space)
    image = QImage(small, len(columns), len(rows), len(columns) * 4, QImage.Format.Format_ARGB32)
    return image.scaled(
        width, height, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    ).convertToFormat(QImage.Format.Format_ARGB32)


def in_8_bits(data: QByteArray, width: int, height: int, space: Space) -> bytes:
    """Pixels as BGRA u8, sRGB-encoded. Of 16 bits in sRGB, Qt makes them quicker than Krita's engine."""
    transfer = transfer_of(space)
    if space[:2] != ("RGBA", "U16") or transfer is None:
        return bytes(convert(data, width, height, space, U8))
    raw = bytes(data)
    image = QImage(raw, width, height, width * 8, QImage.Format.Format_RGBA64)
    if transfer == "linear":
        image.setColorSpace(QColorSpace(QColorSpace.NamedColorSpace.SRgbLinear))
        image = image.convertedToColorSpace(QColorSpace(QColorSpace.NamedColorSpace.SRgb))
    # Red and blue lie the other way round than Qt thinks; nothing here tells them apart.
    image = image.convertToFormat(QImage.Format.Format_RGBA8888)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return bytes(bits)


def fingerprint(document: Any, node: Any, source: str = "layer") -> int:
    """Changes when what is painted, or the selection, is worked on: a checksum of rows of both. Raises a Trouble."""
    canvas = canvas_of(document)
    picture = layer_picture(node) if source == "layer" else visible_picture(document)
    total = 0
    area = picture.bounds.meet(canvas)
    for row in _rows(area):
        total = zlib.crc32(memoryview(picture.read(row)), total)
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
