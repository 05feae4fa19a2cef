"""Layers as they are seen: with their non-destructive effects, which their own pixels don't hold."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from gi.repository import Gimp

from scumble_editor.areas import Area

from .targets import Target

MARGIN = 512  # pixels around a layer in which its effects are seen, such as a shadow


@contextlib.contextmanager
def as_seen(aims: Sequence[Target]) -> Iterator[list[Target]]:
    """The targets with what is seen of them as their source, which may be larger than the layer.

    Layers without effects are their own source, as before. The others are drawn by GIMP in scratch images, which are
    gone after the `with`.
    """
    scratch: list[Any] = []
    try:
        yield [_drawn(aim, scratch) if aim.effects else aim for aim in aims]
    finally:
        for image in scratch:
            image.delete()


def _drawn(aim: Target, scratch: list[Any]) -> Target:
    layer, mask = aim.drawable, aim.drawable.get_mask()
    # A mask hides what effects paint beside the layer.
    margin = 0 if mask is not None and layer.get_apply_mask() else MARGIN
    width, height = aim.bounds.width, aim.bounds.height
    image = _like(aim, width + 2 * margin, height + 2 * margin)
    scratch.append(image)
    copy = Gimp.Layer.new_from_drawable(layer, image)
    image.insert_layer(copy, None, 0)
    for unlock in (copy.set_lock_content, copy.set_lock_position):
        unlock(False)
    copy.set_offsets(margin, margin)
    copy.set_opacity(100.0)
    copy.set_mode(Gimp.LayerMode.NORMAL)
    copy.set_visible(True)
    if copy.get_mask() is not None:
        copy.remove_mask(Gimp.MaskApplyMode.DISCARD)
    drawn = Gimp.Layer.new_from_visible(image, image, aim.name)
    image.insert_layer(drawn, None, 0)
    own = Area(margin, margin, width, height)
    bounds = own if margin == 0 else _with_content(image, drawn, own)
    place = (aim.place[0] + bounds.x - margin, aim.place[1] + bounds.y - margin)
    drawn.resize(bounds.width, bounds.height, -bounds.x, -bounds.y)
    whole = Area(0, 0, bounds.width, bounds.height)
    wanted = _selected(aim.image, place).meet(whole) if aim.selected else whole
    return replace(aim, source=drawn, place=place, bounds=whole, wanted=wanted, alpha=aim.alpha or bounds != own)


def _like(aim: Target, width: int, height: int) -> Any:
    """A new image with the precision and profile of the target's."""
    gray = aim.drawable.is_gray()
    base = Gimp.ImageBaseType.GRAY if gray else Gimp.ImageBaseType.RGB
    image = Gimp.Image.new_with_precision(width, height, base, aim.image.get_precision())
    image.undo_disable()
    profile = aim.image.get_color_profile()
    if profile is not None:
        image.set_color_profile(profile)
    return image


def _with_content(image: Any, drawn: Any, own: Area) -> Area:
    """The layer's own area and all around it that isn't transparent."""
    image.select_item(Gimp.ChannelOps.REPLACE, drawn)
    _ok, any_content, left, top, right, bottom = Gimp.Selection.bounds(image)
    Gimp.Selection.none(image)
    return own.join(Area(left, top, right - left, bottom - top)) if any_content else own


def _selected(image: Any, place: tuple[int, int]) -> Area:
    """The selection's bounds, in pixels of a picture that lies at `place`."""
    _ok, _some, left, top, right, bottom = Gimp.Selection.bounds(image)
    return Area(left - place[0], top - place[1], right - left, bottom - top)
