"""A new document of a plan whose parts have all come back enlarged.

It is built where nobody sees it, and a copy is shown: a copy has no undo steps. So masks can be added to layers that
stand in their document already; Krita drops one that is added to a detached group.
"""

from typing import Any

from krita import Krita, Selection

from scumble_editor.areas import Area
from scumble_editor.words import upscaled_name

from ..qt import QByteArray, QTransform
from .following import scaled_mask
from .reading import convert
from .whole_document import Part, Plan
from .writing import fill, show_document


def build(made: Plan, factor: float) -> Any:
    """Make the new document, show it, and return it."""
    width, height = round(made.width * factor), round(made.height * factor)
    name = upscaled_name(made.name, factor)
    hidden = Krita.instance().createDocument(width, height, name, *made.space, made.resolution)
    try:
        hidden.setBatchmode(True)
        for node in hidden.rootNode().childNodes():
            node.remove()
        _build(made, hidden, hidden.rootNode(), made.parts, factor)
        horizontal, vertical, shown = made.guides
        hidden.setHorizontalGuides([each * factor for each in horizontal])
        hidden.setVerticalGuides([each * factor for each in vertical])
        hidden.setGuidesVisible(shown)
        if made.selection is not None:
            hidden.setSelection(_selection(*made.selection, factor))
        hidden.refreshProjection()
        hidden.waitForDone()
        document = hidden.clone()
    finally:
        hidden.setModified(False)
        hidden.close()
    document.setModified(True)  # nobody has saved it
    show_document(document)
    return document


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
