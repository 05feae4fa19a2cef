"""Writing 16-bit and float pictures as PNG, TIFF and OpenEXR, through OpenImageIO.

PNG and TIFF hold straight alpha; OpenEXR holds linear light multiplied with alpha, by its definition. What a
format can't hold is told in a note.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import ExifTags, Image

from scumble_backend.errors import UnwritableImage
from scumble_backend.files import replacing
from scumble_backend.pictures import profiles
from scumble_backend.pictures.deep_reading import NUMPY, Deep, channel_names, is_utf8
from scumble_wire.messages import ImageInfo

if TYPE_CHECKING:
    import OpenImageIO

#: Attributes of the source that tell how it was stored, or were true of its size or orientation only.
_STORAGE = re.compile(
    r"(oiio|tiff|openexr|png|ICCProfile|thumbnail)[:_].*|ICCProfile|compression|planarconfig|Orientation|"
    r"Exif:(PixelXDimension|PixelYDimension|ColorSpace)",
    re.IGNORECASE,
)
_ROWS = 256  # converted at a time, so that the temporary copies stay small


def write(
    path: Path,
    kind: str,
    info: ImageInfo,
    pixels: Any,
    *,
    profile: bytes | None,
    exif: bytes,
    source: Deep | None,
    notes: list[str],
) -> None:
    """Write a result. kind: "PNG", "TIFF" or "EXR". source: what was read, if that was deep: its metadata is kept.

    Adds to `notes` what the format can't hold. Raises UnwritableImage, DiskFull, FileTrouble.
    """
    import numpy as np
    import OpenImageIO

    if not is_utf8(path):
        raise UnwritableImage(f"{path!r} is no proper name.", remedy="Choose another.")
    values = np.frombuffer(pixels, NUMPY[info.depth]).reshape(info.height, info.width, info.channels)
    if kind == "EXR":
        half = info.depth in ("u8", "f16") or (source is not None and source.half)
        values, stored = _for_exr(values, info, half=half), "half" if half else "float"
        if profile is not None and not _is_known(profile):
            notes.append("OpenEXR holds no ICC profile: the colors are written as if they had been sRGB.")
        profile = None
    elif info.depth == "u16":
        stored = "uint16"
    elif kind == "PNG":
        notes.append("The float picture is written with 16 bits.")
        values, profile = to_integers(values, info, 65535, profile)
        stored = "uint16"
    else:
        stored = "float"  # few programs read TIFF with 16-bit floats
    spec = _spec(info, kind, stored, profile=profile, exif=exif, source=source)
    with replacing(path) as temporary:
        output = OpenImageIO.ImageOutput.create({"EXR": "openexr"}.get(kind, kind.lower()))
        assert output is not None  # these three are built in
        done = output.open(str(temporary), spec) and output.write_image(values)
        told = output.geterror()
        done = output.close() and done
        told = (told or output.geterror()).strip()
        # Not every writer says False for what it did not write, nor sees the last bytes fail when the file is closed.
        if not done or told or not _ends_well(temporary):
            raise _refused(path, temporary, told, values.nbytes)


def _spec(
    info: ImageInfo, kind: str, stored: str, *, profile: bytes | None, exif: bytes, source: Deep | None
) -> OpenImageIO.ImageSpec:
    """What the file is to say about the pixels."""
    import numpy as np
    import OpenImageIO

    spec = OpenImageIO.ImageSpec(info.width, info.height, info.channels, stored)
    spec.channelnames = channel_names(info.order)
    if info.has_alpha:
        spec.alpha_channel = info.channels - 1
    if source is not None:
        _keep(spec, source.spec)
    else:
        for name, text in _texts(exif):
            spec.attribute(name, text)
    if kind != "EXR":
        spec.attribute("oiio:UnassociatedAlpha", 1)
    if kind == "TIFF" and not any(attribute.name.startswith(("Exif:", "GPS:")) for attribute in spec.extra_attribs):
        spec.attribute("tiff:write_exif", 0)  # an empty directory would be an error
    if kind == "PNG":
        spec.attribute("png:compressionLevel", 3)  # 6, the default, takes a third longer for 0.3 % less
    if profile is not None:
        spec.attribute("ICCProfile", OpenImageIO.TypeDesc(f"uint8[{len(profile)}]"), np.frombuffer(profile, np.uint8))
    return spec


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


def to_integers(values: Any, info: ImageInfo, full: int, profile: bytes | None) -> tuple[Any, bytes | None]:
    """Samples of any depth to integers 0 .. full (255 or 65535), and the profile that goes with them.

    What is beyond is clipped. Linear light becomes sRGB-encoded, unless a profile says what else the values are.
    """
    import numpy as np

    encode = info.transfer == "linear" and (profile is None or _is_known(profile))
    scale = {"u8": 255.0, "u16": 65535.0}.get(info.depth, 1.0)
    kind = np.uint8 if full == 255 else np.uint16

    def convert(band: Any) -> Any:
        band = np.nan_to_num(band.astype(np.float32) / scale, nan=0.0)
        if encode:
            band = _on_color(profiles.encoded, info)(band)
        return (np.clip(band, 0, 1) * full + 0.5).astype(kind)

    return _by_rows(values, convert), None if encode else profile


def _for_exr(values: Any, info: ImageInfo, *, half: bool) -> Any:
    """To linear light, multiplied with alpha."""
    import numpy as np

    scale = {"u8": 255.0, "u16": 65535.0}.get(info.depth, 1.0)

    def convert(band: Any) -> Any:
        band = band.astype(np.float32) / np.float32(scale)
        if info.transfer == "srgb":
            band = _on_color(profiles.linear, info)(band)
        if info.has_alpha:
            band[..., :-1] *= band[..., -1:]
        # The largest half: beyond it there is only infinity.
        return np.clip(band, -65504, 65504).astype(np.float16) if half else band

    return _by_rows(values, convert)


def _on_color(curve: Callable[[Any], Any], info: ImageInfo) -> Callable[[Any], Any]:
    """`curve` for the color channels; alpha stays."""

    def convert(band: Any) -> Any:
        out = band.copy()
        colors = slice(0, info.channels - 1 if info.has_alpha else info.channels)
        out[..., colors] = curve(band[..., colors])
        return out

    return convert


def _by_rows(values: Any, convert: Callable[[Any], Any]) -> Any:
    import numpy as np

    out = np.empty(values.shape, convert(values[:1]).dtype)
    for top in range(0, len(values), _ROWS):
        out[top : top + _ROWS] = convert(values[top : top + _ROWS])
    return out


def _is_known(profile: bytes) -> bool:
    own = profiles.opened(profile)
    return own is not None and profiles.space_of(own).known


def _keep(spec: OpenImageIO.ImageSpec, source: OpenImageIO.ImageSpec) -> None:
    """Keep what the source says about the picture, and where it lies in OpenEXR's display window."""
    for attribute in source.extra_attribs:
        if not _STORAGE.fullmatch(attribute.name):
            spec.attribute(attribute.name, attribute.type, attribute.value)
    if source.get_int_attribute("Orientation", 1) != 1:
        return
    across, down = spec.width / source.width, spec.height / source.height
    spec.x, spec.full_x = round(source.x * across), round(source.full_x * across)
    spec.y, spec.full_y = round(source.y * down), round(source.full_y * down)
    spec.full_width, spec.full_height = round(source.full_width * across), round(source.full_height * down)


def _texts(exif: bytes) -> list[tuple[str, str]]:
    """The plain texts of an EXIF block: artist, copyright, camera and so on, by names that OpenImageIO shares."""
    block = Image.Exif()
    block.load(exif)
    return [
        (ExifTags.TAGS[tag], text) for tag, text in block.items() if tag in ExifTags.TAGS and isinstance(text, str)
    ]


def _refused(path: Path, temporary: Path, told: str, nbytes: int) -> UnwritableImage:
    """Why writing failed. OpenImageIO tells no errno, so as much is written here, which may raise the OSError."""
    with temporary.open("ab") as file:
        for _ in range(nbytes // (1 << 20) + 1):
            file.write(bytes(1 << 20))
    reason = told.splitlines()[0].rstrip(". ") if told else "unknown reason"
    return UnwritableImage(f"{path} could not be written: {reason}.", remedy="Write a .png or .tif in another place.")
