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

from ..qt import QByteArray, QTimer
from ..troubles import DocumentClosed, PixelsRefused
from .following import Lost, Piece, follow, scaled_mask
from .places import Taken, document_space, find_node, is_open, node_space
from .reading import convert, scratch_document
from .spaces import Space


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
    """Set a layer's pixels after checking space and length, which Krita itself doesn't. Raises PixelsRefused."""
    if node_space(layer)[:2] != space[:2]:
        raise PixelsRefused(f"{space} instead of {node_space(layer)}")
    needed = area.width * area.height * space.pixel_bytes
    if data.size() != needed:
        raise PixelsRefused(f"{data.size()} B instead of {needed}")
    if layer.setPixelData(data, area.x, area.y, area.width, area.height) is False:
        raise PixelsRefused(f"{area.width} x {area.height} refused")


def insert_result(
    taken: Taken, image: ImageInfo, frame: Any, name: str, made: Collection[str] = ()
) -> tuple[Any, str]:
    """Add a painted picture as a layer above its source. Returns the layer, and what has to be said about it.

    Raises DocumentClosed, PixelsRefused.
    """
    return insert_piece(taken, painted_piece(taken, image, frame), name, made)


def painted_piece(taken: Taken, image: ImageInfo, frame: Any) -> Piece:
    """What of a painted picture is to be changed in its document."""
    place = taken.place
    image.check_payload(len(frame))
    data = frame
    if place.inner != place.area:
        inner = place.inner._replace(x=place.inner.x - place.area.x, y=place.inner.y - place.area.y)
        data = crop_rows(memoryview(frame), place.area.width, place.space.pixel_bytes, inner)
    return Piece(data, place.space, place.inner, place.mask)


def insert_enlarged(
    taken: Taken, image: ImageInfo, frame: Any, name: str, made: Collection[str] = ()
) -> tuple[Any, str]:
    """Add an enlarged picture as a layer centered over its source; the rest as with `insert_result`."""
    place = taken.place
    image.check_payload(len(frame))
    x = place.inner.x + (place.inner.width - image.width) // 2
    y = place.inner.y + (place.inner.height - image.height) // 2
    mask = place.mask
    if mask is not None:
        mask = scaled_mask(mask, place.inner.width, place.inner.height, image.width, image.height)
    return insert_piece(taken, Piece(frame, place.space, Area(x, y, image.width, image.height), mask), name, made)


def insert_piece(taken: Taken, piece: Piece, name: str, made: Collection[str]) -> tuple[Any, str]:
    """Add pixels over their source as the document is now, in one undo step; else in a document of their own."""
    document = taken.place.document
    if not is_open(document):
        raise DocumentClosed
    try:
        piece, note = follow(taken, piece)
    except Lost:
        return keep_apart(taken, piece, name), place_is_gone()
    on_top = taken.place.source == "visible"  # else what lies above would hide it, and be in it twice
    source = None if on_top else find_node(document, taken.place.node_id)
    parent, below = spot_above(document, source, made)
    name = free_name(name, sibling_names(parent))
    with new_layer(document, document_space(document), name, piece) as layer:
        add_above(document, layer, parent, below)
    return layer, note


def place_is_gone() -> str:
    """What has to be said of a result that could not go where it belongs."""
    return tr("The document was changed meanwhile so that the place is gone: the result is in a document of its own.")


def keep_apart(taken: Taken, piece: Piece, name: str) -> Any:
    """Show pixels in a new document of the size that the old one had; returns their layer."""
    place = taken.place
    resolution = place.document.xRes()
    apart = Krita.instance().createDocument(*place.size, name, *document_space(place.document), resolution)
    for node in apart.rootNode().childNodes():
        node.remove()
    with new_layer(apart, document_space(apart), name, piece) as layer:
        apart.rootNode().addChildNode(layer, None)
    apart.refreshProjection()
    show_document(apart)
    return layer


@contextlib.contextmanager
def new_layer(document: Any, space: Space, name: str, piece: Piece) -> Iterator[Any]:
    """A layer with its pixels and transparency mask that stands in no document yet; add it inside the `with`.

    Giving a layer of this document a mask would be an undo step of its own, even before the layer is added. So layer
    and mask are made in a document that nobody sees, and a copy is handed out.
    """
    area, mask = piece.area, piece.mask
    data = convert(piece.data, area.width, area.height, piece.space, space)
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


def show_document(document: Any) -> None:
    """Show a new document in the active window."""
    window = Krita.instance().activeWindow()
    if window is not None:
        window.addView(document)
