"""What goes wrong on flat fields, gradients and line art, as numbers. Units: 1/255 of the range, pixels, ratios.

Every measure takes `paint`, a function (3, H, W) -> (3, H, W) in [0, 1], so any network or program can be measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from scumble_backend.rendering.pixels import luma

Paint = Callable[[Tensor], Tensor]

BLOCK = 32  # pixels; side of the blocks whose means tell blotches from brush texture
#: Pages on which blotches are looked for: gray levels and three colors.
PAGES: dict[str, tuple[float, float, float]] = {
    "white": (1.0, 1.0, 1.0),
    "gray": (0.5, 0.5, 0.5),
    "black": (0.0, 0.0, 0.0),
    "sky": (0.53, 0.71, 0.9),
    "skin": (0.9, 0.73, 0.62),
    "grass": (0.3, 0.5, 0.2),
}


@dataclass(frozen=True)
class Artifacts:
    """The suite's figures for one style. Goals: white_to_black at least 60, blotches at most 12."""

    white_to_black: float  # mean luma of the white page less that of the black one, 1/255
    blotches: float  # worst spread (largest - smallest) of 32-pixel block means on a flat page, 1/255, any channel
    blotches_deviation: float  # standard deviation of the same, mean over pages, 1/255
    banding: float  # largest fall of column means against a rising gray ramp, 1/255; 0: never falls
    steepness: float  # largest rise of the ramp's luma over 16 columns against its mean rise; 1: even
    halo: float  # pixels beside a black line on white until the page is within 8/255 of its own level
    checkerboard: float  # spectral peak at the pixel-pair frequencies against their neighborhood; 1: none
    border: float  # deviation of the outer 16 pixels of a flat page against that of the inner ones; 1: alike

    def to_json(self) -> dict[str, float]:
        return {name: round(value, 3) for name, value in asdict(self).items()}

    def shortfalls(self) -> list[str]:
        """Goals that are missed, in words."""
        missed = []
        if self.white_to_black < 60:
            missed.append(f"white and black pages are only {self.white_to_black:.0f}/255 apart (goal: 60)")
        if self.blotches > 12:
            missed.append(f"block means of a flat page spread over {self.blotches:.0f}/255 (goal: 12)")
        return missed


@torch.no_grad()
def measure_artifacts(paint: Paint, *, side: int = 256, device: torch.device | str = "cpu") -> Artifacts:
    """Paint the suite's pages and measure. side: of the pages in pixels, at least 128."""
    if side < 128:
        raise ValueError(f"pages of {side} pixels are too small to measure on; 128 are needed")
    painted = {
        name: paint(torch.tensor(color, device=device).view(3, 1, 1).expand(3, side, side).contiguous()).float().cpu()
        for name, color in PAGES.items()
    }
    slope = paint(ramp(side).to(device)).float().cpu()
    spreads = [block_spread(page) for page in painted.values()]
    return Artifacts(
        white_to_black=255 * float(luma(painted["white"]).mean() - luma(painted["black"]).mean()),
        blotches=255 * max(spread for spread, _ in spreads),
        blotches_deviation=255 * float(np.mean([deviation for _, deviation in spreads])),
        banding=banding(slope),
        steepness=steepness(slope),
        halo=halo_width(paint(line_page(side).to(device)).float().cpu()),
        checkerboard=max(checkerboard_peak(page) for page in painted.values()),
        border=float(np.mean([border_ratio(page) for page in painted.values()])),
    )


def ramp(side: int) -> Tensor:
    """A gray gradient from left to right, 0.1 to 0.9."""
    return torch.linspace(0.1, 0.9, side).expand(3, side, side).contiguous()


def line_page(side: int, width: int = 3) -> Tensor:
    """A vertical black line in the middle of a white page."""
    page = torch.ones(3, side, side)
    start = (side - width) // 2
    page[:, :, start : start + width] = 0
    return page


def block_spread(page: Tensor, block: int = BLOCK) -> tuple[float, float]:
    """Largest less smallest, and standard deviation, of block means; the worst channel. Range units.

    The outer blocks are left out where there are enough: borders are measured by themselves.
    """
    means = F.avg_pool2d(page[None], block)[0]
    if min(means.shape[1:]) >= 5:
        means = means[:, 1:-1, 1:-1]
    flat = means.flatten(1)
    return float((flat.amax(1) - flat.amin(1)).max()), float(flat.std(1).max())


def banding(painted: Tensor) -> float:
    """How far the luma of a painted ramp falls back from where it has been, 1/255, after smoothing over 16 columns.

    A smooth, rising ramp gives 0; bands give the depth of the deepest.
    """
    smooth = _rise(painted)
    return 255 * float((smooth.cummax(0).values - smooth).max())


def steepness(painted: Tensor) -> float:
    """Largest rise of a painted ramp's luma over 16 columns against what even steps would give; a jump gives much."""
    smooth = _rise(painted)
    whole = float(smooth[-1] - smooth[0])
    return float((smooth[16:] - smooth[:-16]).max()) / max(whole * 16 / (len(smooth) - 1), 1 / 255)


def _rise(painted: Tensor) -> Tensor:
    """Luma along a ramp, smoothed over 16 columns; turned around for a style that makes light of dark."""
    columns = luma(painted)[0].mean(0)
    smooth = F.avg_pool1d(columns[None, None], 16, stride=1)[0, 0]
    return smooth.flip(0) if smooth[-1] < smooth[0] else smooth


def halo_width(painted: Tensor, width: int = 3, tolerance: float = 8 / 255) -> float:
    """Pixels beside a line in which the row-averaged luma is farther than `tolerance` from the page's own.

    The page's own level and its texture are taken from the outer quarter; a style's texture does not count, as the
    mean over the whole height is looked at. Mean of both sides.
    """
    profile = luma(painted)[0].mean(0)
    side = profile.shape[0]
    page = torch.cat((profile[side // 16 : side // 4], profile[-side // 4 : -side // 16]))
    level, texture = page.mean(), page.std()
    off = (profile - level).abs() > tolerance + 2 * texture
    center = side // 2
    half = (width + 1) // 2
    widths = []
    for outward in (off[center + half :], off[: center - half].flip(0)):
        run = 0
        gap = 0
        for number, bad in enumerate(outward.tolist(), start=1):
            if bad:
                run, gap = number, 0
            else:
                gap += 1
                if gap >= 4:  # four pixels of page end the halo
                    break
        widths.append(run)
    return float(np.mean(widths))


def checkerboard_peak(page: Tensor) -> float:
    """Amplitude at period 2 (and 4, of the second upsampling) against the median around it; 1: no checkerboard.

    Looked at along x, along y and diagonally in the luma's spectrum.
    """
    values: NDArray[np.float64] = luma(page)[0].double().numpy()
    side = min(values.shape) // 4 * 4
    values = values[:side, :side]
    window = np.hanning(side)[:, None] * np.hanning(side)[None, :]
    spectrum = np.abs(np.fft.fft2((values - values.mean()) * window))
    # Amplitude of one gray level's rounding: below it nothing can be seen.
    floor = np.sqrt((window**2).sum()) / 255 / np.sqrt(12)
    worst = 1.0
    for period in (2, 4):
        k = side // period
        for y, x in ((0, k), (k, 0), (k, k)):
            around = spectrum[np.ix_(np.arange(y - 10, y + 11) % side, np.arange(x - 10, x + 11) % side)].copy()
            peak = around[9:12, 9:12].max()
            around[8:13, 8:13] = np.nan
            if y == 0 or x == 0:  # the axes carry the page's own stripes
                around[10, :] = np.nan if y == 0 else around[10, :]
                around[:, 10] = np.nan if x == 0 else around[:, 10]
            worst = max(worst, float(peak / max(np.nanquantile(around, 0.9), floor)))
    return worst


def border_ratio(page: Tensor, width: int = 16) -> float:
    """Root mean square distance of the border's pixels from the page's inner mean, against the inner ones' own."""
    center = page[:, 2 * width : -2 * width, 2 * width : -2 * width]
    mean = center.mean(dim=(1, 2), keepdim=True)
    squares = (page - mean).square().mean(0)
    inside = torch.zeros_like(squares, dtype=torch.bool)
    inside[width:-width, width:-width] = True
    inner = squares[2 * width : -2 * width, 2 * width : -2 * width].mean().sqrt()
    outer = squares[~inside].mean().sqrt()
    return float((outer + 1 / 255) / (inner + 1 / 255))
