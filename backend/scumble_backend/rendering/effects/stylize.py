"""The effect `stylize`: a picture in one style or a mix, with strength, boldness, size of marks, colors kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from scumble_backend.errors import ImageTooSmall
from scumble_backend.nets import style as older
from scumble_backend.nets import style_skip as light
from scumble_backend.rendering.effects import painting, skip_painting
from scumble_backend.rendering.effects.colors import Palette, palette_of, recolored
from scumble_backend.rendering.effects.enlarging import (
    MODEL,
    Detail,
    brought_to_size,
    needs_network,
    resized,
)
from scumble_backend.rendering.effects.marks import MarkSize
from scumble_backend.rendering.effects.upscale import Network
from scumble_backend.rendering.pixels import luma

#: Channels of the colors of Rec. 2020 as sRGB without limits; what lies further out is light, not color.
WIDEST = (-0.65, 1.25)

#: Share of the progress until a painting is there that has to be enlarged by a network.
PAINTING_SHARE = 0.35

#: What to tell when styles can't be painted in one pass.
APART = (
    "These styles stand on different networks: each was painted by itself and the pictures were mixed. "
    "Styles that stand on one network mix into one manner."
)

#: Pixels; on smaller pictures there is nothing to paint.
SMALLEST_SIDE = older.SMALLEST_SIDE


@dataclass(frozen=True)
class Style:
    """A style ready to paint with.

    network: its base network, on the device, in evaluation mode. table: one style (N = 1), on the device.
    stroke_scales: the smallest and largest stroke scale that the table was trained for.
    delta: the style's change of the network's kernels, on the device; only networks of the family `style-skip`.
    """

    network: older.StyleNetwork | light.SkipStyleNetwork
    table: older.StyleTable | light.SkipStyleTable
    stroke_scales: tuple[float, float] = (1.0, 1.0)
    delta: light.StyleDelta | None = None


@dataclass(frozen=True)
class Part:
    """One style of a mix. weight: relative, 0 or more. mask: (H, W) in [0, 1] where it counts; None: everywhere.

    palette: of the style's painting; needed for the colors "palette" and "only".
    """

    style: Style
    weight: float = 1.0
    mask: Tensor | None = None
    palette: Palette | None = None


@dataclass(frozen=True)
class Painted:
    """image: (3, H, W) float32. note: what was done otherwise than asked, in words; empty: nothing."""

    image: Tensor
    note: str = ""


@dataclass(frozen=True)
class Anchor:
    """A frame of an animation by whose statistics other frames are normalized.

    image: makes (3, H, W) as `stylize` takes it, of the same size. weight: relative, over 0.
    measured: its statistics by group of styles, kept here for the next frame.
    """

    image: Callable[[], Tensor]
    weight: float
    measured: dict[int, painting.Statistics] = field(default_factory=dict)


@dataclass(frozen=True)
class _Manner:
    """What holds for all networks of one painting; fields as `stylize` has them.

    over: the painting may be written over the image.
    """

    marks: MarkSize
    boldness: float
    seed: int
    half: torch.dtype | None
    enlarger: Callable[[], Network | None]
    over: bool


def stylize(
    image: Tensor,
    parts: Sequence[Part],
    *,
    anchors: Sequence[Anchor] = (),
    strength: float = 1.0,
    marks: MarkSize | None = None,
    boldness: float = 0.0,
    colors: str = "style",
    seed: int = 0,
    half: torch.dtype | None = None,
    progress: Callable[[float], None] = lambda fraction: None,
    enlarger: Callable[[], Network | None] = lambda: None,
    kept: Callable[[Callable[[], Painted]], Painted] = lambda paint: paint(),
    spare: bool = False,
) -> Painted:
    """Paint an image in a style or a mix of styles.

    image: (3, H, W) float32, sRGB-encoded, on the networks' device, H and W at least 8. White is 1; what lies
    outside [0, 1] is clamped before the network and returns with strength < 1 only.
    strength: 0 returns the image, 1 the full style. marks: size of the brush marks; None: as for a whole picture.
    boldness: -1 (faithful to the picture's forms) .. 0 (as trained) .. 1 (bold); styles without this axis ignore it.
    anchors: pictures whose statistics, pooled, count instead of the image's own.
    colors: "style": as the style paints; "picture": luminance from the style, color from the image; "matched": the
    painted picture with the image's palette; "palette": with that of the style's painting; "only": the image itself
    with that palette, not painted.
    enlarger: asked for the network that brings a painting to the size of a large picture; None: there is none.
    kept: gets what makes the painting as it is before `strength` and `colors`, and returns that painting; it may keep
    it for the next time when all the rest is the same.
    spare: the image is not needed any more; a large painting may then be written over it.
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
    inside_range = bool(image.amin() >= 0.0) and bool(image.amax() <= 1.0)
    clamped = image if inside_range else image.clamp(0.0, 1.0)  # a copy of a large layer takes as much as the layer
    if colors == "only":
        progress(1.0)
        only = _in_palette(clamped, parts, weights)
        return Painted(only if strength == 1.0 else torch.lerp(image, only, strength))
    over = spare and len(groups) == 1 and strength == 1.0 and colors in ("style", "palette")
    manner = _Manner(marks or MarkSize(), boldness, seed, half, enlarger, over)
    painted = kept(lambda: _paint(parts, groups, clamped, weights, manner, progress, anchors))
    styled = painted.image
    if colors == "picture":
        styled = with_luma_of(image, styled)
    elif colors == "matched":
        styled = recolored(styled, palette_of(styled), palette_of(clamped))
    elif colors == "palette":
        styled = _in_palette(styled, parts, weights)
    return Painted(styled if strength == 1.0 else torch.lerp(image, styled, strength), painted.note)


def _paint(
    parts: Sequence[Part],
    groups: Mapping[int, Sequence[int]],
    image: Tensor,
    weights: Tensor,
    manner: _Manner,
    progress: Callable[[float], None],
    anchors: Sequence[Anchor],
) -> Painted:
    """What the networks make: full strength, the style's colors. groups: places of the parts by base network."""
    styled: Tensor | None = None
    notes: list[str] = [APART] if len(groups) > 1 else []
    for number, places in enumerate(groups.values()):
        share = weights[places].sum(dim=0)
        inside = torch.where(share > 0, weights[places] / share.clamp_min(1e-12), 1.0 / len(places))

        def report(fraction: float, number: int = number) -> None:
            progress((number + fraction) / len(groups))

        painted = _paint_group(
            [parts[place].style for place in places],
            image,
            inside,
            manner,
            report,
            _AnchorsOfGroup(number, anchors),
        )
        styled = painted.image if len(groups) == 1 else (0 if styled is None else styled) + share * painted.image
        if painted.note and painted.note not in notes:
            notes.append(painted.note)
    assert styled is not None  # there is at least one group
    return Painted(styled, " ".join(notes))


def _in_palette(picture: Tensor, parts: Sequence[Part], weights: Tensor) -> Tensor:
    """A picture in the colors of the parts' paintings, (3, H, W); weights as `part_weights` gives them."""
    palettes = [part.palette for part in parts]
    known = [palette for palette in palettes if palette is not None]
    assert len(known) == len(parts)  # whoever asks for these colors gives every part its palette
    if weights.shape[-1] == 1:
        shares = weights.flatten().tolist()
        return recolored(picture, palette_of(picture), Palette.blended(known, shares))
    made = torch.zeros_like(picture)
    for palette, weight in zip(known, weights, strict=True):
        if bool(weight.any()):
            made += weight * recolored(picture, palette_of(picture, weight), palette)
    return made.clamp_(0.0, 1.0)


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


@dataclass(frozen=True)
class _AnchorsOfGroup:
    """The anchors as one group of styles sees them."""

    group: int
    anchors: Sequence[Anchor]

    def missing(self) -> list[Anchor]:
        return [anchor for anchor in self.anchors if self.group not in anchor.measured]

    def statistics(self) -> painting.Statistics | None:
        if not self.anchors:
            return None
        total = sum(anchor.weight for anchor in self.anchors)
        weights = [anchor.weight / total for anchor in self.anchors]
        return painting.pooled([anchor.measured[self.group] for anchor in self.anchors], weights)


def _paint_group(
    styles: Sequence[Style],
    image: Tensor,
    weights: Tensor,
    manner: _Manner,
    progress: Callable[[float], None],
    anchors: _AnchorsOfGroup,
) -> Painted:
    """Styles on one network, at the resolution that gives the marks their size."""
    low = max(style.stroke_scales[0] for style in styles)
    high = min(style.stroke_scales[1] for style in styles)
    by_table = min(max(manner.marks.stroke_scale, min(low, high)), max(low, high))
    height, width = image.shape[-2:]
    size, note = manner.marks.working_size((height, width), by_table)
    flat = weights.shape[-1] == 1
    work = image
    if size != (height, width):
        work = resized(image, size).clamp_(0.0, 1.0)
        weights = weights if flat else resized(weights, size, "bilinear")
    weights = weights[:, 0, 0] if flat else weights
    large = needs_network(size, (height, width))
    share = PAINTING_SHARE if large else 1.0

    paint = _painter(styles, by_table, weights, manner)
    missing = anchors.missing()
    passes = 1 + len(missing)
    for number, anchor in enumerate(missing):
        frame, measured = anchor.image().clamp(0.0, 1.0), list[tuple[Tensor, Tensor]]()
        frame = frame if work is image else resized(frame, size).clamp_(0.0, 1.0)
        paint(frame, lambda done, number=number: progress(share * (number + done) / passes), None, measured)  # type: ignore[misc]
        anchor.measured[anchors.group] = measured
    painted = paint(work, lambda done: progress(share * (passes - 1 + done) / passes), anchors.statistics(), None)
    if work is not image:
        enlarging = manner.enlarger() if large else None
        if large and enlarging is None:
            note = f"{note} Without the model {MODEL} the strokes are enlarged by a filter, which leaves them soft."
        finish = Detail(image, work, painted).add if large else None
        painted = brought_to_size(
            painted,
            (height, width),
            enlarging,
            lambda fraction: progress(share + (1 - share) * fraction),
            finish=finish,
            out=image if manner.over else None,
        )
    return Painted(painted, note.strip())


def _painter(
    styles: Sequence[Style],
    by_table: float,
    weights: Tensor,
    manner: _Manner,
) -> Callable[[Tensor, Callable[[float], None], painting.Statistics | None, painting.Statistics | None], Tensor]:
    """A function that paints with a group of styles: (image, progress, statistics, measured) as `paint` has them."""
    network = styles[0].network

    def paint(
        image: Tensor,
        progress: Callable[[float], None],
        statistics: painting.Statistics | None,
        measured: painting.Statistics | None,
    ) -> Tensor:
        if isinstance(network, light.SkipStyleNetwork):
            tables = light.SkipStyleTable.stack(
                [_light_table(style).at(by_table, manner.boldness) for style in styles]
            )
            skip_mix = skip_painting.SkipMix(tables, [style.delta for style in styles], weights)
            return skip_painting.paint(
                network,
                image,
                skip_mix,
                seed=manner.seed,
                progress=progress,
                half=manner.half,
                statistics=statistics,
                measured=measured,
            )
        older_tables = older.StyleTable.stack([_older_table(style).at(by_table) for style in styles])
        return painting.paint(
            network,
            image,
            painting.Mix(older_tables, weights),
            seed=manner.seed,
            progress=progress,
            half=manner.half,
            statistics=statistics,
            measured=measured,
        )

    return paint


def _light_table(style: Style) -> light.SkipStyleTable:
    assert isinstance(style.table, light.SkipStyleTable)  # a pack's table is of its network's family
    return style.table


def _older_table(style: Style) -> older.StyleTable:
    assert isinstance(style.table, older.StyleTable)
    return style.table


def with_luma_of(image: Tensor, styled: Tensor) -> Tensor:
    """The image's color with the styled picture's luma: chroma (Cb, Cr) stays, as in Gatys et al. 2016b, section 3.

    Where the sum leaves [0, 1], chroma is drawn in toward gray so that the luma is kept. A pixel whose color lies
    beyond sRGB, with channels outside [0, 1] as `WIDEST` has them, may stay as far out as it is.
    """
    low = image.amin(dim=0, keepdim=True).clamp(WIDEST[0], 0.0)
    high = image.amax(dim=0, keepdim=True).clamp(1.0, WIDEST[1])
    inside = image.clamp(low, high)
    tone = luma(styled).clamp(0.0, 1.0)
    chroma = inside - luma(inside)
    # Largest share of the chroma that stays within bounds in every channel.
    room_up = (high - tone) / chroma.amax(dim=0, keepdim=True).clamp_min(1e-6)
    room_down = (tone - low) / (-chroma.amin(dim=0, keepdim=True)).clamp_min(1e-6)
    share = torch.minimum(torch.minimum(room_up, room_down), torch.ones_like(tone))
    return torch.minimum(torch.maximum(tone + share * chroma, low), high)
