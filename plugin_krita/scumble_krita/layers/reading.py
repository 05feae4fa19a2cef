"""Taking pixels out of Krita: which layer, which rectangle, in which format."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from krita import Krita

from scumble_editor.areas import Area, fitted, with_context
from scumble_wire.messages import ImageInfo

from ..qt import QByteArray, QImage, Qt
from ..troubles import LayerEmpty, LayerHidden, NoLayer, NoSelection, NothingOpen, PixelsRefused, UnreadablePicture
from .spaces import Space, bridge_of, is_direct, wire_image

MASKS = ("transparencymask", "filtermask", "transformmask", "selectionmask", "colorizemask")
LEAST_SIDE = 32  # pixels: a smaller piece is taken with what lies around it
THUMBNAIL_LIMIT = 3000  # pixels: longer side of the whole layer's thumbnail that a selection is cut from


@dataclass(frozen=True)
class Place:
    """Where pixels came from, and so where a result goes."""

    document: Any
    node_id: Any  # QUuid of the source layer; None for the whole document
    name: str  # of the source layer, for titles
    area: Area  # what was taken
    inner: Area  # what of it is to be changed: the selection's rectangle, or all
    mask: bytes | None  # inner.width * inner.height bytes, 255 = selected; None: no selection
    space: Space  # of the pixels on the wire
    target: Space  # of the document


@dataclass(frozen=True)
class Taken:
    """Pixels for the wire, and their place."""

    image: ImageInfo
    frame: Any  # buffer
    place: Place


def area_of(rect: Any) -> Area:
    return Area(rect.x(), rect.y(), rect.width(), rect.height())


def document_space(document: Any) -> Space:
    return Space(document.colorModel(), document.colorDepth(), document.colorProfile())


def node_space(node: Any) -> Space:
    return Space(node.colorModel(), node.colorDepth(), node.colorProfile())


def current_document() -> Any:
    document = Krita.instance().activeDocument()
    if document is None:
        raise NothingOpen
    return document


def is_open(document: Any) -> bool:
    return document in Krita.instance().documents()


def source_layer(document: Any) -> Any:
    """The current layer; for a mask the layer it belongs to. Raises NoLayer, LayerHidden."""
    node = document.activeNode()
    while node is not None and node.type() in MASKS:
        node = node.parentNode()
    if node is None or node.parentNode() is None:  # none, or the invisible root
        raise NoLayer
    above = node
    while above is not None and above.parentNode() is not None:
        if not above.visible():
            raise LayerHidden(above.name())
        above = above.parentNode()
    return node


def selection_of(document: Any) -> tuple[Area | None, bytes | None]:
    """The selection inside the document: its rectangle and mask; (None, None) without one."""
    selection = document.selection()
    if selection is None:
        return None, None
    rect = Area(selection.x(), selection.y(), selection.width(), selection.height())
    rect = rect.meet(Area(0, 0, document.width(), document.height()))
    if rect.empty:
        return None, None
    return rect, bytes(selection.pixelData(*rect))


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
    if node.type() == "paintlayer" and not node.childNodes():
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
    document: Any, node: Any, stroke_scale: float = 1.0, *, context: bool = True, need_selection: bool = False
) -> Taken:
    """A layer, or the selection on it with the context that the network has to see.

    context False: exactly the selection's rectangle, or exactly what is painted. Raises a Trouble.
    """
    canvas = Area(0, 0, document.width(), document.height())
    selected, mask = selection_of(document)
    if selected is None and need_selection:
        raise NoSelection
    painted = area_of(node.bounds())
    if selected is not None:
        inner = selected
        if painted.meet(inner).empty:
            raise LayerEmpty(node.name())
        area = with_context(inner, canvas, stroke_scale) if context else inner
    else:
        inner = area = painted.meet(canvas)
        if area.empty:
            raise LayerEmpty(node.name())
        if context and min(area.width, area.height) < LEAST_SIDE:
            inner = area = area.grown(LEAST_SIDE // 2).meet(canvas)
    image, frame, space = for_wire(read_node(node, area), area, node_space(node))
    place = Place(document, node.uniqueId(), node.name(), area, inner, mask, space, document_space(document))
    return Taken(image, frame, place)


def take_document() -> Taken:
    """The whole picture as it looks."""
    document = current_document()
    area = Area(0, 0, document.width(), document.height())
    space = document_space(document)
    image, frame, sent = for_wire(document.pixelData(*area), area, space)
    return Taken(image, frame, Place(document, None, document.name(), area, area, None, sent, space))


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


def small_copy(document: Any, node: Any, side: int, *, detail: bool) -> tuple[ImageInfo, bytes, Place]:
    """The layer or selection small enough for the docker, as BGRA u8.

    detail: not scaled down but cut out of the middle, so that brush marks have their true size. Raises a Trouble.
    """
    canvas = Area(0, 0, document.width(), document.height())
    bounds = area_of(node.bounds())
    selected, mask = selection_of(document)
    area = selected or bounds.meet(canvas)
    if area.meet(bounds).empty:
        raise LayerEmpty(node.name())
    place = Place(
        document, node.uniqueId(), node.name(), area, area, mask, node_space(node), document_space(document)
    )
    if detail:
        width, height = min(area.width, side), min(area.height, side)
        middle = Area(area.x + (area.width - width) // 2, area.y + (area.height - height) // 2, width, height)
        image, frame, space = for_wire(read_node(node, middle), middle, node_space(node))
        if image.depth != "u8" or image.order != "BGRA" or image.transfer != "srgb":
            space_u8 = Space("RGBA", "U8", bridge_of(space).profile)
            data = convert(QByteArray(bytes(frame)), width, height, space, space_u8)
            image, frame = ImageInfo(width, height, "u8", "BGRA", "srgb"), memoryview(data)
        return image, bytes(frame), place
    width, height = fitted(area.width, area.height, side, least=8)
    scale = min(width / area.width, THUMBNAIL_LIMIT / max(bounds.width, bounds.height))
    # Node.thumbnail shows the layer's painted rectangle, whatever the size of the document.
    whole = node.thumbnail(max(1, round(bounds.width * scale)), max(1, round(bounds.height * scale)))
    if whole.isNull():
        raise LayerEmpty(node.name())
    if area != bounds:
        whole = whole.copy(
            round((area.x - bounds.x) * scale), round((area.y - bounds.y) * scale),
            max(1, round(area.width * scale)), max(1, round(area.height * scale)),
        )  # fmt: skip
    if (whole.width(), whole.height()) != (width, height):
        whole = whole.scaled(
            width, height, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
    image, data = picture_of(whole)
    return image, data, place
