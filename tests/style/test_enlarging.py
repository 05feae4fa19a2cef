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
