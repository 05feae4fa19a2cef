"""How large a picture is painted so that its brush marks have the size asked for."""

from __future__ import annotations

import pytest

from scumble_backend.rendering.effects.marks import LARGEST_PREVIEW, USUAL_WORK, MarkSize
from scumble_editor import choices


@pytest.mark.parametrize("size", [(500, 600), (1000, 1000), (3000, 4000), (6000, 4000)])
@pytest.mark.parametrize("stroke_scale", [0.7, 1.0, 2.5])
def test_pictures_of_every_size_are_painted_at_the_same_number_of_pixels(size, stroke_scale):
    (height, width), note = MarkSize(stroke_scale).working_size(size)
    assert height * width == pytest.approx(USUAL_WORK / stroke_scale**2, rel=0.01)
    assert height / width == pytest.approx(size[0] / size[1], rel=0.01)
    assert note == ""


def test_a_picture_of_nearly_the_usual_size_is_not_resampled():
    assert MarkSize().working_size((1010, 1010))[0] == (1010, 1010)


@pytest.mark.parametrize("absolute", [False, True])
def test_a_part_and_a_small_copy_get_the_marks_of_the_whole(absolute):
    """Painted pixels per pixel of the picture are the same for the whole, for a detail, and for a preview of it."""
    whole, pixels = (3000, 4000), 12_000_000
    size = MarkSize(1.5, absolute).working_size(whole)[0]
    detail = MarkSize(1.5, absolute, pixels).working_size((300, 400))[0]
    copy = MarkSize(1.5, absolute, pixels, scale=0.25).working_size((750, 1000))[0]
    assert detail[0] / 300 == pytest.approx(size[0] / whole[0], rel=0.01)
    assert copy[0] == pytest.approx(size[0], abs=1)


def test_absolute_marks_are_those_of_the_network_whatever_the_size_of_the_picture():
    assert MarkSize(absolute=True).working_size((3000, 4000)) == ((3000, 4000), "")
    assert MarkSize(2.0, absolute=True).working_size((3000, 4000))[0] == (1500, 2000)


def test_small_strokes_on_a_huge_picture_say_what_was_done_instead():
    size, note = MarkSize(0.25, absolute=True).working_size((8000, 10000))
    assert size == (8000, 10000)
    assert "4.0 times larger" in note


def test_a_preview_of_small_strokes_stays_quick_and_says_that_they_are_shown_larger():
    size, note = MarkSize(0.25, picture_pixels=12_000_000, scale=0.11, preview=True).working_size((330, 440))
    assert size[0] * size[1] <= LARGEST_PREVIEW * 1.01
    assert "shown" in note


def test_a_tiny_picture_is_not_enlarged_beyond_measure():
    assert MarkSize().working_size((30, 40)) == ((120, 160), "")


def test_editors_know_the_usual_size_that_the_backend_has():
    assert choices.USUAL_PIXELS == USUAL_WORK
    assert choices.StyleChoices(stroke_scale=2.0).mark_size(4_000_000) == pytest.approx(4.0)
    assert choices.StyleChoices(stroke_scale=2.0, absolute_strokes=True).mark_size(4_000_000) == pytest.approx(2.0)
