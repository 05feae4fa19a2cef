"""Where pixels come from and where results go: the document, the layer, the selection."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from krita import Krita

from scumble_editor.areas import Area
from scumble_wire.messages import ImageInfo

from ..troubles import LayerHidden, NoLayer, NothingOpen, SelectionOutside
from .spaces import Space

MASKS = ("transparencymask", "filtermask", "transformmask", "selectionmask", "colorizemask")


@dataclass(frozen=True)
class Place:
    """Where pixels came from, and so where a result goes. Areas are in pixels of the document as it was then."""

    document: Any
    node_id: Any  # QUuid of the source layer; None for the whole document
    name: str  # of the source layer, for titles
    area: Area  # what was taken
    inner: Area  # what of it is to be changed: the selection's rectangle, or all
    mask: bytes | None  # inner.width * inner.height bytes, 255 = selected; None: no selection
    space: Space  # of the pixels on the wire
    size: tuple[int, int]  # of the document
    bounds: Area  # of what is painted on the layer
    layer_space: Space  # of the layer's own pixels
    source: str = "layer"  # what of the document was taken: a word of StyleChoices.source


@dataclass(frozen=True)
class Taken:
    """Pixels for the wire, and their place."""

    image: ImageInfo
    frame: Any  # buffer
    place: Place
    scale: float = 1.0  # pixels of the image per pixel of the picture, along a side
    masks: Mapping[str, bytes] = field(default_factory=dict)  # of the styles' places, as large as the image

    @property
    def picture_pixels(self) -> int:
        """Of the document."""
        return self.place.size[0] * self.place.size[1]


def area_of(rect: Any) -> Area:
    return Area(rect.x(), rect.y(), rect.width(), rect.height())


def canvas_of(document: Any) -> Area:
    return Area(0, 0, document.width(), document.height())


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


def find_node(document: Any, node_id: Any) -> Any | None:
    return document.nodeByUniqueID(node_id) if node_id is not None else None


def source_layer(node: Any | None) -> Any:
    """The layer itself; for a mask the layer it belongs to. Raises NoLayer, LayerHidden."""
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


def selection_for(document: Any, node: Any) -> Any | None:
    """What confines painting on the layer: an active selection mask of its own goes before the document's selection.

    That is Krita's order, too. Python can't ask whether such a mask is active, but without a selection of the
    document Krita offers "Deselect" only while the mask is.
    """
    selection = document.selection()
    for mask in reversed(node.childNodes()):
        if mask.type() == "selectionmask" and mask.visible() and (selection is not None or _deselect_is_offered()):
            return mask.selection()
    return selection


def _deselect_is_offered() -> bool:
    return bool(Krita.instance().action("deselect").isEnabled())


def selected_part(document: Any, node: Any) -> tuple[Area | None, bytes | None]:
    """What is selected inside the canvas: rectangle and mask, 255 = selected; (None, None) without a selection.

    Raises SelectionOutside when there is a selection that holds nothing of the canvas.
    """
    selection = selection_for(document, node)
    if selection is None:
        return None, None
    rect = Area(selection.x(), selection.y(), selection.width(), selection.height()).meet(canvas_of(document))
    mask = b"" if rect.empty else bytes(selection.pixelData(*rect))
    if not mask.strip(b"\0"):
        raise SelectionOutside
    return rect, mask
