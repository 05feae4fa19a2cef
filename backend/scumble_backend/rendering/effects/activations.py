"""What a stage of the light network leaves for the next: kept with its border, or computed again for every reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from scumble_backend.rendering.tiling import source_rows


class Kept:
    """An activation (1, C, H, W) in memory with a border of one pixel, filled by `mirror` or `repeat`."""

    def __init__(self, channels: int, height: int, width: int, like: Tensor, dtype: torch.dtype) -> None:
        shape = (1, channels, height + 2, width + 2)
        self.memory = torch.empty(shape, dtype=dtype, device=like.device, memory_format=torch.channels_last)
        self.height, self.width = height, width
        self.repeats = False  # what the border holds

    def rows(self, top: int, bottom: int) -> Tensor:
        return self.memory[:, :, top + 1 : bottom + 1, 1:-1]

    def window(self, top: int, bottom: int) -> Tensor:
        """Rows with one more on each side and one column left and right: what a 3 x 3 convolution reads."""
        return self.memory[:, :, top : bottom + 2]

    def repeated(self, top: int, bottom: int) -> Tensor:
        """The same with a border that repeats the outermost pixels: what phase kernels read."""
        self.repeat()
        return self.window(top, bottom)

    def pointwise(self, conv: torch.nn.Conv2d, top: int, bottom: int) -> Tensor:
        """Rows through a 1 x 1 convolution without bias; the border's columns go through, too, which saves a copy.

        As a product of matrices, which on a CPU is faster.
        """
        made = F.linear(self.memory[:, :, top + 1 : bottom + 1].permute(0, 2, 3, 1), conv.weight[:, :, 0, 0])
        return made.permute(0, 3, 1, 2)[..., 1:-1]

    def mirror(self) -> None:
        m = self.memory
        m[:, :, 1:-1, 0], m[:, :, 1:-1, -1] = m[:, :, 1:-1, 2], m[:, :, 1:-1, -3]
        m[:, :, 0], m[:, :, -1] = m[:, :, 2], m[:, :, -3]
        self.repeats = False

    def repeat(self) -> None:
        if not self.repeats:
            m = self.memory
            m[:, :, 1:-1, 0], m[:, :, 1:-1, -1] = m[:, :, 1:-1, 1], m[:, :, 1:-1, -2]
            m[:, :, 0], m[:, :, -1] = m[:, :, 1], m[:, :, -2]
            self.repeats = True


@dataclass
class Again:
    """An activation whose raw rows are computed again for every reader."""

    height: int
    width: int
    raw: Callable[[int, int], Tensor]
    finish: Callable[..., Tensor] = field(default=lambda rows, top, bottom: rows)

    def rows(self, top: int, bottom: int) -> Tensor:
        return self.finish(self.raw(top, bottom).contiguous(memory_format=torch.channels_last), top, bottom)

    def window(self, top: int, bottom: int) -> Tensor:
        window = source_rows(top, bottom, self.height, radius=1)
        padded = window.pad(self.rows(window.top, window.bottom), 1)
        extra = top - 1 - (window.top - window.mirror_above)
        return padded[:, :, extra : extra + bottom - top + 2]

    def repeated(self, top: int, bottom: int) -> Tensor:
        first, last = max(0, top - 1), min(self.height, bottom + 1)
        beyond = (1, 1, first - (top - 1), bottom + 1 - last)
        return F.pad(self.rows(first, last), beyond, mode="replicate")

    def pointwise(self, conv: torch.nn.Conv2d, top: int, bottom: int) -> Tensor:
        made: Tensor = conv(self.rows(top, bottom))
        return made


Activation = Kept | Again


def window(source: Activation, top: int, bottom: int, stride: int) -> Tensor:
    """What rows [top, bottom) of a strided 3 x 3 convolution read."""
    return source.window(top * stride, (bottom - 1) * stride + 1)
