"""Writing 16-bit and float pictures as TIFF and OpenEXR, through OpenImageIO.

TIFF holds straight alpha; OpenEXR holds linear light multiplied with alpha, by its definition.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scumble_backend.errors import UnwritableImage
from scumble_backend.pictures import metadata
from scumble_backend.pictures.color_spaces import in_bands
from scumble_backend.pictures.deep_reading import STORAGE, attributes, channel_names
from scumble_backend.pictures.loaded import Samples
from scumble_backend.pictures.metadata import Metadata

if TYPE_CHECKING:
    import OpenImageIO

    from scumble_backend.pictures.writing import Finished

_LARGEST_HALF = 65504  # beyond it there is only infinity


def write(temporary: Path, path: Path, kind: str, finished: Finished, told: Metadata, source: Samples) -> None:
    """kind: "TIFF" or "EXR". path: what to call the file in messages. Raises UnwritableImage, OSError."""
    import OpenImageIO

    values, has_alpha = finished.values, finished.order.endswith("A")
    if kind == "EXR":
        half = source.half or source.depth in ("u8", "f16")
        values, stored = _multiplied(values, has_alpha, half=half), "half" if half else "float"
    else:
        stored = "uint16" if values.dtype == np.uint16 else "float"  # few programs read TIFF with 16-bit floats
        values = values if stored == "uint16" else values.astype(np.float32, copy=False)
    spec = _spec(finished, kind, stored, told, source)
    output = OpenImageIO.ImageOutput.create({"EXR": "openexr"}.get(kind, kind.lower()))
    assert output is not None  # these two are built in
    done = output.open(str(temporary), spec) and output.write_image(np.ascontiguousarray(values))
    said = output.geterror()
    done = output.close() and done
    said = (said or output.geterror()).strip()
    # Not every writer says False for what it did not write, nor sees the last bytes fail when the file is closed.
    if not done or said or not _ends_well(temporary):
        raise _refused(path, temporary, said, values.nbytes)


def _spec(finished: Finished, kind: str, stored: str, told: Metadata, source: Samples) -> OpenImageIO.ImageSpec:
    """What the file is to say about the pixels."""
    import OpenImageIO

    height, width, channels = finished.values.shape
    spec = OpenImageIO.ImageSpec(width, height, channels, stored)
    spec.channelnames = channel_names(finished.order)
    if finished.order.endswith("A"):
        spec.alpha_channel = channels - 1
    if source.spec is not None:
        _keep(spec, source.spec)
    else:
        for name, text in metadata.exif_texts(told.exif):
            spec.attribute(name, text)
        if told.texts and spec.getattribute("ImageDescription") is None:
            spec.attribute("ImageDescription", told.all_texts())
        if told.dpi is not None:
            spec.attribute("XResolution", told.dpi[0])
            spec.attribute("YResolution", told.dpi[1])
            spec.attribute("ResolutionUnit", "in")
    if kind != "EXR":
        spec.attribute("oiio:UnassociatedAlpha", 1)
    if kind == "TIFF" and not any(attribute.name.startswith(("Exif:", "GPS:")) for attribute in spec.extra_attribs):
        spec.attribute("tiff:write_exif", 0)  # an empty directory would be an error
    if finished.icc is not None:
        data = np.frombuffer(finished.icc, np.uint8)
        spec.attribute("ICCProfile", OpenImageIO.TypeDesc(f"uint8[{len(data)}]"), data)
    return spec


def _multiplied(values: NDArray[Any], has_alpha: bool, *, half: bool) -> NDArray[Any]:
    """Linear light times alpha; a half that is one already stays exact."""
    if half and not has_alpha and values.dtype == np.float16:
        return values

    def convert(band: NDArray[Any]) -> NDArray[Any]:
        out = band.astype(np.float32)
        if has_alpha:
            out[..., :-1] *= out[..., -1:]
        return np.clip(out, -_LARGEST_HALF, _LARGEST_HALF).astype(np.float16) if half else out

    return in_bands(values, convert)


def _ends_well(path: Path) -> bool:
    """Whether the last row can be read back."""
    import OpenImageIO

    source = OpenImageIO.ImageInput.open(str(path))
    if source is None:
        OpenImageIO.geterror()  # takes the text away, else the library prints it at the end
        return False
    last = source.spec().y + source.spec().height - 1
    row = source.read_scanline(last)
    source.geterror()
    source.close()
    return row is not None


def _keep(spec: OpenImageIO.ImageSpec, source: OpenImageIO.ImageSpec) -> None:
    """Keep what the source says about the picture, and where it lies in OpenEXR's display window."""
    for name, kind, value in attributes(source):
        if STORAGE.fullmatch(name):
            continue
        if isinstance(value, str):
            spec.attribute(name, value)
        else:
            spec.attribute(name, kind, value)
    if source.get_int_attribute("Orientation", 1) != 1:
        return
    across, down = spec.width / source.width, spec.height / source.height
    spec.x, spec.full_x = round(source.x * across), round(source.full_x * across)
    spec.y, spec.full_y = round(source.y * down), round(source.full_y * down)
    spec.full_width, spec.full_height = round(source.full_width * across), round(source.full_height * down)


def _refused(path: Path, temporary: Path, told: str, nbytes: int) -> UnwritableImage:
    """Why writing failed. OpenImageIO tells no errno, so as much is written here, which may raise the OSError."""
    with temporary.open("ab") as file:
        for _ in range(nbytes // (1 << 20) + 1):
            file.write(bytes(1 << 20))
    reason = told.splitlines()[0].rstrip(". ") if told else "unknown reason"
    return UnwritableImage(f"{path} could not be written: {reason}.", remedy="Write a .png or .tif in another place.")
