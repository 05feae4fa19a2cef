"""Paintings brought to the size of large pictures."""

from __future__ import annotations

import pytest
import torch
from style.test_style_skip import random_network
from torch import Tensor
from torch.nn import functional as F

from scumble_backend.rendering.effects import enlarging
from scumble_backend.rendering.effects.enlarging import brought_to_size
from scumble_backend.rendering.effects.marks import USUAL_WORK, MarkSize
from scumble_backend.rendering.effects.stylize import Part, Style, stylize


class Blur:
    """Four times larger, from a window of five source pixels."""

    factor, halo, weight_count = 4, 2, 25

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, image: Tensor, /, *, half: bool = False) -> Tensor:
        self.calls += 1
        padded = F.pad(image, (2, 2, 2, 2), mode="replicate")
        return F.interpolate(F.avg_pool2d(padded, 5, stride=1), scale_factor=4.0, mode="nearest")


@pytest.mark.parametrize("size", [(200, 244), (183, 251), (500, 610)])
def test_tiles_give_what_the_network_makes_of_the_whole(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    painted = torch.rand(3, 50, 61, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(enlarging, "CORE", 1000)
    whole = brought_to_size(painted, size, Blur())
    monkeypatch.setattr(enlarging, "CORE", 16)
    told: list[float] = []
    assert torch.allclose(brought_to_size(painted, size, Blur(), told.append), whole, atol=1e-6)
    assert whole.shape == (3, *size)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("size", [(200, 244), (50, 61)])
def test_a_painting_may_be_written_over_the_picture_whose_detail_it_takes(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of tiles are written one after the other, each after its detail has been read."""
    monkeypatch.setattr(enlarging, "CORE", 16)
    generator = torch.Generator().manual_seed(0)
    picture, work, painted = (torch.rand(3, *side, generator=generator) for side in (size, (50, 61), (50, 61)))
    apart = brought_to_size(painted, size, Blur(), finish=enlarging.Detail(picture, work, painted).add)
    over = brought_to_size(painted, size, Blur(), finish=enlarging.Detail(picture, work, painted).add, out=picture)
    assert over.data_ptr() == picture.data_ptr()
    assert torch.equal(over, apart)
    assert (apart - brought_to_size(painted, size, Blur())).abs().mean() > 0.01, "detail was added"


def test_a_little_larger_or_smaller_needs_no_network() -> None:
    network = Blur()
    assert brought_to_size(torch.rand(3, 40, 40), (50, 50), network).shape == (3, 50, 50)
    assert brought_to_size(torch.rand(3, 40, 40), (10, 20), network).shape == (3, 10, 20)
    assert network.calls == 0


def small_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scumble_backend.rendering.effects.marks.USUAL_WORK", USUAL_WORK // 250)


def test_a_large_picture_is_painted_small_and_enlarged_by_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    small_work(monkeypatch)
    blur, told = Blur(), list[float]()
    part = Part(Style(*random_network()[:2]))
    painted = stylize(torch.rand(3, 180, 200), [part], enlarger=lambda: blur, progress=told.append)
    assert blur.calls
    assert painted.image.shape == (3, 180, 200)
    assert painted.note == ""
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    assert stylize(torch.rand(3, 180, 200), [part], marks=MarkSize(absolute=True)).note == ""


def test_without_the_network_the_filter_enlarges_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    small_work(monkeypatch)
    painted = stylize(torch.rand(3, 180, 200), [Part(Style(*random_network()[:2]))])
    assert "soft" in painted.note


def quarter_size(picture: Tensor) -> Tensor:
    return F.avg_pool2d(picture[None], 4)[0]


def fine_picture() -> Tensor:
    """Contours that a quarter of the size blurs."""
    generator = torch.Generator().manual_seed(3)
    steps = F.interpolate(torch.rand(1, 3, 12, 15, generator=generator), scale_factor=10.0, mode="nearest")[0]
    return 0.2 + 0.6 * steps.mean(dim=0, keepdim=True).expand(3, -1, -1).contiguous()


def test_a_painting_that_kept_the_contours_gets_their_detail_back() -> None:
    picture = fine_picture()
    small = quarter_size(picture)
    plain = brought_to_size(small, (120, 150), None)
    detailed = plain.clone()
    enlarging.Detail(picture, small, small).add(detailed, 0)
    assert (detailed - picture).abs().mean() < 0.5 * (plain - picture).abs().mean()


def test_where_the_marks_took_over_nothing_is_added() -> None:
    picture = fine_picture()
    marks = torch.full((3, 30, 38), 0.4)
    result = torch.full((3, 120, 150), 0.4)
    enlarging.Detail(picture, quarter_size(F.pad(picture, (0, 2))), marks).add(result, 0)
    assert (result - 0.4).abs().max() < 1e-6


def test_detail_is_the_same_however_many_rows_are_taken_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = fine_picture()
    small = quarter_size(picture)
    whole = brought_to_size(small, (120, 150), None)
    rows = whole.clone()
    enlarging.Detail(picture, small, small).add(whole, 0)
    monkeypatch.setattr(enlarging, "DETAIL_ROWS", 7)
    enlarging.Detail(picture, small, small).add(rows, 0)
    assert torch.allclose(rows, whole, atol=1e-6)
