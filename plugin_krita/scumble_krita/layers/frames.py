"""All frames of an animated layer: read one by one, painted into a copy that is added in one undo step.

From Python a keyframe can be made only by an undo step of its own. So two copies of the layer lie in a document that
nobody sees: one stays as the layer was, and frames are read from it; the keyframes of the other are painted over. A
copy of that one is added in the end. Until then the artist's document is not touched, and its time never moves.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from krita import Krita

from scumble_editor.words import free_name, tr

from ..qt import QByteArray
from ..troubles import DocumentClosed, NoFrames
from .following import Lost, Piece, follow
from .places import Taken, area_of, canvas_of, find_node, is_open, node_space
from .reading import convert, for_wire, read_node, scratch_document
from .writing import add_above, fill, painted_piece, place_is_gone, show_document, sibling_names, spot_above


def keyframes_of(document: Any, node: Any) -> list[int]:
    """The times of a layer's keyframes; empty for one that is not animated."""
    if not node.animated():
        return []
    return [time for time in range(document.animationLength()) if node.hasKeyframeAtTime(time)]


class Frames:
    """The keyframes of a layer while they are painted. Call `drop` in the end, whatever happens."""

    def __init__(self, document: Any, node: Any, taken: Taken) -> None:
        """taken: the layer, or the selection on it, as it is seen now; its areas hold for every frame.

        Raises NoFrames.
        """
        self.times = keyframes_of(document, node)
        if node.type() != "paintlayer" or len(self.times) < 2:
            raise NoFrames(node.name())
        self.place = taken.place
        self.masks = taken.masks
        self._kept: dict[int, Taken] = {}
        self._open = scratch_document(document.width(), document.height(), node_space(node))
        self._scratch = self._open.__enter__()
        self._before, self._painted = (_copied_into(self._scratch, node) for _ in range(2))

    @property
    def count(self) -> int:
        return len(self.times)

    def read(self, numbers: Collection[int]) -> list[Taken]:
        """Frames as they were in the beginning. Those that are asked for again the next time are kept."""
        self._kept = {number: self._kept.get(number) or self._read(number) for number in numbers}
        return list(self._kept.values())

    def _read(self, number: int) -> Taken:
        area = self.place.area
        data = self._before.pixelDataAtTime(*area, self.times[number])
        image, frame, sent = for_wire(data, area, self.place.layer_space)
        return Taken(image, frame, replace(self.place, space=sent), masks=self.masks)

    def write(self, number: int, taken: Taken, image: Any, frame: Any) -> None:
        """Keep a painted frame. Raises PixelsRefused."""
        self._show(self.times[number])
        _overwrite(self._painted, painted_piece(taken, image, frame))
        self._scratch.setModified(False)  # nobody is to be asked about it, and it is no file to rescue

    def insert(self, name: str, made: Collection[str]) -> tuple[Any, str]:
        """Add the painted layer over its source; returns it, and what has to be said about it.

        Raises DocumentClosed.
        """
        document = self.place.document
        if not is_open(document):
            raise DocumentClosed
        node = find_node(document, self.place.node_id)
        parent, below = spot_above(document, node, made)
        free = free_name(name, sibling_names(parent))
        try:
            layer, note = self._following(document, node, free)
        except Lost:
            return self._apart(name), place_is_gone()
        add_above(document, layer, parent, below)
        return layer, note

    def drop(self) -> None:
        """Close the document that nobody sees."""
        self._kept = {}
        self._open.__exit__(None, None, None)

    def _following(self, document: Any, node: Any, name: str) -> tuple[Any, str]:
        """The painted layer as the document is now. Raises Lost."""
        shown = self._shown_in(document)
        first = self._piece(0)
        piece, note = follow(shown, first)
        if piece is first:
            _finish(self._scratch, self._painted, name, piece)
            return self._painted.clone(), note
        if keyframes_of(document, node) != self.times:
            raise Lost
        with scratch_document(document.width(), document.height(), node_space(node)) as scratch:
            copy = _copied_into(scratch, node)
            for number, time in enumerate(self.times):
                _show(scratch, time)
                piece, _ = follow(shown, self._piece(number))
                _overwrite(copy, piece)
            _finish(scratch, copy, name, piece)
            return copy.clone(), note

    def _shown_in(self, document: Any) -> Taken:
        """The frame that the document shows now, as it was in the beginning."""
        time = document.currentTime()
        active = max((each for each in self.times if each <= time), default=self.times[0])
        self._show(active)
        image, frame, sent = for_wire(
            read_node(self._before, self.place.area), self.place.area, self.place.layer_space
        )
        return Taken(image, frame, replace(self.place, space=sent, bounds=area_of(self._before.bounds())))

    def _piece(self, number: int) -> Piece:
        area, space = self.place.inner, node_space(self._painted)
        data = self._painted.pixelDataAtTime(*area, self.times[number])
        return Piece(data, space, area, self.place.mask)

    def _apart(self, name: str) -> Any:
        """Show the painted layer in a new document of the size that the old one had."""
        old = self.place.document
        apart = Krita.instance().createDocument(*self.place.size, name, *node_space(self._painted), old.xRes())
        apart.setFramesPerSecond(old.framesPerSecond())
        apart.setFullClipRangeEndTime(max(self.times[-1], old.fullClipRangeEndTime()))
        _finish(self._scratch, self._painted, name, self._piece(0))
        for node in apart.rootNode().childNodes():
            node.remove()
        layer = self._painted.clone()
        apart.rootNode().addChildNode(layer, None)
        apart.refreshProjection()
        show_document(apart)
        return layer

    def _show(self, time: int) -> None:
        _show(self._scratch, time)


def _show(document: Any, time: int) -> None:
    """Make a time the current one: pixels are set in the keyframe that is seen then."""
    if document.currentTime() != time:
        document.setCurrentTime(time)
    document.waitForDone()


def _copied_into(document: Any, node: Any) -> Any:
    """A copy of a layer with all its keyframes and masks, in another document."""
    document.setFullClipRangeEndTime(max(document.fullClipRangeEndTime(), 1))
    root = document.rootNode()
    root.addChildNode(node.clone(), None)
    document.waitForDone()
    return root.childNodes()[-1]


def _overwrite(layer: Any, piece: Piece) -> None:
    """Set the keyframe that is seen now."""
    space = node_space(layer)
    fill(layer, convert(piece.data, piece.area.width, piece.area.height, piece.space, space), piece.area, space)


def _finish(document: Any, layer: Any, name: str, piece: Piece) -> None:
    """The name, and a transparency mask that lets nothing be seen but what was selected."""
    layer.setName(name)
    mask = piece.mask
    if mask is not None and mask.count(255) != len(mask):
        whole, inner = canvas_of(document), piece.area
        rows = bytearray(whole.width * whole.height)
        for y in range(inner.height):
            start = (inner.y + y) * whole.width + inner.x
            rows[start : start + inner.width] = mask[y * inner.width : (y + 1) * inner.width]
        selected = document.createTransparencyMask(tr("Selection"))
        selected.setPixelData(QByteArray(bytes(rows)), *whole)
        children = layer.childNodes()
        layer.addChildNode(selected, children[-1] if children else None)
        document.waitForDone()
