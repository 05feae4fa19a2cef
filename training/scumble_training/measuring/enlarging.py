"""A network as measuring and showing want it: 8 bit in, 8 bit out, in one piece."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

#: low-resolution (3, H, W) uint8 to high-resolution (3, H x factor, W x factor) uint8
Enlarge = Callable[[Tensor], Tensor]


def enlarge_with(network: nn.Module) -> Enlarge:
    """The network, on the device where it is, in eval mode."""
    device = next(network.parameters()).device
    network = network.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload,unused-ignore]

    @torch.no_grad()
    def enlarge(small: Tensor) -> Tensor:
        made: Tensor = network(small[None].to(device).float() / 255)[0]
        return (made * 255).round().clamp(0, 255).to("cpu", torch.uint8)

    return enlarge
