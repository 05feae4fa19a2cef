"""Writing a result in the depth, colors and words of the file it came from, as far as the new format holds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scumble_backend.errors import UnwritableImage
from scumble_backend.files import replacing
from scumble_backend.pictures import (
    deep_writing,
    flat_writing,
    metadata,
    png_chunks,
    png_writing,
    profiles,
    rescue,
    targets,
)
from scumble_backend.pictures.color_spaces import ColorSpace, encoded, in_bands, linear
from scumble_backend.pictures.deep_reading import is_utf8
from scumble_backend.pictures.loaded import FULL, NUMPY, Loaded, full_of
from scumble_backend.pictures.metadata import Metadata
from scumble_backend.pictures.png_chunks import Chunk
from scumble_backend.pictures.targets import Format
from scumble_wire.messages import ImageInfo


@dataclass
class Finished:
    """What a file is to hold. values: (H, W, channels), integers or, for OpenEXR and TIFF, floats; straight alpha.

    icc: the profile, None for sRGB (integers) or linear light (floats). chunks: PNG's own words for the color.
    """

    values: NDArray[Any]
    order: str
    icc: bytes | None = None
    chunks: tuple[Chunk, ...] = ()


def save(
    path: Path, source: Loaded, info: ImageInfo, pixels: Any, *, check: Callable[[Path], None] | None = None
) -> None:
    """Write a result beside nothing but itself: a full disk or a kill leaves no half file.

    check: called with the finished temporary file right before it takes its name, as by `files.replacing`.
    Whatever goes wrong, the finished picture is kept in a rescue file that the error names. Adds to the source's
    notes what the format can't hold. Raises UnwritableImage, DiskFull, FileTrouble, InternalError.
    """
    values = np.frombuffer(pixels, NUMPY[info.depth]).reshape(info.height, info.width, info.channels)
    with rescue.kept(path, info, values, source):
        kind = targets.check(path, alpha=info.has_alpha, size=(info.width, info.height))
        finished = finish(source, info, values, kind)
        _write(path, kind, finished, source, check)


def finish(source: Loaded, info: ImageInfo, values: NDArray[Any], kind: Format) -> Finished:
    """The result in the samples that the file is to hold."""
    if source.converted:
        return _own_again(source, info, values, kind)
    color, gray = source.samples.color, info.order.startswith("GRAY")
    if kind.name == "EXR":
        if color.tables is not None:
            source.notes.append("OpenEXR holds no ICC profile: the colors are written as if they had been sRGB.")
        elif color.space is not None and not color.space.known:
            if _is_exr(source):
                return Finished(values, info.order)
            return Finished(_light(values, color.space), info.order)
        return Finished(_light(values, None) if info.transfer == "srgb" else _unit(values), info.order)
    if info.depth in ("u8", "u16") and not (kind.name == "PNG" or color.has_profile):
        source.notes.append(f"{kind.name} can't hold this range of light: what is brighter than white is cut off.")
        assert color.space is not None  # it has a high range
        values = in_bands(values, lambda band: _clipped(encoded(_light(band, color.space)), full_of(values)))
        return Finished(_of_depth(values, kind, source), info.order)
    icc = color.icc(gray=gray)
    if info.depth in FULL:
        chunks = color.chunks if kind.name == "PNG" else ()
        return Finished(_of_depth(values, kind, source), info.order, None if chunks else icc, chunks)
    if kind.deepest == "float":
        return Finished(values.astype(np.float32), info.order, icc)
    # Linear light becomes sRGB-encoded, unless a profile says what else the values are.
    encode = info.transfer == "linear" and (color.space is None or color.space.known) and color.tables is None
    full = 65535.0 if kind.deepest == "u16" else 255.0
    source.notes.append(
        "The float picture is written with 16 bits."
        if full > 255
        else "The picture is written with 8 bits: this format holds no more."
    )
    curve = _on_color(encoded, info.has_alpha) if encode else lambda band: band
    whole = in_bands(values, lambda band: _clipped(curve(band.astype(np.float32)), full))
    return Finished(whole, info.order, None if encode else icc)


# --- colors back to the file's own ------------------------------------------------------------------------


def _own_again(source: Loaded, info: ImageInfo, values: NDArray[Any], kind: Format) -> Finished:
    """From sRGB without limits; what the network left alone comes back as it stood in the file."""
    samples, color = source.samples, source.samples.color
    same_size = values.shape == source.sent.shape
    alpha = samples.values[..., -1:] if info.has_alpha and same_size else None
    if kind.name == "EXR":
        light = values.astype(np.float32)
        if info.transfer == "srgb":
            light = in_bands(light, _on_color(linear, info.has_alpha))
        if not _is_exr(source):
            return Finished(light, info.order)
        assert color.space is not None  # chromaticities are the only reason why an OpenEXR is converted
        return Finished(_restored(source, values, _in_space(light, color.space, info.has_alpha)), info.order)
    full = {"u8": 255.0, "u16": 65535.0, "float": 1.0}[kind.deepest if samples.depth != "u8" else "u8"]
    if samples.depth == "u16" and full == 1.0:
        full = 65535.0
    if samples.depth not in FULL and full == 255.0:
        source.notes.append("The picture is written with 8 bits: this format holds no more.")
    elif samples.depth not in FULL and full == 65535.0:
        source.notes.append("The float picture is written with 16 bits.")
    elif samples.depth == "u16" and full == 255.0:
        source.notes.append("The picture is written with 8 bits: this format holds no more.")
    untouched = same_size and bool(np.array_equal(values, source.sent))
    icc = color.icc(gray=samples.gray)
    chunks = color.chunks if kind.name == "PNG" else ()
    holds = bool(chunks) or color.has_profile
    own: NDArray[Any] | None = None
    if holds and untouched and full == full_of(samples.values):
        own = samples.values
    elif holds and color.returns:
        own = _back(source, info, values, full)
    if own is not None:
        if same_size and full == full_of(samples.values):
            own = _restored(source, values, own)
        return Finished(_with_alpha(own, alpha, full), info.order, None if chunks else icc, chunks)
    if not color.returns:
        source.notes.append("The picture's color profile leads one way only: the painted one is written as sRGB.")
    else:
        source.notes.append(f"{kind.name} can't hold this range of light: what is brighter than white is cut off.")
    encode = _on_color(encoded, info.has_alpha) if info.transfer == "linear" else lambda band: band
    plain = in_bands(values, lambda band: _clipped(encode(band.astype(np.float32)), full))
    return Finished(_with_alpha(plain, alpha, full), info.order)


def _back(source: Loaded, info: ImageInfo, values: NDArray[Any], full: float) -> NDArray[Any] | None:
    """Samples in the file's own space; None: its profile can't be applied."""
    color = source.samples.color
    decode = _on_color(linear, info.has_alpha) if info.transfer == "srgb" else lambda band: band
    if color.tables is None:
        assert color.space is not None
        space = color.space

        def convert(band: NDArray[Any]) -> NDArray[Any]:
            own = _in_space(decode(band.astype(np.float32)), space, info.has_alpha)
            return own if full == 1.0 else _clipped(own, full)

        return in_bands(values, convert)
    wide = in_bands(
        values,
        lambda band: _clipped(_in_space(decode(band.astype(np.float32)), profiles.wide(), info.has_alpha), 255.0),
    )
    colors = profiles.from_wide(wide[..., :3], color.tables)
    if colors is None:
        return None
    whole: NDArray[Any] = np.concatenate([colors, wide[..., 3:]], axis=-1)
    return whole


def _restored(source: Loaded, values: NDArray[Any], own: NDArray[Any]) -> NDArray[Any]:
    """`own` with the file's samples where the result is what was sent."""
    if values.shape != source.sent.shape:
        return own
    out = np.array(own)
    for top in range(0, len(values), 256):
        band = slice(top, top + 256)
        colors = slice(0, 3 if values.shape[-1] >= 3 else 1)
        same = (values[band, :, colors] == source.sent[band, :, colors]).all(axis=-1)
        np.copyto(out[band], source.samples.values[band].astype(out.dtype), where=same[..., None])
    return out


def _with_alpha(values: NDArray[Any], alpha: NDArray[Any] | None, full: float) -> NDArray[Any]:
    """With the file's own alpha, rounded to the depth asked for."""
    if alpha is None:
        return values
    out = np.array(values)
    out[..., -1:] = alpha if alpha.dtype == out.dtype else _clipped(alpha.astype(np.float32) / full_of(alpha), full)
    return out


def _in_space(light: NDArray[Any], space: ColorSpace, has_alpha: bool) -> NDArray[Any]:
    own: NDArray[Any] = _on_color(space.from_light, has_alpha)(light)
    return own


def _light(values: NDArray[Any], space: ColorSpace | None) -> NDArray[Any]:
    """Samples to linear light with sRGB's primaries; None: they are sRGB."""
    has_alpha = values.shape[-1] in (2, 4)
    curve = _on_color(linear if space is None else space.to_light, has_alpha)
    return in_bands(values, lambda band: curve(_unit(band)))


def _unit(values: NDArray[Any]) -> NDArray[Any]:
    full = full_of(values)
    return values if full == 1.0 else values.astype(np.float32) / np.float32(full)


def _of_depth(values: NDArray[Any], kind: Format, source: Loaded) -> NDArray[Any]:
    """Integers with as many bits as the format holds."""
    if kind.deepest != "u8" or values.dtype == np.uint8:
        return values
    source.notes.append("The picture is written with 8 bits: this format holds no more.")
    return in_bands(values, lambda band: _clipped(_unit(band), 255.0))


def _clipped(values: NDArray[Any], full: float) -> NDArray[Any]:
    """0 .. 1 to integers 0 .. full; NaN becomes 0. With a full of 1 floats stay."""
    if full == 1.0:
        return values
    values = np.clip(np.nan_to_num(values, nan=0.0), 0, 1)
    whole: NDArray[Any] = (values * full + 0.5).astype(np.uint8 if full == 255.0 else np.uint16)
    return whole


def _on_color(curve: Callable[[Any], Any], has_alpha: bool) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """`curve` for the color channels; alpha stays."""

    def convert(band: NDArray[Any]) -> NDArray[Any]:
        out: NDArray[Any] = band.copy()
        colors = slice(0, band.shape[-1] - 1 if has_alpha else band.shape[-1])
        out[..., colors] = curve(band[..., colors])
        return out

    return convert


def _is_exr(source: Loaded) -> bool:
    spec = source.samples.spec
    return spec is not None and source.samples.depth not in FULL and spec.getattribute("chromaticities") is not None


# --- into the file ---------------------------------------------------------------------------------------


def _write(
    path: Path, kind: Format, finished: Finished, source: Loaded, check: Callable[[Path], None] | None
) -> None:
    height, width = finished.values.shape[:2]
    told = source.samples.metadata
    now = Metadata(
        exif=metadata.exif_for(told.exif, width, height),
        xmp=metadata.xmp_for(told.xmp, width, height),
        dpi=told.dpi,
        texts=told.texts,
        chunks=told.chunks,
    )
    with replacing(path, check) as temporary:
        if kind.name == "PNG":
            png_writing.write(temporary, finished.values, [*_color_chunks(finished), *_png_metadata(now)])
        elif kind.name == "EXR" or finished.values.dtype != np.uint8:
            if not is_utf8(path):
                raise UnwritableImage(
                    f"{path!r} can't be written: its name isn't proper text.", remedy="Choose another."
                )
            deep_writing.write(temporary, path, kind.name, finished, now, source.samples)
        else:
            flat_writing.write(temporary, path, kind.name, finished, now, source.notes)


def _color_chunks(finished: Finished) -> list[Chunk]:
    if finished.chunks:
        return list(finished.chunks)
    return [png_chunks.profile_chunk(finished.icc)] if finished.icc is not None else []


def _png_metadata(now: Metadata) -> list[Chunk]:
    """The source's own chunks, and what other formats say in other places."""
    chunks = list(now.chunks)
    if not chunks:  # not from a PNG
        chunks = [png_chunks.text_chunk(keyword, text) for keyword, text in now.texts]
        if now.dpi is not None:
            across, down = (round(value / metadata.INCH_M) for value in now.dpi)
            chunks.append(Chunk(b"pHYs", across.to_bytes(4, "big") + down.to_bytes(4, "big") + b"\1"))
    if now.xmp:
        chunks.append(png_chunks.xmp_chunk(now.xmp))
    if now.exif:
        chunks.append(Chunk(b"eXIf", now.exif))
    return chunks
