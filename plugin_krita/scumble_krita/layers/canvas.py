"""Krita's documents as the model sees them: take pixels, put results, show a preview. Main thread only."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from krita import Krita

from scumble_editor.areas import fitted
from scumble_editor.choices import StyleChoices
from scumble_editor.made import Made
from scumble_wire.messages import ImageInfo

from ..troubles import NotPainted, Trouble
from . import enlarged_document, frames, masks, reading, records, whole_document, writing
from .overlay import CanvasOverlay, canvas_widget, masked_picture
from .places import (
    Place,
    Taken,
    area_of,
    canvas_of,
    current_document,
    find_node,
    is_open,
    selected_part,
    selection_for,
    source_layer,
)


class KritaCanvas:
    """The `context.Editor` of Krita. Of Krita it keeps nothing but the overlay."""

    def __init__(self) -> None:
        self._overlay: CanvasOverlay | None = None
        self._results: dict[str, set[str]] = {}  # id of a source layer -> ids of the layers made from it

    @staticmethod
    def _source() -> tuple[Any, Any]:
        """The current document and layer. Raises a Trouble."""
        document = current_document()
        return document, source_layer(document.activeNode())

    def _sources(self) -> tuple[Any, list[Any]]:
        """The current document and the layers that are selected in it, bottom first. Raises a Trouble."""
        document, node = self._source()
        chosen = Krita.instance().activeWindow().activeView().selectedNodes()
        if node not in chosen:
            return document, [node]
        layers: dict[str, Any] = {}
        for each in chosen:
            layer = source_layer(each)
            layers[layer.uniqueId().toString()] = layer
        return document, list(layers.values())

    def key(self) -> Any:
        try:
            document, node = self._source()
        except Trouble:
            return None
        selection = selection_for(document, node)
        rect = (selection.x(), selection.y(), selection.width(), selection.height()) if selection else None
        size = (document.width(), document.height())
        return document.fileName(), document.name(), size, node.uniqueId().toString(), rect

    def fingerprint(self, source: str = "layer") -> Any:
        try:
            return reading.fingerprint(*self._source(), source)
        except Trouble:
            return None

    def is_open(self, place: Place) -> bool:
        return is_open(place.document)

    def extent(self, source: str) -> tuple[int, int] | None:
        try:
            document, node = self._source()
            selected, _ = selected_part(document, node)
        except Trouble:
            return None
        if source == "document":
            return document.width(), document.height()
        area = selected or area_of(node.bounds()).meet(canvas_of(document))
        return None if area.empty else (area.width, area.height)

    def mask_names(self) -> list[str]:
        try:
            return masks.mask_names(current_document())
        except Trouble:
            return []

    def layer_names(self) -> list[str]:
        try:
            return masks.layer_names(current_document())
        except Trouble:
            return []

    def take(
        self,
        mark_size: Callable[[int], float],
        places: Sequence[str] = (),
        source: str = "layer",
        without: str = "",
    ) -> list[Taken]:
        document, nodes = self._sources()
        if source != "layer":
            nodes = [self._source()[1]]
        size, whole = mark_size(document.width() * document.height()), "selection" in places
        found = []
        for node in nodes:
            with reading.pictured(document, node, source, without) as picture:
                found.append(reading.take_layer(document, node, size, whole=whole, picture=picture))
        return [
            replace(taken, masks=masks.read_masks(document, node, taken.place.area, places))
            for taken, node in zip(found, nodes, strict=True)
        ]

    def take_exactly(self, *, need_selection: bool = False) -> list[Taken]:
        document, nodes = self._sources()
        return [reading.take_layer(document, node, context=False, need_selection=need_selection) for node in nodes]

    def take_reference(self, source: str, path: str = "") -> tuple[ImageInfo, Any]:
        """A picture to learn from: source is one of TrainChoices.source's words."""
        if source == "file":
            return reading.read_file(path)
        if source == "document":
            return reading.take_document()
        taken = reading.take_layer(*self._source(), context=False, need_selection=source == "selection")
        return taken.image, taken.frame

    def small_reference(self, source: str, path: str, side: int) -> tuple[ImageInfo, Any]:
        if source == "file":
            return reading.small_file(path, side)
        if source == "document":
            document = current_document()
            size = fitted(document.width(), document.height(), side)
            return reading.picture_of(document.thumbnail(*size))
        taken = reading.small_copy(*self._source(), side, detail=False, whole=False)
        return taken.image, taken.frame

    def small_copy(
        self,
        side: int,
        detail: bool,
        places: Sequence[str] = (),
        at: tuple[float, float] = (0.5, 0.5),
        source: str = "layer",
        without: str = "",
    ) -> Taken:
        document, node = self._source()
        with reading.pictured(document, node, source, without) as picture:
            taken = reading.small_copy(
                document, node, side, detail=detail, at=at, whole="selection" in places, picture=picture
            )
        size = (taken.image.width, taken.image.height)
        return replace(taken, masks=masks.read_masks(document, node, taken.place.area, places, size))

    def insert(
        self, taken: Taken, image: ImageInfo, frame: Any, name: str, choices: StyleChoices, replaces: str = ""
    ) -> str:
        made, document = self._made_from(taken.place), taken.place.document
        layer, note = writing.insert_result(taken, image, frame, name, made)
        made.add(layer.uniqueId().toString())
        if find_node(document, layer.uniqueId()) is not None:  # not in a document of its own
            records.keep(document, layer, Made(choices, taken.place.node_id.toString(), name))
            if replaces:
                records.remove(document, replaces)
        return note

    def take_frames(self, mark_size: Callable[[int], float], places: Sequence[str] = ()) -> frames.Frames:
        document, node = self._source()
        whole = "selection" in places
        seen = reading.take_layer(
            document, node, mark_size(document.width() * document.height()), whole=whole, all_of_canvas=True
        )
        seen = replace(seen, masks=masks.read_masks(document, node, seen.place.area, places))
        return frames.Frames(document, node, seen)

    def insert_frames(self, painted: frames.Frames, name: str, choices: StyleChoices) -> str:
        made, document = self._made_from(painted.place), painted.place.document
        layer, note = painted.insert(name, made)
        made.add(layer.uniqueId().toString())
        if find_node(document, layer.uniqueId()) is not None:  # not in a document of its own
            records.keep(document, layer, Made(choices, painted.place.node_id.toString(), name))
        return note

    def edit_again(self) -> tuple[Made, str]:
        document, layer = self._source()
        made = records.of(document, layer)
        if made is None:
            raise NotPainted(layer.name())
        source = records.source_of(document, made)
        if source is not None:
            document.setActiveNode(source)
        return made, layer.uniqueId().toString() if source is not None else ""

    def insert_enlarged(self, taken: Taken, image: ImageInfo, frame: Any, name: str) -> str:
        made = self._made_from(taken.place)
        layer, note = writing.insert_enlarged(taken, image, frame, name, made)
        made.add(layer.uniqueId().toString())
        return note

    def _made_from(self, place: Place) -> set[str]:
        return self._results.setdefault(place.node_id.toString(), set())

    def plan_document(self) -> whole_document.Plan:
        return whole_document.plan()

    def build_document(self, plan: whole_document.Plan, factor: float) -> str:
        """Make the enlarged document; returns what has to be said about it."""
        enlarged_document.build(plan, factor)
        return plan.note(factor)

    # --- the preview over the canvas ---------------------------------------------------------------------

    def show_preview(self, place: Place, image: ImageInfo, frame: Any) -> None:
        window, over = Krita.instance().activeWindow(), canvas_widget()
        if over is None or current_document() != place.document:
            self.hide_preview()
            return
        if self._overlay is None or self._overlay.parentWidget() != over:
            self.hide_preview()
            self._overlay = CanvasOverlay(window.activeView(), over)
            self._overlay.destroyed.connect(self._overlay_gone)  # with its view
        self._overlay.show_picture(masked_picture(place, image, frame), place.inner)

    def hide_preview(self) -> None:
        overlay, self._overlay = self._overlay, None
        if overlay is not None:
            overlay.destroyed.disconnect(self._overlay_gone)
            overlay.hide()
            overlay.deleteLater()

    def _overlay_gone(self) -> None:
        self._overlay = None
