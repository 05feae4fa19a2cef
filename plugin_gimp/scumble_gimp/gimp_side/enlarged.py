"""Where enlarged pixels go: a new layer, this image, or a new one that keeps precision, profile and metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gi.repository import Gimp

from scumble_editor.areas import Area
from scumble_editor.words import free_name, upscaled_name

from . import layers
from .layer_jobs import Picture
from .targets import Target, effects_of, flat

Pictures = Mapping[int, Picture]  # by the layer's id


def as_layers(image: Any, aims: Sequence[Target], finished: Pictures, factor: float) -> tuple[Any, list[Any]]:
    """A new layer over each target, its middle over the target's middle. One undo step."""
    made = []
    image.undo_group_start()
    try:
        for aim in aims:
            big = finished[aim.drawable.get_id()]
            small = layers.read(aim.source, aim.wanted, big.form)
            name = free_name(upscaled_name(aim.name, factor), [layer.get_name() for layer in flat(image)])
            layer = layers.add_above(aim, big.form, small, name)  # with its masks, which GIMP enlarges
            _exists, left, top = layer.get_offsets()
            layer.scale(big.width, big.height, True)
            layers.overwrite(layer, big.form, big.width, big.height, big.pixels)
            layer.set_offsets(left - (big.width - aim.wanted.width) // 2, top - (big.height - aim.wanted.height) // 2)
            made.append(layer)
        image.set_selected_layers(made)
    finally:
        image.undo_group_end()
    return image, made


def in_this_image(image: Any, aims: Sequence[Target], finished: Pictures, factor: float) -> tuple[Any, list[Any]]:
    """The image scaled by GIMP (masks, paths, guides, text), then every layer's pixels replaced. One undo step."""
    image.undo_group_start()
    try:
        _scale(image, [(aim.drawable, finished.get(aim.drawable.get_id())) for aim in aims], factor)
    finally:
        image.undo_group_end()
    return image, [aim.drawable for aim in aims]


def as_new_image(image: Any, aims: Sequence[Target], finished: Pictures, factor: float) -> tuple[Any, list[Any]]:
    """A duplicate that holds only the targets' wanted parts, enlarged; so it keeps all that an image knows."""
    places = [layer.get_id() for layer in flat(image)]
    copy = image.duplicate()
    copy.undo_disable()
    try:
        copied = flat(copy)
        for layer in copied:
            _unlock(layer)
        kept = [copied[places.index(aim.drawable.get_id())] for aim in aims]
        for aim, layer in zip(aims, kept, strict=True):
            layer.set_visible(True)  # who chose a hidden layer wants to see it
            _without_effects(layer, aim)
            if aim.selected:
                layers.mask_by_selection(layer)
        for place, layer in enumerate(kept):
            copy.reorder_item(layer, None, place)
        ours = {layer.get_id() for layer in kept}
        for layer in copy.get_layers():
            if layer.get_id() not in ours:
                copy.remove_layer(layer)
        Gimp.Selection.none(copy)
        whole = _union([aim.on_canvas for aim in aims])
        copy.resize(whole.width, whole.height, -whole.x, -whole.y)
        copy.crop(whole.width, whole.height, 0, 0)
        _scale(
            copy,
            [(layer, finished.get(aim.drawable.get_id())) for aim, layer in zip(aims, kept, strict=True)],
            factor,
        )
        copy.set_selected_layers(kept)
    except BaseException:
        copy.delete()
        raise
    copy.undo_enable()
    return copy, kept


def _unlock(layer: Any) -> None:
    for item in (layer, layer.get_mask()):
        if item is not None:
            item.set_lock_content(False)
            item.set_lock_position(False)


def _without_effects(layer: Any, aim: Target) -> None:
    """Take the effects off a copy of the target's layer: the pixels that it is going to get hold them."""
    if aim.source.get_id() == aim.drawable.get_id():
        return
    for effect in effects_of(layer):
        effect.delete()
    if aim.alpha and not layer.has_alpha():
        layer.add_alpha()
    _exists, left, top = layer.get_offsets()
    layer.resize(aim.bounds.width, aim.bounds.height, left - aim.place[0], top - aim.place[1])


def _scale(image: Any, plan: list[tuple[Any, Picture | None]], factor: float) -> None:
    """Scale the image; give each planned layer its pixels. None: as GIMP drew it."""
    alone = plan[0][1] if len(plan) == 1 else None
    width, height = round(image.get_width() * factor), round(image.get_height() * factor)
    if (
        alone is not None
        and plan[0][0].get_width() == image.get_width()
        and plan[0][0].get_height() == image.get_height()
    ):
        width, height = alone.width, alone.height
    Gimp.context_push()
    try:
        Gimp.context_set_interpolation(Gimp.InterpolationType.CUBIC)
        image.scale(width, height)
    finally:
        Gimp.context_pop()
    for layer, big in plan:
        if big is not None:
            layers.overwrite(layer, big.form, big.width, big.height, big.pixels)


def _union(areas: list[Area]) -> Area:
    whole = areas[0]
    for area in areas[1:]:
        whole = whole.join(area)
    return whole
