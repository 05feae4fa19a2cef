"""What is tried inside GIMP: `gimp-console` runs this file and `main`; each scenario's outcome goes to a JSON file.

SCUMBLE_RESULT: the JSON file. SCUMBLE_SCENARIOS: names, separated by commas, in order. SCUMBLE_BELL: a file
that is written when a scenario wants the test outside to do something ("kill the backend").
"""

import json
import os
import time
import traceback
from array import array
from pathlib import Path

import gi

gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp, Gio  # noqa: E402  (the version must be named before)

STYLE, OTHER, ENLARGER = "tiny-sea", "tiny-field", "tiny-twice"
PRECISION, TYPE, BASE = Gimp.Precision, Gimp.ImageType, Gimp.ImageBaseType
SIZE = (96, 72)
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:Credit="Hokusai"/>'
    b"</rdf:RDF></x:xmpmeta>"
)


# --- calling ------------------------------------------------------------------------------------------------


def call(name, /, **values):
    """(status, answer values or [message]) of a procedure, not interactive."""
    procedure = Gimp.get_pdb().lookup_procedure(name)
    assert procedure is not None, f"{name} is not registered"
    config = procedure.create_config()
    if procedure.find_argument("run-mode") is not None:
        values.setdefault("run_mode", Gimp.RunMode.NONINTERACTIVE)
    for key, value in values.items():
        if key == "drawables":
            config.set_core_object_array(key, value)
        else:
            config.set_property(key.replace("_", "-"), value)
    answer = procedure.run(config)
    return answer.index(0), [answer.index(place) for place in range(1, answer.length())]


def succeed(name, /, **values):
    status, answer = call(name, **values)
    assert status == Gimp.PDBStatusType.SUCCESS, f"{name}: {status} {answer}"
    return answer


def refuse(name, expected, /, *words, **values):
    status, answer = call(name, **values)
    assert status == expected, f"{name}: {status} {answer}"
    text = " ".join(str(part) for part in answer)
    for word in words:
        assert word in text, f"{word!r} is not in {text!r}"
    return text


def stylize(image, layers, **values):
    values.setdefault("style", STYLE)
    values.setdefault("result", "in-place")
    return succeed("plug-in-scumble-stylize", image=image, drawables=layers, **values)


def ring(wish, *, wait=True):
    """Ask the test outside to do something; with wait, until it is done."""
    waker = Path(os.environ["SCUMBLE_BELL"])
    waker.write_text(wish)
    while wait and waker.exists():
        time.sleep(0.05)


# --- pictures -----------------------------------------------------------------------------------------------


def new_image(precision=PRECISION.U8_NON_LINEAR, base=BASE.RGB, size=SIZE):
    return Gimp.Image.new_with_precision(*size, base, precision)


def new_layer(image, alpha=True, size=SIZE, name="picture", place=None, parent=None):
    gray = image.get_base_type() == BASE.GRAY
    kinds = {
        (False, False): TYPE.RGB_IMAGE,
        (False, True): TYPE.RGBA_IMAGE,
        (True, False): TYPE.GRAY_IMAGE,
        (True, True): TYPE.GRAYA_IMAGE,
    }
    layer = Gimp.Layer.new(image, name, *size, kinds[gray, alpha], 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, parent, 0)
    if place:
        layer.set_offsets(*place)
    paint(layer, alpha)
    return layer


def paint(layer, alpha=True):
    """Ramps of color; with alpha, three stripes: opaque, half, clear."""
    width, height = layer.get_width(), layer.get_height()
    data = bytearray()
    for y in range(height):
        for x in range(width):
            opacity = (255, 128, 0)[x * 3 // width] if alpha else 255
            data += bytes((x * 255 // width, y * 255 // height, (x * 5 + y * 3) % 256, opacity))
    write(layer, "R'G'B'A u8", bytes(data))


def whole(layer):
    return Gegl.Rectangle.new(0, 0, layer.get_width(), layer.get_height())


def write(layer, form, data):
    buffer = layer.get_buffer()
    buffer.set(whole(layer), form, data)
    buffer.flush()
    layer.update(0, 0, layer.get_width(), layer.get_height())


def native(layer):
    return bytes(layer.get_buffer().get(whole(layer), 1.0, None, Gegl.AbyssPolicy.NONE))


def read(layer, form="R'G'B'A u8"):
    return bytes(layer.get_buffer().get(whole(layer), 1.0, form, Gegl.AbyssPolicy.NONE))


def alpha_of(layer):
    return read(layer, "A float")


def seen(image):
    """The visible image's pixels, as GIMP composes them."""
    layer = Gimp.Layer.new_from_visible(image, image, "seen")
    return bytes(layer.get_buffer().get(whole(layer), 1.0, "R'G'B'A u8", Gegl.AbyssPolicy.NONE))


def seen_alone(image, layer):
    """The same with all other layers hidden."""
    shown = {each: each.get_visible() for each in image.get_layers()}
    for each in shown:
        each.set_visible(each.get_id() == layer.get_id())
    pixels = seen(image)
    for each, visible in shown.items():
        each.set_visible(visible)
    return pixels


def effect(layer, operation, visible=True, **values):
    """Put a non-destructive effect on a layer."""
    made = Gimp.DrawableFilter.new(layer, operation, operation.partition(":")[2])
    for name, value in values.items():
        made.get_config().set_property(name.replace("_", "-"), value)
    made.update()
    layer.append_filter(made)
    made.set_visible(visible)


def linear(byte):
    value = byte / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def encoded(light):
    return 255 * (light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055)


def check_painted(precision, base=BASE.RGB, alpha=True, profile=None):
    """In place: painted, alpha untouched, depth kept; at strength 0 no byte differs; and as a new layer alike."""
    image = new_image(precision, base)
    if profile is not None:
        image.set_color_profile(profile)
    layer = new_layer(image, alpha)
    before, before_alpha = native(layer), alpha_of(layer)
    stylize(image, [layer], strength=0.0)
    assert native(layer) == before, "strength 0 changed bytes"
    (made,) = stylize(image, [layer], result="new-layer")
    assert native(layer) == before, "the source of a new layer changed"
    stylize(image, [layer])
    after = native(layer)
    assert after != before and len(after) == len(before)
    assert alpha_of(layer) == before_alpha, "alpha changed"
    assert image.get_precision() == precision
    assert native(made) == after, "new layer and in place differ"
    assert [made.get_width(), made.get_height()] == list(SIZE)
    assert image.get_item_position(made) + 1 == image.get_item_position(layer)
    return image, layer, made


# --- scenarios ----------------------------------------------------------------------------------------------


def scenario_u8():
    check_painted(PRECISION.U8_NON_LINEAR)


def scenario_u8_without_alpha():
    check_painted(PRECISION.U8_NON_LINEAR, alpha=False)


def scenario_u16():
    check_painted(PRECISION.U16_NON_LINEAR)


def scenario_u16_linear():
    check_painted(PRECISION.U16_LINEAR)


def scenario_u32_keeps_what_a_float_holds():
    image = new_image(PRECISION.U32_NON_LINEAR)
    layer = new_layer(image, alpha=False)
    before = memoryview(read(layer, "R'G'B' float")).cast("f").tolist()
    stylize(image, [layer], strength=0.0)
    after = memoryview(read(layer, "R'G'B' float")).cast("f").tolist()
    assert image.get_precision() == PRECISION.U32_NON_LINEAR
    assert max(abs(a - b) for a, b in zip(before, after, strict=True)) < 1e-6


def scenario_half_linear():
    check_painted(PRECISION.HALF_LINEAR, alpha=False)


def scenario_float_linear():
    check_painted(PRECISION.FLOAT_LINEAR)


def scenario_float_beyond_white_survives_strength_0():
    image = new_image(PRECISION.FLOAT_LINEAR)
    layer = new_layer(image, alpha=False)
    values = array("f", [2.5, -0.25, 0.5] * (SIZE[0] * SIZE[1]))
    write(layer, "RGB float", values.tobytes())
    stylize(image, [layer], strength=0.0)
    assert read(layer, "RGB float") == values.tobytes()


def scenario_gray():
    image, layer, _made = check_painted(PRECISION.U8_NON_LINEAR, BASE.GRAY)
    assert layer.is_gray() and image.get_base_type() == BASE.GRAY


def scenario_gray_16_without_alpha():
    check_painted(PRECISION.U16_NON_LINEAR, BASE.GRAY, alpha=False)


def scenario_adobe_rgb():
    image, _layer, _made = check_painted(PRECISION.U8_NON_LINEAR, profile=Gimp.ColorProfile.new_rgb_adobe())
    assert image.get_color_profile().is_equal(Gimp.ColorProfile.new_rgb_adobe())


def scenario_adobe_rgb_means_the_same_colors():
    """The same picture in two color spaces is painted alike, where both can hold it."""
    plain = new_image(PRECISION.FLOAT_NON_LINEAR)
    first = new_layer(plain, alpha=False)
    wide = new_image(PRECISION.FLOAT_NON_LINEAR)
    wide.set_color_profile(Gimp.ColorProfile.new_rgb_adobe())
    second = new_layer(wide, alpha=False)
    write(second, "R'G'B' float", read(first, "R'G'B' float"))
    stylize(plain, [first])
    stylize(wide, [second])
    one, other = (memoryview(read(layer, "R'G'B' float")).cast("f") for layer in (first, second))
    assert max(abs(a - b) for a, b in zip(one, other, strict=True)) < 0.02


def scenario_indexed_is_refused():
    image = new_image()
    layer = new_layer(image, alpha=False)
    image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, "")
    before = native(layer)
    text = refuse(
        "plug-in-scumble-stylize",
        Gimp.PDBStatusType.EXECUTION_ERROR,
        "indexed",
        "Mode > RGB",
        image=image,
        drawables=[layer],
        style=STYLE,
    )
    assert native(layer) == before, text


def scenario_feathered_selection_in_place():
    image = new_image()
    layer = new_layer(image, alpha=False)
    before = read(layer)
    full = layer.copy()
    image.insert_layer(full, None, 0)
    Gimp.context_set_feather(True)
    Gimp.context_set_feather_radius(8, 8)
    image.select_ellipse(Gimp.ChannelOps.REPLACE, 20, 12, 50, 45)
    stylize(image, [layer])
    after = read(layer)
    selection = bytes(image.get_selection().get_buffer().get(whole(layer), 1.0, "Y u8", Gegl.AbyssPolicy.NONE))
    outside = [place for place, value in enumerate(selection) if value == 0]
    between = [place for place, value in enumerate(selection) if 64 <= value <= 192]
    inside = [place for place, value in enumerate(selection) if value == 255]
    assert len(outside) > 500 and len(between) > 50 and len(inside) > 200
    assert all(after[4 * p : 4 * p + 4] == before[4 * p : 4 * p + 4] for p in outside), "changed outside"
    assert sum(after[4 * p : 4 * p + 3] != before[4 * p : 4 * p + 3] for p in inside) > 0.9 * len(inside)
    # Across the feather: blended in linear light, as GIMP's own filters are; a new layer holds the painted pixels.
    (made,) = stylize(image, [full], result="new-layer")
    left, top = made.get_offsets()[1:]
    painted, width = read(made), made.get_width()
    for place in between:
        x, y = place % SIZE[0], place // SIZE[0]
        source = 4 * ((y - top) * width + x - left)
        share = selection[place] / 255
        for channel in range(3):
            was, new = before[4 * place + channel], painted[source + channel]
            blend = encoded(linear(new) * share + linear(was) * (1 - share))
            assert abs(after[4 * place + channel] - blend) <= 2, (x, y, share, was, new, after[4 * place + channel])


def scenario_feathered_selection_as_a_new_layer():
    image = new_image()
    layer = new_layer(image, alpha=False)
    before = seen(image)
    Gimp.context_set_feather(True)
    Gimp.context_set_feather_radius(6, 6)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 20, 12, 40, 30)
    (made,) = stylize(image, [layer], result="new-layer")
    assert made.get_mask() is not None
    after = seen(image)
    selection = bytes(image.get_selection().get_buffer().get(whole(layer), 1.0, "Y u8", Gegl.AbyssPolicy.NONE))
    for place, value in enumerate(selection):
        if value == 0:
            assert after[4 * place : 4 * place + 4] == before[4 * place : 4 * place + 4]
    assert after != before


def scenario_selection_elsewhere_is_refused():
    image = new_image()
    layer = new_layer(image, size=(20, 20))
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 60, 40, 20, 20)
    refuse(
        "plug-in-scumble-stylize", Gimp.PDBStatusType.EXECUTION_ERROR, "does not touch", "Select > None",
        image=image, drawables=[layer], style=STYLE,
    )  # fmt: skip


def scenario_selection_without_a_pixel():
    """GIMP keeps only what of a selection lies on the canvas. If nothing does, its own filters, too, hold that there
    is no selection (nothing in its interface tells the two apart), and so do we: the whole layer is painted."""
    image = new_image()
    layer = new_layer(image, alpha=False)
    (whole_layer,) = stylize(image, [layer], result="new-layer")
    for x, y, shrink in ((500, 500, 0), (5, 5, 30)):
        image.select_rectangle(Gimp.ChannelOps.REPLACE, x, y, 20, 20)
        if shrink:
            Gimp.Selection.shrink(image, shrink)
        assert Gimp.Selection.is_empty(image) and not Gimp.Selection.bounds(image).non_empty
        (made,) = stylize(image, [layer], result="new-layer")
        assert native(made) == native(whole_layer) and made.get_mask() is None


def scenario_alpha_lock():
    image = new_image()
    layer = new_layer(image)
    layer.set_lock_alpha(True)
    before = alpha_of(layer)
    stylize(image, [layer])
    assert alpha_of(layer) == before


def scenario_locked_pixels():
    image = new_image()
    layer = new_layer(image)
    layer.set_lock_content(True)
    before = native(layer)
    refuse(
        "plug-in-scumble-stylize", Gimp.PDBStatusType.EXECUTION_ERROR, "locked", "new layer",
        image=image, drawables=[layer], style=STYLE, result="in-place",
    )  # fmt: skip
    stylize(image, [layer], result="new-layer")
    assert native(layer) == before


def scenario_locked_pixels_are_enlarged_elsewhere():
    """GIMP ends a plug-in that writes to a locked layer; so the whole image is refused before anything changes."""
    image = new_image()
    below = new_layer(image, name="below")
    layer = new_layer(image)
    layer.set_lock_content(True)
    before = native(layer), native(below)
    refuse(
        "plug-in-scumble-upscale", Gimp.PDBStatusType.EXECUTION_ERROR, "locked", "new image",
        image=image, drawables=[below], model=ENLARGER, result="whole-image",
    )  # fmt: skip
    assert (native(layer), native(below)) == before and image.get_width() == SIZE[0] and layer.get_lock_content()
    made, big = succeed("plug-in-scumble-upscale", image=image, drawables=[layer, below], model=ENLARGER)
    assert [made.get_width(), big.get_width()] == [2 * SIZE[0]] * 2 and not big.get_lock_content()
    assert layer.get_lock_content() and (native(layer), native(below)) == before
    _image, above = succeed(
        "plug-in-scumble-upscale", image=image, drawables=[layer], model=ENLARGER, result="new-layer"
    )
    assert above.get_width() == 2 * SIZE[0] and native(layer) == before[0]


def scenario_locked_group():
    """A locked group locks what is in it: neither a layer's pixels change in there, nor does a layer come in."""
    image = new_image()
    group = Gimp.GroupLayer.new(image, "guarded")
    image.insert_layer(group, None, 0)
    child = new_layer(image, size=(40, 30), place=(8, 6), name="child", parent=group)
    group.set_lock_content(True)
    before = native(child)
    values = {"image": image, "drawables": [child]}
    wrong = Gimp.PDBStatusType.EXECUTION_ERROR
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 10, 20, 15)
    for result in ("in-place", "new-layer"):
        refuse("plug-in-scumble-stylize", wrong, "“guarded”", "locked", style=STYLE, result=result, **values)
    for result in ("new-layer", "whole-image"):
        refuse("plug-in-scumble-upscale", wrong, "“guarded”", "locked", model=ENLARGER, result=result, **values)
    assert native(child) == before and len(group.get_children()) == 1 and image.get_width() == SIZE[0]
    made, big = succeed("plug-in-scumble-upscale", model=ENLARGER, **values)
    assert [made.get_width(), made.get_height(), big.get_width()] == [40, 30, 40]


def scenario_locked_position_and_locked_mask():
    image = new_image()
    layer = new_layer(image, size=(40, 30), place=(8, 6))
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.WHITE))
    layer.get_mask().set_lock_content(True)
    layer.set_lock_position(True)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 10, 20, 15)
    made, big = succeed("plug-in-scumble-upscale", image=image, drawables=[layer], model=ENLARGER)
    assert [made.get_width(), made.get_height()] == [40, 30]
    assert [big.get_width(), big.get_height(), *big.get_offsets()[1:]] == [40, 30, 0, 0]
    stylize(image, [layer], result="new-layer")
    assert layer.get_lock_position() and layer.get_mask().get_lock_content()


def scenario_layer_mask_stays():
    image = new_image()
    layer = new_layer(image, alpha=False)
    mask = layer.create_mask(Gimp.AddMaskType.WHITE)
    layer.add_mask(mask)
    values = bytes((7 * place) % 256 for place in range(SIZE[0] * SIZE[1]))
    write(mask, "Y u8", values)
    stylize(image, [layer])
    assert read(layer.get_mask(), "Y u8") == values
    (made,) = stylize(image, [layer], result="new-layer")
    assert read(made.get_mask(), "Y u8") == values
    refuse(
        "plug-in-scumble-stylize", Gimp.PDBStatusType.EXECUTION_ERROR, "mask",
        image=image, drawables=[layer.get_mask()], style=STYLE,
    )  # fmt: skip


def scenario_selection_and_layer_mask_together():
    image = new_image()
    layer = new_layer(image, alpha=False)
    mask = layer.create_mask(Gimp.AddMaskType.WHITE)
    layer.add_mask(mask)
    write(mask, "Y u8", bytes([128]) * (SIZE[0] * SIZE[1]))
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 10, 30, 20)
    (made,) = stylize(image, [layer], result="new-layer")
    assert [made.get_width(), made.get_height(), *made.get_offsets()[1:]] == [30, 20, 10, 10]
    assert set(read(made.get_mask(), "Y u8")) == {128}


def scenario_group():
    image = new_image()
    new_layer(image, alpha=False, name="below")
    group = Gimp.GroupLayer.new(image, "group")
    image.insert_layer(group, None, 0)
    child = new_layer(image, size=(40, 30), place=(8, 6), name="child", parent=group)
    before = native(child)
    refuse(
        "plug-in-scumble-stylize", Gimp.PDBStatusType.EXECUTION_ERROR, "group", "new layer",
        image=image, drawables=[group], style=STYLE, result="in-place",
    )  # fmt: skip
    (made,) = stylize(image, [group], result="new-layer")
    assert [made.get_width(), made.get_height(), *made.get_offsets()[1:]] == [40, 30, 8, 6]
    assert not made.is_group() and native(child) == before
    (inner,) = stylize(image, [child], result="new-layer")
    assert inner.get_parent().get_id() == group.get_id()


def scenario_pass_through_group_as_a_new_layer():
    """Its mode is for groups alone (GIMP logs an assertion, which the test outside looks for)."""
    image = new_image()
    group = Gimp.GroupLayer.new(image, "group")
    group.set_mode(Gimp.LayerMode.PASS_THROUGH)
    image.insert_layer(group, None, 0)
    new_layer(image, size=(40, 30), place=(8, 6), name="child", parent=group)
    (made,) = stylize(image, [group], result="new-layer")
    assert made.get_mode() == Gimp.LayerMode.NORMAL and made.get_width() == 40


def scenario_effects_are_painted():
    """A new layer is painted from what is seen; a layer painted in place keeps its effects, above its own pixels."""
    image = new_image()
    layer = new_layer(image)
    effect(layer, "gegl:invert")
    effect(layer, "gegl:gaussian-blur", visible=False, std_dev_x=9.0)
    before, shown = native(layer), new_layer(image)
    write(shown, "R'G'B'A u8", seen_alone(image, layer))
    (expected,) = stylize(image, [shown], result="new-layer")
    (made,) = stylize(image, [layer], result="new-layer")
    assert native(made) == native(expected) != before
    assert not made.get_filters() and native(layer) == before and len(layer.get_filters()) == 2
    plain = new_layer(image)
    stylize(image, [plain, layer])
    assert native(layer) == native(plain) and len(layer.get_filters()) == 2


def scenario_effects_beside_the_layer():
    """A shadow lies beside its layer; so the new layer is larger, but where a mask hides the shadow."""
    image = new_image()
    layer = new_layer(image, alpha=False, size=(30, 20), place=(30, 20))
    effect(layer, "gegl:dropshadow", x=8.0, y=6.0, radius=2.0)
    before = seen_alone(image, layer)
    (made,) = stylize(image, [layer], result="new-layer", strength=0.0)
    assert made.get_width() > 36 and made.get_height() > 24 and made.has_alpha()
    assert seen_alone(image, made) == before
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.WHITE))
    (made,) = stylize(image, [layer], result="new-layer", strength=0.0)
    assert [made.get_width(), made.get_height(), *made.get_offsets()[1:]] == [30, 20, 30, 20]


def scenario_effects_of_a_group():
    image = new_image(PRECISION.FLOAT_LINEAR)
    group = Gimp.GroupLayer.new(image, "group")
    image.insert_layer(group, None, 0)
    new_layer(image, size=(40, 30), place=(8, 6), name="child", parent=group)
    effect(group, "gegl:invert")
    before = seen_alone(image, group)
    (made,) = stylize(image, [group], result="new-layer", strength=0.0)
    assert [made.get_width(), made.get_height(), *made.get_offsets()[1:]] == [40, 30, 8, 6]
    assert seen_alone(image, made) == before


def scenario_effects_are_enlarged():
    image = new_image()
    layer = new_layer(image, alpha=False, size=(30, 20), place=(30, 20))
    effect(layer, "gegl:invert")
    effect(layer, "gegl:dropshadow", x=8.0, y=6.0, radius=2.0)
    values = {"image": image, "drawables": [layer], "model": "bicubic"}
    made, big = succeed("plug-in-scumble-upscale", **values)
    assert not big.get_filters() and len(layer.get_filters()) == 2
    _image, above = succeed("plug-in-scumble-upscale", result="new-layer", **values)
    assert [big.get_width(), big.get_height()] == [above.get_width(), above.get_height()] and big.get_width() > 72
    assert native(big) == native(above)
    assert [made.get_width(), made.get_height()] == [big.get_width(), big.get_height()]
    left = above.get_offsets().offset_x + big.get_width() // 4  # of what was enlarged: a quarter of it lies inside
    top = above.get_offsets().offset_y + big.get_height() // 4
    small, large = seen_alone(image, layer), read(big)
    for x, y in ((34, 24), (45, 30), (57, 37), (63, 42)):  # the last is in the shadow beside the layer
        near, far = 4 * (y * SIZE[0] + x), 4 * (2 * (y - top) * big.get_width() + 2 * (x - left))
        assert small[near + 3] > 60 and all(abs(small[near + c] - large[far + c]) < 40 for c in range(4)), (x, y)
    image.remove_layer(above)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 32, 22, 10, 8)
    made, part = succeed("plug-in-scumble-upscale", **values)
    assert [made.get_width(), made.get_height(), part.get_width()] == [20, 16, 20]
    Gimp.Selection.none(image)
    succeed("plug-in-scumble-upscale", result="whole-image", **values)
    assert layer.get_width() == 60 and len(layer.get_filters()) == 2


def scenario_text_layer():
    image = new_image()
    text = Gimp.TextLayer.new(image, "Scumble", Gimp.context_get_font(), 20.0, Gimp.Unit.pixel())
    image.insert_layer(text, None, 0)
    (made,) = stylize(image, [text], result="new-layer")
    assert text.is_text_layer() and text.get_text() == "Scumble" and not made.is_text_layer()
    before = alpha_of(text)
    stylize(image, [text])
    assert alpha_of(text) == before


def scenario_text_layer_to_a_new_image():
    """Its copy is pixels, and the answer names it as what it is."""
    image = new_image()
    text = Gimp.TextLayer.new(image, "Scumble", Gimp.context_get_font(), 20.0, Gimp.Unit.pixel())
    image.insert_layer(text, None, 0)
    size = [2 * text.get_width(), 2 * text.get_height()]
    made, big = succeed("plug-in-scumble-upscale", image=image, drawables=[text], model=ENLARGER)
    assert big is not None and [big.get_width(), big.get_height()] == size
    assert big.is_rasterized() if hasattr(big, "is_rasterized") else not big.is_text_layer()
    assert [made.get_width(), made.get_height()] == size and text.is_text_layer()
    _image, above = succeed(
        "plug-in-scumble-upscale", image=image, drawables=[text], model=ENLARGER, result="whole-image"
    )
    assert above is not None and above.get_id() == text.get_id()


def scenario_hidden_layer_to_a_new_image():
    image = new_image()
    group = Gimp.GroupLayer.new(image, "group")
    image.insert_layer(group, None, 0)
    layer = new_layer(image, alpha=False, parent=group)
    layer.set_visible(False)
    group.set_visible(False)
    made, big = succeed("plug-in-scumble-upscale", image=image, drawables=[layer], model=ENLARGER)
    assert big.get_visible() and not layer.get_visible()
    assert set(seen(made)[3::4]) == {255}


def scenario_linked_layers():
    """GIMP draws a linked drawing sharply at any size; a linked photo is enlarged by the network (GIMP 3.2)."""
    if not hasattr(Gimp, "LinkLayer"):
        return
    folder = Path(os.environ["SCUMBLE_RESULT"]).parent
    picture = new_image(size=(40, 30))
    new_layer(picture, alpha=False, size=(40, 30))
    photo, drawing = folder / "linked.png", folder / "linked.svg"
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, picture, Gio.File.new_for_path(str(photo)), None)
    shape = '<rect x="4" y="4" width="9" height="9"/>'
    drawing.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30">{shape}</svg>')
    for result in ("new-image", "whole-image"):
        image = new_image(size=(40, 30))
        linked = Gimp.LinkLayer.new(image, Gio.File.new_for_path(str(photo)))
        image.insert_layer(linked, None, 0)
        plain = new_layer(image, alpha=False, size=(40, 30))
        write(plain, "R'G'B' u8", read(linked, "R'G'B' u8"))
        made, big = succeed(
            "plug-in-scumble-upscale", image=image, drawables=[linked, plain], model=ENLARGER, result=result
        )
        one, other = (layer for layer in made.get_layers())
        assert [big.get_width(), big.get_height()] == [80, 60]
        assert read(one, "R'G'B' u8") == read(other, "R'G'B' u8"), "the network's pixels are not in the linked layer"
    image = new_image(size=(40, 30))
    linked = Gimp.LinkLayer.new(image, Gio.File.new_for_path(str(drawing)))
    image.insert_layer(linked, None, 0)
    made, big = succeed("plug-in-scumble-upscale", image=image, drawables=[linked], model=ENLARGER)
    assert big.is_link_layer() and not big.is_rasterized()
    edges = set(memoryview(alpha_of(big)).cast("f").tolist())
    assert edges == {0.0, 1.0}, "the drawing is not sharp"


def scenario_several_layers():
    image = new_image()
    layers = [new_layer(image, alpha=False, name=name) for name in ("one", "two", "three")]
    stylize(image, layers, result="new-layer")
    assert len(image.get_layers()) == 6
    names = [layer.get_name() for layer in image.get_selected_layers()]
    assert len(names) == 3 and len(set(names)) == 3, names
    stylize(image, layers, result="in-place", style=OTHER)


def scenario_layer_of_another_size():
    image = new_image()
    layer = new_layer(image, size=(50, 90), place=(-10, -20))
    (made,) = stylize(image, [layer], result="new-layer")
    assert [made.get_width(), made.get_height(), *made.get_offsets()[1:]] == [50, 90, -10, -20]


def scenario_choices_change_the_picture():
    image = new_image()
    pictures = {}
    for values in (
        {}, {"style": OTHER}, {"stroke_scale": 4.0}, {"colors": "picture"}, {"strength": 0.5},
        {"style": f"{STYLE}:0.5 + {OTHER}:0.5"}, {"style": f"{STYLE}@light + {OTHER}@rest"}, {"colors": "matched"},
    ):  # fmt: skip
        layer = new_layer(image, alpha=False)
        stylize(image, [layer], **values)
        pictures.setdefault(native(layer), []).append(values)
    assert len(pictures) == 8, list(pictures.values())


def scenario_styles_are_placed():
    """By the selection, which then confines nothing, in place and as a new layer; by a channel, off a moved layer."""
    image = new_image()
    pictures = {}
    for style in (STYLE, OTHER):
        layer = new_layer(image, alpha=False)
        stylize(image, [layer], style=style)
        pictures[style] = read(layer)
    width, height = SIZE
    half = 3 * width * (height // 2)

    def apart(one, other):
        return sum(abs(a - b) for a, b in zip(one, other, strict=True))

    def check(picture, upper, lower):
        for part, near, far in ((slice(0, half // 2), upper, lower), (slice(-half // 2, None), lower, upper)):
            near, far = pictures[near][part], pictures[far][part]
            assert apart(picture[part], near) < apart(picture[part], far)

    mix = f"{STYLE}@selection + {OTHER}@rest"
    failed = Gimp.PDBStatusType.EXECUTION_ERROR
    values = {"image": image, "drawables": [layer]}
    refuse("plug-in-scumble-stylize", failed, "nothing is selected", style=mix, **values)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, width, height // 2)
    layer = new_layer(image, alpha=False)
    (made,) = stylize(image, [layer], style=mix, result="new-layer")
    assert made.get_mask() is None and made.get_height() == height
    check(read(made), STYLE, OTHER)
    stylize(image, [layer], style=mix)
    check(read(layer), STYLE, OTHER)
    _ok, some, _x, _y, _right, bottom = Gimp.Selection.bounds(image)
    assert some and bottom == height // 2 and not image.get_channels()
    channel = Gimp.Selection.save(image)
    channel.set_name("Sky + sea")
    Gimp.Selection.none(image)
    layer = new_layer(image, alpha=False)
    stylize(image, [layer], style=f"{STYLE}@mask:Sky %2B sea + {OTHER}@rest")
    check(read(layer), STYLE, OTHER)
    fog = new_layer(image, name="Fog")  # a hidden map: light above, black and then nothing below
    quarter = width * (height // 4)
    write(
        fog,
        "R'G'B'A u8",
        b"\xff" * (8 * quarter) + b"\0\0\0\xff" * quarter + bytes(4 * (width * height - 3 * quarter)),
    )
    fog.set_visible(False)
    layer = new_layer(image, alpha=False)
    stylize(image, [layer], style=f"{STYLE}@luminance:Fog + {OTHER}@rest")
    check(read(layer), STYLE, OTHER)
    stylize(image, [layer], style=f"{STYLE}@alpha:Fog + {OTHER}@rest")
    refuse(
        "plug-in-scumble-stylize",
        failed,
        "no layer “Gone”",
        style=f"{STYLE}@alpha:Gone",
        image=image,
        drawables=[layer],
    )
    below = new_layer(image, alpha=False, place=(0, height))
    values = {"image": image, "drawables": [below], "style": f"{STYLE}@mask:Sky %2B sea + {OTHER}@rest"}
    refuse("plug-in-scumble-stylize", failed, "“Sky + sea” is empty", **values)
    values["style"] = f"{STYLE}@mask:Gone + {OTHER}@rest"
    refuse("plug-in-scumble-stylize", failed, "“Gone”", **values)


def scenario_what_lies_below_or_all_that_is_visible_is_painted():
    """With strength 0 the new layer is the picture that was taken; one that is edited again is not in it."""
    image = new_image()
    below = new_layer(image, alpha=False, name="below")
    middle = new_layer(image, name="middle")
    middle.set_opacity(60.0)
    top = new_layer(image, alpha=False, size=(40, 30), place=(5, 5), name="top")
    top.set_visible(False)
    lower = seen(image)
    top.set_visible(True)
    everything = seen(image)
    assert lower != everything
    values = {"strength": 0.0, "result": "new-layer"}
    (made,) = stylize(image, [middle], source="below", **values)
    assert image.get_layers() == [top, made, middle, below] and made.get_opacity() == 100
    assert read(made) == lower
    (over,) = stylize(image, [below, middle], source="visible", **values)
    assert image.get_layers() == [over, top, made, middle, below] and read(over) == everything
    write(over, "R'G'B'A u8", bytes([0, 0, 0, 255]) * (SIZE[0] * SIZE[1]))
    (again,) = succeed("plug-in-scumble-edit-again", image=image, drawables=[over])
    assert image.get_layers() == [again, top, made, middle, below] and read(again) == everything
    values = {"image": image, "drawables": [middle], "style": STYLE, "source": "visible", "result": "in-place"}
    refuse("plug-in-scumble-stylize", Gimp.PDBStatusType.CALLING_ERROR, "into one of them", **values)


def scenario_a_painted_layer_is_edited_again():
    """What made it outlives saving and copying; the new layer stands where the old one stood, in one undo step."""
    image = new_image()
    layer = new_layer(image, alpha=False)
    mix = f"{STYLE}:0.6 + {OTHER}:0.4"
    stylize(image, [layer], style=mix, strength=0.5, seed=7, result="new-layer")
    failed = Gimp.PDBStatusType.EXECUTION_ERROR
    refuse("plug-in-scumble-edit-again", failed, "not painted", image=image, drawables=[layer])
    path = Gio.File.new_for_path(os.environ["SCUMBLE_RESULT"] + ".xcf")
    assert Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, path, None)
    image.delete()
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, path)
    old, below = image.get_layers()
    text = json.loads(bytes(old.get_parasite("scumble-made").get_data()))
    assert text["choices"]["style"] == mix and text["choices"]["strength"] == 0.5
    before = native(old)
    (new,) = succeed("plug-in-scumble-edit-again", image=image, drawables=[old])
    assert image.get_layers() == [new, below] and native(new) == before
    assert new.get_name() == json.loads(bytes(new.get_parasite("scumble-made").get_data()))["title"].removesuffix(
        " 2"
    )
    new.attach_parasite(Gimp.Parasite.new("scumble-made", 1, b"nonsense"))
    refuse("plug-in-scumble-edit-again", failed, "not painted", image=image, drawables=[new])
    copy = new_layer(image)
    copy.attach_parasite(Gimp.Parasite.new("scumble-made", 1, json.dumps({**text, "source": "0"}).encode()))
    refuse("plug-in-scumble-edit-again", failed, "is gone", image=image, drawables=[copy])
    wrong = Gimp.PDBStatusType.CALLING_ERROR
    refuse("plug-in-scumble-edit-again", wrong, "takes one layer", image=image, drawables=[copy, new])


def scenario_wrong_arguments():
    image = new_image()
    layer = new_layer(image)
    wrong = Gimp.PDBStatusType.CALLING_ERROR
    values = {"image": image, "drawables": [layer]}
    refuse("plug-in-scumble-stylize", wrong, "No style was chosen", STYLE, **values)
    refuse("plug-in-scumble-stylize", wrong, "“nonsense”", STYLE, style="nonsense", **values)
    refuse("plug-in-scumble-stylize", wrong, "“tiny-twice”", style=ENLARGER, **values)
    refuse("plug-in-scumble-stylize", wrong, "add up to 0", style=f"{STYLE}:0 + {OTHER}:0", **values)
    refuse("plug-in-scumble-upscale", wrong, "“nonsense”", ENLARGER, model="nonsense", **values)
    refuse("plug-in-scumble-train", wrong, "name", **values)
    refuse("plug-in-scumble-install-pack", wrong, "No pack file")
    no_pack = Gio.File.new_for_path(os.environ["SCUMBLE_RESULT"] + ".scumble")
    Path(no_pack.get_path()).write_text("no pack")
    refuse("plug-in-scumble-install-pack", Gimp.PDBStatusType.EXECUTION_ERROR, ".scumble", file=no_pack)


def scenario_layers_that_are_not_there():
    """No layer, one of another image, one in no image: a sentence and the status that says whose mistake it is."""
    image, other = new_image(), new_image()
    layer, foreign = new_layer(image), new_layer(other, name="foreign")
    loose = Gimp.Layer.new(image, "loose", 20, 20, TYPE.RGB_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
    before = native(foreign)
    for procedure, values in (
        ("stylize", {"style": STYLE}),
        ("stylize", {"style": STYLE, "result": "in-place"}),
        ("upscale", {"model": ENLARGER}),
        ("upscale", {"model": ENLARGER, "result": "whole-image"}),
        ("train", {"name": "Not There", "source": "layer"}),
    ):
        for drawables, words in (([], "No layer"), ([foreign], "another image"), ([loose], "not in an image")):
            refuse(
                f"plug-in-scumble-{procedure}", Gimp.PDBStatusType.CALLING_ERROR, words,
                image=image, drawables=drawables, **values,
            )  # fmt: skip
    assert native(foreign) == before and len(other.get_layers()) == 1
    assert [each.get_id() for each in image.get_layers()] == [layer.get_id()]


def scenario_a_recipe_that_is_not_there():
    image = new_image()
    layer = new_layer(image)
    for wait in (True, False):
        refuse(
            "plug-in-scumble-train", Gimp.PDBStatusType.EXECUTION_ERROR, "no recipe 'nonsense'", "quick",
            image=image, drawables=[layer], name="Without a Recipe", recipe="nonsense", wait=wait,
        )  # fmt: skip


def scenario_arguments_are_typed_and_told():
    procedure = Gimp.get_pdb().lookup_procedure("plug-in-scumble-stylize")
    kinds = {each.name: each.value_type.name for each in procedure.get_arguments()}
    assert kinds["strength"] == "gdouble" and kinds["absolute-strokes"] == "gboolean" and kinds["seed"] == "gint"
    strength = procedure.find_argument("strength")
    assert (strength.minimum, strength.maximum, strength.default_value) == (0.0, 1.0, 1.0)
    for name in Gimp.get_pdb().query_procedures("plug-in-scumble-.*", *[".*"] * 7):
        each = Gimp.get_pdb().lookup_procedure(name)
        assert each.get_blurb() and each.get_help() and "<Image>/Filters/Scumble" in each.get_menu_paths(), name
        assert all(argument.blurb for argument in each.get_arguments()), name


def scenario_the_guide_names_every_procedure_and_argument():
    guide = {}
    for line in Path(os.environ["SCUMBLE_GUIDE"]).read_text("utf-8").splitlines():
        if line.startswith("| `plug-in-scumble-"):
            words = line.split("`")[1::2]
            guide[words[0]] = words[1:]
    found = {}
    for name in Gimp.get_pdb().query_procedures("plug-in-scumble-.*", *[".*"] * 7):
        arguments = [each.name for each in Gimp.get_pdb().lookup_procedure(name).get_arguments()]
        found[name] = [each for each in arguments if each not in ("run-mode", "image", "drawables")]
    assert guide == found


def opened_by_a_browser():
    """A file that gets the address of every page that is opened from now on."""
    opened, applications = Path.home() / "opened", Path.home() / ".local" / "share" / "applications"
    opened.write_text("")
    applications.mkdir(parents=True, exist_ok=True)
    browser = f"[Desktop Entry]\nType=Application\nName=Browser\nMimeType=text/html;\nExec=sh {opened}.sh %u\n"
    (applications / "browser.desktop").write_text(browser)
    (applications / "mimeapps.list").write_text("[Default Applications]\ntext/html=browser.desktop\n")
    Path(f"{opened}.sh").write_text(f'echo "$1" >>{opened}\n')
    return opened


def manual_was_opened(opened):
    end = time.monotonic() + 15 * float(os.environ.get("SCUMBLE_PATIENCE", "1"))
    while not opened.read_text():
        assert time.monotonic() < end, "no page was opened"
        time.sleep(0.1)
    page, _mark, heading = opened.read_text().strip().partition("#")
    assert page.startswith("file:///") and page.endswith("/scumble_gimp/manual/en.html"), page
    assert heading == "gimp" and Path(page.removeprefix("file://")).is_file(), page


def scenario_the_manual_is_opened():
    opened = opened_by_a_browser()
    succeed("plug-in-scumble-manual")
    manual_was_opened(opened)


def scenario_script_fu():
    image = new_image()
    layer = new_layer(image, alpha=False)
    before = native(layer)
    code = (
        f"(plug-in-scumble-stylize #:run-mode RUN-NONINTERACTIVE #:image {image.get_id()}"
        f' #:drawables (vector {layer.get_id()}) #:style "{STYLE}" #:result "in-place")'
    )
    succeed("plug-in-script-fu-eval", script=code)
    assert native(layer) != before


def scenario_repeating_without_a_last_style():
    image = new_image()
    layer = new_layer(image, alpha=False)
    wrong = Gimp.PDBStatusType.CALLING_ERROR
    refuse("plug-in-scumble-repeat", wrong, "No style was chosen", STYLE, image=image, drawables=[layer])


def scenario_install_pack():
    pack = Gio.File.new_for_path(os.environ["SCUMBLE_PACK"])
    (name,) = succeed("plug-in-scumble-install-pack", file=pack)
    image = new_image()
    layer = new_layer(image)
    stylize(image, [layer], style=name)


def scenario_upscale_to_a_new_image():
    profile = Gimp.ColorProfile.new_rgb_adobe()
    image = new_image(PRECISION.U16_NON_LINEAR)
    image.set_color_profile(profile)
    image.set_resolution(240.0, 120.0)
    image.attach_parasite(Gimp.Parasite.new("gimp-comment", Gimp.PARASITE_PERSISTENT, b"by hand\0"))
    metadata = Gimp.Metadata.new()
    metadata.set_from_xmp(XMP)
    image.set_metadata(metadata)
    layer = new_layer(image)
    made, big = succeed("plug-in-scumble-upscale", image=image, drawables=[layer], model=ENLARGER)
    assert [made.get_width(), made.get_height()] == [2 * side for side in SIZE]
    assert [big.get_width(), big.get_height()] == [2 * side for side in SIZE]
    assert made.get_precision() == PRECISION.U16_NON_LINEAR
    assert made.get_color_profile().is_equal(profile)
    assert list(made.get_resolution())[1:] == [240.0, 120.0]
    assert bytes(made.get_parasite("gimp-comment").get_data()) == b"by hand\0"
    assert "Hokusai" in made.get_metadata().serialize()
    assert [image.get_width(), image.get_height()] == list(SIZE)
    small = read(layer, "R'G'B'A u8")
    large = read(big, "R'G'B'A u8")
    for x, y in ((10, 10), (40, 30), (20, 60)):
        near, far = 4 * (y * SIZE[0] + x), 4 * (2 * y * 2 * SIZE[0] + 2 * x)
        assert all(abs(small[near + c] - large[far + c]) < 40 for c in range(4)), (x, y)


def scenario_upscale_the_whole_image():
    image = new_image(PRECISION.FLOAT_LINEAR)
    below = new_layer(image, alpha=False, name="below")
    group = Gimp.GroupLayer.new(image, "group")
    image.insert_layer(group, None, 0)
    child = new_layer(image, size=(40, 30), place=(8, 6), name="child", parent=group)
    child.add_mask(child.create_mask(Gimp.AddMaskType.WHITE))
    made, _layer = succeed(
        "plug-in-scumble-upscale", image=image, drawables=[child], model=ENLARGER, result="whole-image"
    )
    assert made.get_id() == image.get_id() and image.get_precision() == PRECISION.FLOAT_LINEAR
    assert [image.get_width(), image.get_height()] == [2 * side for side in SIZE]
    assert [child.get_width(), child.get_height(), *child.get_offsets()[1:]] == [80, 60, 16, 12]
    assert [child.get_mask().get_width(), below.get_width()] == [80, 2 * SIZE[0]]


def scenario_upscale_a_selection_to_a_new_layer():
    image = new_image()
    layer = new_layer(image, alpha=False)
    image.select_ellipse(Gimp.ChannelOps.REPLACE, 20, 10, 30, 20)
    made, big = succeed("plug-in-scumble-upscale", image=image, drawables=[layer], model=ENLARGER, result="new-layer")
    assert made.get_id() == image.get_id()
    assert [big.get_width(), big.get_height(), *big.get_offsets()[1:]] == [60, 40, 5, 0]
    assert [big.get_mask().get_width(), big.get_mask().get_height()] == [60, 40]
    other, part = succeed("plug-in-scumble-upscale", image=image, drawables=[layer], model="bicubic", factor=1.5)
    assert [other.get_width(), other.get_height(), part.get_width()] == [45, 30, 45]


def scenario_train():
    image = new_image(size=(160, 120))
    new_layer(image, alpha=False, size=(160, 120))
    (name,) = succeed(
        "plug-in-scumble-train",
        image=image,
        drawables=image.get_layers(),
        name="Learned Here",
        recipe=os.environ["SCUMBLE_RECIPE"],
    )
    assert name == "learned-here"
    layer = new_layer(image, size=(160, 120))
    stylize(image, [layer], style=name)


def scenario_train_on_a_layer_of_an_indexed_image():
    image = new_image(size=(160, 120))
    layer = new_layer(image, alpha=False, size=(160, 120))
    image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, "")
    (name,) = succeed(
        "plug-in-scumble-train",
        image=image,
        drawables=[layer],
        name="Learned from Few Colors",
        source="layer",
        recipe=os.environ["SCUMBLE_RECIPE"],
    )
    assert name == "learned-from-few-colors"


def scenario_training_goes_on():
    """A script that does not wait gets its answer at once, and the training outlives its plug-in."""
    image = new_image(size=(160, 120))
    new_layer(image, alpha=False, size=(160, 120))
    (name,) = succeed(
        "plug-in-scumble-train",
        image=image,
        drawables=image.get_layers(),
        name="Goes On",
        recipe=os.environ["SCUMBLE_LONG_RECIPE"],
        wait=False,
    )
    assert not name
    ring("see the training go on")


def _interrupted(wish, expected, *words):
    image = new_image(size=(2200, 1600))
    layer = Gimp.Layer.new(image, "large", 2200, 1600, TYPE.RGB_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    layer.fill(Gimp.FillType.WHITE)
    before = hash(native(layer))
    ring(wish, wait=False)
    text = refuse(
        "plug-in-scumble-stylize", expected, *words,
        image=image, drawables=[layer], style=STYLE, result="in-place",
    )  # fmt: skip
    assert hash(native(layer)) == before and len(image.get_layers()) == 1, text
    image.delete()


def scenario_cancelled_from_outside():
    _interrupted("cancel", Gimp.PDBStatusType.CANCEL)


def scenario_cancelled_by_gimp():
    """GIMP's own Cancel ends the plug-in's process, so it has no answer of its own."""
    _interrupted("end the plug-in", Gimp.PDBStatusType.CALLING_ERROR, "no return values")


def scenario_backend_killed():
    _interrupted("kill the backend", Gimp.PDBStatusType.EXECUTION_ERROR, "Nothing was changed")


def scenario_no_backend():
    image = new_image()
    layer = new_layer(image)
    before = native(layer)
    refuse(
        "plug-in-scumble-stylize", Gimp.PDBStatusType.EXECUTION_ERROR, "Scumble",
        image=image, drawables=[layer], style=STYLE, result="in-place",
    )  # fmt: skip
    assert native(layer) == before


# --- running ------------------------------------------------------------------------------------------------


def main():
    results, path = {}, Path(os.environ["SCUMBLE_RESULT"])
    for name in os.environ["SCUMBLE_SCENARIOS"].split(","):
        start = time.monotonic()
        Gimp.context_set_defaults()
        try:
            globals()[f"scenario_{name}"]()
            error = ""
        except Exception:  # noqa: BLE001  any mistake is this scenario's result
            error = traceback.format_exc()
        results[name] = {"error": error, "seconds": round(time.monotonic() - start, 2)}
        new = path.with_name(path.name + ".new")
        new.write_text(json.dumps(results))
        new.replace(path)
        for image in Gimp.get_images():
            image.delete()
