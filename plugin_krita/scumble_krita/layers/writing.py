"""Putting results into Krita: a new layer above the source, in one undo step, nothing else touched.

One undo step is had by preparing layer, pixels and mask while they are detached and adding the layer last.
"""

import contextlib
from collections.abc import Collection, Iterator
from typing import Any

from krita import Krita

from scumble_editor.areas import Area, crop_rows
from scumble_editor.words import free_name, tr
from scumble_wire.messages import ImageInfo

from ..qt import QByteArray, QImage, Qt, QTimer
from ..troubles import DocumentClosed, PixelsRefused
from .reading import Place, as_bytes, convert, is_open, scratch_document
from .spaces import Space


def find_node(document: Any, node_id: Any) -> Any | None:
    return document.nodeByUniqueID(node_id) if node_id is not None else None


def spot_above(document: Any, source: Any | None, made: Collection[str] = ()) -> tuple[Any, Any | None]:
    """Where a layer above the source goes: (parent, the layer below it); outside of locked groups.

    made: ids of layers made from this source before; a new one goes above those that still lie on it, to be seen.
    A source that is gone gives the top of the document.
    """
    root = document.rootNode()
    if source is None or source.parentNode() is None:
        layers = root.childNodes()
        return root, layers[-1] if layers else None
    parent, below = source.parentNode(), source
    above = parent
    while above is not None and above.parentNode() is not None:
        if above.locked():
            parent, below = above.parentNode(), above
        above = above.parentNode()
    layers = parent.childNodes()
    ids = [layer.uniqueId().toString() for layer in layers]
    index = ids.index(below.uniqueId().toString())
    while index + 1 < len(ids) and ids[index + 1] in made:
        index += 1
    return parent, layers[index]


def add_above(document: Any, layer: Any, parent: Any, below: Any | None) -> None:
    """Add a prepared layer: the undo step. The current layer stays the current one, for the next style is for it."""
    current = document.activeNode()
    parent.addChildNode(layer, below)

    def go_back() -> None:
        if is_open(document) and find_node(document, current.uniqueId()) is not None:
            document.setActiveNode(current)

    if current is not None:
        QTimer.singleShot(0, go_back)  # Krita goes to a new layer when its event loop turns next


def sibling_names(parent: Any) -> list[str]:
    return [node.name() for node in parent.childNodes()]


def fill(layer: Any, data: QByteArray, area: Area, space: Space) -> None:
    """Set a layer's pixels after checking their length, which Krita itself only warns about. Raises PixelsRefused."""
    needed = area.width * area.height * space.pixel_bytes
    if data.size() != needed:
        raise PixelsRefused(f"{data.size()} B instead of {needed}")
    if layer.setPixelData(data, area.x, area.y, area.width, area.height) is False:
        raise PixelsRefused(f"{area.width} x {area.height} refused")


def insert_result(place: Place, image: ImageInfo, frame: Any, name: str, made: Collection[str] = ()) -> Any:
    """Add a painted picture as a layer above its source; returns the layer. Raises DocumentClosed, PixelsRefused."""
    if not is_open(place.document):
        raise DocumentClosed
    return add_layer(place, for_document(place, image, frame), place.inner, place.mask, name, made)


def for_document(place: Place, image: ImageInfo, frame: Any) -> QByteArray:
    """The result's pixels for place.inner, without the context around it, in the document's space."""
    image.check_payload(len(frame))
    if place.inner == place.area:
        data = as_bytes(frame)
    else:
        inner = place.inner._replace(x=place.inner.x - place.area.x, y=place.inner.y - place.area.y)
        data = QByteArray(crop_rows(memoryview(frame), place.area.width, place.space.pixel_bytes, inner))
    return convert(data, place.inner.width, place.inner.height, place.space, place.target)


def insert_enlarged(place: Place, image: ImageInfo, frame: Any, name: str, made: Collection[str] = ()) -> Any:
    """Add an enlarged picture as a layer centered over its source; returns the layer."""
    if not is_open(place.document):
        raise DocumentClosed
    image.check_payload(len(frame))
    area = Area(
        place.inner.x + (place.inner.width - image.width) // 2,
        place.inner.y + (place.inner.height - image.height) // 2,
        image.width,
        image.height,
    )
    mask = None
    if place.mask is not None:
        mask = scaled_mask(place.mask, place.inner.width, place.inner.height, image.width, image.height)
    data = convert(as_bytes(frame), area.width, area.height, place.space, place.target)
    return add_layer(place, data, area, mask, name, made)


def add_layer(
    place: Place, data: QByteArray, area: Area, mask: bytes | None, name: str, made: Collection[str]
) -> Any:
    """Add pixels in the document's space as a new layer over the source, in one undo step."""
    document = place.document
    parent, below = spot_above(document, find_node(document, place.node_id), made)
    name = free_name(name, sibling_names(parent))
    with new_layer(document, place.target, name, data, area, mask) as layer:
        add_above(document, layer, parent, below)
    return layer


@contextlib.contextmanager
def new_layer(
    document: Any, space: Space, name: str, data: QByteArray, area: Area, mask: bytes | None
) -> Iterator[Any]:
    """A layer with its pixels and transparency mask that stands in no document yet; add it inside the `with`.

    Giving a layer of this document a mask would be an undo step of its own, even before the layer is added. So layer
    and mask are made in a document that nobody sees, and a copy is handed out.
    """
    if mask is None or mask.count(255) == len(mask):
        layer = document.createNode(name, "paintlayer")
        fill(layer, data, area, space)
        yield layer
        return
    with scratch_document(1, 1, space) as scratch:
        layer = scratch.createNode(name, "paintlayer")
        fill(layer, data, area, space)
        selected = scratch.createTransparencyMask(tr("Selection"))
        selected.setPixelData(QByteArray(mask), area.x, area.y, area.width, area.height)
        layer.addChildNode(selected, None)
        yield layer.clone()


def scaled_mask(mask: bytes, width: int, height: int, new_width: int, new_height: int) -> bytes:
    """A selection mask (one byte a pixel) in another size, smooth."""
    image = QImage(mask, width, height, width, QImage.Format.Format_Grayscale8)
    image = image.scaled(
        new_width, new_height, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    ).convertToFormat(QImage.Format.Format_Grayscale8)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return crop_rows(memoryview(bytes(bits)), image.bytesPerLine(), 1, Area(0, 0, new_width, new_height))


def add_to_window(document: Any) -> None:
    """Show a new document in the active window."""
    window = Krita.instance().activeWindow()
    if window is not None:
        window.addView(document)
