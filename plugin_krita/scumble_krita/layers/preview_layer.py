"""The preview on the canvas: one locked layer whose pixels change without undo steps. Apply makes it the result.

The preview is painted small and enlarged here: smoothly in RGBA U8, by repeating pixels in other spaces, where
Krita's own conversion of the full size would take seconds.
"""

from dataclasses import dataclass
from typing import Any

from scumble_editor.areas import Area, crop_rows
from scumble_editor.words import tr
from scumble_wire.messages import ImageInfo

from ..qt import QByteArray, QImage, Qt
from .reading import Place, convert, is_open
from .spaces import SRGB, Space
from .writing import add_above, fill, find_node, new_layer, spot_above

U8 = Space("RGBA", "U8", SRGB)


@dataclass
class PreviewLayer:
    """The layer that is on some canvas now."""

    place: Place
    node_id: Any  # QUuid

    @classmethod
    def add(cls, place: Place, image: ImageInfo, frame: Any, made: set[str]) -> "PreviewLayer":
        """Put the picture on the canvas above its source. This is the one undo step that Apply will keep."""
        document = place.document
        parent, below = spot_above(document, find_node(document, place.node_id), made)
        data = enlarged(place, image, frame)
        with new_layer(document, place.target, tr("Scumble preview"), data, place.inner, place.mask) as layer:
            layer.setLocked(True)
            add_above(document, layer, parent, below)
        return cls(place, layer.uniqueId())

    def node(self) -> Any | None:
        """The layer, unless the document is closed or the user took it away."""
        return find_node(self.place.document, self.node_id) if is_open(self.place.document) else None

    def fits(self, place: Place) -> bool:
        """Whether a result for this place can take over the layer."""
        mine = self.place
        return (
            mine.document == place.document
            and mine.node_id == place.node_id
            and mine.inner == place.inner
            and mine.mask == place.mask
            and self.node() is not None
        )

    def show(self, place: Place, image: ImageInfo, frame: Any) -> bool:
        """Change the picture; False when that needs another layer."""
        layer = self.node()
        if layer is None or not self.fits(place):
            return False
        fill(layer, enlarged(place, image, frame), place.inner, place.target)
        # setPixelData tells nobody; re-setting the blending mode would repaint less, and leave an undo step.
        self.place.document.refreshProjection()
        return True

    def keep(self, data: QByteArray, name: str) -> Any:
        """Turn it into the result: final pixels, its name, no lock; no further undo step."""
        layer = self.node()
        fill(layer, data, self.place.inner, self.place.target)
        layer.setName(name)
        layer.setLocked(False)
        self.place.document.refreshProjection()
        return layer

    def remove(self) -> None:
        layer = self.node()
        if layer is not None:
            layer.setLocked(False)
            layer.remove()


def enlarged(place: Place, image: ImageInfo, frame: Any) -> QByteArray:
    """The small BGRA u8 picture in the size of place.inner and in the document's space."""
    width, height = place.inner.width, place.inner.height
    if place.target == U8:
        picture = QImage(bytes(frame), image.width, image.height, image.width * 4, QImage.Format.Format_ARGB32)
        picture = picture.scaled(
            width, height, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
        ).convertToFormat(QImage.Format.Format_ARGB32)
        bits = picture.constBits()
        bits.setsize(picture.sizeInBytes())
        return QByteArray(bytes(bits))
    data = bytes(convert(QByteArray(bytes(frame)), image.width, image.height, U8, place.target))
    return QByteArray(repeated(data, image.width, image.height, place.target.pixel_bytes, width, height))


def repeated(data: bytes, width: int, height: int, pixel: int, new_width: int, new_height: int) -> bytes:
    """Nearest-neighbor enlargement of row-major pixels."""
    columns = [x * width // new_width * pixel for x in range(new_width)]
    rows: list[bytes] = []
    last = -1
    for y in range(new_height):
        source = y * height // new_height
        if source == last:
            rows.append(rows[-1])
            continue
        last = source
        line = crop_rows(memoryview(data), width, pixel, Area(0, source, width, 1))
        rows.append(b"".join([line[x : x + pixel] for x in columns]))
    return b"".join(rows)
