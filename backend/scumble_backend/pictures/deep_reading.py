"""Picture files of 16 bits and more a channel: PNG, TIFF and OpenEXR, through OpenImageIO.

Pillow holds such depths in gray only. Here nothing is rounded: what comes off the file goes onto the wire and back,
with straight alpha. 16-bit integers are taken as sRGB-encoded and floats as linear light, unless the file says
otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scumble_backend.errors import ImageTooLarge, UnreadableImage
from scumble_backend.pictures import color_descriptions, flat_reading, metadata, png_chunks
from scumble_backend.pictures.color_descriptions import ColorDescription
from scumble_backend.pictures.loaded import NUMPY, Samples, check_size, upright
from scumble_backend.pictures.metadata import Metadata
from scumble_wire.messages import CHANNELS, Depth, Order

if TYPE_CHECKING:  # importing it takes 50 ms, which only those pay who read or write such a file
    import OpenImageIO

_EXR = b"\x76\x2f\x31\x01"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
#: OpenImageIO's sample type -> the wire's. What isn't there is not a deep picture.
_DEPTHS: dict[str, Depth] = {
    "uint16": "u16", "int16": "u16", "uint": "u16", "int": "u16", "half": "f16", "float": "f32", "double": "f32",
}  # fmt: skip
_READ_AS = {"u16": "uint16", "f16": "half", "f32": "float"}
_MIN_IS_WHITE = 0  # TIFF's PhotometricInterpretation
#: Attributes that tell how a file is stored, or hold for its size, orientation or kind only.
STORAGE = re.compile(
    r"(oiio|tiff|openexr|png|ICCProfile|CICP|thumbnail)[:_].*|ICCProfile|CICP|compression|planarconfig|Orientation|"
    r"textureformat|Exif:(PixelXDimension|PixelYDimension|ColorSpace)",
    re.IGNORECASE,
)
_KEYWORDS = {"Artist": "Author", "ImageDescription": "Description", "DocumentName": "Title"}


def read(path: Path, head: bytes, called: Path | None = None, *, page: int | None = None) -> Samples | None:
    """Read a deep picture; None: the file holds no such, so Pillow may have it.

    head: its first bytes. called: what to call it in messages. page: of a TIFF, counted from 0; None: the first.
    Raises UnreadableImage, ImageTooLarge, OSError.
    """
    if not head.startswith((_EXR, *_TIFF, png_chunks.SIGNATURE)):
        return None
    called = called or path
    if not is_utf8(path):
        raise UnreadableImage(f"{path!r} can't be opened: its name isn't proper text.", remedy="Rename the file.")
    import OpenImageIO

    # By default half of this machine's memory; the wire's limits hold here.
    OpenImageIO.attribute("limits:imagesize_MB", 0)
    wanted = OpenImageIO.ImageSpec()
    wanted.attribute("oiio:UnassociatedAlpha", 1)  # else straight alpha is multiplied in, with what that loses
    source = OpenImageIO.ImageInput.open(str(path), wanted)
    if source is None:
        told = OpenImageIO.geterror()
        if head.startswith(_TIFF):  # one of those that only Pillow knows, perhaps
            return None
        raise _damaged(called, told)
    try:
        if page and not source.seek_subimage(page, 0):
            raise _damaged(called, source.geterror() or f"its page {page + 1} is missing")
        spec = source.spec()
        if str(spec.format) not in _DEPTHS or _text(spec, "tiff:ColorSpace"):
            return None  # 8 bits; or CMYK and the like, which Pillow converts by their profile
        samples = _read(source, spec, called, page)
        if not head.startswith(png_chunks.SIGNATURE):  # of a PNG, its chunks tell
            samples.values = upright(samples.values, spec.get_int_attribute("Orientation", 1))
        return samples
    finally:
        source.close()


def _read(source: OpenImageIO.ImageInput, spec: OpenImageIO.ImageSpec, path: Path, page: int | None) -> Samples:
    check_size(path, spec.width, spec.height)
    if spec.deep:
        raise UnreadableImage(
            f"{path} holds several depths at every pixel.", remedy="Flatten it in the program it comes from."
        )
    order, channels, notes = _channels(spec, path)
    formats = [str(spec.channelformats[c] if spec.channelformats else spec.format) for c in channels]
    depths = {_DEPTHS.get(name, "f32") for name in formats}
    depth: Depth = depths.pop() if len(depths) == 1 else "f32"
    if any(name in ("int16", "uint", "int", "double") for name in formats):
        notes.append(f"The picture's {formats[0]} samples are read as {'16 bits' if depth == 'u16' else 'float'}.")
    first, stop = min(channels), max(channels) + 1
    try:
        values = source.read_image(page or 0, 0, first, stop, _READ_AS[depth])
    except MemoryError as error:
        raise ImageTooLarge(
            f"{path} does not fit in memory: {spec.width} x {spec.height} pixels.", remedy="Make it smaller first."
        ) from error
    if values is None:
        raise _damaged(path, source.geterror())
    values = values.reshape(spec.height, spec.width, stop - first)
    if channels != list(range(first, stop)):
        values = values[..., [c - first for c in channels]]
    if spec.get_int_attribute("tiff:PhotometricInterpretation", 1) == _MIN_IS_WHITE and depth == "u16":
        values[..., 0] = 65535 - values[..., 0]
    half = depth == "f16"
    if order.endswith("A") and not spec.get_int_attribute("oiio:UnassociatedAlpha"):
        values, depth = _straight(values, notes)
    color = _color(spec, gray=order.startswith("GRAY"))
    notes += color.notes
    if page is None and source.seek_subimage(1, 0):
        notes.append(f"{path.name} holds several pictures: the first one is used.")
    elif source.seek_subimage(page or 0, 1):
        notes.append(f"{path.name} holds smaller versions of itself (mip maps): they are left out.")
    if environment := _text(spec, "textureformat"):
        notes.append(f"{path.name} is marked as {environment}: the mark is left out.")
    values = values.astype(NUMPY[depth], copy=False)
    return Samples(values, order, color, _metadata(spec, path, page), notes, spec, half)


def _channels(spec: OpenImageIO.ImageSpec, path: Path) -> tuple[Order, list[int], list[str]]:
    """The channels that make the picture, with the wire's word for them. Raises UnreadableImage."""
    names = [str(name) for name in spec.channelnames]
    at = {name: index for index, name in reversed(list(enumerate(names)))}
    wanted: tuple[str, ...]
    if {"R", "G", "B"} <= at.keys():
        order, wanted = "RGB", ("R", "G", "B")
    elif "Y" in at and not {"RY", "BY"} & at.keys():
        order, wanted = "GRAY", ("Y",)
    elif len(names) == 1:
        order, wanted = "GRAY", (names[0],)
    else:
        raise UnreadableImage(
            f"{path} has neither the channels R, G, B nor Y, but {', '.join(names[:8])}.",
            remedy="Write the layer that you want with plain R, G, B from the program it comes from.",
        )
    if "A" in at:
        order, wanted = order + "A", (*wanted, "A")
    left_out = [name for name in names if name not in wanted]
    notes = [f"{path.name}: left out the channels {', '.join(left_out[:8])}."] if left_out else []
    return order, [at[name] for name in wanted], notes  # type: ignore[return-value]


def _straight(values: Any, notes: list[str]) -> tuple[Any, Depth]:
    """Colors multiplied with alpha, as EXR's always are -> straight ones. Halfs become floats, to be exact."""
    import numpy as np

    alpha = values[..., -1:].astype(np.float32)
    color = values[..., :-1]
    if glowing := int(((alpha[..., 0] == 0) & (color != 0).any(axis=-1)).sum()):
        notes.append(f"{glowing} pixels give light without being opaque; that light is left out.")
    out = np.zeros(values.shape, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # the backend repairs what is infinite or no number
        np.divide(color, alpha, out=out[..., :-1], where=alpha != 0, casting="unsafe")
    out[..., -1:] = alpha
    if values.dtype == np.uint16:
        out[..., :-1] *= 65535.0
        return np.clip(out + 0.5, 0, 65535).astype(np.uint16), "u16"
    return out, "f32"


def _color(spec: OpenImageIO.ImageSpec, *, gray: bool) -> ColorDescription:
    """What a TIFF or OpenEXR says about its colors; of a PNG its chunks tell."""
    if (data := spec.getattribute("ICCProfile")) is not None:
        return color_descriptions.of_profile(bytes(data), gray=gray)
    primaries = spec.getattribute("chromaticities")
    if primaries is None or gray or len(primaries) != 8:
        return ColorDescription()
    return color_descriptions.of_chromaticities(tuple(primaries))


def _metadata(spec: OpenImageIO.ImageSpec, path: Path, page: int | None) -> Metadata:
    """For a file of another format; one of the same keeps the attributes themselves."""
    dots = spec.getattribute("XResolution"), spec.getattribute("YResolution")
    factor = 2.54 if _text(spec, "ResolutionUnit") == "cm" else 1.0
    dpi = metadata.resolution(dots)
    texts = [
        (_KEYWORDS.get(name, name), value)
        for name, _, value in attributes(spec)
        if isinstance(value, str) and value.strip() and not STORAGE.fullmatch(name)
    ]
    return Metadata(
        exif=flat_reading.tiff_exif(path, page),
        dpi=(dpi[0] * factor, dpi[1] * factor) if dpi else None,
        texts=texts,
    )


def attributes(spec: OpenImageIO.ImageSpec) -> Iterator[tuple[str, Any, Any]]:
    """(name, type, value), texts as Unicode."""
    for attribute in spec.extra_attribs:
        yield attribute.name, attribute.type, _as_text(attribute.value)


def _as_text(value: Any) -> Any:
    """OpenImageIO gives the bytes of texts that aren't UTF-8 as surrogates, and takes no such."""
    if isinstance(value, str):
        return metadata.decoded(value.encode("utf-8", "surrogateescape"))
    return tuple(map(_as_text, value)) if isinstance(value, tuple) else value


def _text(spec: OpenImageIO.ImageSpec, name: str) -> str:
    """A text attribute; empty where the file has none."""
    return str(_as_text(spec.get_string_attribute(name)))


def channel_names(order: str) -> tuple[str, ...]:
    """OpenImageIO's names for the wire's channels."""
    return ("Y", "A")[: CHANNELS[order]] if order.startswith("GRAY") else ("R", "G", "B", "A")[: CHANNELS[order]]


def is_utf8(path: Path) -> bool:
    """Whether a name can be handed to OpenImageIO; on Linux a file may be called by any bytes."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _damaged(path: Path, told: str) -> UnreadableImage:
    reason = told.strip().splitlines()[0].rstrip(".") if told.strip() else "its pixels can't be decoded"
    return UnreadableImage(f"{path} is damaged: {reason}.", remedy="Get the file again.")
