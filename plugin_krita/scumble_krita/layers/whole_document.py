"""Reading a whole document for enlarging: its layers as a plan. `enlarged_document` makes a document of it."""

from dataclasses import dataclass, field
from typing import Any

from scumble_editor.areas import Area
from scumble_editor.words import tr
from scumble_wire.messages import ImageInfo

from ..troubles import LayerEmpty
from .places import area_of, canvas_of, current_document, document_space, node_space
from .reading import for_wire, read_node
from .spaces import Space

NOWHERE = Area(0, 0, 0, 0)
PIXELS = ("paintlayer", "vectorlayer", "filelayer", "clonelayer", "filllayer")
UNSEEN = ("", "selectionmask")  # Krita's own nodes at the top: guides and the like, and the selection
MOST_OUTSIDE = 4  # times the canvas: what is painted on a larger area is cut off at the canvas
PRINTED = 150  # pixels per inch from which on a document is meant to be printed


@dataclass
class Part:
    """One layer of the new document."""

    name: str
    opacity: int  # 0 .. 255
    blending: str
    visible: bool
    locked: bool
    inherit_alpha: bool
    alpha_locked: bool
    collapsed: bool
    color_label: int
    style: str  # the layer style, as Krita writes it
    pass_through: bool = False
    children: list["Part"] | None = None  # of a group
    svg: str = ""  # of a vector layer
    image: ImageInfo | None = None
    frame: Any = None
    area: Area = NOWHERE
    space: Space | None = None
    masks: list["Mask"] = field(default_factory=list)
    result: Any = None  # (image, frame) of the enlarged pixels


@dataclass
class Mask:
    """A transparency mask. area: in pixels of the old document; pixels: one byte each."""

    name: str
    visible: bool
    area: Area
    pixels: bytes


@dataclass
class Plan:
    """A snapshot of a document: nothing that is painted afterwards gets into it."""

    document: Any
    name: str
    width: int
    height: int
    resolution: float  # pixels per inch
    space: Space
    guides: tuple[list[float], list[float], bool]  # horizontal, vertical, whether they are shown
    selection: tuple[Area, bytes] | None
    info: str  # author, title and the like, as Krita writes them
    parts: list[Part] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # names of nodes without pixels of their own (filters)
    flattened: list[str] = field(default_factory=list)  # names of layers that become plain pixels
    cut: list[str] = field(default_factory=list)  # names of layers that lose what lies off the canvas
    animated: list[str] = field(default_factory=list)  # names of layers of which one frame is kept

    def pixels(self) -> list[Part]:
        """The parts that the network has to enlarge, bottom first."""
        return [part for part in _walk(self.parts) if part.image is not None]

    def note(self, factor: float) -> str:
        """What the new document lacks or does otherwise, in words; empty: nothing."""
        lines = []
        for names, text in (
            (self.left_out, tr("Left out, as they have no pixels of their own: {names}.")),
            (self.flattened, tr("Plain pixels now: {names}.")),
            (self.cut, tr("Cut off at the edge of the canvas: {names}.")),
            (self.animated, tr("Only the current frame of: {names}.")),
        ):
            if names:
                lines.append(text.format(names=", ".join(names)))
        if self.resolution >= PRINTED:
            lines.append(
                tr(
                    "The resolution is still {ppi} ppi, so it prints {factor} times as large.",
                    ppi=f"{self.resolution:g}", factor=f"{factor:g}",
                )
            )  # fmt: skip
        return " ".join(lines)


def _walk(parts: list[Part]) -> list[Part]:
    found: list[Part] = []
    for part in parts:
        found.append(part)
        found += _walk(part.children or [])
    return found


def plan() -> Plan:
    """Read the current document. Raises NothingOpen, LayerEmpty."""
    document = current_document()
    selection = document.selection()
    kept = None
    if selection is not None and selection.width() > 0 and selection.height() > 0:
        area = Area(selection.x(), selection.y(), selection.width(), selection.height())
        kept = area, bytes(selection.pixelData(*area))
    made = Plan(
        document, document.name(), document.width(), document.height(), document.xRes(), document_space(document),
        (document.horizontalGuides(), document.verticalGuides(), document.guidesVisible()), kept,
        document.documentInfo(),
    )  # fmt: skip
    made.parts = _read(made, document.rootNode())
    if not any(part.image is not None or part.svg for part in _walk(made.parts)):
        raise LayerEmpty(document.name())
    return made


def _read(made: Plan, parent: Any) -> list[Part]:
    parts = []
    for node in parent.childNodes():
        kind = node.type()
        if kind == "grouplayer" or kind in PIXELS:
            parts.append(_read_layer(made, node, kind))
        elif not kind.endswith("mask") and kind not in UNSEEN:
            made.left_out.append(node.name())
    return parts


def _read_layer(made: Plan, node: Any, kind: str) -> Part:
    part = Part(
        node.name(), node.opacity(), node.blendingMode(), node.visible(), node.locked(), node.inheritAlpha(),
        node.alphaLocked(), node.collapsed(), node.colorLabel(), node.layerStyleToAsl(),
    )  # fmt: skip
    canvas = canvas_of(made.document)
    painted = area_of(node.bounds())
    if kind == "grouplayer":
        part.children = _read(made, node)
        part.pass_through = node.passThroughMode()
    elif kind == "vectorlayer":
        part.svg = node.toSvg()
    else:
        part.area = painted if kind == "paintlayer" else painted.meet(canvas)
        if part.area.width * part.area.height > MOST_OUTSIDE * canvas.width * canvas.height:
            part.area = part.area.meet(canvas)
            made.cut.append(part.name)
        if not part.area.empty:
            data = node.pixelData(*part.area) if kind == "paintlayer" else read_node(node, part.area)
            part.image, part.frame, part.space = for_wire(data, part.area, node_space(node))
        if kind != "paintlayer":
            made.flattened.append(part.name)
        if node.animated():
            made.animated.append(part.name)
    masked = _around(canvas, painted if part.image is None else part.area)
    for child in node.childNodes():
        if child.type() == "transparencymask" and kind in ("grouplayer", "paintlayer", "vectorlayer"):
            pixels = bytes(child.pixelData(*masked))
            part.masks.append(Mask(child.name(), child.visible(), masked, pixels))
        elif child.type().endswith("mask") and child.type() != "transparencymask":
            made.left_out.append(child.name())
    return part


def _around(one: Area, other: Area) -> Area:
    """The least rectangle that holds both."""
    if other.empty:
        return one
    x, y = min(one.x, other.x), min(one.y, other.y)
    right = max(one.x + one.width, other.x + other.width)
    bottom = max(one.y + one.height, other.y + other.height)
    return Area(x, y, right - x, bottom - y)
