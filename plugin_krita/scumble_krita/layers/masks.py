"""Where styles are placed: the selection, masks and layers of the document as bytes, one a pixel, 255 = inside."""

from collections.abc import Iterator, Sequence
from typing import Any

from scumble_editor.areas import Area
from scumble_editor.words import tr
from scumble_wire.mix import ALPHA, MASK, named

from ..qt import QImage
from ..troubles import LayerGone, MaskEmpty, MaskGone, NothingSelectedForStyle
from .following import rows_of, scaled_mask
from .places import MASKS, selection_for
from .reading import layer_picture, reduced

SORTS = ("transparencymask", "selectionmask")


def mask_names(document: Any) -> list[str]:
    """Names of the masks that a style can be bound to, top first, each once."""
    return list(dict.fromkeys(mask.name() for mask in _masks(document.rootNode())))


def layer_names(document: Any) -> list[str]:
    """Names of the layers that a style can be bound to, top first, each once."""
    return list(dict.fromkeys(layer.name() for layer in _layers(document.rootNode())))


def read_masks(
    document: Any, node: Any, area: Area, places: Sequence[str], size: tuple[int, int] | None = None
) -> dict[str, bytes]:
    """The mask of every place over an area of the document. size: scaled to it, (width, height). Raises a Trouble."""
    found = {}
    for place in places:
        wide, high = size or (area.width, area.height)
        begin, name = named(place)
        if begin in ("", MASK):
            data, name = _read(document, node, area, place)
            data = data if (wide, high) == area[2:] else scaled_mask(data, *area[2:], wide, high)
        else:
            data = _layer_mask(document, name, area, wide, high, alpha=begin == ALPHA)
        if not data.strip(b"\0"):
            raise MaskEmpty(name)
        found[place] = data
    return found


def _read(document: Any, node: Any, area: Area, place: str) -> tuple[bytes, str]:
    if place == "selection":
        selection = selection_for(document, node)
        if selection is None:
            raise NothingSelectedForStyle
        return bytes(selection.pixelData(*area)), tr("Selection")
    name = place.removeprefix(MASK)
    for mask in _masks(document.rootNode()):
        if mask.name() == name:
            source = mask.selection() if mask.type() == "selectionmask" else mask
            return bytes(source.pixelData(*area)), name
    raise MaskGone(name)


def _layer_mask(document: Any, name: str, area: Area, width: int, height: int, *, alpha: bool) -> bytes:
    """How opaque, or else how light a layer is; what isn't opaque counts as dark. Raises LayerGone."""
    layer = next((layer for layer in _layers(document.rootNode()) if layer.name() == name), None)
    if layer is None:
        raise LayerGone(name)
    image = reduced(layer_picture(layer), area, width, height)
    if alpha:
        return rows_of(image.convertToFormat(QImage.Format.Format_Alpha8))
    black = image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    black.reinterpretAsFormat(QImage.Format.Format_RGB32)
    return rows_of(black.convertToFormat(QImage.Format.Format_Grayscale8))


def _layers(node: Any) -> Iterator[Any]:
    for child in reversed(node.childNodes()):
        if child.type() not in MASKS:
            yield child
            yield from _layers(child)


def _masks(node: Any) -> Iterator[Any]:
    for child in reversed(node.childNodes()):
        if child.type() in SORTS:
            yield child
        else:
            yield from _masks(child)
