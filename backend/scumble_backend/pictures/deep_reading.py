"""Picture files of 16 bits and more a channel: PNG, TIFF and OpenEXR, through OpenImageIO.

Pillow holds such depths in gray only. Here nothing is rounded: what comes off the file goes onto the wire and back,
with straight alpha. 16-bit integers are taken as sRGB-encoded and floats as linear light, unless an ICC profile says
otherwise; see `profiles.space_of`. Values are not converted to sRGB primaries: a note tells where they differ.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scumble_backend.errors import ImageTooLarge, UnreadableImage
from scumble_backend.pictures import profiles
from scumble_backend.pictures.profiles import Space
from scumble_wire.messages import CHANNELS, MAX_PIXELS, MAX_SIDE, Depth, ImageInfo, Order

if TYPE_CHECKING:  # importing it takes 50 ms, which only those pay who read or write such a file
    import OpenImageIO

_EXR, _PNG = b"\x76\x2f\x31\x01", b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
#: OpenImageIO's sample type -> the wire's. What is not there is no deep picture.
_DEPTHS: dict[str, Depth] = {
    "uint16": "u16", "int16": "u16", "uint": "u16", "int": "u16", "half": "f16", "float": "f32", "double": "f32",
}  # fmt: skip
_READ_AS = {"u16": "uint16", "f16": "half", "f32": "float"}
NUMPY = {"u8": "<u1", "u16": "<u2", "f16": "<f2", "f32": "<f4"}
_REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
_MIN_IS_WHITE = 0  # TIFF's PhotometricInterpretation


@dataclass
class Deep:
    """A deep picture and what its file says beside the pixels."""

    info: ImageInfo
    values: Any  # (H, W, channels) array, upright, straight alpha
    spec: OpenImageIO.ImageSpec  # of the file
    half: bool  # the file holds 16-bit floats
    profile: bytes | None = None  # ICC
    notes: list[str] = field(default_factory=list)


def load(path: Path) -> Deep | None:
    """Read a deep picture; None: the file is none, so Pillow may have it.

    Raises UnreadableImage, ImageTooLarge, OSError.
    """
    with path.open("rb") as file:
        head = file.read(26)
    if not (head.startswith((_EXR, *_TIFF)) or (head.startswith(_PNG) and head[24:25] == b"\x10")):
        return None
    if not is_utf8(path):
        raise UnreadableImage(f"{path!r} is no proper name.", remedy="Rename the file.")
    import OpenImageIO

    OpenImageIO.attribute(
        "limits:imagesize_MB", 0
    )  # by default half of this machine's memory; the wire's limits hold here
    wanted = OpenImageIO.ImageSpec()
    wanted.attribute("oiio:UnassociatedAlpha", 1)  # else straight alpha is multiplied in, with what that loses
    source = OpenImageIO.ImageInput.open(str(path), wanted)
    if source is None:
        told = OpenImageIO.geterror()
        if head.startswith(_TIFF):  # one of those that only Pillow knows, perhaps
            return None
        raise _damaged(path, told)
    try:
        spec = source.spec()
        if str(spec.format) not in _DEPTHS or spec.get_string_attribute("tiff:ColorSpace"):
            return None  # 8 bits; or CMYK and the like, which Pillow converts by their profile
        return _read(source, spec, path)
    finally:
        source.close()


def _read(source: OpenImageIO.ImageInput, spec: OpenImageIO.ImageSpec, path: Path) -> Deep:
    import numpy as np

    if spec.width > MAX_SIDE or spec.height > MAX_SIDE or spec.width * spec.height > MAX_PIXELS:
        raise ImageTooLarge(
            f"{path} has {spec.width} x {spec.height} pixels: that is too many.", remedy="Make it smaller first."
        )
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
        values = source.read_image(0, 0, first, stop, _READ_AS[depth])
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
    profile, space = _space(spec, depth, notes)
    if source.seek_subimage(1, 0):
        notes.append(f"{path.name} holds several pictures: the first one is used.")
    values = np.ascontiguousarray(upright(values, spec.get_int_attribute("Orientation", 1)), dtype=NUMPY[depth])
    info = ImageInfo(values.shape[1], values.shape[0], depth, order, space.transfer)
    return Deep(info, values, spec, half, profile, notes)


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


def _space(spec: OpenImageIO.ImageSpec, depth: Depth, notes: list[str]) -> tuple[bytes | None, Space]:
    """The profile, if it can be used, and what the values mean."""
    space = Space("srgb" if depth == "u16" else "linear")
    profile: bytes | None = None
    if (data := spec.getattribute("ICCProfile")) is not None:
        profile = bytes(data)
        own = profiles.opened(profile)
        if own is None:
            taken = "sRGB" if depth == "u16" else "linear light"
            notes.append(f"The picture's ICC profile can't be read: its colors are taken as {taken}.")
            return None, space
        space = profiles.space_of(own)
        if not space.known:
            notes.append("The picture's ICC profile is kept, but deep colors are not converted by it: taken as sRGB.")
    chromaticities = spec.getattribute("chromaticities")
    if chromaticities is not None and any(
        abs(own - ours) > 0.002 for own, ours in zip(chromaticities, _REC709, strict=True)
    ):
        notes.append("The picture's primaries are kept, but colors are not converted from them: taken as sRGB's.")
    return profile, space


def upright(values: Any, orientation: int) -> Any:
    """Turn (H, W, channels) as EXIF's orientation (1..8) says."""
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return values


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
