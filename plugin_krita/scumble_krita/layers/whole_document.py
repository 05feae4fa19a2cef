"""Enlarging a whole document: its layers as a plan, and the plan as a new document of the same space."""

from dataclasses import dataclass, field
from typing import Any

from krita import Krita

from scumble_editor.areas import Area
from scumble_editor.words import tr, upscaled_name
from scumble_wire.messages import ImageInfo

from ..qt import QByteArray
from ..troubles import LayerEmpty
from .reading import area_of, convert, current_document, document_space, for_wire, node_space, read_node
from .spaces import Space
from .writing import add_to_window, fill, scaled_mask

NOWHERE = Area(0, 0, 0, 0)
PIXELS = ("paintlayer", "vectorlayer", "filelayer", "clonelayer", "filllayer")


@dataclass
class Part:
    """One layer of the new document."""

    name: str
    opacity: int  # 0 .. 255
    blending: str
    visible: bool
    locked: bool
    inherit_alpha: bool
    pass_through: bool = False
    children: list["Part"] | None = None  # of a group
    image: ImageInfo | None = None
    frame: Any = None
    area: Area = NOWHERE
    space: Space | None = None
    masks: list[tuple[str, bytes]] = field(default_factory=list)  # transparency masks over `area`
    result: Any = None  # (image, frame) of the enlarged pixels


@dataclass
class Plan:
    """A snapshot of a document: nothing that is painted afterwards gets into it."""

    document: Any
    name: str
    width: int
    height: int
    resolution: float  # pixels per inch
    space: Space
    parts: list[Part]
    left_out: list[str]  # names of layers that have no pixels of their own (filters)

    def pixels(self) -> list[Part]:
        """The parts that the network has to enlarge, bottom first."""
        return [part for part in _walk(self.parts) if part.image is not None]


def _walk(parts: list[Part]) -> list[Part]:
    found: list[Part] = []
    for part in parts:
        found.append(part)
        found += _walk(part.children or [])
    return found


def plan() -> Plan:
    """Read the current document. Raises NothingOpen, LayerEmpty."""
    document = current_document()
    left_out: list[str] = []
    parts = _read(document, document.rootNode(), left_out)
    made = Plan(
        document,
        document.name(),
        document.width(),
        document.height(),
        document.xRes(),
        document_space(document),
        parts,
        left_out,
    )
    if not made.pixels():
        raise LayerEmpty(document.name())
    return made


def _read(document: Any, parent: Any, left_out: list[str]) -> list[Part]:
    canvas = Area(0, 0, document.width(), document.height())
    parts = []
    for node in parent.childNodes():
        kind = node.type()
        if kind != "grouplayer" and kind not in PIXELS:
            if not kind.endswith("mask"):
                left_out.append(node.name())
            continue
        part = Part(
            node.name(), node.opacity(), node.blendingMode(), node.visible(), node.locked(), node.inheritAlpha()
        )
        masks = [child for child in node.childNodes() if child.type() == "transparencymask" and child.visible()]
        left_out += [c.name() for c in node.childNodes() if c.type().endswith("mask") and c not in masks]
        if kind == "grouplayer":
            part.children = _read(document, node, left_out)
            part.pass_through = node.passThroughMode()
            part.area = canvas
        else:
            part.area = area_of(node.bounds()).meet(canvas)
            if not part.area.empty:
                data = node.pixelData(*part.area) if kind == "paintlayer" else read_node(node, part.area)
                part.image, part.frame, part.space = for_wire(data, part.area, node_space(node))
        if not part.area.empty and kind in ("grouplayer", "paintlayer"):
            part.masks = [(mask.name(), bytes(mask.pixelData(*part.area))) for mask in masks]
        parts.append(part)
    return parts


def build(made: Plan, factor: float) -> Any:
    """Make the new document from a plan whose parts all have their result, show it, and return it."""
    width, height = round(made.width * factor), round(made.height * factor)
    document = Krita.instance().createDocument(
        width, height, upscaled_name(made.name, factor), *made.space, made.resolution
    )
    root = document.rootNode()
    for node in root.childNodes():
        node.remove()
    _build(made, document, root, made.parts, factor)
    document.refreshProjection()
    add_to_window(document)
    return document


def _build(made: Plan, document: Any, parent: Any, parts: list[Part], factor: float) -> None:
    for part in parts:  # each goes on top of those before
        if part.children is not None:
            layer = document.createGroupLayer(part.name)
            layer.setPassThroughMode(part.pass_through)
        else:
            layer = document.createNode(part.name, "paintlayer")
        area = Area(round(part.area.x * factor), round(part.area.y * factor), 0, 0)
        if part.result is not None:
            image, frame = part.result
            area = area._replace(width=image.width, height=image.height)
            data = convert(QByteArray(bytes(frame)), image.width, image.height, part.space or made.space, made.space)
            fill(layer, data, area, made.space)
            part.frame = part.result = None
        else:
            size = (max(1, round(part.area.width * factor)), max(1, round(part.area.height * factor)))
            area = Area(area.x, area.y, *size)
        for name, pixels in part.masks:
            mask = document.createTransparencyMask(name)
            smooth = scaled_mask(pixels, part.area.width, part.area.height, area.width, area.height)
            mask.setPixelData(QByteArray(smooth), *area)
            layer.addChildNode(mask, None)
        parent.addChildNode(layer, None)
        if part.children is not None:
            _build(made, document, layer, part.children, factor)
        layer.setOpacity(part.opacity)
        layer.setBlendingMode(part.blending)
        layer.setVisible(part.visible)
        layer.setInheritAlpha(part.inherit_alpha)
        layer.setLocked(part.locked)


def left_out_note(made: Plan) -> str:
    """What the new document lacks, in words; empty: nothing."""
    if not made.left_out:
        return ""
    return tr("Left out, as they have no pixels of their own: {names}.", names=", ".join(made.left_out))
