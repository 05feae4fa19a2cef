"""A new document of a plan whose parts have all come back enlarged.

Every layer that is added to a document is an undo step. So the document is shown, Krita's own "Create Copy From
Current Image" makes a copy, which has none, and the first one is closed. Masks are added to layers that stand in
their document already: Krita drops one that is added to a detached group.
"""

from typing import Any

from krita import Krita, Selection

from scumble_editor.areas import Area
from scumble_editor.words import upscaled_name

from ..qt import QByteArray, QTimer, QTransform
from .following import scaled_mask
from .places import is_open
from .reading import convert
from .whole_document import Part, Plan
from .writing import fill, show_document

SETTLING_MS = 400  # Krita draws shapes a moment after they were changed; a copy gets what is drawn
COPY_MS = 50  # Krita shows a new document as its event loop turns
COPY_TRIES = 200


def build(made: Plan, factor: float) -> None:
    """Make the new document and show it."""
    width, height = round(made.width * factor), round(made.height * factor)
    name = upscaled_name(made.name, factor)
    document = Krita.instance().createDocument(width, height, name, *made.space, made.resolution)
    document.setBatchmode(True)
    for node in document.rootNode().childNodes():
        node.remove()
    _build(made, document, document.rootNode(), made.parts, factor)
    horizontal, vertical, shown = made.guides
    document.setHorizontalGuides([each * factor for each in horizontal])
    document.setVerticalGuides([each * factor for each in vertical])
    document.setGuidesVisible(shown)
    if made.selection is not None:
        document.setSelection(_selection(*made.selection, factor))
    document.setDocumentInfo(made.info)
    document.setName(name)
    document.refreshProjection()
    document.waitForDone()
    show_document(document)
    QTimer.singleShot(SETTLING_MS, lambda: _show_copy(document, name, COPY_TRIES))


def _show_copy(document: Any, name: str, tries: int) -> None:
    """Replace the current document by a copy without undo steps, as soon as it is the current one."""
    krita = Krita.instance()
    if krita.activeDocument() != document:
        if tries and is_open(document):
            QTimer.singleShot(COPY_MS, lambda: _show_copy(document, name, tries - 1))
        return
    document.waitForDone()
    krita.action("create_copy").trigger()
    copy = krita.activeDocument()
    if copy == document:
        return  # Krita made none: this one will do
    copy.setName(name)
    copy.setModified(True)  # nobody has saved it
    document.setModified(False)
    document.close()


def _scaled(area: Area, factor: float) -> Area:
    return Area(
        round(area.x * factor), round(area.y * factor),
        max(1, round(area.width * factor)), max(1, round(area.height * factor)),
    )  # fmt: skip


def _selection(area: Area, pixels: bytes, factor: float) -> Any:
    new = _scaled(area, factor)
    selection = Selection()
    data = scaled_mask(pixels, area.width, area.height, new.width, new.height)
    selection.setPixelData(QByteArray(data), *new)
    return selection


def _build(made: Plan, document: Any, parent: Any, parts: list[Part], factor: float) -> None:
    for part in parts:  # each goes on top of those before
        layer = _layer(made, document, part, factor)
        parent.addChildNode(layer, None)
        if part.svg:
            _add_shapes(layer, part.svg, factor)
        if part.children is not None:
            _build(made, document, layer, part.children, factor)
        for mask in part.masks:
            new = _scaled(mask.area, factor)
            node = document.createTransparencyMask(mask.name)
            layer.addChildNode(node, None)
            smooth = scaled_mask(mask.pixels, mask.area.width, mask.area.height, new.width, new.height)
            node.setPixelData(QByteArray(smooth), *new)
            node.setVisible(mask.visible)
        if part.style:
            layer.setLayerStyleFromAsl(part.style)
        layer.setOpacity(part.opacity)
        layer.setBlendingMode(part.blending)
        layer.setVisible(part.visible)
        layer.setInheritAlpha(part.inherit_alpha)
        layer.setAlphaLocked(part.alpha_locked)
        layer.setCollapsed(part.collapsed)
        layer.setColorLabel(part.color_label)
        layer.setLocked(part.locked)


def _layer(made: Plan, document: Any, part: Part, factor: float) -> Any:
    if part.children is not None:
        group = document.createGroupLayer(part.name)
        group.setPassThroughMode(part.pass_through)
        return group
    if part.svg:
        return document.createVectorLayer(part.name)
    layer = document.createNode(part.name, "paintlayer")
    if part.result is not None:
        image, frame = part.result
        area = _scaled(part.area, factor)._replace(width=image.width, height=image.height)
        data = convert(QByteArray(bytes(frame)), image.width, image.height, part.space or made.space, made.space)
        fill(layer, data, area, made.space)
        part.result = None
    return layer


def _add_shapes(layer: Any, svg: str, factor: float) -> None:
    """Shapes and texts of another vector layer, larger."""
    layer.addShapesFromSvg(svg)
    for shape in layer.shapes():
        shape.setTransformation(shape.transformation() * QTransform.fromScale(factor, factor))
        shape.update()  # else Krita draws no more of it than fits into its old size
