"""Strips with the statistics of the whole: the same picture as at once, for every size and cut."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from style.test_style_network import random_network
from torch.nn import functional as F

from scumble_backend.nets.style import StyleTable
from scumble_backend.rendering.effects import painting
from scumble_backend.rendering.effects.painting import Mix, paint
from scumble_backend.rendering.tiling import RunningStatistics, source_rows, strips


@pytest.mark.parametrize("size", [(8, 8), (9, 13), (61, 47), (130, 70), (300, 21)])
@pytest.mark.parametrize("keep_pixels", [0, 1 << 30])
@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
def test_strips_give_the_picture_of_the_whole(
    size: tuple[int, int], keep_pixels: int, upsampling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(painting, "STRIP_NUMBERS", 1)  # the lowest strips there are
    monkeypatch.setattr(painting, "KEEP_PIXELS", keep_pixels)
    network, table = random_network(upsampling=upsampling)
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(2))
    whole = network(image[None], table)[0]
    assert (paint(network, image, Mix.single(table)) - whole).abs().max() < 1e-5


def test_progress_rises_to_one_and_never_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painting, "STRIP_NUMBERS", 1)
    network, table = random_network()
    told: list[float] = []
    paint(network, torch.rand(3, 133, 50), Mix.single(table), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    assert len(told) > 15


def test_what_progress_raises_stops_the_work() -> None:
    network, table = random_network()

    def stop(fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        paint(network, torch.rand(3, 16, 16), Mix.single(table), progress=stop)


def two_styles() -> tuple[painting.StyleNetwork, StyleTable]:
    network, one = random_network()
    two = StyleTable(one.scale.flip(1), one.shift.flip(1), one.color.flip(1))
    return network, StyleTable.stack([one, two])


def test_an_even_mask_blends_like_plain_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painting, "STRIP_NUMBERS", 1)
    network, tables = two_styles()
    image, weights = torch.rand(3, 50, 70), torch.tensor([0.3, 0.7])
    even = weights[:, None, None].expand(2, 50, 70)
    placed = paint(network, image, Mix(tables, even))
    assert (placed - paint(network, image, Mix(tables, weights))).abs().max() < 1e-5


def test_a_mask_puts_each_style_in_its_place() -> None:
    network, tables = two_styles()
    image = torch.rand(3, 32, 160)
    left = torch.zeros(2, 32, 160)
    left[0, :, :80], left[1, :, 80:] = 1, 1
    placed = paint(network, image, Mix(tables, left))
    only = [paint(network, image, Mix(tables, torch.tensor(w))) for w in ((1.0, 0.0), (0.0, 1.0))]
    far_left = (placed - only[0])[:, :, :16].abs().mean(), (placed - only[1])[:, :, :16].abs().mean()
    assert far_left[0] < 0.5 * far_left[1]


def test_blended_tables_equal_blended_weights_in_one_pass() -> None:
    network, tables = two_styles()
    image, weights = torch.rand(3, 24, 24), torch.tensor([0.25, 0.75])
    blended = network(image[None], tables.blended(weights))[0]
    assert (paint(network, image, Mix(tables, weights)) - blended).abs().max() < 1e-5


@given(st.integers(1, 500), st.integers(1, 100))
def test_strips_cover_every_row_once(height: int, rows: int) -> None:
    cut = strips(height, rows)
    assert cut[0][0] == 0
    assert cut[-1][1] == height
    assert all(a[1] == b[0] for a, b in itertools.pairwise(cut))
    assert max(b - a for a, b in cut) <= rows + 1


@given(st.integers(6, 60), st.sampled_from([0, 1, 4]), st.data())
def test_source_rows_hold_what_a_convolution_needs(height: int, radius: int, data: st.DataObject) -> None:
    top = data.draw(st.integers(0, height - 1))
    bottom = data.draw(st.integers(top + 1, height))
    column = torch.arange(float(height)).reshape(1, 1, height, 1).expand(1, 1, height, radius + 2)
    whole = F.pad(column, (radius,) * 4, mode="reflect")[:, :, top : bottom + 2 * radius]
    window = source_rows(top, bottom, height, radius=radius)
    piece = window.pad(column[:, :, window.top : window.bottom], radius)
    extra = top - radius - (window.top - window.mirror_above)
    assert torch.equal(piece[:, :, extra : extra + whole.shape[2]], whole)


def test_statistics_of_pieces_are_those_of_the_whole() -> None:
    whole = torch.randn(1, 5, 90, 7, generator=torch.Generator().manual_seed(0)) * 3 + 100
    running = RunningStatistics()
    for top, bottom in strips(90, 8):
        running.add(whole[:, :, top:bottom])
    mean, variance = running.result()
    exact = whole.double()
    assert torch.allclose(mean.double(), exact.mean(dim=(2, 3)), rtol=1e-6)
    assert torch.allclose(variance.double(), exact.var(dim=(2, 3), correction=0), rtol=1e-4)
