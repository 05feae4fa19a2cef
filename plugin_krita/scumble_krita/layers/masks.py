"""Where styles are placed: the selection and masks of the document as bytes, one a pixel, 255 = inside."""

from collections.abc import Iterator, Sequence
from typing import Any

from scumble_editor.areas import Area
from scumble_editor.words import tr
from scumble_wire.mix import MASK

from ..troubles import MaskEmpty, MaskGone, NothingSelectedForStyle
from .following import scaled_mask
from .places import selection_for

SORTS = ("transparencymask", "selectionmask")


def mask_names(document: Any) -> list[str]:
    """Names of the masks that a style can be bound to, top first, each once."""
    return list(dict.fromkeys(mask.name() for mask in _masks(document.rootNode())))


def read_masks(
    document: Any, node: Any, area: Area, places: Sequence[str], size: tuple[int, int] | None = None
) -> dict[str, bytes]:
    """The mask of every place over an area of the document. size: scaled to it, (width, height). Raises a Trouble."""
    found = {}
    for place in places:
        data, name = _read(document, node, area, place)
        if not data.strip(b"\0"):
            raise MaskEmpty(name)
        found[place] = data if size in (None, (area.width, area.height)) else scaled_mask(data, *area[2:], *size)
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


def _masks(node: Any) -> Iterator[Any]:
    for child in reversed(node.childNodes()):
        if child.type() in SORTS:
            yield child
        else:
            yield from _masks(child)
