"""The light style network: residual blocks at 1/8, skip connections, marks of each style's own.

Sources: encoder, residual blocks, decoder and instance normalization, Johnson et al. 2016; a style as scales and
shifts of the normalizations, Dumoulin et al. 2017; pixels folded into channels before the first convolution, Shi et
al. 2016 in reverse; skip connections, Ronneberger et al. 2015; a low-rank change of convolutions per style, Hu et
al. 2022; a strength as a learned slope of the table, Babaeizadeh and Ghiasi 2018.

What differs from `nets/style.py`, and why:

* the residual blocks work at 1/8 of the side: a quarter of the arithmetic, and they see twice as far;
* the first convolution reads 2 x 2 pixels folded into twelve channels, the only layers at full size have few
  channels and no statistics, so that a large picture passes its full size once;
* 1 x 1 convolutions carry the encoder's activations at 1/4 and 1/2 past the residual blocks: eyes, lettering and
  contours stay readable under broad marks;
* color goes around all normalizations at full size, through a 3 x 3 matrix and an offset of the style;
* a style may carry a low-rank change of the convolutions (`StyleDelta`): scales and shifts alone recombine kernels
  that all styles share, which gives them all the same hatching.

The network is a list of stages (`stages`), each of which a caller can run over strips of a large picture with the
statistics of the whole; `SkipStyleNetwork.forward` runs the same stages at once.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from scumble_backend.nets.style import EPSILON, place_grain

STRIDE = 8  # the coarsest stage works at 1/8; pictures are padded to multiples of it
SMALLEST_SIDE = 16  # pixels; the frame mirrors up to 15


@dataclass(frozen=True)
class SkipStyleConfig:
    """Everything that decides the shape and the arithmetic; stored with the weights."""

    widths: tuple[int, int, int, int] = (16, 32, 64, 96)  # channels at 1, 1/2, 1/4 and 1/8 of the side
    residual_blocks: int = 5  # at 1/8
    quarter_blocks: int = 1  # residual blocks at 1/4, in the decoder
    grain: float = 0.04  # amplitude of the noise on the input, in units of the [0, 1] range
    statistics_pull: float = 0.25  # weight of the training set's statistics against the picture's own
    margin: int = (
        8  # pixels mirrored around a picture and cut off again: what paddings do to a border stays out of it
    )

    def __post_init__(self) -> None:
        """Raises ValueError: configurations come from files of strangers, too."""
        if (
            not isinstance(self.widths, tuple)
            or len(self.widths) != 4
            or not all(isinstance(width, int) and 1 <= width <= 512 for width in self.widths)
        ):
            raise ValueError(f"widths must be four whole numbers from 1 to 512, not {self.widths!r}")
        for name, value, largest, kind in (
            ("residual_blocks", self.residual_blocks, 64, int),
            ("quarter_blocks", self.quarter_blocks, 16, int),
            ("grain", self.grain, 1, (int, float)),
            ("statistics_pull", self.statistics_pull, 100, (int, float)),
            ("margin", self.margin, 8, int),
        ):
            if isinstance(value, bool) or not isinstance(value, kind) or not 0 <= value <= largest:
                raise ValueError(f"{name} must be between 0 and {largest}, not {value!r}")
        if self.margin % STRIDE:
            raise ValueError(f"margin must be a multiple of {STRIDE}, not {self.margin}")

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "widths": list(self.widths)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SkipStyleConfig:
        """Raises ValueError for keys that no version of this network knows."""
        unknown = set(data) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"unknown keys in the architecture: {', '.join(sorted(unknown))}")
        values = dict(data)
        if isinstance(values.get("widths"), list):
            values["widths"] = tuple(values["widths"])
        return cls(**values)


class Stage(nn.Module):
    """[bilinear doubling] + reflection padding + 3 x 3 convolution [+ 1 x 1 convolution of an earlier activation].

    Its result is raw: normalization (where `norm` is True), the table's scale and shift and the ReLU come after.
    A normalized stage has no bias, since the mean would take it away again; the others find theirs in the table.
    """

    def __init__(
        self, inputs: int, outputs: int, *, stride: int = 1, upsample: bool = False, skip: int = 0, norm: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride=stride, bias=False)
        self.skip = nn.Conv2d(skip, outputs, 1, bias=False) if skip else None
        self.stride, self.upsample, self.norm = stride, upsample, norm
        if norm:
            self.register_buffer("average_mean", torch.zeros(outputs))
            self.register_buffer("average_variance", torch.ones(outputs))
        self.average_mean: Tensor
        self.average_variance: Tensor

    @property
    def outputs(self) -> int:
        return self.conv.out_channels

    def forward(self, x: Tensor, skip: Tensor | None = None, delta: Tensor | None = None) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H', W') with H' = 2 H, H or H / stride.

        skip: (N, skip channels, H', W') for a stage with a skip connection. delta: added to the convolution's weight.
        """
        if self.upsample:
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        return self.convolve(F.pad(x, (1, 1, 1, 1), mode="reflect"), skip, delta)

    def convolve(self, padded: Tensor, skip: Tensor | None = None, delta: Tensor | None = None) -> Tensor:
        """The convolutions alone, on input that already is doubled and carries one pixel of border."""
        weight = self.conv.weight if delta is None else self.conv.weight + delta
        y = F.conv2d(padded, weight, stride=self.stride)
        if self.skip is not None:
            y = y + self.skip(skip)
        return y

    def pulled(self, mean: Tensor, variance: Tensor, pull: float) -> tuple[Tensor, Tensor]:
        """Statistics (N, C) of the picture, drawn toward the averages of the training set."""
        return (
            (mean + pull * self.average_mean) / (1 + pull),
            (variance + pull * self.average_variance) / (1 + pull),
        )


@dataclass(frozen=True)
class SkipStyleTable:
    """What makes a style, for each of N pictures.

    scale, shift: (N, K) float32, K = `SkipStyleNetwork.table_channels`, in the order of the stages.
    color: (N, 3, 4) float32, matrix and offset of the color path, in units before the sigmoid.
    The `*_bold` fields hold what is added per unit of boldness (-1: faithful, 0: as trained, 1: bold), the `*_slope`
    fields what is added per doubling of the stroke scale; None where the style has no such axis.
    """

    scale: Tensor
    shift: Tensor
    color: Tensor
    scale_bold: Tensor | None = None
    shift_bold: Tensor | None = None
    color_bold: Tensor | None = None
    scale_slope: Tensor | None = None
    shift_slope: Tensor | None = None
    color_slope: Tensor | None = None

    def at(self, stroke_scale: float | Tensor = 1.0, boldness: float | Tensor = 0.0) -> SkipStyleTable:
        """The table at a place on its axes; a tensor (N,) gives each picture its own."""
        octaves = torch.log2(torch.as_tensor(stroke_scale, dtype=self.scale.dtype, device=self.scale.device))
        bold = torch.as_tensor(boldness, dtype=self.scale.dtype, device=self.scale.device)
        placed = {}
        for name in ("scale", "shift", "color"):
            value = getattr(self, name)
            for amount, slope in ((bold, getattr(self, f"{name}_bold")), (octaves, getattr(self, f"{name}_slope"))):
                if slope is not None:
                    value = value + amount.reshape(-1, *[1] * (slope.dim() - 1)) * slope
            placed[name] = value
        return SkipStyleTable(**placed)

    def to(self, device: torch.device | str) -> SkipStyleTable:
        return SkipStyleTable(**{name: t.to(device) for name, t in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """The tensors by field name, those that are None left out: what a pack stores."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: tensor for name, tensor in named.items() if tensor is not None}

    def row(self, place: int) -> SkipStyleTable:
        """The table (N = 1) of one picture or style, with storage of its own; `stack` puts them together again."""
        return SkipStyleTable(**{name: t[place : place + 1].clone() for name, t in self.tensors().items()})

    @classmethod
    def stack(cls, tables: Sequence[SkipStyleTable]) -> SkipStyleTable:
        """Tables of single pictures or styles, one after the other in N."""
        names = tables[0].tensors().keys()
        return cls(**{name: torch.cat([table.tensors()[name] for table in tables]) for name in names})

    def blended(self, weights: Tensor) -> SkipStyleTable:
        """One table (N = 1) from S of them; weights: (S,), summing to 1."""
        return SkipStyleTable(
            **{name: torch.einsum("s,s...->...", weights, t)[None] for name, t in self.tensors().items()}
        )


@dataclass(frozen=True)
class StyleDelta:
    """A style's low-rank change of convolutions.

    factors: stage name -> (left, right), left (outputs, rank) and right (rank, inputs, 3, 3): the change of the
    stage's 3 x 3 kernel is their product. Run as two convolutions (right, then left as 1 x 1) it can be weighted at
    every pixel; merged into the kernel it costs nothing.
    """

    factors: Mapping[str, tuple[Tensor, Tensor]]

    def kernel(self, stage: str) -> Tensor | None:
        """(outputs, inputs, 3, 3), or None where the style leaves the stage as it is."""
        if stage not in self.factors:
            return None
        left, right = self.factors[stage]
        return torch.einsum("or,rikl->oikl", left, right)

    def to(self, device: torch.device | str) -> StyleDelta:
        return StyleDelta({name: (left.to(device), right.to(device)) for name, (left, right) in self.factors.items()})


class SkipStyleNetwork(nn.Module):
    """A base network: convolutions and average statistics. What it paints is decided by table and delta."""

    def __init__(self, config: SkipStyleConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SkipStyleConfig()
        full, half, quarter, eighth = config.widths
        stages: dict[str, Stage] = {
            "stem": Stage(12, half),
            "down4": Stage(half, quarter, stride=2),
            "down8": Stage(quarter, eighth, stride=2),
        }
        for block in range(config.residual_blocks):
            for part in "ab":
                stages[f"block{block}{part}"] = Stage(eighth, eighth)
        stages["up4"] = Stage(eighth, quarter, upsample=True, skip=quarter)
        for block in range(config.quarter_blocks):
            for part in "ab":
                stages[f"quarter{block}{part}"] = Stage(quarter, quarter)
        stages["up2"] = Stage(quarter, half, upsample=True, skip=half)
        stages["up1"] = Stage(half, full, upsample=True, norm=False)
        self.stages = nn.ModuleDict(stages)
        self.out = nn.Conv2d(full, 3, 3, bias=False)  # its bias is the offset of the color path

    def named_stages(self) -> dict[str, Stage]:
        """Stages by name, in the order in which the picture passes them and in which tables are laid out."""
        return dict(self.stages.items())  # type: ignore[arg-type]

    @property
    def table_channels(self) -> int:
        """K of `SkipStyleTable`."""
        return sum(stage.outputs for stage in self.named_stages().values())

    def merged(self, delta: StyleDelta | None) -> SkipStyleNetwork:
        """A copy with one style's change in its kernels; itself where there is none. Other tensors are shared."""
        if delta is None:
            return self
        network = copy.deepcopy(self, {id(t): t for t in self.state_dict(keep_vars=True).values()})
        for name, stage in network.named_stages().items():
            change = delta.kernel(name)
            if change is not None:
                stage.conv.weight = nn.Parameter(stage.conv.weight.detach() + change, requires_grad=False)
        return network

    def plain_table(self, styles: int = 1) -> SkipStyleTable:
        """The table from which training starts: scales 1, shifts 0, the color path handing color through."""
        k = self.table_channels
        color = torch.zeros(styles, 3, 4)
        color[:, :, :3] = 2.0 * torch.eye(3)
        return SkipStyleTable(torch.ones(styles, k), torch.zeros(styles, k), color)

    def forward(
        self, image: Tensor, table: SkipStyleTable, delta: StyleDelta | None = None, grain: Tensor | None = None
    ) -> Tensor:
        """Paint pictures.

        image: (N, 3, H, W) float, sRGB-encoded, range [0, 1]; H and W at least 16.
        table: N styles, or one for all pictures. delta: of one style, for all pictures.
        grain: (N, 1, H, W) or (1, 1, H, W), range [-1, 1]; None: `place_grain` with seed 0.
        Returns (N, 3, H, W) in [0, 1]. Raises ValueError for a smaller picture.
        In training mode the running averages of the statistics are updated, and there is no margin.
        """
        height, width = image.shape[-2:]
        if min(height, width) < SMALLEST_SIDE:
            raise ValueError(f"{width} x {height} pixels: a style needs at least {SMALLEST_SIDE} on each side")
        if grain is None:
            grain = place_grain(height, width, device=image.device)[None, None]
        stages = self.named_stages()
        names = list(stages)
        pieces = [stage.outputs for stage in stages.values()]
        scales = dict(zip(names, torch.split(table.scale, pieces, dim=1), strict=True))  # type: ignore[no-untyped-call,unused-ignore]
        shifts = dict(zip(names, torch.split(table.shift, pieces, dim=1), strict=True))  # type: ignore[no-untyped-call,unused-ignore]

        def step(name: str, x: Tensor, skip: Tensor | None = None, *, relu: bool = True) -> Tensor:
            raw = stages[name](x, skip, delta.kernel(name) if delta else None)
            return self._affine(stages[name], raw, scales[name], shifts[name], relu)

        margin = 0 if self.training else self.config.margin
        x = folded(framed(image + self.config.grain * grain.to(image.dtype), margin))
        half = step("stem", x.contiguous(memory_format=torch.channels_last))
        quarter = step("down4", half)
        x = step("down8", quarter)
        for block in range(self.config.residual_blocks):
            x = x + step(f"block{block}b", step(f"block{block}a", x), relu=False)
        x = step("up4", x, quarter)
        for block in range(self.config.quarter_blocks):
            x = x + step(f"quarter{block}b", step(f"quarter{block}a", x), relu=False)
        x = step("up2", x, half)
        x = step("up1", x)
        drawing = self.out(F.pad(x, (1, 1, 1, 1), mode="reflect"))
        return finish(drawing[..., margin : margin + height, margin : margin + width], image, table.color)

    def _affine(self, stage: Stage, raw: Tensor, scale: Tensor, shift: Tensor, relu: bool) -> Tensor:
        if stage.norm:
            own_mean, own_variance = mean_and_variance(raw)
            mean, variance = stage.pulled(own_mean, own_variance, self.config.statistics_pull)
            if self.training:  # after its use, so that all pictures of a step meet the same averages
                with torch.no_grad():
                    stage.average_mean.lerp_(own_mean.mean(dim=0), 0.01)
                    stage.average_variance.lerp_(own_variance.mean(dim=0), 0.01)
            scale = scale * torch.rsqrt(variance + EPSILON)
            shift = shift - mean * scale
        y = torch.addcmul(shift[:, :, None, None].to(raw.dtype), raw, scale[:, :, None, None].to(raw.dtype))
        return F.relu(y) if relu else y


def build(config: dict[str, Any]) -> SkipStyleNetwork:
    """For the table in `nets/__init__.py`."""
    return SkipStyleNetwork(SkipStyleConfig.from_json(config))


def framed(image: Tensor, margin: int) -> Tensor:
    """Mirror `margin` pixels around a picture, below and to the right more until both sides are multiples of 8."""
    height, width = image.shape[-2:]
    return F.pad(image, (margin, margin - width % -STRIDE, margin, margin - height % -STRIDE), mode="reflect")


def mean_and_variance(raw: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and population variance, (N, C) float32 each, of (N, C, H, W).

    Where channels lie together, `var_mean` takes two to four times as long as means of a matrix (N, H W, C).
    """
    if raw.is_contiguous(memory_format=torch.channels_last):
        pixels = raw.permute(0, 2, 3, 1).flatten(1, 2).float()
        mean = pixels.mean(dim=1)
        return mean, (pixels - mean[:, None]).square().mean(dim=1)
    variance, mean = torch.var_mean(raw.float(), dim=(2, 3), correction=0)
    return mean, variance


def folded(image: Tensor) -> Tensor:
    """(N, 3, H, W) -> (N, 12, H / 2, W / 2), centered on 0: each 2 x 2 pixels become channels."""
    return F.pixel_unshuffle(image - 0.5, 2)


def finish(drawing: Tensor, image: Tensor, color: Tensor) -> Tensor:
    """The last convolution's result and the color path to [0, 1].

    drawing, image: (N, 3, H, W); color: (N, 3, 4), or (1, 3, 4) for all.
    """
    around = torch.einsum("nij,njhw->nihw", color[:, :, :3].expand(image.shape[0], 3, 3), image.float() - 0.5)
    return torch.sigmoid(drawing.float() + around + color[:, :, 3][:, :, None, None])


def initialize(network: SkipStyleNetwork, generator: torch.Generator) -> None:
    """Random weights to train from: He et al. 2015 for the ReLU stages, a small last layer."""
    with torch.no_grad():
        for stage in network.named_stages().values():
            for conv in (stage.conv, stage.skip):
                if conv is not None:
                    fan_in = conv.weight[0].numel()
                    conv.weight.normal_(0.0, math.sqrt(2.0 / fan_in), generator=generator)
        network.out.weight.normal_(0.0, 0.5 / math.sqrt(network.out.weight[0].numel()), generator=generator)
