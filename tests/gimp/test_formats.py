from __future__ import annotations

import pytest

from gimp_side.formats import choose

U8_LINEAR, U8, U8_PERCEPTUAL, U16_LINEAR, U16, U32 = 100, 150, 175, 200, 250, 350
HALF_LINEAR, HALF, FLOAT_LINEAR, FLOAT, DOUBLE_LINEAR = 500, 550, 600, 650, 700


@pytest.mark.parametrize(
    ("precision", "srgb", "babl"),
    [
        (U8, True, "R'G'B'A u8"),
        (U8_PERCEPTUAL, True, "R'G'B'A u8"),
        (U16, True, "R'G'B'A u16"),
        (HALF, True, "R'G'B'A half"),
        (HALF_LINEAR, True, "RGBA half"),
        (FLOAT, True, "R'G'B'A float"),
        (FLOAT_LINEAR, True, "RGBA float"),
        # What bytes in sRGB can't hold travels as floating point.
        (U8_LINEAR, True, "RGBA float"),
        (U16_LINEAR, True, "RGBA float"),
        (U32, True, "R'G'B'A float"),
        (DOUBLE_LINEAR, True, "RGBA float"),
        (U8, False, "R'G'B'A float"),
        (U16, False, "R'G'B'A float"),
        (HALF_LINEAR, False, "RGBA float"),
    ],
)
def test_the_smallest_format_that_loses_nothing_is_chosen(precision: int, srgb: bool, babl: str) -> None:
    assert choose(precision, gray=False, alpha=True, srgb=srgb).babl == babl


@pytest.mark.parametrize(
    ("gray", "alpha", "order", "babl", "pixel_bytes"),
    [
        (True, False, "GRAY", "Y' u16", 2),
        (True, True, "GRAYA", "Y'A u16", 4),
        (False, False, "RGB", "R'G'B' u16", 6),
        (False, True, "RGBA", "R'G'B'A u16", 8),
    ],
)
def test_gray_and_opaque_layers_send_no_more_than_they_have(
    gray: bool, alpha: bool, order: str, babl: str, pixel_bytes: int
) -> None:
    form = choose(U16, gray=gray, alpha=alpha, srgb=True)
    assert (form.order, form.babl, form.pixel_bytes) == (order, babl, pixel_bytes)


def test_the_wire_hears_the_same_format_as_gegl() -> None:
    info = choose(FLOAT_LINEAR, gray=False, alpha=True, srgb=True).info(40, 30)
    assert (info.depth, info.order, info.transfer, info.nbytes) == ("f32", "RGBA", "linear", 40 * 30 * 16)
