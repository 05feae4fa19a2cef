"""Running the style network over a picture of any size with the statistics of the whole.

Instance normalization needs mean and variance over the whole picture before the next layer can begin; a picture
cut into tiles would take each tile's own and show seams. So the network runs one layer at a time over strips:
convolve a strip, add its statistics, keep (or forget and later repeat) what was convolved; normalize when the next
layer reads. The result is that of the whole picture at once, up to rounding; memory is that of the strips and of
the layers kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from scumble_backend.nets.style import (
    EPSILON,
    PaintLayer,
    StyleNetwork,
    StyleTable,
    color_path,
    doubled,
    pad_to_strides,
    place_grain,
)
from scumble_backend.rendering.effects.placed_styles import WeightMaps
from scumble_backend.rendering.tiling import RunningStatistics, source_rows, strips

#: Numbers (float32) that one strip of a layer may hold; measured: smaller costs overhead, larger leaves the caches.
STRIP_NUMBERS = 2 << 20

#: Above so many pixels, layers at full resolution are computed twice instead of being kept.
KEEP_PIXELS = 4 << 20


@dataclass(frozen=True)
class Mix:
    """Styles on one base network and where each of them counts.

    tables: S styles (N = S). weights: (S,), summing to 1, or (S, H, W) summing to 1 at every pixel.
    """

    tables: StyleTable
    weights: Tensor

    @classmethod
    def single(cls, table: StyleTable) -> Mix:
        return cls(table, torch.ones(1, device=table.scale.device))


#: Mean and (population) variance, (1, C) float32 each, of every normalized layer in turn.
Statistics = list[tuple[Tensor, Tensor]]


def pooled(statistics: Sequence[Statistics], weights: Sequence[float]) -> Statistics:
    """Statistics of several pictures taken together, each counted by its weight; weights sum to 1.

    Source: the law of total variance; Chan, Golub and LeVeque 1979 for taking the mean off first.
    """
    together: Statistics = []
    for layer in zip(*statistics, strict=True):
        mean = torch.stack([weight * mean for weight, (mean, _) in zip(weights, layer, strict=True)]).sum(dim=0)
        variance = torch.stack(
            [weight * (var + (m - mean).square()) for weight, (m, var) in zip(weights, layer, strict=True)]
        ).sum(dim=0)
        together.append((mean, variance))
    return together


class Tick:
    """Counts work and reports the fraction done."""

    def __init__(self, total: float, progress: Callable[[float], None]) -> None:
        self.total, self.done, self.progress = total, 0.0, progress

    def __call__(self, work: float) -> None:
        self.done += work
        self.progress(min(1.0, self.done / self.total))


class _Source(Protocol):
    """Something that gives rows of a picture or activation."""

    height: int
    width: int

    def read(self, top: int, bottom: int) -> Tensor: ...


class _Rows:
    """Rows of a tensor (1, C, H, W) that is there as a whole."""

    def __init__(self, whole: Tensor) -> None:
        self.whole = whole
        self.height, self.width = whole.shape[-2:]

    def read(self, top: int, bottom: int) -> Tensor:
        return self.whole[:, :, top:bottom]


class _Layer:
    """A normalized layer: measured once over all strips, then read in pieces."""

    def __init__(self, layer: PaintLayer, source: _Source, *, relu: bool, keep: bool) -> None:
        self.layer, self.source, self.relu, self.keep = layer, source, relu, keep
        self.height, self.width = source.height, source.width
        if layer.upsample:
            self.height, self.width = 2 * source.height, 2 * source.width
        elif layer.stride > 1:
            self.height, self.width = source.height // layer.stride, source.width // layer.stride
        self.kept: Tensor | None = None
        self.gain: Tensor | None = None  # (1, C, 1, 1) or (1, C, H, W)
        self.offset: Tensor | None = None

    def convolve(self, top: int, bottom: int) -> Tensor:
        layer = self.layer
        if layer.upsample:
            window = source_rows(top, bottom, self.height, radius=layer.radius)
            # One row more on each side: interpolation looks at neighbors.
            first = max(0, window.top // 2 - 1)
            last = min(self.source.height, -(-window.bottom // 2) + 1)
            rows = doubled(self.source.read(first, last), layer.upsample)
            rows = rows[:, :, window.top - 2 * first : window.bottom - 2 * first]
        else:
            window = source_rows(top, bottom, self.source.height, radius=layer.radius, stride=layer.stride)
            rows = self.source.read(window.top, window.bottom)
        padded = window.pad(rows, layer.radius)
        # A window at the border may hold more real rows than the strip needs: what they give is cut off.
        extra = top * layer.stride - layer.radius - (window.top - window.mirror_above)
        made = layer.convolve(padded)
        return made[:, :, extra // layer.stride : extra // layer.stride + bottom - top]

    def measure(
        self,
        mix: Mix,
        scale: Tensor,
        shift: Tensor,
        maps: Tensor | None,
        pull: float,
        tick: Tick,
        given: tuple[Tensor, Tensor] | None,
    ) -> tuple[Tensor, Tensor]:
        """Pass over all strips once. scale, shift: (S, C); maps: (S, H, W) at this layer's size, or None.

        given: mean and variance to normalize by instead of the layer's own. Returns those that were used.
        """
        statistics = RunningStatistics()
        for top, bottom in strips(self.height, _strip_rows(self)):
            made = self.convolve(top, bottom)
            statistics.add(made)
            if self.keep:
                self.kept = _like(made, self.height) if self.kept is None else self.kept
                self.kept[:, :, top:bottom] = made
            tick((bottom - top) * self.width * _cost(self.layer))
        if self.keep:
            self.source = _Rows(made[:, :, :0])  # what was read is not needed again: its memory is free
        used = given or statistics.result()
        mean, variance = self.layer.pulled(*used, pull)
        inverse = torch.rsqrt(variance + EPSILON)
        if maps is None:
            gain = torch.einsum("s,sc->c", mix.weights, scale)[None] * inverse
            offset = torch.einsum("s,sc->c", mix.weights, shift)[None] - mean * gain
            self.gain, self.offset = gain[:, :, None, None], offset[:, :, None, None]
        else:
            self.gain = torch.einsum("shw,sc->chw", maps, scale)[None] * inverse[:, :, None, None]
            self.offset = torch.einsum("shw,sc->chw", maps, shift)[None] - mean[:, :, None, None] * self.gain
        return used

    def read(self, top: int, bottom: int) -> Tensor:
        if self.gain is None or self.offset is None:
            raise RuntimeError("read before measure")
        raw = self.convolve(top, bottom) if self.kept is None else self.kept[:, :, top:bottom]
        gain, offset = (t if t.shape[2] == 1 else t[:, :, top:bottom] for t in (self.gain, self.offset))
        y = torch.addcmul(offset.to(raw.dtype), raw, gain.to(raw.dtype))
        return y.relu_() if self.relu else y


class _Sum:
    """A residual block: its input plus its second layer."""

    def __init__(self, skip: _Source, block: _Source) -> None:
        self.skip, self.block = skip, block
        self.height, self.width = skip.height, skip.width

    def read(self, top: int, bottom: int) -> Tensor:
        return self.skip.read(top, bottom) + self.block.read(top, bottom)

    def whole(self) -> _Rows:
        made: Tensor | None = None
        for top, bottom in strips(self.height, _strip_rows(self.block)):
            rows = self.read(top, bottom)
            made = _like(rows, self.height) if made is None else made
            made[:, :, top:bottom] = rows
        assert made is not None  # every picture has a strip
        return _Rows(made)


def _like(rows: Tensor, height: int) -> Tensor:
    """Memory for a whole activation of which `rows` are some."""
    shape = (1, rows.shape[1], height, rows.shape[3])
    return torch.empty(shape, dtype=rows.dtype, device=rows.device, memory_format=torch.channels_last)


def paint(
    network: StyleNetwork,
    image: Tensor,
    mix: Mix,
    *,
    seed: int = 0,
    progress: Callable[[float], None] = lambda fraction: None,
    half: torch.dtype | None = None,
    statistics: Statistics | None = None,
    measured: Statistics | None = None,
) -> Tensor:
    """Paint one picture.

    image: (3, H, W) float32, sRGB-encoded, range [0, 1], H and W at least 8, on the network's device.
    mix: the styles; masks have the picture's size. seed: of the grain.
    progress: called after every strip with the fraction done, never falling; what it raises stops the work.
    half: type of the convolutions; statistics stay in float32. None: everything in float32.
    statistics: to normalize by instead of the picture's own. measured: those used are appended to it.
    Returns the same shape, float32, [0, 1].
    Source: Johnson et al. 2016; Dumoulin et al. 2017, equation 5, for styles blended by their tables.
    """
    height, width = image.shape[-2:]
    config = network.config
    noisy = with_grain(image, config.grain, seed)
    source: _Source = _Rows(noisy.contiguous(memory_format=torch.channels_last))
    del noisy
    keep_full = height * width <= KEEP_PIXELS
    pieces = [layer.conv.out_channels for layer in network.norm_layers]
    scales = torch.split(mix.tables.scale, pieces, dim=1)  # type: ignore[no-untyped-call,unused-ignore]
    shifts = torch.split(mix.tables.shift, pieces, dim=1)  # type: ignore[no-untyped-call,unused-ignore]
    maps = _weight_maps(mix.weights, source)
    tick = Tick(_work(network, source), progress)
    number = 0

    def layer(module: PaintLayer, source: _Source, *, relu: bool = True, keep: bool = True) -> _Layer:
        nonlocal number
        made = _Layer(module, source, relu=relu, keep=keep)
        given = None if statistics is None else statistics[number]
        own = None if maps is None else maps.at((made.height, made.width))
        used = made.measure(mix, scales[number], shifts[number], own, config.statistics_pull, tick, given)
        if measured is not None:
            measured.append(used)
        number += 1
        return made

    with torch.inference_mode(), torch.autocast(image.device.type, half, enabled=half is not None):
        first, second, third = network.norm_layers[:3]
        source = layer(first, source, keep=keep_full)
        source = layer(second, source)
        source = layer(third, source)
        residual = list(network.residual)
        for one, two in zip(residual[::2], residual[1::2], strict=True):
            source = _Sum(source, layer(two, layer(one, source), relu=False)).whole()  # type: ignore[arg-type]
        up_one, up_two = network.norm_layers[-2:]
        source = layer(up_one, source)
        source = layer(up_two, source, keep=keep_full)
        return _finish(network, image, source, mix, tick)


def with_grain(
    image: Tensor, amplitude: float, seed: int, *, pad: Callable[[Tensor], Tensor] = pad_to_strides
) -> Tensor:
    """What the first layer reads: the picture with its grain, padded for the strides by `pad`, (1, 3, H', W')."""
    height, width = image.shape[-2:]
    noisy = image.clone()
    for top, bottom in strips(height, max(32, STRIP_NUMBERS // (8 * width))):  # the hash needs 64 bits a pixel
        grain = place_grain(bottom - top, width, seed=seed, top=top, device=image.device)
        noisy[:, top:bottom].add_(grain, alpha=amplitude)
    return pad(noisy[None])


def _finish(network: StyleNetwork, image: Tensor, source: _Source, mix: Mix, tick: Tick) -> Tensor:
    """The last convolution, the color path and the way back to [0, 1], strip by strip."""
    height, width = image.shape[-2:]
    color = network.color_of(image[None])
    result = torch.empty_like(image)
    cell = network.config.color_cell
    placed = mix.weights.dim() == 3
    matrices = mix.tables.color if placed else torch.einsum("s,sij->ij", mix.weights, mix.tables.color)[None]
    paths = torch.cat([color_path(color, matrix[None], (height, width), cell=cell) for matrix in matrices])
    last = _Layer(network.out, source, relu=False, keep=False)
    for top, bottom in strips(height, _strip_rows(last)):
        drawing = last.convolve(top, bottom)[..., :width].float()[0]
        rows = paths[:, :, top:bottom]
        around = torch.einsum("shw,schw->chw", mix.weights[:, top:bottom], rows) if placed else rows[0]
        result[:, top:bottom] = network.finish(drawing + around)
        tick((bottom - top) * source.width * _cost(network.out))
    tick(tick.total - tick.done)  # the rows that only pad the picture have no last convolution
    return result


def _weight_maps(weights: Tensor, source: _Source) -> WeightMaps | None:
    """The weights of a mix as large as the padded picture; None where they are the same everywhere."""
    if weights.dim() != 3:
        return None
    below, right = source.height - weights.shape[1], source.width - weights.shape[2]
    return WeightMaps(F.pad(weights[None], (0, right, 0, below), mode="replicate")[0])


def _cost(layer: PaintLayer) -> float:
    """Multiply-adds of one output pixel."""
    return layer.conv.in_channels * layer.conv.out_channels * layer.kernel**2


def _work(network: StyleNetwork, source: _Source) -> float:
    """What `tick` will have counted at the end, in multiply-adds of the padded picture."""
    pixels = source.height * source.width
    total = 0.0
    for layer in network.norm_layers:
        pixels = pixels * 4 if layer.upsample else pixels // layer.stride**2
        total += pixels * _cost(layer)
    return total + pixels * _cost(network.out)


def _strip_rows(layer: _Layer | _Source) -> int:
    """Rows so that input and output of a strip hold about STRIP_NUMBERS numbers."""
    channels = (
        64 if not isinstance(layer, _Layer) else max(layer.layer.conv.in_channels, layer.layer.conv.out_channels)
    )
    return max(32, STRIP_NUMBERS // (channels * max(1, layer.width)))
