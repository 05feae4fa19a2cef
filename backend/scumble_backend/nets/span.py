"""SPAN: residual blocks that gate themselves with a parameter-free attention. The best picture for its milliseconds.

Weights are named as in the authors' code, so Spandrel loads them unchanged. Each 3x3 convolution is learned as a
product of three (1x1, 3x3, 1x1) plus a 1x1 beside them; the authors run that product in training. Here the product's
kernels are multiplied out first, in training too, which gives the same function and gradients at the price of one
convolution.
Source: Wan et al. 2024, "Swift Parameter-free Attention Network for Efficient Super-Resolution".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Conv3XC(nn.Module):
    """A 3x3 convolution (padding 1) over-parameterized as conv[2] . conv[1] . conv[0] + sk."""

    def __init__(self, inputs: int, outputs: int, gain: int = 2) -> None:
        super().__init__()
        self.sk = nn.Conv2d(inputs, outputs, 1)
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, inputs * gain, 1),
            nn.Conv2d(inputs * gain, outputs * gain, 3),
            nn.Conv2d(outputs * gain, outputs, 1),
        )
        self.eval_conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.eval_conv.requires_grad_(False)

    def product(self) -> tuple[Tensor, Tensor]:
        """The one kernel (outputs, inputs, 3, 3) and bias (outputs,) that the factors amount to; differentiable."""
        (w1, b1), (w2, b2), (w3, b3) = (_parts(module) for module in self.conv)
        sk, sk_bias = _parts(self.sk)
        wide = torch.einsum("omhw,mi->oihw", w2, w1[:, :, 0, 0])
        kernel = torch.einsum("po,oihw->pihw", w3[:, :, 0, 0], wide) + F.pad(sk, (1, 1, 1, 1))
        bias = w3[:, :, 0, 0] @ (torch.einsum("omhw,m->o", w2, b1) + b2) + b3 + sk_bias
        return kernel, bias

    @torch.no_grad()
    def merge(self) -> None:
        """Write the product into `eval_conv`, which is what runs outside training."""
        for mine, product in zip(_parts(self.eval_conv), self.product(), strict=True):
            mine.copy_(product)

    def train(self, mode: bool = True) -> Conv3XC:
        if self.training and not mode:
            self.merge()
        super().train(mode)
        return self

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return F.conv2d(x, self.eval_conv.weight, self.eval_conv.bias, padding=1)
        with torch.autocast(x.device.type, enabled=False):
            kernel, bias = self.product()
        return F.conv2d(x, kernel, bias, padding=1)


class Block(nn.Module):
    """Three convolutions; the result, with the input added, is gated by its own sign and size."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.c1_r = Conv3XC(features, features)
        self.c2_r = Conv3XC(features, features)
        self.c3_r = Conv3XC(features, features)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first = F.silu(self.c1_r(x))
        third = self.c3_r(F.silu(self.c2_r(first)))
        return (third + x) * (torch.sigmoid(third) - 0.5), first


class Span(nn.Module):
    """Enlarge an RGB picture by a whole factor.

    features: channels inside, 4 to 256. factor: 1 to 8.
    forward: (N, 3, H, W) float, range [0, 1], to (N, 3, H x factor, W x factor), range about [0, 1], not clamped.
    """

    no_norm: Tensor
    halo = 21  # source pixels a result depends on, on each side: 1 + 6 x 3 + 1 + 1 convolutions of 3x3
    least_side = 1  # source pixels

    def __init__(self, features: int = 32, factor: int = 4) -> None:
        super().__init__()
        if not (4 <= features <= 256 and 1 <= factor <= 8):
            raise ValueError(f"SPAN has 4 to 256 features and enlarges 1 to 8 times, not {features} and {factor}.")
        self.factor = factor
        self.register_buffer("no_norm", torch.zeros(1))  # tells Spandrel that inputs are taken as they are
        self.conv_1 = Conv3XC(3, features)
        self.block_1 = Block(features)
        self.block_2 = Block(features)
        self.block_3 = Block(features)
        self.block_4 = Block(features)
        self.block_5 = Block(features)
        self.block_6 = Block(features)
        self.conv_cat = nn.Conv2d(features * 4, features, 1)
        self.conv_2 = Conv3XC(features, features)
        self.upsampler = nn.Sequential(nn.Conv2d(features, 3 * factor**2, 3, padding=1), nn.PixelShuffle(factor))

    @property
    def cost(self) -> int:
        """Multiply-adds for a source pixel outside training, where each product of convolutions is one."""
        merged = [module.eval_conv for module in self.modules() if isinstance(module, Conv3XC)]
        return sum(_parts(module)[0].numel() for module in (*merged, self.conv_cat, self.upsampler[0]))

    def forward(self, image: Tensor) -> Tensor:
        start = self.conv_1(image)
        first, _ = self.block_1(start)
        x = first
        for block in (self.block_2, self.block_3, self.block_4, self.block_5):
            x, _ = block(x)
        x, late = self.block_6(x)
        joined = self.conv_cat(torch.cat([start, self.conv_2(x), first, late], 1))
        result: Tensor = self.upsampler(joined)
        return result

    @torch.no_grad()
    def start_from(self, smaller: Span) -> None:
        """Take over everything but the upsampler from a network for another factor."""
        kept = {k: v for k, v in smaller.state_dict().items() if not k.startswith("upsampler")}
        self.load_state_dict({**self.state_dict(), **kept})

    @torch.no_grad()
    def start_as_bilinear(self) -> None:
        """Let three channels carry the picture from the first convolution to the last, and blend it there.

        SPAN has no path around itself; begun from noise it first has to learn to show the picture at all.
        """
        factor = self.factor
        for module in list(self.conv_1.conv)[1:]:  # channels 0 to 2 start as the bare 1x1 beside the product
            for part in _parts(module):
                part[:3] = 0
        for (weight, bias), copied in (
            (_parts(self.conv_1.sk), torch.eye(3)),
            (_parts(self.conv_cat), torch.eye(3, self.conv_cat.in_channels)),
        ):
            weight[:3] = copied[:, :, None, None]
            bias[:3] = 0
        weight, bias = _parts(self.upsampler[0])
        weight *= 0.1
        weight[:, :3] = 0
        bias.zero_()
        for row in range(factor):
            for column in range(factor):
                y = _linear_taps((row + 0.5) / factor - 0.5)
                x = _linear_taps((column + 0.5) / factor - 0.5)
                for channel in range(3):
                    weight[channel * factor**2 + row * factor + column, channel] = torch.outer(y, x)


def _parts(convolution: nn.Module) -> tuple[Tensor, Tensor]:
    """Weight and bias."""
    assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
    return convolution.weight, convolution.bias


def _linear_taps(offset: float) -> Tensor:
    """Weights of the samples at -1, 0 and 1 for a point at `offset` between -0.5 and 0.5."""
    return torch.tensor([max(-offset, 0.0), 1 - abs(offset), max(offset, 0.0)])


def build(config: Mapping[str, Any]) -> Span:
    """The network of a pack's architecture. Raises TypeError for an unknown entry, ValueError out of range."""
    return Span(**config)
