"""SPAN files that hold the merged kernels alone, as those of efficiency challenges do.

A SPAN convolution is learned as a product of three with a 1x1 beside them, and runs as the one 3x3 kernel that they
amount to (`eval_conv`). Files without the factors get factors here whose product is that kernel, to the last bit: 1x1
convolutions that pass their channels on, and nothing beside them. They are then what Spandrel knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

GAIN = 2  # how many times wider the product is inside than its ends, as in the authors' code
_MERGED = ".eval_conv.weight"


def looks_like(state: Mapping[str, Tensor]) -> bool:
    """Whether these are the weights of a SPAN whose factors were left out."""
    merged = [name.removesuffix(_MERGED) for name in state if name.endswith(_MERGED)]
    needed = ("conv_1", "block_1.c1_r", "conv_2")
    return all(name in merged for name in needed) and not any(f"{name}.sk.weight" in state for name in merged)


def with_factors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same network with factors. state: for which `looks_like` is true."""
    import torch

    full = dict(state)
    for name, kernel in state.items():
        if not name.endswith(_MERGED) or kernel.dim() != 4:
            continue
        layer = name.removesuffix(_MERGED)
        outputs, inputs = kernel.shape[:2]
        bias = state.get(f"{layer}.eval_conv.bias", kernel.new_zeros(outputs))
        wide = kernel.new_zeros(outputs * GAIN, inputs * GAIN, *kernel.shape[2:])
        wide[:outputs, :inputs] = kernel
        full |= {
            f"{layer}.eval_conv.bias": bias,
            f"{layer}.sk.weight": kernel.new_zeros(outputs, inputs, 1, 1),
            f"{layer}.sk.bias": torch.zeros_like(bias),
            f"{layer}.conv.0.weight": torch.eye(inputs * GAIN, inputs)[:, :, None, None].to(kernel),
            f"{layer}.conv.0.bias": kernel.new_zeros(inputs * GAIN),
            f"{layer}.conv.1.weight": wide,
            f"{layer}.conv.1.bias": kernel.new_zeros(outputs * GAIN),
            f"{layer}.conv.2.weight": torch.eye(outputs, outputs * GAIN)[:, :, None, None].to(kernel),
            f"{layer}.conv.2.bias": bias.clone(),
        }
    return full
