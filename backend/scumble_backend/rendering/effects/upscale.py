"""Enlarge a picture by any factor: networks for the whole steps, antialiased resampling for the rest.

The result is written part by part in the form that was asked for (8 bit, 16 bit, float), so that memory stays at the
source, the result and one tile. A tile carries the halo of the networks' receptive field; the parts together are
the same as the whole.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from scumble_backend.errors import FactorWrong, ImageTooSmall, NetworkFailed, OutOfMemory
from scumble_backend.rendering import device as devices
from scumble_backend.rendering import pixels
from scumble_backend.rendering.effects import upscale_plan as plan
from scumble_backend.rendering.effects.resample import resize, weighted_sum
from scumble_backend.rendering.pixels import Picture
from scumble_wire.messages import ImageInfo

Progress = Callable[[float], None]

MIN_CORE = 16  # source pixels; below this a smaller tile is nearly all halo
_CPU_WORK = 2e10  # multiply-adds a tile may take: about a fifth of a second, so that a cancel is obeyed at once
_GPU_WORK = 1e12
_CPU_SIDE = 1024  # pixels on the side of a part of the result: the system hands memory for larger ones out slowly
_HALOS = 12  # a part is at least so many halos wide, or most of the work would be done twice
CLEANED = 2  # at factor 1: by how much the picture is made smaller before the networks enlarge it
GRAIN_REACH = 5  # source pixels: reach of the two resampling filters that find what was smoothed away


class Network(Protocol):
    """A network on its device, in eval mode; `upscale_models.UpscaleNetwork` is the real one.

    Call: (1, 3, H, W) float, range [0, 1], to (1, 3, H x factor, W x factor). half: fewer bits will do.
    """

    factor: int
    halo: int  # source pixels beside its own on which a pixel of the result depends
    cost: int  # multiply-adds for a source pixel, roughly

    def __call__(self, image: Tensor, /, *, half: bool = False) -> Tensor: ...


@dataclass(frozen=True)
class Upscaled:
    """The result: `frame` holds the pixels that `info` describes."""

    info: ImageInfo
    frame: NDArray[Any]  # (H, W, channels), C-contiguous
    network_seconds: float
    note: str = ""


@dataclass(frozen=True)
class Second:
    """Networks of another model, whose result is mixed into that of the first. share: over 0, below 1."""

    networks: Sequence[Network]
    share: float


def upscale(
    picture: Picture,
    info: ImageInfo,
    networks: Sequence[Network],
    factor: float,
    progress: Progress,
    *,
    second: Second | None = None,
    grain: float = 0.0,
    device: torch.device | None = None,
    core: int | None = None,
) -> Upscaled:
    """Enlarge a picture, or clean it up without enlarging.

    picture, info: as `pixels.unpack` gave it, and the form it came in, which is the form of the result.
    networks: one for each whole factor at hand (several sizes of one model); none: bicubic.
    factor: 1 to 16. With 1 the picture is made smaller by `CLEANED` and enlarged to its size again; alpha stays.
    progress: called after each tile with 0 .. 1; what it raises (JobCancelled) ends the work at once.
    grain: 0 .. 1, how much is given back of what the networks smoothed away: the source less the result made small
    again, as in back-projection (Irani and Peleg 1991).
    core: source pixels on a tile's side; by default by the networks' cost. Halved when memory does not suffice.
    Raises FactorWrong, ImageTooLarge, OutOfMemory, NetworkFailed.
    """
    device = device or torch.device("cpu")
    height, width = picture.size
    if min(height, width) < 1:
        raise ImageTooSmall("There is nothing to enlarge.", remedy="Select an area of at least one pixel.")
    size = plan.enlarged_size(height, width, factor)
    if factor == 1 and not (networks or (second and second.networks)):
        raise FactorWrong(
            "Without a network a picture stays as it is at factor 1.",
            remedy="Choose a model such as vivid, or a larger factor.",
        )
    color, grown = picture.color, factor
    if factor == 1:
        grown = CLEANED
        color = resize(color.clamp(0, 1), (math.ceil(height / CLEANED), math.ceil(width / CLEANED))).clamp(0, 1)
    ways = [_Way(color, networks, grown, size, grain)]
    shares = [1.0]
    if second is not None:
        ways.append(_Way(color, second.networks, grown, size, grain))
        shares = [1.0 - second.share, second.share]
    colors = _Colors(picture, ways, shares, half=info.depth == "u8", grain=grain, cleaned=factor == 1)
    rows, columns, halo = ways[0].rows, ways[0].columns, max(way.halo for way in ways)
    result_info = replace(info, width=size[1], height=size[0], frame=0)
    with devices.memory_errors(f"a picture of {size[1]} x {size[0]} pixels"):
        frame = np.empty((*size, info.channels), dtype=pixels.sample_type(info))
    waiting = deque(plan.tiles(rows, columns, core or _core(ways, device)))
    all_area, done, network_seconds = size[0] * size[1], 0, 0.0
    progress(0.0)
    while waiting:
        tile = waiting.popleft()
        try:
            with devices.memory_errors(f"enlarging {width} x {height} pixels, even in the smallest parts"):
                made, alpha, seconds = colors.enlarge(tile, device)
        except OutOfMemory:
            devices.free_memory(device)
            longest = max(s.source_stop - s.source_start for s in (tile.rows, tile.columns)) - 2 * halo
            if longest < 2 * MIN_CORE:
                raise
            waiting = deque(part for t in (tile, *waiting) for part in plan.quarters(t, rows, columns))
            continue
        network_seconds += seconds
        at = (slice(tile.rows.start, tile.rows.stop), slice(tile.columns.start, tile.columns.stop))
        part = replace(result_info, width=made.shape[-1], height=made.shape[-2])
        packed = np.frombuffer(pixels.pack(Picture(made, alpha), part), dtype=frame.dtype)
        frame[at] = packed.reshape(part.height, part.width, part.channels)
        done += tile.area
        progress(done / all_area)
    return Upscaled(result_info, frame, network_seconds, picture.note)


class _Way:
    """Networks that run one after the other, and how the axes of the picture go through them.

    color: what they enlarge, (C, H, W), by `factor`. size: rows and columns of the result.
    """

    def __init__(
        self, color: Tensor, networks: Sequence[Network], factor: float, size: tuple[int, int], grain: float
    ) -> None:
        self.color, self.factor = color, factor
        height, width = color.shape[-2:]
        by_factor = {network.factor: network for network in networks}
        self.chain = [by_factor[step] for step in plan.choose_steps(factor, by_factor)]
        self.whole = math.prod(network.factor for network in self.chain)
        self.halo = plan.total_halo([n.factor for n in self.chain], [n.halo for n in self.chain])
        if grain:
            self.halo += GRAIN_REACH
        self.rows = plan.Axis(height, self.whole, size[0], self.halo)
        self.columns = plan.Axis(width, self.whole, size[1], self.halo)

    def part(self, tile: plan.Tile) -> plan.Tile:
        """The same part of the result, with the source pixels that it takes this way."""
        return plan.Tile(
            self.rows.span(tile.rows.start, tile.rows.stop), self.columns.span(tile.columns.start, tile.columns.stop)
        )

    @property
    def work(self) -> float:
        """Multiply-adds for a source pixel, roughly."""
        cost, pixels_per_source = 1.0, 1.0
        for network in self.chain:
            cost += network.cost * pixels_per_source
            pixels_per_source *= network.factor**2
        return cost


def _core(ways: Sequence[_Way], device: torch.device) -> int:
    """Source pixels on a tile's side: few enough that a tile takes a moment only, a multiple of 16."""
    work = _CPU_WORK if device.type == "cpu" else _GPU_WORK
    side = min(1024, int((work / sum(way.work for way in ways)) ** 0.5)) if any(way.chain for way in ways) else 1024
    if device.type == "cpu":
        side = min(side, max(round(_CPU_SIDE / ways[0].factor), _HALOS * max(way.halo for way in ways)))
    return max(48, side - side % 16)


class _Colors:
    """A picture as the networks take it: three channels in [0, 1]; and the way back."""

    def __init__(
        self,
        picture: Picture,
        ways: Sequence[_Way],
        shares: Sequence[float],
        *,
        half: bool,
        grain: float,
        cleaned: bool,
    ) -> None:
        self.color, self.alpha, self.half = picture.color, picture.alpha, half
        self.ways, self.shares = ways, shares
        self.grain, self.cleaned = grain, cleaned
        self.gray = self.color.shape[0] == 1 or bool(
            torch.equal(self.color[0], self.color[1]) and torch.equal(self.color[1], self.color[2])
        )

    def enlarge(self, tile: plan.Tile, device: torch.device) -> tuple[Tensor, Tensor | None, float]:
        """Color (1 or 3, h, w) and alpha (1, h, w) of one tile on the CPU, and seconds in the networks."""
        parts, seconds = [], 0.0
        for way in self.ways:
            color, took = self._color(way, way.part(tile), device)
            parts.append(color)
            seconds += took
        result = self._mixed(parts)
        if self.cleaned:
            return self._as_it_was(result, tile, device).cpu(), _window(self.alpha, tile), seconds
        alpha = None
        if self.alpha is not None:
            alpha = self._mixed([self._alpha(way, way.part(tile), device) for way in self.ways]).cpu()
        return result.cpu(), alpha, seconds

    def _mixed(self, parts: Sequence[Tensor]) -> Tensor:
        if len(parts) == 1:
            return parts[0]
        return torch.stack([part * share for part, share in zip(parts, self.shares, strict=True)]).sum(0)

    def _color(self, way: _Way, tile: plan.Tile, device: torch.device) -> tuple[Tensor, float]:
        color = _source(way.color, tile).to(device)
        inside = color.clamp(0, 1)
        rgb = pixels.to_rgb(inside)
        began = time.perf_counter()
        full = run_chain(way.chain, rgb, self.half)
        devices.synchronize(device)
        seconds = time.perf_counter() - began
        if self.grain and way.chain and not self.cleaned:
            full = full + self.grain * resize(rgb - resize(full, _size(rgb)), _size(full))
        result = cut(full, tile, way.rows, way.columns)
        if self.gray:
            result = result.mean(0, keepdim=True).expand(color.shape[0], -1, -1)
        result = result.clamp(0, 1)
        beyond = color - inside
        if bool(beyond.any()):  # what lies beyond black and white, as floats can, is enlarged without the networks
            result = result + cut(_nearest(beyond, way.whole), tile, way.rows, way.columns)
        return result, seconds

    def _as_it_was(self, result: Tensor, tile: plan.Tile, device: torch.device) -> Tensor:
        """A cleaned part with as much of its grain as is to stay, and what lies beyond black and white."""
        color = _window(self.color, tile)
        assert color is not None
        color = color.to(device)
        inside = color.clamp(0, 1)
        return result + self.grain * (inside - result) + (color - inside)

    def _alpha(self, way: _Way, tile: plan.Tile, device: torch.device) -> Tensor:
        """Alpha goes through the same networks, so that its edges are as sharp as the color's.

        It stays between the least and the most of the source pixel and its neighbors: where all are clear or all
        solid, the result is exactly so.
        """
        assert self.alpha is not None
        alpha = _source(self.alpha, tile).to(device)
        low, high = alpha.amin(), alpha.amax()
        if bool(low == high):
            size = (tile.rows.stop - tile.rows.start, tile.columns.stop - tile.columns.start)
            return low.expand(1, *size)
        full = run_chain(way.chain, alpha.expand(3, -1, -1), self.half).mean(0, keepdim=True)
        padded = F.pad(alpha[None], (1, 1, 1, 1), mode="replicate")
        most = F.max_pool2d(padded, 3, stride=1)[0]
        least = -F.max_pool2d(-padded, 3, stride=1)[0]
        bounded = torch.minimum(torch.maximum(full, _nearest(least, way.whole)), _nearest(most, way.whole))
        return cut(bounded, tile, way.rows, way.columns).clamp(0, 1)


def _size(image: Tensor) -> tuple[int, int]:
    return image.shape[-2], image.shape[-1]


def _source(samples: Tensor, tile: plan.Tile) -> Tensor:
    """What a tile is made from, with its halo."""
    return samples[
        :, tile.rows.source_start : tile.rows.source_stop, tile.columns.source_start : tile.columns.source_stop
    ]


def _window(samples: Tensor | None, tile: plan.Tile) -> Tensor | None:
    """The tile's own part of a picture of the result's size."""
    if samples is None:
        return None
    return samples[:, tile.rows.start : tile.rows.stop, tile.columns.start : tile.columns.stop]


def run_chain(chain: Sequence[Network], image: Tensor, half: bool) -> Tensor:
    """(3, h, w) through all networks. Raises NetworkFailed."""
    x = image[None]
    with torch.inference_mode():
        for network in chain:
            wanted = (1, 3, x.shape[-2] * network.factor, x.shape[-1] * network.factor)
            x = network(x.clamp(0, 1), half=half)
            if tuple(x.shape) != wanted:
                raise NetworkFailed(
                    f"The network made {tuple(x.shape)} where {wanted} was expected.",
                    remedy="Remove this model, and install one for RGB pictures.",
                )
            if not bool(torch.isfinite(x).all()):  # before the next clamp would hide an infinity
                raise NetworkFailed(
                    "The network's result holds samples that are no numbers.",
                    remedy="Choose another model; this one's weights are damaged.",
                )
    return x[0]


def _nearest(samples: Tensor, whole: int) -> Tensor:
    return samples if whole == 1 else samples.repeat_interleave(whole, -2).repeat_interleave(whole, -1)


def cut(full: Tensor, tile: plan.Tile, rows: plan.Axis, columns: plan.Axis) -> Tensor:
    """The tile's own part of what the networks made of it and its halo, resampled to the exact factor."""
    for axis, span, whole in ((-2, tile.rows, rows), (-1, tile.columns, columns)):
        first = span.source_start * whole.whole
        if whole.resampled:
            indices, weights = whole.taps()
            part = slice(span.start, span.stop)
            full = weighted_sum(full, axis, indices[:, part] - first, weights[:, part])
        else:
            full = full.narrow(axis, span.start - first, span.stop - span.start)
    return full
