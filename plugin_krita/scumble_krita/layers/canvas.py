"""Krita's documents as the model sees them: take pixels, put results, show a preview. Main thread only."""

from typing import Any

from scumble_wire.messages import ImageInfo

from ..troubles import NoLayer, Trouble
from . import reading, whole_document, writing
from .preview_layer import PreviewLayer
from .reading import Place, Taken


class KritaCanvas:
    """What the model needs of an editor; tests have another one. Nothing of Krita is kept but the preview layer."""

    def __init__(self) -> None:
        self._preview: PreviewLayer | None = None
        self._results: dict[str, set[str]] = {}  # id of a source layer -> ids of the layers made from it

    def _source(self) -> tuple[Any, Any]:
        """The current document and layer; the preview layer stands for the layer it shows. Raises a Trouble."""
        document = reading.current_document()
        node = reading.source_layer(document)
        preview = self._preview
        if preview is not None and preview.place.document == document and node.uniqueId() == preview.node_id:
            node = writing.find_node(document, preview.place.node_id)
            if node is None:
                raise NoLayer
        return document, node

    def key(self) -> Any:
        """Changes when another document, layer or selection has become current; None: nothing to paint."""
        try:
            document, node = self._source()
        except Trouble:
            return None
        selection = document.selection()
        rect = (selection.x(), selection.y(), selection.width(), selection.height()) if selection else None
        return document.fileName(), document.name(), node.uniqueId().toString(), rect

    def source_text(self) -> str:
        """Name of what would be painted now. Raises a Trouble."""
        return str(self._source()[1].name())

    def take(self, stroke_scale: float) -> Taken:
        return reading.take_layer(*self._source(), stroke_scale)

    def take_exactly(self, *, need_selection: bool = False) -> Taken:
        return reading.take_layer(*self._source(), context=False, need_selection=need_selection)

    def take_reference(self, source: str, path: str = "") -> tuple[ImageInfo, Any]:
        """A picture to learn from: source is one of TrainChoices.source's words."""
        if source == "file":
            return reading.read_file(path)
        if source == "document":
            taken = reading.take_document()
        else:
            taken = reading.take_layer(*self._source(), context=False, need_selection=source == "selection")
        return taken.image, taken.frame

    def small_copy(self, side: int, detail: bool) -> tuple[ImageInfo, bytes, Place]:
        return reading.small_copy(*self._source(), side, detail=detail)

    def insert(self, place: Place, image: ImageInfo, frame: Any, name: str) -> None:
        """Put a painted picture above its source; a preview layer of the same place becomes the result."""
        if self._preview is not None and self._preview.place.document == place.document:
            preview, self._preview = self._preview, None
            if preview.fits(place):
                data = writing.for_document(place, image, frame)
                self._remember(place, preview.keep(data, name))
                return
            preview.remove()
        self._remember(place, writing.insert_result(place, image, frame, name, self._made_from(place)))

    def insert_enlarged(self, place: Place, image: ImageInfo, frame: Any, name: str) -> None:
        self._remember(place, writing.insert_enlarged(place, image, frame, name, self._made_from(place)))

    def _made_from(self, place: Place) -> set[str]:
        return self._results.setdefault(place.node_id.toString(), set())

    def _remember(self, place: Place, layer: Any) -> None:
        self._made_from(place).add(layer.uniqueId().toString())

    def plan_document(self) -> whole_document.Plan:
        return whole_document.plan()

    def build_document(self, plan: whole_document.Plan, factor: float) -> str:
        """Make the enlarged document; returns what has to be said about it."""
        whole_document.build(plan, factor)
        return whole_document.left_out_note(plan)

    # --- the preview on the canvas -----------------------------------------------------------------------

    def show_preview(self, place: Place, image: ImageInfo, frame: Any) -> None:
        if not reading.is_open(place.document):
            self._preview = None
            return
        if self._preview is not None and self._preview.show(place, image, frame):
            return
        self.hide_preview()
        self._preview = PreviewLayer.add(place, image, frame, self._made_from(place))

    def hide_preview(self) -> None:
        preview, self._preview = self._preview, None
        if preview is not None:
            preview.remove()
