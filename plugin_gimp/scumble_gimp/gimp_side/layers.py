"""GIMP's pixels: the only module that reads or writes them, through Gegl buffers.

Every length is checked here, because Gegl takes data of a wrong length without an error. Calls go in strips so that
none comes near 2 GiB; data is handed over as `bytes`, which is a hundred times faster than a bytearray.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gi.repository import Gegl, Gimp

from scumble_editor.areas import Area, crop_rows
from scumble_wire.messages import ImageInfo
from scumble_wire.mix import LUMINANCE, MASK, named

from .errors import LayerRefused
from .formats import OPAQUE, SCREEN, PixelFormat, choose
from .targets import Target, flat
from .texts import _

Buffer = Any  # bytes, bytearray, memoryview
STRIP_BYTES = 64 << 20


def pixel_format(target: Target, *, srgb: bool) -> PixelFormat:
    """The smallest format in which the layer crosses the wire without loss. srgb: what `has_srgb_profile` says."""
    precision = int(target.image.get_precision())
    return choose(precision, gray=target.drawable.is_gray(), alpha=target.alpha, srgb=srgb)


def has_srgb_profile(image: Any) -> bool:
    """Whether sRGB bytes mean the same in the image's color space.

    Profiles that are sRGB in all but their bytes are many (every camera has its own), so the question is put to the
    color engine: strong colors go through a scratch image with the profile, and come out as they were or do not.
    """
    profile = image.get_color_profile()
    if profile is None:
        return True
    gray = image.get_base_type() == Gimp.ImageBaseType.GRAY
    kind = Gimp.ImageType.GRAY_IMAGE if gray else Gimp.ImageType.RGB_IMAGE
    scratch = Gimp.Image.new_with_precision(16, 1, image.get_base_type(), Gimp.Precision.U8_NON_LINEAR)
    try:
        scratch.set_color_profile(profile)
        layer = Gimp.Layer.new(scratch, "probe", 16, 1, kind, 100.0, Gimp.LayerMode.NORMAL)
        scratch.insert_layer(layer, None, 0)
        probe = PixelFormat("u8", "GRAY" if gray else "RGB", "srgb")
        colors = bytes((37 * index + 91 * (index % 3)) % 256 for index in range(16 * probe.pixel_bytes))
        buffer, row = layer.get_buffer(), Gegl.Rectangle.new(0, 0, 16, 1)
        buffer.set(row, probe.babl, colors)
        buffer.flush()  # what is written back after the image is gone ends the plug-in
        return bytes(buffer.get(row, 1.0, None, Gegl.AbyssPolicy.NONE)) == colors
    finally:
        scratch.delete()


def _strips(area: Area, pixel_bytes: int) -> Iterator[Area]:
    rows = max(1, min(256, STRIP_BYTES // (area.width * pixel_bytes)))
    for top in range(0, area.height, rows):
        yield Area(area.x, area.y + top, area.width, min(rows, area.height - top))


def read(drawable: Any, area: Area, form: PixelFormat) -> bytes:
    """Row-major pixels of a part of the drawable, without its own effects. A group gives what it looks like."""
    buffer, parts = drawable.get_buffer(), []
    for strip in _strips(area, form.pixel_bytes):
        part = buffer.get(Gegl.Rectangle.new(*strip), 1.0, form.babl, Gegl.AbyssPolicy.CLAMP)
        parts.append(part)
    data = parts[0] if len(parts) == 1 else b"".join(parts)
    if len(data) != form.info(area.width, area.height).nbytes:
        raise LayerRefused(
            _("GIMP gave too few pixels of the layer."), remedy=_("Save your work and start GIMP again.")
        )
    return data


def read_small(drawable: Any, area: Area, side: int, form: PixelFormat = SCREEN) -> tuple[int, int, bytes]:
    """(width, height, pixels) of a part of the drawable, scaled down so that no side is longer than `side`."""
    scale = min(1.0, side / max(area.width, area.height))
    width, height = max(1, round(area.width * scale)), max(1, round(area.height * scale))
    if scale == 1.0:
        return width, height, read(drawable, area, form)
    rectangle = Gegl.Rectangle.new(round(area.x * scale), round(area.y * scale), width, height)
    data = drawable.get_buffer().get(rectangle, scale, form.babl, Gegl.AbyssPolicy.CLAMP)
    return width, height, bytes(data)


def image_small(image: Any, side: int) -> tuple[ImageInfo, bytes] | None:
    """What an image looks like, no side longer than `side`: from the small copies that GIMP keeps, so it is quick."""
    small = image.get_thumbnail(side, side, Gimp.PixbufTransparency.KEEP_ALPHA)
    if small is None:
        return None
    width, height, channels = small.get_width(), small.get_height(), small.get_n_channels()
    data, stride = bytes(small.get_pixels()), small.get_rowstride()
    rows = [data[start : start + width * channels] for start in range(0, height * stride, stride)]
    return ImageInfo(width, height, "u8", "RGBA" if channels == 4 else "RGB"), b"".join(rows)


def _write(buffer: Any, area: Area, form: PixelFormat, data: Buffer) -> None:
    pixels = memoryview(data).cast("B")
    if len(pixels) != form.info(area.width, area.height).nbytes:
        raise LayerRefused(
            _("The backend sent a picture of another size than asked for. Nothing was changed."),
            remedy=_("Try again; if it happens again, install Scumble again."),
        )
    stride, start = area.width * form.pixel_bytes, 0
    for strip in _strips(area, form.pixel_bytes):
        end = start + strip.height * stride
        buffer.set(Gegl.Rectangle.new(*strip), form.babl, bytes(pixels[start:end]))
        start = end
    buffer.flush()


def cut(data: Buffer, form: PixelFormat, whole: Area, inner: Area) -> Buffer:
    """The pixels of `inner` out of those of `whole`, both in the layer's coordinates."""
    if inner == whole:
        return data
    moved = Area(inner.x - whole.x, inner.y - whole.y, inner.width, inner.height)
    return crop_rows(memoryview(data), whole.width, form.pixel_bytes, moved)


def paint_in_place(target: Target, form: PixelFormat, data: Buffer) -> None:
    """Change the wanted part of the layer; GIMP blends along the selection. One undo step."""
    drawable, area = target.drawable, target.wanted
    shadow = drawable.get_shadow_buffer()
    _write(shadow, area, form, data)
    if not drawable.merge_shadow(True):
        raise LayerRefused(
            _("GIMP did not let the layer “{name}” be changed.", name=target.name),
            remedy=_("Unlock it in the Layers dialog, or let the result be a new layer."),
        )
    drawable.update(*area)


def add_above(target: Target, form: PixelFormat, data: Buffer, name: str) -> Any:
    """A new layer above the target's, as large as the wanted part, masked by the selection and the layer's own mask.

    Opacity, mode and mask are those of the target's layer, so that the new one looks like it, painted. A picture of
    several layers has them in it already; all that is visible goes on top.
    """
    image, source, area = target.image, target.drawable, target.wanted
    kind = _layer_type(form, alpha=target.alpha or target.selected)
    mode, opacity = source.get_mode(), source.get_opacity()
    if mode == Gimp.LayerMode.PASS_THROUGH or target.composite:  # passing through is for groups alone
        mode = Gimp.LayerMode.NORMAL
    layer = Gimp.Layer.new(image, name, area.width, area.height, kind, 100.0 if target.composite else opacity, mode)
    _write(layer.get_buffer(), Area(0, 0, area.width, area.height), form, data)
    if not target.composite:
        layer.set_blend_space(source.get_blend_space())
        layer.set_composite_space(source.get_composite_space())
        layer.set_composite_mode(source.get_composite_mode())
    layer.set_offsets(target.on_canvas.x, target.on_canvas.y)
    if target.composite == "visible":
        image.insert_layer(layer, None, 0)
    else:
        image.insert_layer(layer, source.get_parent(), image.get_item_position(source))
    _mask(target, layer)
    return layer


def overwrite(layer: Any, form: PixelFormat, width: int, height: int, data: Buffer) -> None:
    """Give a layer that was just scaled exactly this size and these pixels.

    They go straight into the layer's buffer: the undo step that scaling made keeps the pixels of before.
    """
    if hasattr(layer, "rasterize") and not layer.is_rasterized():
        layer.rasterize()  # from GIMP 3.2 on; else it would draw its text, path or linked file over them again
    if (layer.get_width(), layer.get_height()) != (width, height):
        layer.resize(width, height, 0, 0)
    _write(layer.get_buffer(), Area(0, 0, width, height), form, data)
    layer.update(0, 0, width, height)


def _layer_type(form: PixelFormat, *, alpha: bool) -> Any:
    if form.order in ("GRAY", "GRAYA"):
        return Gimp.ImageType.GRAYA_IMAGE if alpha else Gimp.ImageType.GRAY_IMAGE
    return Gimp.ImageType.RGBA_IMAGE if alpha else Gimp.ImageType.RGB_IMAGE


def _mask(target: Target, layer: Any) -> None:
    """Selection and source mask as the layer's mask; where there are both, what both let through."""
    own = target.drawable.get_mask() if target.drawable.get_apply_mask() and not target.composite else None
    if not target.selected and own is None:
        return
    kind = Gimp.AddMaskType.SELECTION if target.selected else Gimp.AddMaskType.WHITE
    mask = layer.create_mask(kind)
    layer.add_mask(mask)
    if own is None:
        return
    area = target.wanted
    theirs = _mask_pixels(own, area)
    if target.selected:
        ours = memoryview(_mask_pixels(mask, Area(0, 0, area.width, area.height))).cast("f")
        theirs = _product(ours, memoryview(theirs).cast("f"))
    _put_mask(mask, area, theirs)


def mask_by_selection(layer: Any) -> None:
    """Let a layer show only what is selected; where it has a mask, what both let through."""
    area = Area(0, 0, layer.get_width(), layer.get_height())
    mask = layer.get_mask()
    if mask is not None and not layer.get_apply_mask():
        layer.remove_mask(Gimp.MaskApplyMode.DISCARD)  # it had no effect, and would have one now
        mask = None
    chosen = layer.create_mask(Gimp.AddMaskType.SELECTION)
    if mask is None:
        layer.add_mask(chosen)
        return
    selected = memoryview(_mask_pixels(chosen, area)).cast("f")
    both = _product(selected, memoryview(_mask_pixels(mask, area)).cast("f"))
    _put_mask(mask, area, both)


def _put_mask(mask: Any, area: Area, values: bytes) -> None:
    buffer = mask.get_buffer()
    buffer.set(Gegl.Rectangle.new(0, 0, area.width, area.height), "Y float", values)
    buffer.flush()
    mask.update(0, 0, area.width, area.height)


def _mask_pixels(mask: Any, area: Area) -> bytes:
    return bytes(mask.get_buffer().get(Gegl.Rectangle.new(*area), 1.0, "Y float", Gegl.AbyssPolicy.CLAMP))


def _product(one: memoryview[float], other: memoryview[float]) -> bytes:
    from array import array

    return array("f", map(float.__mul__, one, other)).tobytes()


def selection_small(target: Target, area: Area, width: int, height: int) -> bytes:
    """One byte a pixel of the selection over a part of the layer, scaled to width x height; linear, 255 is inside."""
    left, top = target.place
    scale = width / area.width
    rectangle = Gegl.Rectangle.new(round((area.x + left) * scale), round((area.y + top) * scale), width, height)
    buffer = target.image.get_selection().get_buffer()
    return bytes(buffer.get(rectangle, scale, "Y u8", Gegl.AbyssPolicy.NONE))


def place_mask(target: Target, area: Area, place: str, width: int, height: int) -> bytes:
    """One byte a pixel of where a style is placed over a part of the target's source, scaled to width x height.

    place: one of `StyleChoices.mask_places`; 255 is inside. Raises LayerRefused for one that is gone or empty.
    """
    image = target.image
    begin, name = named(place)
    form, step = "Y u8", 1
    if place == "selection":
        item, name, corner = image.get_selection(), _("Selection"), (0, 0)
        if Gimp.Selection.is_empty(image):
            raise LayerRefused(
                _("A style has its place in the selection, but nothing is selected."),
                remedy=_("Select something, or choose another place for the style."),
            )
    elif begin == MASK:
        item, corner = _named_mask(image, name)
    else:
        item, corner = _named_layer(image, name)
        # Light times alpha and alpha, byte by byte: only one of them is taken.
        form, step = "Y'aA u8", 2
    first = 1 if step == 2 and begin != LUMINANCE else 0
    left, top, scale = target.place[0] - corner[0], target.place[1] - corner[1], width / area.width
    rectangle = Gegl.Rectangle.new(round((area.x + left) * scale), round((area.y + top) * scale), width, height)
    data = bytes(item.get_buffer().get(rectangle, scale, form, Gegl.AbyssPolicy.NONE))[first::step]
    if not data.strip(b"\0"):
        raise LayerRefused(
            _("“{name}” is empty here, so a style would have no place.", name=name),
            remedy=_("Paint on the mask, or choose another place for the style."),
        )
    return data


def _named_mask(image: Any, name: str) -> tuple[Any, tuple[int, int]]:
    """A channel or layer mask, and where its top left corner lies. Raises LayerRefused."""
    for channel in image.get_channels():
        if channel.get_name() == name:
            return channel, (0, 0)
    for layer in flat(image):
        mask = layer.get_mask()
        if mask is not None and mask.get_name() == name:
            _exists, left, top = layer.get_offsets()
            return mask, (left, top)
    raise LayerRefused(
        _("There is no channel or layer mask “{name}” in this image.", name=name),
        remedy=_("Choose another place for the style."),
    )


def _named_layer(image: Any, name: str) -> tuple[Any, tuple[int, int]]:
    """A layer or group, and where its top left corner lies. Raises LayerRefused."""
    for layer in flat(image):
        if layer.get_name() == name:
            _exists, left, top = layer.get_offsets()
            return layer, (left, top)
    raise LayerRefused(
        _("There is no layer “{name}” in this image.", name=name), remedy=_("Choose another place for the style.")
    )


def layer_names(image: Any) -> list[str]:
    """Names of the layers that a style can be bound to, by their brightness or opacity."""
    return [layer.get_name() for layer in flat(image)]


def mask_names(image: Any) -> list[str]:
    """Names of the channels and layer masks that a style can be bound to, each once."""
    masks = [layer.get_mask() for layer in flat(image)]
    found = [*image.get_channels(), *(mask for mask in masks if mask is not None)]
    return list(dict.fromkeys(each.get_name() for each in found))


def style_picture(target: Target) -> tuple[ImageInfo, bytes]:
    """The wanted part of a layer as the picture that a style is learned from."""
    return _style_picture(target.source, target.wanted, alpha=target.alpha)


def _style_picture(drawable: Any, area: Area, *, alpha: bool) -> tuple[ImageInfo, bytes]:
    form = SCREEN if alpha else OPAQUE
    return form.info(area.width, area.height), read(drawable, area, form)


def style_picture_as_seen(image: Any) -> tuple[ImageInfo, bytes]:
    """All visible layers together, or their selected part."""
    _ok, selected, left, top, right, bottom = Gimp.Selection.bounds(image)
    area = Area(left, top, right - left, bottom - top)
    if not selected:
        area = Area(0, 0, image.get_width(), image.get_height())
    copy = image.duplicate()
    try:
        return _style_picture(copy.flatten(), area, alpha=False)
    finally:
        copy.delete()
