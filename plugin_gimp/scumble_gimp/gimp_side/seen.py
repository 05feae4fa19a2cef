"""Pictures that no layer holds in its pixels: layers with their effects, and what several layers show together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from gi.repository import Gimp

from scumble_editor.areas import Area

from .targets import Target, flat

MARGIN = 512  # pixels around a layer in which its effects are seen, such as a shadow


class Seen:
    """What is painted of a layer, as it is seen, by the words of `StyleChoices.source`; drawn when first asked for.

    without: a layer that is left out. Call `close` at the end: what was drawn lies in images of its own.
    """

    def __init__(self, aim: Target, without: Any = None) -> None:
        self._aim, self._without = aim, without
        self._scratch: list[Any] = []
        self._drawn: dict[str, Target] = {}

    def of(self, source: str) -> Target:
        """The target with what is seen as its source, which may be larger than the layer."""
        if source not in self._drawn:
            self._drawn[source] = _as_seen(self._aim, source, self._without, self._scratch)
        return self._drawn[source]

    def close(self) -> None:
        """Forget what was drawn; it is drawn again when it is asked for."""
        self._drawn.clear()
        while self._scratch:
            self._scratch.pop().delete()


@contextlib.contextmanager
def as_seen(aims: Sequence[Target], source: str = "layer", without: Any = None) -> Iterator[list[Target]]:
    """The targets with what is seen of them as their source, as `Seen.of` gives it, until the end of the `with`."""
    scratch: list[Any] = []
    try:
        yield [_as_seen(aim, source, without, scratch) for aim in aims]
    finally:
        for image in scratch:
            image.delete()


def _as_seen(aim: Target, source: str, without: Any, scratch: list[Any]) -> Target:
    """Layers without effects are their own source; all else is drawn by GIMP in scratch images."""
    if source != "layer":
        return _together(aim, source, without, scratch)
    return _drawn(aim, scratch) if aim.effects else aim


def _together(aim: Target, source: str, without: Any, scratch: list[Any]) -> Target:
    """What the layer shows with those below it, or all that is visible, as large as the image."""
    image = aim.image
    layers = flat(image)
    hidden = set(_above(aim.drawable)) if source == "below" else set()
    hidden |= {without.get_id()} if without is not None else set()
    places = [place for place, layer in enumerate(layers) if layer.get_id() in hidden and layer.get_visible()]
    whole = Area(0, 0, image.get_width(), image.get_height())
    if places:
        shown = into = image.duplicate()
        into.undo_disable()
        copies = flat(into)
        for place in places:
            copies[place].set_visible(False)
    else:
        shown, into = image, _like(aim, whole.width, whole.height)
    scratch.append(into)
    drawn = Gimp.Layer.new_from_visible(shown, into, aim.name)
    into.insert_layer(drawn, None, 0)
    wanted = _selected(image, (0, 0)).meet(whole) if aim.selected else whole
    return replace(
        aim, source=drawn, place=(0, 0), bounds=whole, wanted=wanted, alpha=bool(drawn.has_alpha()), composite=source
    )


def _above(layer: Any) -> Iterator[int]:
    """Ids of the layers and groups that lie above a layer, in its own group and in those around it."""
    while layer is not None:
        parent = layer.get_parent()
        siblings = parent.get_children() if parent is not None else layer.get_image().get_layers()
        ids = [each.get_id() for each in siblings]
        yield from ids[: ids.index(layer.get_id())]
        layer = parent


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
