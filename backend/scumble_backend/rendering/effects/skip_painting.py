"""Running the light style network over a picture of any size with the statistics of the whole.

As in `painting.py` the network runs one stage at a time over strips: convolve a strip, add its statistics, keep it;
normalize once the statistics of all strips are known. What is kept lies in memory that already has the border of the
next convolution, which reads it where it is (`activations.py`); where a stage doubles, its kernels do
(`doubling.py`). The stages at full size have no statistics: they run strip by strip from the last kept activation to
the result, once. Above `KEEP_PIXELS` the two activations at half size and the last of each residual block are not
kept either but computed again when they are read.

The result is that of `SkipStyleNetwork.forward`, up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from scumble_backend.nets.style import EPSILON
from scumble_backend.nets.style_skip import (
    STRIDE,
    SkipStyleNetwork,
    SkipStyleTable,
    Stage,
    StyleDelta,
    framed,
)
from scumble_backend.rendering.effects.activations import Activation, Again, Kept, window
from scumble_backend.rendering.effects.doubling import convolve_doubled, phase_kernels
from scumble_backend.rendering.effects.painting import Statistics, Tick, with_grain
from scumble_backend.rendering.effects.placed_styles import Kernels, WeightMaps, side_by_side, without_traces
from scumble_backend.rendering.tiling import RunningStatistics, strips

#: Numbers that one strip of a stage may hold; measured at 512 pixels on two cores, smaller costs overhead.
STRIP_NUMBERS = 2 << 20

#: Above so many pixels the largest activations are computed twice instead of being kept.
KEEP_PIXELS = 6 << 20


@dataclass(frozen=True)
class SkipMix:
    """Styles on one light base network and where each of them counts.

    tables: S styles (N = S). deltas: one for each style, None where it has none.
    weights: (S,), summing to 1, or (S, H, W) summing to 1 at every pixel; there up to 1/64 counts as none.
    """

    tables: SkipStyleTable
    deltas: Sequence[StyleDelta | None]
    weights: Tensor

    @classmethod
    def single(cls, table: SkipStyleTable, delta: StyleDelta | None = None) -> SkipMix:
        return cls(table, [delta], torch.ones(1, device=table.scale.device))


def paint(
    network: SkipStyleNetwork,
    image: Tensor,
    mix: SkipMix,
    *,
    seed: int = 0,
    progress: Callable[[float], None] = lambda fraction: None,
    half: torch.dtype | None = None,
    statistics: Statistics | None = None,
    measured: Statistics | None = None,
) -> Tensor:
    """Paint one picture.

    image: (3, H, W) float32, sRGB-encoded, range [0, 1], H and W at least 16, on the network's device.
    mix: the styles; masks have the picture's size. seed: of the grain.
    progress: called after every strip with the fraction done, never falling; what it raises stops the work.
    half: type of the convolutions; statistics stay in float32. None: everything in float32.
    statistics: to normalize by instead of the picture's own. measured: those used are appended to it.
    Returns the same shape, float32, [0, 1].
    Source: `nets/style_skip.py`; where styles have masks, tables and changes of the kernels are weighted at every
    pixel, before the statistics.
    """
    with torch.inference_mode(), torch.autocast(image.device.type, half, enabled=half is not None):
        painting = _Painting(network, image, mix, seed, progress, half or torch.float32)
        painting.given = statistics
        painted = painting.run()
        if measured is not None:
            measured += painting.used
        return painted


@dataclass
class _Measured:
    """A stage after its statistics have been gathered. normalize: (raw rows, top, bottom[, where to write])."""

    height: int
    width: int
    convolve: Callable[[int, int], Tensor]
    normalize: Callable[..., Tensor]
    places: list[tuple[int, int]]
    held: dict[int, Tensor]  # raw strips by their first row

    def strips(self) -> Iterator[tuple[int, int, Tensor]]:
        """(top, bottom, raw rows) of all strips, once: what was held is let go, what was not is computed again."""
        for top, bottom in self.places:
            yield top, bottom, self.held.pop(top) if top in self.held else self.convolve(top, bottom)


class _Painting:
    """One run: the network, the picture, the mix, and what they have in common at every stage."""

    def __init__(
        self,
        network: SkipStyleNetwork,
        image: Tensor,
        mix: SkipMix,
        seed: int,
        progress: Callable[[float], None],
        dtype: torch.dtype,
    ) -> None:
        if mix.weights.dim() == 3:
            mix = replace(mix, weights=without_traces(mix.weights))
        self.network, self.image, self.mix, self.seed, self.dtype = network, image, mix, seed, dtype
        self.stages = network.named_stages()
        pieces = [stage.outputs for stage in self.stages.values()]
        placed = mix.weights.dim() == 3
        self.tables = mix.tables if placed else mix.tables.blended(mix.weights)  # one, where it holds everywhere
        cut = [torch.split(t, pieces, dim=1) for t in (self.tables.scale, self.tables.shift)]  # type: ignore[no-untyped-call,unused-ignore]
        self.affine = {name: (cut[0][place], cut[1][place]) for place, name in enumerate(self.stages)}
        height, width = image.shape[-2:]
        self.margin = network.config.margin
        self.height, self.width = (side + 2 * self.margin + -side % STRIDE for side in (height, width))
        self.maps = WeightMaps(framed(mix.weights[None], self.margin)[0]) if placed else None
        self.keep = height * width <= KEEP_PIXELS
        self.tick = Tick(self._work(), progress)
        self.given: Statistics | None = None  # instead of the picture's own
        self.used: Statistics = []

    def run(self) -> Tensor:
        config = self.network.config
        noisy = with_grain(self.image, config.grain, self.seed, pad=lambda image: framed(image, self.margin))
        height, width = self.height // 2, self.width // 2
        source = Kept(12, height, width, self.image, self.dtype)
        for top, bottom in strips(height, max(1, STRIP_NUMBERS // (12 * width))):
            blocks = F.pixel_unshuffle(noisy[:, :, 2 * top : 2 * bottom], 2)
            torch.sub(blocks, 0.5, out=source.rows(top, bottom))  # `style_skip.folded`
        source.mirror()
        del noisy, blocks
        half = self._stage("stem", source, keep=self.keep)
        quarter = self._stage("down4", half)
        x = self._stage("down8", quarter)
        for block in range(config.residual_blocks):
            self._residual(x, f"block{block}")
        x = self._stage("up4", x, quarter)
        del quarter
        for block in range(config.quarter_blocks):
            self._residual(x, f"quarter{block}")
        return self._full_size(self._stage("up2", x, half, keep=self.keep))

    # --- stages with statistics --------------------------------------------------------------------------

    def _stage(
        self,
        name: str,
        source: Activation,
        skip: Activation | None = None,
        *,
        keep: bool = True,
    ) -> Activation:
        """Convolve all strips, gather their statistics, normalize."""
        made = self._measured(name, source, skip, relu=True, hold=keep and self.keep)
        if not keep:
            return Again(made.height, made.width, made.convolve, made.normalize)
        kept = Kept(self.stages[name].outputs, made.height, made.width, self.image, self.dtype)
        for top, bottom, raw in made.strips():
            made.normalize(raw, top, bottom, kept.rows(top, bottom))
        kept.mirror()
        return kept

    def _residual(self, x: Activation, name: str) -> None:
        """x += b(a(x)), in place."""
        assert isinstance(x, Kept)
        change = self._measured(f"{name}b", self._stage(f"{name}a", x), None, relu=False, hold=self.keep)
        for top, bottom, raw in change.strips():
            x.rows(top, bottom).add_(change.normalize(raw, top, bottom))
        x.mirror()

    def _measured(
        self, name: str, source: Activation, skip: Activation | None, *, relu: bool, hold: bool
    ) -> _Measured:
        """A stage whose statistics are known. hold: keep the raw strips until they are asked for."""
        stage = self.stages[name]
        height, width = source.height // stage.stride, source.width // stage.stride
        if stage.upsample:
            height, width = 2 * source.height, 2 * source.width
        convolve = self._convolution(name, source, skip, (height, width))
        statistics = RunningStatistics()
        rows = max(16, STRIP_NUMBERS // (max(stage.conv.in_channels, stage.outputs) * width))
        places = strips(height, rows)
        held: dict[int, Tensor] = {}
        for top, bottom in places:
            raw = convolve(top, bottom)
            statistics.add(raw)
            if hold:
                held[top] = raw
            self.tick((bottom - top) * width * _cost(stage))
        self.used.append(statistics.result() if self.given is None else self.given[len(self.used)])
        normalize = self._normalization(name, *self.used[-1], (height, width), relu)
        return _Measured(height, width, convolve, normalize, places, held)

    def _convolution(
        self, name: str, source: Activation, skip: Activation | None, size: tuple[int, int]
    ) -> Callable[[int, int], Tensor]:
        """A function from rows [top, bottom) of the stage's result to their raw values."""
        stage = self.stages[name]
        changes = self._changes(name)
        maps = self.maps.at(size) if self.maps is not None and changes else None
        weight = self._merged(name) if maps is None else stage.conv.weight
        if stage.upsample and maps is None:  # the same kernels everywhere
            return self._doubling(stage, weight, source, skip)
        kernels = Kernels(weight, changes)

        def placed(weights: WeightMaps, maps: Tensor, top: int, bottom: int) -> Tensor:
            read = window(source, top, bottom, stage.stride)
            return side_by_side(
                [
                    kernels.convolve(
                        read[..., left * stage.stride : (right - 1) * stage.stride + 3],
                        stage.stride,
                        styles,
                        maps[:, top:bottom, left:right],
                    )
                    for left, right, styles in weights.pieces(size, top, bottom)
                ]
            )

        def doubled(weights: WeightMaps, maps: Tensor, top: int, bottom: int) -> Tensor:
            first, last = top // 2, -(-bottom // 2)
            read, above, below = source.repeated(first, last), first == 0, last == source.height
            made = side_by_side(
                [
                    kernels.double(
                        read[..., left // 2 : right // 2 + 2],
                        styles,
                        maps[:, 2 * first : 2 * last, left:right],
                        (above, below, left == 0, right == size[1]),
                    )
                    for left, right, styles in weights.pieces(size, 2 * first, 2 * last)
                ]
            )
            return made[:, :, top - 2 * first : top - 2 * first + bottom - top]

        def convolve(top: int, bottom: int) -> Tensor:
            if self.maps is not None and maps is not None:
                made = (doubled if stage.upsample else placed)(self.maps, maps, top, bottom)
            else:
                made = F.conv2d(window(source, top, bottom, stage.stride), kernels.plain, stride=stage.stride)
            if stage.skip is not None:
                assert skip is not None
                made = made + skip.pointwise(stage.skip, top, bottom)
            return made

        return convolve

    def _changes(self, name: str) -> dict[int, tuple[Tensor, Tensor]]:
        """The styles that change a stage's kernels, and how."""
        return {
            place: delta.factors[name]
            for place, delta in enumerate(self.mix.deltas)
            if delta and name in delta.factors
        }

    def _merged(self, name: str) -> Tensor:
        """The kernels of a stage with all changes in them; for a mix that is the same everywhere."""
        weight = self.stages[name].conv.weight
        for place, (left, right) in self._changes(name).items():
            weight = weight + torch.einsum("or,rikl->oikl", self.mix.weights[place] * left, right)
        return weight

    def _doubling(
        self,
        stage: Stage,
        weight: Tensor,
        source: Activation,
        skip: Activation | None,
        bias: Tensor | None = None,
        *,
        sides: bool = True,
    ) -> Callable[[int, int], Tensor]:
        """`_convolution` of a stage that doubles, with the same kernels everywhere.

        bias: (outputs,), of a stage without statistics, whose ReLU follows at once. sides: whether the values of the
        first and last column count.
        """
        phases = phase_kernels(weight)

        def convolve(top: int, bottom: int) -> Tensor:
            first, last = top // 2, -(-bottom // 2)
            more = None
            if stage.skip is not None:
                assert skip is not None
                more = skip.pointwise(stage.skip, 2 * first, 2 * last)
            made = convolve_doubled(
                source.repeated(first, last),
                weight,
                phases,
                bias=bias,
                relu=bias is not None,
                borders=(first == 0, last == source.height, sides, sides),
                add=more,
            )
            return made[:, :, top - 2 * first : top - 2 * first + bottom - top]

        return convolve

    def _normalization(
        self, name: str, mean: Tensor, variance: Tensor, size: tuple[int, int], relu: bool
    ) -> Callable[..., Tensor]:
        """A function that turns raw rows into an activation, as `_affine` gives it."""
        stage = self.stages[name]
        mean, variance = stage.pulled(mean, variance, self.network.config.statistics_pull)
        scale, shift = self.affine[name]
        gain = scale * torch.rsqrt(variance + EPSILON)
        return self._affine(gain, shift - mean * gain, size, relu)

    def _affine(self, gains: Tensor, offsets: Tensor, size: tuple[int, int], relu: bool) -> Callable[..., Tensor]:
        """A function (raw rows, top, bottom, out) that scales and shifts; in place where `out` is left out.

        gains, offsets: (S, C), mixed by weight where that differs from place to place; else (1, C).
        """
        if self.maps is None:
            gain, offset = gains[:, :, None, None], offsets[:, :, None, None]

            def alike(raw: Tensor, top: int, bottom: int, out: Tensor | None = None) -> Tensor:
                out = raw if out is None else out
                torch.addcmul(offset.to(raw.dtype), raw, gain.to(raw.dtype), out=out)
                return out.relu_() if relu else out

            return alike
        weights = self.maps
        maps = weights.at(size)

        def placed(raw: Tensor, top: int, bottom: int, out: Tensor | None = None) -> Tensor:
            out = raw if out is None else out
            for left, right, styles in weights.pieces(size, top, bottom):
                there = raw[..., left:right]
                if len(styles) == 1:
                    gain, offset = (t[styles[0]][None, :, None, None] for t in (gains, offsets))
                else:
                    parts = maps[styles, top:bottom, left:right]
                    gain, offset = (
                        torch.einsum("shw,sc->hwc", parts, t[styles]).permute(2, 0, 1)[None] for t in (gains, offsets)
                    )
                torch.addcmul(offset.to(raw.dtype), there, gain.to(raw.dtype), out=out[..., left:right])
            return out.relu_() if relu else out

        return placed

    # --- full size ---------------------------------------------------------------------------------------

    def _full_size(self, source: Activation) -> Tensor:
        """The stages without statistics and the color path, strip by strip to the result."""
        height, width = self.image.shape[-2:]
        stage, out = self.stages["up1"], self.network.out
        up1 = self._up1(source)
        result = torch.empty_like(self.image)
        rows = max(16, STRIP_NUMBERS // (stage.conv.in_channels * self.width))
        last = out.weight.contiguous(memory_format=torch.channels_last)
        for top, bottom in strips(height, rows):
            if self.margin:  # what lies beyond the picture is there already
                read, left = up1.rows(top + self.margin - 1, bottom + self.margin + 1), self.margin - 1
            else:
                read, left = up1.window(top, bottom), 0
            drawing = F.conv2d(read, last)[0, :, :, left : left + width]
            torch.sigmoid(self._color(top, bottom).add_(drawing), out=result[:, top:bottom])
            self.tick((bottom - top) * self.width * (_cost(stage) + _cost(out)))
        self.tick(self.tick.total - self.tick.done)  # the rows of the frame are not computed
        return result

    def _up1(self, source: Activation) -> Again:
        stage, size = self.stages["up1"], (self.height, self.width)
        if self.maps is not None:
            up1 = Again(*size, self._convolution("up1", source, None, size))
            up1.finish = self._affine(*self.affine["up1"], size, True)
            return up1
        # No statistics come between: the table's scale is in the kernels, its shift their bias.
        gain, offset = self.affine["up1"]
        weight = self._merged("up1") * gain[0, :, None, None, None]
        return Again(*size, self._doubling(stage, weight, source, None, offset[0], sides=self.margin == 0))

    def _color(self, top: int, bottom: int) -> Tensor:
        """The color path of rows [top, bottom), (3, rows, W), before the sigmoid."""
        if self.maps is None:
            (matrix,) = self.tables.color
            offset = matrix[:, 3] - 0.5 * matrix[:, :3].sum(dim=1)
            with torch.autocast(self.image.device.type, enabled=False):
                flat = torch.addmm(offset[:, None], matrix[:, :3], self.image[:, top:bottom].flatten(1))
            return torch.unflatten(flat, 1, (bottom - top, -1))
        picture = self.image[:, top:bottom] - 0.5
        around = torch.zeros_like(picture)
        for style, matrix in enumerate(self.tables.color):
            own = self.mix.weights[style, top:bottom]
            if bool(own.any()):
                around += own * (torch.einsum("ij,jhw->ihw", matrix[:, :3], picture) + matrix[:, 3, None, None])
        return around

    def _work(self) -> float:
        """What `tick` will have counted at the end, in multiply-adds of the padded picture."""
        pixels = self.height * self.width / 4
        total = 0.0
        for stage in self.stages.values():
            pixels = pixels * 4 if stage.upsample else pixels / stage.stride**2
            total += pixels * _cost(stage)
        return total + pixels * _cost(self.network.out)


def _cost(stage: Stage | torch.nn.Conv2d) -> float:
    """Multiply-adds of one output pixel."""
    conv = stage.conv if isinstance(stage, Stage) else stage
    return conv.in_channels * conv.out_channels * 9
