"""Bilinear doubling and a 3 x 3 convolution in one: four kernels at the smaller size, one for each phase.

Every pixel of the doubled activation is a weighted mean of its neighbors at the smaller size, so the convolution
after it reads 3 x 3 pixels there, with weights that depend on the pixel's phase alone. The number of multiply-adds is
the same, but nothing is doubled, padded or read at the larger size. Source: sub-pixel convolution, Shi et al. 2016.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

#: [phase][pixel of the smaller size, from -1 to 1][tap of the kernel]: bilinear weights, pixel centers aligned.
_PHASES = (
    ((0.75, 0.25, 0.0), (0.25, 0.75, 0.75), (0.0, 0.0, 0.25)),
    ((0.25, 0.0, 0.0), (0.75, 0.75, 0.25), (0.0, 0.25, 0.75)),
)


def phase_kernels(weight: Tensor) -> Tensor:
    """(outputs, inputs, 3, 3) -> (4 outputs, inputs, 3, 3); channels by row phase, column phase, output."""
    phases = torch.tensor(_PHASES, dtype=weight.dtype, device=weight.device)
    kernels = torch.einsum("pau,qbv,oiuv->pqoiab", phases, phases, weight)
    return kernels.reshape(-1, *weight.shape[1:]).contiguous(memory_format=torch.channels_last)


def convolve_doubled(
    window: Tensor,
    weight: Tensor,
    phases: Tensor,
    *,
    bias: Tensor | None = None,
    relu: bool = False,
    borders: tuple[bool, bool, bool, bool] = (True, True, True, True),
    add: Tensor | None = None,
) -> Tensor:
    """What `weight` gives on a window that is doubled and mirrored by one pixel.

    window: (1, inputs, h + 2, w + 2), a piece of the picture and its neighbors; the border repeats the outermost
    pixels where it lies outside the picture.
    phases: `phase_kernels` of the weight. bias: (outputs,). add: (1, outputs, 2 h, 2 w), added at the end.
    borders: whether the window's first row, last row, first column and last column are borders of the picture and
    their values count; there the doubled activation is mirrored, which no kernel of the smaller size can do.
    Returns (1, outputs, 2 h, 2 w), channels last.
    """
    folded = F.conv2d(window, phases, None if bias is None else bias.repeat(4))
    outputs = weight.shape[0]
    height, width = folded.shape[-2:]
    parts = torch.unflatten(folded.permute(0, 2, 3, 1), 3, (2, 2, outputs)).permute(
        0, 1, 3, 2, 4, 5
    )  # 1, h, 2, w, 2, C
    # Beyond a border the kernels see the outermost row of the doubled activation again, where the one before it
    # belongs. The two differ by a quarter of what the outermost rows of the window do; only outer taps meet them.
    first, last, left, right = borders
    for border, at, inner, outer, tap in ((left, 0, 2, 1, 0), (right, -1, -3, -2, 2)):
        if border:
            lines = _doubled(window[0, :, :, inner] - window[0, :, :, outer])[:, 1:-1]
            parts[0, :, :, at, at] += torch.unflatten(_along(lines, weight[..., tap]), 0, (height, 2))
    for border, at, inner, outer, tap in ((first, 0, 2, 1, 0), (last, -1, -3, -2, 2)):
        if border:
            lines = _doubled(window[0, :, inner] - window[0, :, outer])[:, 1:-1]
            if left:
                lines[:, 0] = lines[:, 2]
            if right:
                lines[:, -1] = lines[:, -3]
            parts[0, at, at] += torch.unflatten(_along(lines, weight[:, :, tap]), 0, (width, 2))
    if relu:
        folded.relu_()
    made = torch.empty((1, 2 * height, 2 * width, outputs), dtype=folded.dtype, device=folded.device)
    spread = made.view(1, height, 2, width, 2, outputs)
    if add is None:
        spread.copy_(parts)
    else:
        more = torch.unflatten(torch.unflatten(add.permute(0, 2, 3, 1), 1, (height, 2)), 3, (width, 2))
        torch.add(parts, more.to(parts.dtype), out=spread)
    return made.permute(0, 3, 1, 2)


def _doubled(difference: Tensor) -> Tensor:
    """(inputs, n) -> (inputs, 2 n): what two neighboring rows or columns differ by once they are doubled."""
    return F.interpolate(0.25 * difference[None], scale_factor=2.0, mode="linear", align_corners=False)[0]


def _along(line: Tensor, taps: Tensor) -> Tensor:
    """A convolution along a line: (inputs, n + 2) and (outputs, inputs, 3) -> (n, outputs)."""
    return F.linear(line.unfold(1, 3, 1).permute(1, 0, 2).flatten(1), taps.flatten(1))
