"""A foreign super-resolution network, as Spandrel has recognized and built it from its state dict.

Spandrel itself is not imported here: whoever read the weights hands its descriptor over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PROBE = 96  # source pixels on the side of the picture that measures the receptive field
PLANE_BY_PLANE = frozenset({"IPT"})  # families whose code fails where tensors are stored pixel by pixel
SEEN = 1 / 2048  # a change of the result smaller than this counts as none


class SpandrelNetwork(nn.Module):
    """A descriptor's network with the sizes it needs.

    descriptor: spandrel.ImageModelDescriptor for RGB to RGB that enlarges. Raises ValueError for another one.
    forward: (N, 3, H, W) float, range [0, 1], to (N, 3, H x factor, W x factor); any H and W from 1 on.
    """

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        if (descriptor.input_channels, descriptor.output_channels) != (3, 3):
            raise ValueError(
                f"the network turns {descriptor.input_channels} channels into {descriptor.output_channels}"
            )
        if descriptor.scale < 2:
            raise ValueError("the network repairs pictures but does not enlarge them")
        self.model: nn.Module = descriptor.model
        # Some families take or give other things than one picture in [0, 1]; calling the descriptor itself would also
        # clamp the result, and hide an infinity.
        self._call: Callable[[nn.Module, Tensor], Tensor] = descriptor._call_fn
        self.factor: int = descriptor.scale
        self.family = str(descriptor.architecture.name)
        self.supports_half = bool(descriptor.supports_half)
        # PyTorch would take five dimensions for a volume's.
        flat = all(parameter.dim() < 5 for parameter in self.model.parameters())
        self.channels_last = flat and self.family not in PLANE_BY_PLANE
        needs = descriptor.size_requirements
        self._least = max(1, int(needs.minimum or 0))
        self._multiple = max(1, int(needs.multiple_of or 1))
        self._square = bool(needs.square)
        self._halo: int | None = None
        self.least_side = 1  # `forward` adds what the network needs

    @property
    def cost(self) -> int:
        """Multiply-adds for a source pixel, roughly: those of a network that computes at the source's size."""
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def halo(self) -> int:
        """Source pixels beside its own on which a pixel of the result depends, measured once.

        Networks that look at the whole picture get the most that is measured, half of `PROBE`: far influences are
        faint, and a seam stays below what can be seen.
        """
        if self._halo is None:
            self._halo = measured_halo(self, next(self.parameters()), self.factor, (PROBE, PROBE))
        return self._halo

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        rows, columns = self._fitting(height), self._fitting(width)
        if self._square:
            rows = columns = max(rows, columns)
        padded = F.pad(image, (0, columns - width, 0, rows - height), mode="replicate")
        return self._call(self.model, padded)[..., : height * self.factor, : width * self.factor]

    def _fitting(self, side: int) -> int:
        side = max(side, self._least)
        return side + -side % self._multiple


@torch.no_grad()
def measured_halo(enlarge: Callable[[Tensor], Tensor], like: Tensor, factor: int, size: tuple[int, int]) -> int:
    """How far, in source pixels, a change of one spot of a picture of noise reaches. At most half of the larger side.

    like: gives the device and the kind of numbers. size: height and width of the picture.
    """
    noise = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0)).to(like)
    changed = noise.clone()
    middle = [side // 2 for side in size]
    spot = changed[..., middle[0], middle[1]]
    changed[..., middle[0], middle[1]] = 1 - spot.round()
    difference = (enlarge(changed) - enlarge(noise)).abs().amax(dim=(0, 1)) > SEEN
    seen = difference.nonzero()
    if not len(seen):
        return 0
    reaches = [0]
    for places, at in zip(seen.unbind(1), middle, strict=True):
        reaches += [at - int(places.min()) // factor, int(places.max()) // factor - at]
    return min(max(size) // 2, max(reaches))
