"""Sizes of enlarged pictures in every unit."""

from __future__ import annotations

import pytest

from scumble_editor.sizes import UNITS, Wish, how_text, shown, size_text
from scumble_wire.messages import PackInfo


@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_goes_there_and_back(unit: str) -> None:
    assert Wish(shown(2.5, unit, 1200, 900), unit).factor(1200, 900) == pytest.approx(2.5)


def test_sizes_are_what_a_ruler_says() -> None:
    assert Wish(250, "percent").factor(100, 50) == 2.5
    assert Wish(3000, "width").factor(1200, 900) == 2.5
    assert Wish(2700, "height").factor(1200, 900) == 3.0
    assert Wish(21.0, "print_width").factor(1240, 1754) == pytest.approx(2.0, abs=0.001)  # A4 at 300 dpi: 2480 wide
    assert Wish(29.7, "print_height").factor(1240, 1754) == pytest.approx(2.0, abs=0.001)
    assert size_text(1200, 900, 1.5) == "1200 × 900 → 1800 × 1350"


def test_what_is_too_small_or_too_large_is_known() -> None:
    assert not Wish(99, "percent").possible(100, 100) and not Wish(1700, "width").possible(100, 100)
    assert Wish(1600, "width").possible(100, 100)
    with pytest.raises(ValueError, match="no size"):
        Wish(100, "width").factor(0, 0)


@pytest.mark.parametrize(
    ("model", "factor", "words"),
    [
        ("faithful", 4.0, "exactly this size"),
        ("faithful", 2.0, "exactly this size"),  # by the pack beside it
        ("faithful", 1.5, "draws 2 ×"),
        ("faithful", 3.0, "draws 4 ×"),
        ("faithful", 8.0, "than the 4 ×"),
        ("faithful", 1.0, ""),
        ("bicubic", 2.0, "filter"),
        ("gone", 2.0, ""),
    ],
)
def test_words_say_how_a_model_comes_to_a_factor(model: str, factor: float, words: str) -> None:
    packs = [
        PackInfo(id="faithful", title="Faithful", kind="upscale", factors=[4]),
        PackInfo(id="faithful-x2", title="Faithful ×2", kind="upscale", factors=[2]),
    ]
    said = how_text(model, factor, packs)
    assert words in said and bool(words) == bool(said)
