"""The effect `stylize`: a picture in one style or a mix, with strength, stroke scale and colors kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from scumble_backend.errors import ImageTooSmall
from scumble_backend.nets.style import SMALLEST_SIDE, StyleNetwork, StyleTable
from scumble_backend.rendering.effects.painting import Mix, paint

#: Pixels of the largest picture that is worked on at a higher resolution for the sake of small strokes.
LARGEST_WORK = 40_000_000

#: Rec. 709 weights, on sRGB-encoded values (luma).
LUMA = (0.2126, 0.7152, 0.0722)


@dataclass(frozen=True)
class Style:
    """A style ready to paint with.

    network: its base network, on the device, in evaluation mode. table: one style (N = 1), on the device.
    stroke_scales: the smallest and largest stroke scale that the table was trained for.
    """

    network: StyleNetwork
    table: StyleTable
    stroke_scales: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True)
class Part:
    """One style of a mix. weight: relative, 0 or more. mask: (H, W) in [0, 1] where it counts; None: everywhere."""

    style: Style
    weight: float = 1.0
    mask: Tensor | None = None


@dataclass(frozen=True)
class Painted:
    """image: (3, H, W) float32. note: what was done otherwise than asked, in words; empty: nothing."""

    image: Tensor
    note: str = ""


def stylize(
    image: Tensor,
    parts: Sequence[Part],
    *,
    strength: float = 1.0,
    stroke_scale: float = 1.0,
    keep_colors: bool = False,
    seed: int = 0,
    half: torch.dtype | None = None,
    progress: Callable[[float], None] = lambda fraction: None,
) -> Painted:
    """Paint an image in a style or a mix of styles.

    image: (3, H, W) float32, sRGB-encoded, on the networks' device, H and W at least 8. White is 1; what lies
    outside [0, 1] is clamped before the network and returns with strength < 1 only.
    strength: 0 returns the image, 1 the full style. stroke_scale: size of the marks against the trained size.
    keep_colors: luminance from the style, color from the image.
    Styles on one base network are blended by their tables in one pass; those on different networks by their pictures.
    Raises ImageTooSmall. What `progress` raises stops the work.
    """
    height, width = image.shape[-2:]
    if min(height, width) < SMALLEST_SIDE:
        raise ImageTooSmall(
            f"{width} x {height} pixels are too few to paint on.",
            remedy=f"Choose a layer or selection of at least {SMALLEST_SIDE} pixels on each side.",
        )
    weights = part_weights(parts, (height, width), image.device)
    groups: dict[int, list[int]] = {}
    for place, part in enumerate(parts):
        groups.setdefault(id(part.style.network), []).append(place)
    clamped = image.clamp(0.0, 1.0)
    styled: Tensor | None = None
    notes: list[str] = []
    for number, places in enumerate(groups.values()):
        share = weights[places].sum(dim=0)
        inside = torch.where(share > 0, weights[places] / share.clamp_min(1e-12), 1.0 / len(places))

        def report(fraction: float, number: int = number) -> None:
            progress((number + fraction) / len(groups))

        painted = _paint_group(
            [parts[place].style for place in places], clamped, inside, stroke_scale, seed, half, report
        )
        styled = painted.image if len(groups) == 1 else (0 if styled is None else styled) + share * painted.image
        if painted.note and painted.note not in notes:
            notes.append(painted.note)
    assert styled is not None  # there is at least one group
    if keep_colors:
        styled = with_luma_of(image, styled)
    return Painted(styled if strength == 1.0 else torch.lerp(image, styled, strength), " ".join(notes))


def part_weights(parts: Sequence[Part], size: tuple[int, int], device: torch.device) -> Tensor:
    """Weights that sum to 1: (S, 1, 1) where no part has a mask, else (S, H, W).

    Where all masks are 0 the weights without masks hold.
    """
    plain = torch.tensor([part.weight for part in parts], dtype=torch.float32, device=device)[:, None, None]
    plain = plain / plain.sum()
    if all(part.mask is None for part in parts):
        return plain
    ones = torch.ones(size, device=device)
    masked = plain * torch.stack([ones if part.mask is None else part.mask for part in parts])
    total = masked.sum(dim=0)
    return torch.where(total > 1e-6, masked / total.clamp_min(1e-6), plain)


def _paint_group(
    styles: Sequence[Style],
    image: Tensor,
    weights: Tensor,
    stroke_scale: float,
    seed: int,
    half: torch.dtype | None,
    progress: Callable[[float], None],
) -> Painted:
    """Styles on one network. Strokes beyond the trained scales come from working at another resolution."""
    low = max(style.stroke_scales[0] for style in styles)
    high = min(style.stroke_scales[1] for style in styles)
    by_table = min(max(stroke_scale, min(low, high)), max(low, high))
    resolution, note = working_resolution(image.shape[-2:], by_table / stroke_scale)
    tables = StyleTable.stack([style.table.at(by_table) for style in styles])
    height, width = image.shape[-2:]
    size = (max(SMALLEST_SIDE, round(height * resolution)), max(SMALLEST_SIDE, round(width * resolution)))
    flat = weights.shape[-1] == 1
    if size != (height, width):
        image = resized(image, size)
        weights = weights if flat else resized(weights, size)
    mix = Mix(tables, weights[:, 0, 0] if flat else weights)
    painted = paint(styles[0].network, image, mix, seed=seed, progress=progress, half=half)
    if size != (height, width):
        painted = resized(painted, (height, width)).clamp_(0.0, 1.0)
    return Painted(painted, note)


def working_resolution(size: tuple[int, int] | torch.Size, wanted: float) -> tuple[float, str]:
    """The factor by which the sides are multiplied for painting, and what to tell where it is less than wanted."""
    pixels = size[0] * size[1]
    if wanted <= 1 or pixels * wanted**2 <= LARGEST_WORK:
        return wanted, ""
    possible = max(1.0, (LARGEST_WORK / pixels) ** 0.5)
    times = f"{wanted / possible:.1f}"
    return possible, f"On a picture of this size the strokes are {times} times larger than asked for."


def resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """(C, H, W) at another size, antialiased bicubic."""
    return F.interpolate(image[None], size=size, mode="bicubic", antialias=True, align_corners=False)[0]


def with_luma_of(image: Tensor, styled: Tensor) -> Tensor:
    """The image's color with the styled picture's luma: chroma (Cb, Cr) stays, as in Gatys et al. 2016b, section 3.

    Where the sum leaves [0, 1], chroma is drawn in toward gray so that the luma is kept.
    """
    weights = torch.tensor(LUMA, device=image.device)[:, None, None]
    clamped = image.clamp(0.0, 1.0)
    luma = (styled * weights).sum(dim=0, keepdim=True).clamp(0.0, 1.0)
    chroma = clamped - (clamped * weights).sum(dim=0, keepdim=True)
    # Largest share of the chroma that stays inside [0, 1] in every channel.
    room_up = (1.0 - luma) / chroma.amax(dim=0, keepdim=True).clamp_min(1e-6)
    room_down = luma / (-chroma.amin(dim=0, keepdim=True)).clamp_min(1e-6)
    share = torch.minimum(torch.minimum(room_up, room_down), torch.ones_like(luma))
    return (luma + share * chroma).clamp(0.0, 1.0)
