"""Pixels of the wire to pictures and back: every depth, order and transfer, with nothing lost on the way.

A frame becomes a `Picture` of float32, sRGB-encoded, planar; `pack` writes it back in the very form in which it came.
Where a value was not changed in between, the bytes that came are the bytes that go: hidden colors under
transparency, linear floats and values beyond white stay exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from scumble_backend.errors import PixelsDamaged
from scumble_wire.messages import ImageInfo

VISIBLE = 8 / 255  # alpha from which a pixel's color counts fully when its neighbours are filled
LUMINANCE = (0.2126, 0.7152, 0.0722)  # of sRGB's primaries, IEC 61966-2-1; of encoded values: luma, as in Rec. 709

_TYPES = {"u8": "<u1", "u16": "<u2", "f16": "<f2", "f32": "<f4"}
_FULL = {"u8": 255.0, "u16": 65535.0}
_BAND = 1 << 20  # pixels converted at a time: the temporary copies stay in the processor's cache


@dataclass(frozen=True)
class Picture:
    """A picture as networks want it.

    color: (3, H, W) or, for gray, (1, H, W) float32, sRGB-encoded; integers give [0, 1], floats may go beyond. What
        is hidden or no number has been filled from the visible neighbours, so it never bleeds.
    alpha: (1, H, W) float32 in [0, 1], or None.
    note: what had to be repaired, in words; empty: nothing.
    Do not change `color` in place where there is an `unpacked`: `pack` compares with it.
    """

    color: Tensor
    alpha: Tensor | None
    note: str = ""
    source: NDArray[Any] | None = None  # (H, W, channels), the frame itself; see `pack`
    unpacked: Tensor | None = None  # `color` as it was unpacked, where the way back would not be exact by itself

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.color.shape[-2]), int(self.color.shape[-1])

    def with_color(self, color: Tensor) -> Picture:
        """The same picture painted over. color: (3 or 1, H, W) float, sRGB-encoded."""
        return replace(self, color=color)


def unpack(info: ImageInfo, frame: Any) -> Picture:
    """Read a raw frame. The frame may be read-only and is never changed. Raises PixelsDamaged."""
    view = memoryview(frame)
    try:
        info.check_payload(view.nbytes)
    except ValueError as error:
        raise PixelsDamaged(f"The pixels do not fit their header: {error}", remedy="Update the plugin.") from error
    source = np.frombuffer(view, dtype=_TYPES[info.depth]).reshape(info.height, info.width, info.channels)
    color = _read(_in_order(source, info), info.depth)
    alpha = _read_alpha(source[..., -1:], info.depth) if info.has_alpha else None

    note = ""
    known: Tensor | None = None  # (1, H, W) bool; None: every color is a number
    if info.depth in ("f16", "f32"):
        color, alpha, known, note = _repair(color, alpha)
        if info.transfer == "linear":
            color = to_srgb(color)
    elif info.transfer == "linear":
        color = to_srgb(color)

    filled = _fill(color, alpha, known)
    exact_by_itself = info.transfer == "srgb" or info.depth in ("u8", "u16")
    keep = filled is not color or not exact_by_itself
    return Picture(filled, alpha, note, source if info.has_alpha or keep else None, filled if keep else None)


def pack(picture: Picture, info: ImageInfo) -> memoryview:
    """Write a picture in the form that `info` tells: row-major, little-endian, straight alpha.

    `info` may have another size than the frame the picture came from (after enlarging). Integers are rounded and
    clipped; floats keep what is beyond white. Raises ValueError if picture and info differ in size.
    """
    if picture.size != (info.height, info.width):
        raise ValueError(f"the picture is {picture.size}, not {(info.height, info.width)}")
    color = picture.color.detach().to("cpu", torch.float32)
    if info.order.startswith("GRAY") and color.shape[0] == 3:
        color = to_gray(color)
    elif not info.order.startswith("GRAY") and color.shape[0] == 1:
        color = color.expand(3, -1, -1)
    source = picture.source
    if source is not None and source.shape != (info.height, info.width, info.channels):
        source = None
    unpacked = picture.unpacked if source is not None else None
    out = np.empty((info.height, info.width, info.channels), dtype=_TYPES[info.depth])
    rows = max(1, _BAND // info.width)
    for top in range(0, info.height, rows):
        band = slice(top, min(top + rows, info.height))
        part = color[:, band]
        _write(to_linear(part) if info.transfer == "linear" else part, _in_order(out[band], info), info.depth)
        if unpacked is not None and source is not None:
            same = (part == unpacked[:, band]).all(dim=0).numpy()
            np.copyto(_in_order(out[band], info), _in_order(source[band], info), where=same[..., None])
        if info.has_alpha:
            if source is not None and info.depth in ("u8", "u16"):
                out[band, :, -1] = source[band, :, -1]
            elif picture.alpha is not None:
                _write(picture.alpha[:, band].cpu(), out[band, :, -1:], info.depth)
            else:
                out[band, :, -1] = _FULL.get(info.depth, 1.0)
    flat: memoryview = out.reshape(-1).view(np.uint8).data
    return flat


def sample_type(info: ImageInfo) -> np.dtype[Any]:
    """The type of one sample of a frame."""
    return np.dtype(_TYPES[info.depth])


def unpack_mask(frame: Any, height: int, width: int) -> Tensor:
    """A style's mask: one u8 a pixel -> (1, H, W) float32 in [0, 1]. Raises PixelsDamaged."""
    view = memoryview(frame)
    if view.nbytes != height * width:
        raise PixelsDamaged(
            f"A mask of {width} x {height} pixels takes {height * width} bytes, not {view.nbytes}.",
            remedy="Update the plugin.",
        )
    return _read(np.frombuffer(view, dtype=np.uint8).reshape(height, width, 1), "u8")


def to_rgb(color: Tensor) -> Tensor:
    """(1 or 3, H, W) -> (3, H, W)."""
    return color.expand(3, -1, -1) if color.shape[0] == 1 else color


def to_gray(color: Tensor) -> Tensor:
    """(3, H, W) sRGB-encoded -> (1, H, W): relative luminance, encoded again. What is gray already stays exact."""
    red, green, blue = color[0:1], color[1:2], color[2:3]
    linear = to_linear(color)
    luminance = sum(weight * linear[i : i + 1] for i, weight in enumerate(LUMINANCE))
    assert isinstance(luminance, Tensor)
    return torch.where((red == green) & (green == blue), red, to_srgb(luminance))


def to_srgb(linear: Tensor) -> Tensor:
    """Linear light to sRGB encoding (IEC 61966-2-1), mirrored below 0 and continued beyond 1."""
    size = linear.abs()
    encoded = torch.where(size <= 0.0031308, size * 12.92, 1.055 * size.clamp_min(1e-9).pow(1 / 2.4) - 0.055)
    return torch.copysign(encoded, linear)


def luma(images: Tensor) -> Tensor:
    """Luma of sRGB-encoded pictures, or of differences of such: (..., 3, H, W) to (..., 1, H, W)."""
    return (images * images.new_tensor(LUMINANCE)[:, None, None]).sum(dim=-3, keepdim=True)


def to_linear(encoded: Tensor) -> Tensor:
    """The inverse of `to_srgb`."""
    size = encoded.abs()
    linear = torch.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055).pow(2.4))
    return torch.copysign(linear, encoded)


def fill_hidden(color: Tensor, weight: Tensor) -> Tensor:
    """Give pixels of weight 0 the color of their visible neighbours, smoothly, near ones most.

    color: (C, H, W) float32, finite. weight: (1, H, W) in [0, 1]; a pixel keeps its color by that share, so where it
    is 0 the color that was there has no influence. Where nothing at all is visible, the color is a middle gray.
    Source: push-pull interpolation, Gortler et al. 1996 (The Lumigraph), section 3.4.
    """
    height, width = color.shape[-2:]
    rows = max(2, _BAND // (4 * width) * 2)
    pulled = [_pull(color[:, top : top + rows], weight[:, top : top + rows]) for top in range(0, height, rows)]
    small = torch.cat([c for c, _ in pulled], dim=1)
    levels = [(small, torch.cat([w for _, w in pulled], dim=1))]
    while max(levels[-1][0].shape[-2:]) > 1:
        levels.append(_pull(*levels[-1]))
    c, w = levels.pop()
    filled = torch.where(w > 0, c, 0.5)
    for c, w in reversed(levels):
        h, v = filled.shape[-2:]
        # Scaling by exactly 2 and cutting keeps the cells of odd sizes where they were averaged.
        coarse = F.interpolate(filled[None], size=(2 * h, 2 * v), mode="bilinear", align_corners=False)[0]
        filled = torch.lerp(coarse[:, : c.shape[1], : c.shape[2]], c, w)
    result = torch.empty_like(color)
    for top in range(0, height, rows):  # the finest step in bands, as it moves most of the bytes
        band = slice(top, min(top + rows, height))
        coarse = F.interpolate(filled[None, :, top // 2 : (band.stop + 1) // 2], scale_factor=2.0)[0]
        coarse = coarse[:, : band.stop - top, :width]
        torch.lerp(coarse, color[:, band], weight[:, band], out=result[:, band])
    return result


def _pull(color: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Halve: the weighted mean of each 2 x 2 cell, and how sure it is."""
    share = F.avg_pool2d(weight[None], 2, ceil_mode=True, count_include_pad=False)[0]
    mean = F.avg_pool2d((color * weight)[None], 2, ceil_mode=True, count_include_pad=False)[0]
    return mean / share.clamp_min(1e-12), (share * 4).clamp_max(1.0)


def join_notes(notes: Sequence[str]) -> str:
    """Several notes as one text, each once."""
    return " ".join(dict.fromkeys(note for note in notes if note))


def _in_order(samples: NDArray[Any], info: ImageInfo) -> NDArray[Any]:
    """A view of the color channels of a frame, red first, without alpha."""
    if info.order.startswith("BGR"):
        return samples[..., 2::-1]
    return samples[..., :1] if info.order.startswith("GRAY") else samples[..., :3]


def _read(samples: NDArray[Any], depth: str) -> Tensor:
    """(H, W, channels) of a frame -> (channels, H, W) float32; integers become [0, 1]."""
    height, width, channels = samples.shape
    planes = torch.empty(channels, height, width)
    rows = max(1, _BAND // width)
    for top in range(0, height, rows):
        band = np.array(samples[top : top + rows])  # a copy: torch wants memory that may be written to
        values = torch.from_numpy(band.astype(np.int32) if depth == "u16" else band).permute(2, 0, 1)
        planes[:, top : top + rows] = values
        if depth in _FULL:
            planes[:, top : top + rows] /= _FULL[depth]
    return planes


def _read_alpha(samples: NDArray[Any], depth: str) -> Tensor:
    """`_read`; where all is opaque, one number seen everywhere."""
    height, width, _ = samples.shape
    if depth in _FULL and samples.min() == _FULL[depth]:
        return torch.ones(1, 1, 1).expand(1, height, width)
    return _read(samples, depth)


def _write(values: Tensor, out: NDArray[Any], depth: str) -> None:
    """(channels, H, W) float32 -> (H, W, channels) of a frame."""
    values = values.permute(1, 2, 0)
    if depth in _FULL:
        full = _FULL[depth]
        out[...] = (
            (values * full).round_().clamp_(0.0, full).to(torch.uint8 if depth == "u8" else torch.int32).numpy()
        )
    elif depth == "f16":
        out[...] = values.clamp(-65504.0, 65504.0).numpy()  # the largest f16: beyond it there is only infinity
    else:
        out[...] = values.numpy()


def _repair(color: Tensor, alpha: Tensor | None) -> tuple[Tensor, Tensor | None, Tensor | None, str]:
    """Find what is not a number, in color and alpha; color is left for `_fill`."""
    known: Tensor | None = torch.isfinite(color).all(dim=0, keepdim=True)
    assert known is not None
    bad = int((~known).sum())
    notes = []
    if bad:
        notes.append(f"{bad} pixels were infinite or no numbers and were painted like their neighbours.")
        color = torch.where(known, color, 0.0)
    else:
        known = None
    if alpha is not None:
        odd = ~torch.isfinite(alpha)
        if count := int(odd.sum()):
            notes.append(f"{count} pixels had an opacity that is not a number and are now opaque or transparent.")
        alpha = torch.nan_to_num(alpha, nan=0.0).clamp(0.0, 1.0)
    return color, alpha, known, " ".join(notes)


def _fill(color: Tensor, alpha: Tensor | None, known: Tensor | None) -> Tensor:
    """Fill what is hidden or unknown; returns `color` itself if there is nothing to fill."""
    if alpha is None and known is None:
        return color
    if known is None and alpha is not None and float(alpha.amin()) >= VISIBLE:
        return color
    weight = torch.ones_like(color[:1]) if alpha is None else (alpha / VISIBLE).clamp_max(1.0)
    if known is not None:
        weight = torch.where(known, weight, 0.0)
    return color if bool((weight >= 1).all()) else fill_hidden(color, weight)
