"""Reading any picture file: depth, gray, alpha, EXIF, profile and texts are kept; what can't be is told.

PNG and TIFF of 16 bits and more and OpenEXR go through OpenImageIO (`deep_reading`), all others through Pillow
(`flat_reading`). EXIF's orientation is applied. Colors that aren't sRGB's are converted to sRGB without limits, in
float, so that the network sees the right ones and none is lost; `writing` converts them back.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scumble_backend.errors import ImageTooLarge, UnreadableImage, from_os_error
from scumble_backend.pictures import (
    color_descriptions,
    deep_reading,
    flat_reading,
    metadata,
    png_chunks,
    profiles,
)
from scumble_backend.pictures.color_spaces import ColorSpace, encoded, in_bands
from scumble_backend.pictures.loaded import FULL, Loaded, Samples, check_size, depth_of, full_of, upright
from scumble_backend.pictures.png_chunks import Chunk
from scumble_wire.messages import ImageInfo, Transfer


def load(path: Path, *, convert: bool = True, page: int | None = None) -> Loaded:
    """Read a picture.

    convert: to sRGB, for a network that knows no other colors; else the samples stay as they stand in the file.
    page: of a TIFF, counted from 0 (see `pages.of`); None: the file's first picture, with a note where it holds more.
    Raises UnreadableImage, ImageTooLarge, FileTrouble.
    """
    try:
        samples = read(path, page=page)
    except OSError as error:
        raise from_os_error(error, path, "read") from error
    except MemoryError as error:
        raise ImageTooLarge(f"{path} does not fit in memory.", remedy="Make it smaller first.") from error
    return _for_wire(samples, convert=convert)


def read(path: Path, *, least_side: int | None = None, page: int | None = None) -> Samples:
    """The samples of a file, as they stand there. least_side: where a JPEG can be decoded smaller, no side gets
    shorter than this. page: as of `load`. Raises UnreadableImage, ImageTooLarge, OSError, MemoryError.
    """
    with path.open("rb") as file:
        head = file.read(26)
    if png_chunks.is_png(head):
        return _read_png(path)
    samples = deep_reading.read(path, head, page=page)
    return flat_reading.read(path, least_side=least_side, page=page) if samples is None else samples


def as_srgb(samples: Samples) -> NDArray[np.float32]:
    """(H, W, channels) float32, sRGB-encoded, white 1; beyond 0 and 1 lies what sRGB doesn't hold. Adds notes."""
    loaded = _for_wire(samples, convert=True)
    values = in_bands(loaded.sent, lambda band: band.astype(np.float32) / np.float32(full_of(loaded.sent)))
    if loaded.info.transfer == "linear":
        colors = slice(0, loaded.info.channels - loaded.info.has_alpha)
        values[..., colors] = in_bands(values[..., colors], encoded)
    finite: NDArray[np.float32] = np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=0.0)
    return finite


def _read_png(path: Path) -> Samples:
    header, chunks, troubles = png_chunks.read(path)
    if header is None:
        raise UnreadableImage(f"{path} is damaged: its header is missing.", remedy="Get the file again.")
    check_size(path, header.width, header.height)
    samples = _deep_png(path) if header.bits == 16 else flat_reading.decode(png_chunks.pixels_alone(path), path)
    samples.color = color_descriptions.of_png(chunks, gray=samples.gray)
    samples.metadata = _png_metadata(chunks)
    samples.notes = [*(f"{path.name}: {text}" for text in troubles), *samples.color.notes, *samples.notes]
    if header.animated:
        samples.notes.append(f"{path.name} is animated: its first picture is used.")
    turn = metadata.orientation_of(samples.metadata.exif, samples.metadata.xmp)
    samples.values = upright(samples.values, turn)
    return samples


def _deep_png(path: Path) -> Samples:
    try:
        samples = deep_reading.read(path, png_chunks.SIGNATURE)
    except UnreadableImage:
        # Perhaps for what stands beside the pixels; OpenImageIO reads files only.
        with tempfile.TemporaryDirectory(prefix="scumble-") as folder:
            copy = Path(folder) / "pixels.png"
            copy.write_bytes(png_chunks.pixels_alone(path).getbuffer())
            samples = deep_reading.read(copy, png_chunks.SIGNATURE, called=path)
    assert samples is not None  # a PNG of 16 bits is a deep picture
    return samples


def _png_metadata(chunks: list[Chunk]) -> metadata.Metadata:
    packets = png_chunks.texts(chunk for chunk in chunks if png_chunks.is_xmp(chunk))
    others = [chunk for chunk in chunks if not png_chunks.is_xmp(chunk)]
    return metadata.Metadata(
        exif=metadata.without_header(png_chunks.find(chunks, b"eXIf") or b""),
        xmp=packets[0][1].encode() if packets else b"",
        dpi=_density(png_chunks.find(chunks, b"pHYs")),
        texts=png_chunks.texts(others),
        chunks=[chunk for chunk in others if png_chunks.may_stay(chunk)],
    )


def _density(data: bytes | None) -> tuple[float, float] | None:
    if data is None or len(data) != 9 or data[8] != 1:  # 1: per meter
        return None
    across, down = (int.from_bytes(part, "big") * metadata.INCH_M for part in (data[:4], data[4:8]))
    return metadata.resolution((across, down))


# --- onto the wire ---------------------------------------------------------------------------------------


def _for_wire(samples: Samples, *, convert: bool) -> Loaded:
    color, depth = samples.color, samples.depth
    plain: Transfer = "srgb" if depth in FULL else "linear"
    sent, transfer = samples.values, plain
    converted = False
    if (tables := color.tables) is not None:
        if convert and depth == "u8" and not samples.gray:
            wide = _with_color(samples.values, lambda band: profiles.to_wide(band, tables))
            if wide is None:
                samples.notes.append("The picture's ICC profile can't be applied: its colors are taken as sRGB.")
            else:
                sent, converted = to_srgb(wide, profiles.wide(), linear=False), True
        elif convert:
            samples.notes.append(
                "The picture's ICC profile is kept, but deep colors are not converted by it: taken as sRGB."
            )
    elif color.space is not None:
        if convert and not color.space.known:
            transfer = plain
            sent, converted = to_srgb(samples.values, color.space, linear=transfer == "linear"), True
        else:
            transfer = color.space.nearest
    height, width = sent.shape[:2]
    info = ImageInfo(width, height, depth_of(sent), samples.order, transfer)
    return Loaded(samples, info, np.ascontiguousarray(sent), converted)


def to_srgb(values: NDArray[Any], space: ColorSpace, *, linear: bool) -> NDArray[Any]:
    """Samples of any depth to sRGB without limits, encoded or (`linear`) not; halfs from 8 bits, else floats."""
    scale = full_of(values)
    wanted = np.float16 if values.dtype == np.uint8 else np.float32
    colors = 3 if values.shape[-1] >= 3 else 1

    def convert(band: NDArray[Any]) -> NDArray[Any]:
        out = band.astype(np.float32) / np.float32(scale)
        light = space.to_light(out[..., :colors])
        out[..., :colors] = light if linear else encoded(light)
        whole: NDArray[Any] = out.astype(wanted)
        return whole

    return in_bands(values, convert)


def _with_color(values: NDArray[Any], convert: Any) -> NDArray[Any] | None:
    """`convert` for the first three channels; alpha stays."""
    color = convert(values[..., :3])
    if color is None:
        return None
    whole: NDArray[Any] = np.concatenate([color, values[..., 3:]], axis=-1)
    return whole
