"""The style network: Johnson's image transformation network with conditional instance normalization.

Sources: layout, Johnson et al. 2016, supplement, table 1 (residual blocks after Gross and Wilber 2016); resize +
convolution instead of transposed convolution, Odena et al. 2016; a style as scales and shifts of the
normalizations, Dumoulin et al. 2017, equation 5.

Three things are ours, because plain instance normalization divides by the variance of the picture and so turns
a white, a gray and a black page into the same gray:

* *grain*: the input carries noise fixed by pixel place and seed, so that a flat area has something to paint on;
* *pulled statistics*: each normalization draws mean and variance toward the training set's averages;
* *color path*: the picture's low-passed color goes around all normalizations, through a 3 x 3 matrix and an
  offset that belong to the style, and is added before the last sigmoid.

The network is written as a list of `PaintLayer`s so that `effects/stylize.py` can run it one layer at a time over
strips of a large picture with the statistics of the whole; `StyleNetwork.forward` runs the same layers at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 1e-5  # added to variances, as the authors' released code does
SMALLEST_SIDE = 8  # pixels; reflection padding of the first layer needs more than 4, two strides need 8


@dataclass(frozen=True)
class StyleNetworkConfig:
    """Everything that decides the shape and the arithmetic of a style network; stored with its weights."""

    width: int = 32  # channels of the first layer; the paper's 32, its released models 16
    residual_blocks: int = 5
    grain: float = 0.04  # amplitude of the noise on the input, in units of the [0, 1] range
    statistics_pull: float = 0.25  # weight of the training set's statistics against the picture's own
    color_cell: int = 8  # pixels; side of the cells over which the color path averages
    color_cells: int = 5  # side of the box, in cells, over which it averages again
    upsampling: str = "nearest"  # or "bilinear": nearest and a binomial blur, which leaves no lattice on flat areas
    output: str = "sigmoid"  # or "clamp": the last layer gives [0, 1] by itself, as in foreign networks

    def __post_init__(self) -> None:
        """Raises ValueError: configurations come from files of strangers, too."""
        for name, value, smallest, largest in (
            ("width", self.width, 1, 512),
            ("residual_blocks", self.residual_blocks, 0, 64),
            ("grain", self.grain, 0, 1),
            ("statistics_pull", self.statistics_pull, 0, 100),
            ("color_cell", self.color_cell, 1, 256),
            ("color_cells", self.color_cells, 1, 63),
        ):
            wanted = (int, float) if name in ("grain", "statistics_pull") else int
            if isinstance(value, bool) or not isinstance(value, wanted) or not smallest <= value <= largest:
                raise ValueError(f"{name} must be between {smallest} and {largest}, not {value!r}")
        if self.color_cells % 2 == 0:
            raise ValueError(f"color_cells must be odd, not {self.color_cells}")
        if self.output not in ("sigmoid", "clamp"):
            raise ValueError(f"unknown output {self.output!r}")
        if self.upsampling not in ("nearest", "bilinear"):
            raise ValueError(f"unknown upsampling {self.upsampling!r}")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> StyleNetworkConfig:
        """Raises ValueError for keys that no version of this network knows."""
        unknown = set(data) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"unknown keys in the architecture: {', '.join(sorted(unknown))}")
        return cls(**data)


class PaintLayer(nn.Module):
    """[nearest upsampling] + reflection padding + convolution, without its normalization.

    The convolution of a layer that is normalized has no bias: the mean would take it away again.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, upsample: str = "", norm: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, bias=not norm)
        self.kernel = kernel
        self.stride = stride
        self.upsample = upsample
        self.norm = norm
        if norm:
            self.register_buffer("average_mean", torch.zeros(outputs))
            self.register_buffer("average_variance", torch.ones(outputs))
        self.average_mean: Tensor
        self.average_variance: Tensor

    @property
    def radius(self) -> int:
        return self.kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H', W') with H' = 2 H, H or H / stride rounded up."""
        if self.upsample:
            x = doubled(x, self.upsample)
        return self.convolve(F.pad(x, (self.radius,) * 4, mode="reflect"))

    def convolve(self, padded: Tensor) -> Tensor:
        """The convolution alone, on input that already carries `radius` pixels of border."""
        y: Tensor = self.conv(padded)
        return y

    def pulled(self, mean: Tensor, variance: Tensor, pull: float) -> tuple[Tensor, Tensor]:
        """Statistics (N, C) of the picture, drawn toward the averages of the training set."""
        return (
            (mean + pull * self.average_mean) / (1 + pull),
            (variance + pull * self.average_variance) / (1 + pull),
        )


@dataclass(frozen=True)
class StyleTable:
    """What makes a style: for each of N pictures the scales and shifts of all normalizations, and the color path.

    scale, shift: (N, K) float32, K = `StyleNetwork.norm_channels`, in the order of the layers.
    color: (N, 3, 4) float32, matrix and offset of the color path, in units before the sigmoid.
    The `*_slope` fields hold what is added per doubling of the stroke scale; None where the style has one scale.
    """

    scale: Tensor
    shift: Tensor
    color: Tensor
    scale_slope: Tensor | None = None
    shift_slope: Tensor | None = None
    color_slope: Tensor | None = None

    def at(self, stroke_scale: float | Tensor) -> StyleTable:
        """The table for a stroke scale (1: as trained); a tensor (N,) gives each picture its own."""
        if self.scale_slope is None or self.shift_slope is None or self.color_slope is None:
            return StyleTable(self.scale, self.shift, self.color)
        octaves = torch.log2(torch.as_tensor(stroke_scale, dtype=self.scale.dtype, device=self.scale.device))
        octaves = octaves.reshape(-1, 1)
        return StyleTable(
            self.scale + octaves * self.scale_slope,
            self.shift + octaves * self.shift_slope,
            self.color + octaves[..., None] * self.color_slope,
        )

    def to(self, device: torch.device | str) -> StyleTable:
        return StyleTable(**{name: t.to(device) for name, t in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """The tensors by field name, those that are None left out: what a pack stores."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: tensor for name, tensor in named.items() if tensor is not None}

    @classmethod
    def stack(cls, tables: Sequence[StyleTable]) -> StyleTable:
        """Tables of single pictures or styles, one after the other in N."""
        names = tables[0].tensors().keys()
        return cls(**{name: torch.cat([table.tensors()[name] for table in tables]) for name in names})

    def blended(self, weights: Tensor) -> StyleTable:
        """One table (N = 1) from S of them; weights: (S,), summing to 1."""
        return StyleTable(
            **{name: torch.einsum("s,s...->...", weights, t)[None] for name, t in self.tensors().items()}
        )


class StyleNetwork(nn.Module):
    """A base network: all convolutions and average statistics. What it paints is decided by a `StyleTable`."""

    def __init__(self, config: StyleNetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or StyleNetworkConfig()
        w = config.width
        self.down = nn.ModuleList(
            [PaintLayer(3, w, 9), PaintLayer(w, 2 * w, 3, stride=2), PaintLayer(2 * w, 4 * w, 3, stride=2)]
        )
        self.residual = nn.ModuleList([PaintLayer(4 * w, 4 * w, 3) for _ in range(2 * config.residual_blocks)])
        up = config.upsampling
        self.up = nn.ModuleList([PaintLayer(4 * w, 2 * w, 3, upsample=up), PaintLayer(2 * w, w, 3, upsample=up)])
        self.out = PaintLayer(w, 3, 9, norm=False)

    @property
    def norm_layers(self) -> list[PaintLayer]:
        """The normalized layers in the order in which the picture passes them."""
        return [layer for group in (self.down, self.residual, self.up) for layer in group]  # type: ignore[misc]

    @property
    def norm_channels(self) -> int:
        """K of `StyleTable`."""
        return sum(layer.conv.out_channels for layer in self.norm_layers)

    def plain_table(self, styles: int = 1) -> StyleTable:
        """The table from which training starts: scales 1, shifts 0, the color path handing color through."""
        k = self.norm_channels
        color = torch.zeros(styles, 3, 4)
        color[:, :, :3] = 2.0 * torch.eye(3)
        return StyleTable(torch.ones(styles, k), torch.zeros(styles, k), color)

    def forward(self, image: Tensor, table: StyleTable, grain: Tensor | None = None) -> Tensor:
        """Paint pictures.

        image: (N, 3, H, W) float, sRGB-encoded, range [0, 1]; H and W at least 8.
        table: N styles, or one for all pictures.
        grain: (N, 1, H, W) or (1, 1, H, W), range [-1, 1]; None: `place_grain` with seed 0.
        Returns (N, 3, H, W) in [0, 1]. Raises ValueError for a smaller picture.
        In training mode the running averages of the statistics are updated.
        """
        height, width = image.shape[-2:]
        if min(height, width) < SMALLEST_SIDE:
            raise ValueError(f"{width} x {height} pixels: a style needs at least {SMALLEST_SIDE} on each side")
        if grain is None:
            grain = place_grain(height, width, device=image.device)[None, None]
        x = pad_to_strides(image + self.config.grain * grain.to(image.dtype))
        x = x.contiguous(memory_format=torch.channels_last)
        color = self.color_of(image)

        scales = torch.split(table.scale, [layer.conv.out_channels for layer in self.norm_layers], dim=1)
        shifts = torch.split(table.shift, [layer.conv.out_channels for layer in self.norm_layers], dim=1)
        affine = iter(zip(self.norm_layers, scales, shifts, strict=True))

        def step(x: Tensor, *, relu: bool = True) -> Tensor:
            layer, scale, shift = next(affine)
            return self._normalize(layer, layer(x), scale, shift, relu)

        for _ in self.down:
            x = step(x)
        for _ in range(self.config.residual_blocks):
            x = x + step(step(x), relu=False)
        for _ in self.up:
            x = step(x)
        drawing = self.out(x)[..., :height, :width]
        around = color_path(color, table.color, (height, width), cell=self.config.color_cell)
        return self.finish(drawing.float() + around)

    def finish(self, painted: Tensor) -> Tensor:
        """From the sum of the last layer and the color path to [0, 1]."""
        return torch.sigmoid(painted) if self.config.output == "sigmoid" else painted.clamp(0.0, 1.0)

    def color_of(self, image: Tensor) -> Tensor:
        """What the color path sees: cell averages (N, 3, h, w) of the picture, smoothed, centered on 0."""
        cell, cells = self.config.color_cell, self.config.color_cells
        small = F.avg_pool2d(image.float(), cell, ceil_mode=True, count_include_pad=False)
        return box_of_cells(small, cells) - 0.5

    def _normalize(self, layer: PaintLayer, raw: Tensor, scale: Tensor, shift: Tensor, relu: bool) -> Tensor:
        own_variance, own_mean = torch.var_mean(raw.float(), dim=(2, 3), correction=0)
        mean, variance = layer.pulled(own_mean, own_variance, self.config.statistics_pull)
        if self.training:  # after its use, so that all pictures of a step meet the same averages on every device
            with torch.no_grad():
                layer.average_mean.lerp_(own_mean.mean(dim=0), 0.01)
                layer.average_variance.lerp_(own_variance.mean(dim=0), 0.01)
        gain = scale * torch.rsqrt(variance + EPSILON)
        offset = shift - mean * gain
        y = torch.addcmul(
            offset[:, :, None, None].to(raw.dtype), raw, gain[:, :, None, None].to(raw.dtype)
        )  # in the convolution's precision; the statistics above are float32
        return F.relu(y) if relu else y


def build(config: dict[str, Any]) -> StyleNetwork:
    """For the table in `nets/__init__.py`."""
    return StyleNetwork(StyleNetworkConfig.from_json(config))


def doubled(x: Tensor, mode: str) -> Tensor:
    """(N, C, H, W) -> (N, C, 2 H, 2 W); mode: "nearest" or "bilinear" (pixel centers kept, the border clamped)."""
    if mode == "nearest":
        return F.interpolate(x, scale_factor=2.0, mode="nearest")
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def pad_to_strides(image: Tensor) -> Tensor:
    """Mirror the last rows and columns until both sides are multiples of 4, so that two strides undo exactly."""
    height, width = image.shape[-2:]
    return F.pad(image, (0, -width % 4, 0, -height % 4), mode="reflect")


def box_of_cells(small: Tensor, cells: int) -> Tensor:
    """Average over `cells` x `cells` neighbours; beyond the border the last cell counts again."""
    radius = cells // 2
    return F.avg_pool2d(F.pad(small, (radius,) * 4, mode="replicate"), cells, stride=1)


def color_path(color: Tensor, matrix: Tensor, size: tuple[int, int], *, cell: int = 8) -> Tensor:
    """Low-passed color through the style's matrix and offset, interpolated to `size`.

    color: (N, 3, h, w) cell averages of a picture; matrix: (N, 3, 4). Returns (N, 3, H, W), before the sigmoid.
    """
    mixed = torch.einsum("nij,njhw->nihw", matrix[:, :, :3].expand(color.shape[0], 3, 3), color)
    mixed = mixed + matrix[:, :, 3][:, :, None, None]
    h, w = color.shape[-2:]
    full = F.interpolate(mixed, size=(h * cell, w * cell), mode="bilinear", align_corners=False)
    return full[..., : size[0], : size[1]]


def place_grain(
    height: int, width: int, *, seed: int = 0, top: int = 0, left: int = 0, device: torch.device | str = "cpu"
) -> Tensor:
    """Noise (height, width) float32, uniform in [-1, 1), a function of seed and absolute pixel place alone.

    So tiles, repeats and devices agree. The hash is the finalizer of MurmurHash3 (Appleby) on 32 bits.
    """
    y = torch.arange(top, top + height, dtype=torch.int64, device=device)[:, None]
    x = torch.arange(left, left + width, dtype=torch.int64, device=device)[None, :]
    low32 = 0xFFFFFFFF
    h = (x * 0x9E3779B1 + y * 0x85EBCA77 + (seed & low32) * 0xC2B2AE3D + 0x27D4EB2F) & low32
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & low32
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & low32
    h = h ^ (h >> 16)
    return (h >> 8).to(torch.float32) * (2.0 / (1 << 24)) - 1.0


def initialize(network: StyleNetwork, generator: torch.Generator) -> None:
    """Random weights to train from: He et al. 2015 for the ReLU layers, a small last layer."""
    for module in network.modules():
        if isinstance(module, PaintLayer):
            fan_in = module.conv.in_channels * module.kernel**2
            deviation = math.sqrt(2.0 / fan_in) if module.norm else 0.5 * math.sqrt(1.0 / fan_in)
            with torch.no_grad():
                module.conv.weight.normal_(0.0, deviation, generator=generator)
                if module.conv.bias is not None:
                    module.conv.bias.zero_()
