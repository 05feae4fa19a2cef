"""Enlarge a picture by any factor: networks for the whole steps, antialiased resampling for the rest.

The result is written part by part in the form that was asked for (8 bit, 16 bit, float), so that memory stays at the
source, the result and one tile. A tile carries the halo of the networks' receptive field; the parts together are
the same as the whole.
"""

from __future__ import annotations

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

from scumble_backend.errors import ImageTooSmall, NetworkFailed, OutOfMemory
from scumble_backend.rendering import device as devices
from scumble_backend.rendering import pixels
from scumble_backend.rendering.effects import upscale_plan as plan
from scumble_backend.rendering.effects.resample import weighted_sum
from scumble_backend.rendering.pixels import Picture
from scumble_wire.messages import ImageInfo

Progress = Callable[[float], None]

MIN_CORE = 16  # source pixels; below this a smaller tile is nearly all halo
_CPU_WORK = 2e10  # multiply-adds a tile may take: about a fifth of a second, so that a cancel is obeyed at once
_GPU_WORK = 1e12


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


def upscale(
    picture: Picture,
    info: ImageInfo,
    networks: Sequence[Network],
    factor: float,
    progress: Progress,
    *,
    device: torch.device | None = None,
    core: int | None = None,
) -> Upscaled:
    """Enlarge a picture.

    picture, info: as `pixels.unpack` gave it, and the form it came in, which is the form of the result.
    networks: one for each whole factor at hand (several sizes of one model); none: bicubic.
    progress: called after each tile with 0 .. 1; what it raises (JobCancelled) ends the work at once.
    core: source pixels on a tile's side; by default by the networks' cost. Halved when memory does not suffice.
    Raises FactorWrong, ImageTooLarge, OutOfMemory, NetworkFailed.
    """
    device = device or torch.device("cpu")
    height, width = picture.size
    out_height, out_width = plan.enlarged_size(height, width, factor)
    by_factor = {network.factor: network for network in networks}
    chain = [by_factor[step] for step in plan.choose_steps(factor, by_factor)]
    whole = 1
    for network in chain:
        whole *= network.factor
    halo = plan.total_halo([n.factor for n in chain], [n.halo for n in chain])
    rows = plan.Axis(height, whole, out_height, halo)
    columns = plan.Axis(width, whole, out_width, halo)
    colors = _Colors(picture, half=info.depth == "u8")
    result_info = replace(info, width=out_width, height=out_height, frame=0)
    with devices.memory_errors(f"a picture of {out_width} x {out_height} pixels"):
        frame = np.empty((out_height, out_width, info.channels), dtype=pixels.sample_type(info))
    waiting = deque(plan.tiles(rows, columns, core or _core(chain, device)))
    all_area, done, network_seconds = out_height * out_width, 0, 0.0
    progress(0.0)
    while waiting:
        tile = waiting.popleft()
        try:
            with devices.memory_errors(f"enlarging {width} x {height} pixels, even in the smallest parts"):
                color, alpha, seconds = colors.enlarge(tile, rows, columns, chain, device)
        except OutOfMemory:
            devices.free_memory(device)
            longest = max(s.source_stop - s.source_start for s in (tile.rows, tile.columns)) - 2 * halo
            if longest < 2 * MIN_CORE:
                raise
            waiting = deque(part for t in (tile, *waiting) for part in plan.quarters(t, rows, columns))
            continue
        network_seconds += seconds
        at = (slice(tile.rows.start, tile.rows.stop), slice(tile.columns.start, tile.columns.stop))
        part = replace(result_info, width=color.shape[-1], height=color.shape[-2])
        packed = np.frombuffer(pixels.pack(Picture(color, alpha), part), dtype=frame.dtype)
        frame[at] = packed.reshape(part.height, part.width, part.channels)
        done += tile.area
        progress(done / all_area)
    return Upscaled(result_info, frame, network_seconds, picture.note)


def _core(chain: Sequence[Network], device: torch.device) -> int:
    """Source pixels on a tile's side: few enough that a tile takes a moment only, a multiple of 16."""
    work = _CPU_WORK if device.type == "cpu" else _GPU_WORK
    cost, pixels_per_source = 1.0, 1.0
    for network in chain:
        cost += network.cost * pixels_per_source
        pixels_per_source *= network.factor**2
    side = int((work / cost) ** 0.5)
    return min(1024, max(48, side - side % 16)) if chain else 1024


class _Colors:
    """A picture as the networks take it: three channels in [0, 1]; and the way back."""

    def __init__(self, picture: Picture, *, half: bool) -> None:
        if min(picture.size) < 1:
            raise ImageTooSmall("There is nothing to enlarge.", remedy="Select an area of at least one pixel.")
        self.color, self.alpha, self.half = picture.color, picture.alpha, half
        self.gray = self.color.shape[0] == 1 or bool(
            torch.equal(self.color[0], self.color[1]) and torch.equal(self.color[1], self.color[2])
        )

    def enlarge(
        self, tile: plan.Tile, rows: plan.Axis, columns: plan.Axis, chain: Sequence[Network], device: torch.device
    ) -> tuple[Tensor, Tensor | None, float]:
        """Color (1 or 3, h, w) and alpha (1, h, w) of one tile on the CPU, and seconds in the networks."""
        window = (
            slice(None),
            slice(tile.rows.source_start, tile.rows.source_stop),
            slice(tile.columns.source_start, tile.columns.source_stop),
        )
        color = self.color[window].to(device)
        inside = color.clamp(0, 1)
        began = time.perf_counter()
        full = run_chain(chain, pixels.to_rgb(inside), self.half)
        devices.synchronize(device)
        seconds = time.perf_counter() - began
        result = cut(full, tile, rows, columns)
        if self.gray:
            result = result.mean(0, keepdim=True).expand(color.shape[0], -1, -1)
        result = result.clamp(0, 1)
        beyond = color - inside
        if bool(beyond.any()):  # what lies beyond black and white, as floats can, is enlarged without the networks
            result = result + cut(_nearest(beyond, rows.whole), tile, rows, columns)
        alpha = None
        if self.alpha is not None:
            alpha = self._alpha(self.alpha[window].to(device), tile, rows, columns, chain).cpu()
        return result.cpu(), alpha, seconds

    def _alpha(
        self, alpha: Tensor, tile: plan.Tile, rows: plan.Axis, columns: plan.Axis, chain: Sequence[Network]
    ) -> Tensor:
        """Alpha goes through the same networks, so that its edges are as sharp as the color's.

        It stays between the least and the most of the source pixel and its neighbors: where all are clear or all
        solid, the result is exactly so.
        """
        low, high = alpha.amin(), alpha.amax()
        if bool(low == high):
            size = (tile.rows.stop - tile.rows.start, tile.columns.stop - tile.columns.start)
            return low.expand(1, *size)
        full = run_chain(chain, alpha.expand(3, -1, -1), self.half).mean(0, keepdim=True)
        padded = F.pad(alpha[None], (1, 1, 1, 1), mode="replicate")
        most = F.max_pool2d(padded, 3, stride=1)[0]
        least = -F.max_pool2d(-padded, 3, stride=1)[0]
        bounded = torch.minimum(torch.maximum(full, _nearest(least, rows.whole)), _nearest(most, rows.whole))
        return cut(bounded, tile, rows, columns).clamp(0, 1)


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
