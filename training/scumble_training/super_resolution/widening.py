"""Wide branches while a network learns, one 3 x 3 convolution in use.

The kernel of a convolution is learned as a sum: itself, a product of three (1 x 1 to more channels, 3 x 3, 1 x 1),
a 1 x 1, and 1 x 1 kernels followed by fixed edge filters. The sum is multiplied out before each use, in training too,
so a step costs about what it costs without; what is kept is the plain kernel. SPAN's convolutions bring their own
product. Source: Ding et al. 2021 (RepVGG); Zhang et al. 2021, "Edge-oriented Convolution Block for Real-time Super
Resolution".
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from scumble_backend.nets.span import Conv3XC

_EDGES = (
    ((1.0, 0.0, -1.0), (2.0, 0.0, -2.0), (1.0, 0.0, -1.0)),  # Sobel, across
    ((1.0, 2.0, 1.0), (0.0, 0.0, 0.0), (-1.0, -2.0, -1.0)),  # Sobel, down
    ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0)),  # Laplace
)


class WideKernel(nn.Module):
    """The branches beside a plain kernel. They begin as nothing, so that a network is what it was.

    forward: kernel (outputs, inputs, 3, 3) to the sum of all branches, of the same shape.
    """

    edges: Tensor

    def __init__(self, outputs: int, inputs: int, gain: float) -> None:
        super().__init__()
        inner = max(1, round(gain * max(inputs, outputs)))
        self.expand = nn.Parameter(torch.randn(inner, inputs) / inputs**0.5)
        self.middle = nn.Parameter(torch.randn(inner, inner, 3, 3) / (9 * inner) ** 0.5)
        self.squeeze = nn.Parameter(torch.zeros(outputs, inner))
        self.point = nn.Parameter(torch.zeros(outputs, inputs))
        self.along = nn.Parameter(torch.zeros(len(_EDGES), outputs, inputs))
        self.register_buffer("edges", torch.tensor(_EDGES) / 4)

    def forward(self, kernel: Tensor) -> Tensor:
        wide = torch.einsum("om,mnhw,ni->oihw", self.squeeze, self.middle, self.expand)
        edges = torch.einsum("eoi,ehw->oihw", self.along, self.edges)
        return kernel + wide + F.pad(self.point[:, :, None, None], (1, 1, 1, 1)) + edges


def widen(network: nn.Module, gain: float) -> None:
    """Give every plain 3 x 3 convolution its branches. gain: the product's inner channels against the larger side."""
    inside = {id(part) for module in network.modules() if isinstance(module, Conv3XC) for part in module.modules()}
    for module in list(network.modules()):
        if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3) and id(module) not in inside:
            outputs, inputs = module.weight.shape[:2]
            branches = WideKernel(outputs, inputs, gain).to(module.weight)
            parametrize.register_parametrization(module, "weight", branches)


def plain_weights(network: nn.Module) -> dict[str, Tensor]:
    """The weights as the network without branches has them, by its own names, without gradients; buffers left out."""
    weights = {name: value.detach() for name, value in network.named_parameters() if ".parametrizations." not in name}
    with torch.no_grad():
        for name, module in network.named_modules():
            if parametrize.is_parametrized(module, "weight"):
                weights[f"{name}.weight"] = module.weight.detach()
    return weights


def plain_state(network: nn.Module) -> dict[str, Tensor]:
    """The state dict of the network without branches, which a network that was never widened can load."""
    buffers = {name: value for name, value in network.state_dict().items() if ".parametrizations." not in name}
    return {**buffers, **plain_weights(network)}
