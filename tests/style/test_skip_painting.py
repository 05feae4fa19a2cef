"""Strips of the light network: the same picture as at once, with styles mixed by tables and by changed kernels."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from style.test_style_skip import random_network
from torch.nn import functional as F

from scumble_backend.nets.style_skip import SkipStyleNetwork, SkipStyleTable, StyleDelta
from scumble_backend.rendering.effects import skip_painting
from scumble_backend.rendering.effects.doubling import convolve_doubled, phase_kernels
from scumble_backend.rendering.effects.marks import MarkSize
from scumble_backend.rendering.effects.placed_styles import without_traces
from scumble_backend.rendering.effects.skip_painting import SkipMix, paint
from scumble_backend.rendering.effects.stylize import Part, Style, stylize


@pytest.fixture
def lowest_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skip_painting, "STRIP_NUMBERS", 1)


@pytest.mark.parametrize("size", [(16, 16), (24, 40), (61, 47), (130, 70), (200, 21)])
@pytest.mark.parametrize("keep_pixels", [0, 1 << 30])
@pytest.mark.usefixtures("lowest_strips")
def test_strips_give_the_picture_of_the_whole(
    size: tuple[int, int], keep_pixels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skip_painting, "KEEP_PIXELS", keep_pixels)
    network, table, delta = random_network()
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(2))
    whole = network(image[None], table, delta)[0]
    assert (paint(network, image, SkipMix.single(table, delta)) - whole).abs().max() < 1e-5


def test_without_a_margin_the_border_is_exact_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skip_painting, "STRIP_NUMBERS", 1 << 10)
    network, table, delta = random_network()
    network.config = replace(network.config, margin=0)
    image = torch.rand(3, 61, 40)
    whole = network(image[None], table, delta)[0]
    assert (paint(network, image, SkipMix.single(table, delta)) - whole).abs().max() < 1e-5


@pytest.mark.parametrize("relu", [False, True])
def test_phase_kernels_do_what_doubling_padding_and_convolving_do(relu: bool) -> None:
    x, weight, bias = torch.randn(1, 5, 4, 6), torch.randn(3, 5, 3, 3), torch.randn(3)
    doubled = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    plain = F.conv2d(F.pad(doubled, (1, 1, 1, 1), mode="reflect"), weight, bias)
    window = F.pad(x, (1, 1, 1, 1), mode="replicate")
    made = convolve_doubled(window, weight, phase_kernels(weight), bias=bias, relu=relu)
    assert torch.allclose(made, plain.relu() if relu else plain, atol=1e-5)


def test_a_large_flat_picture_keeps_its_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many strips, little variance: what float32 sums without a mean taken off would lose."""
    monkeypatch.setattr(skip_painting, "STRIP_NUMBERS", 1 << 14)
    network, table, delta = random_network()
    image = 0.8 + 0.001 * torch.rand(3, 1500, 96, generator=torch.Generator().manual_seed(2))
    whole = network(image[None], table, delta)[0]
    assert (paint(network, image, SkipMix.single(table, delta)) - whole).abs().max() < 1 / 255


def two_styles() -> tuple[SkipStyleNetwork, SkipStyleTable, list[StyleDelta]]:
    network, one, delta = random_network()
    two = SkipStyleTable(one.scale.flip(1), one.shift.flip(1), one.color.flip(1))
    factors = {name: (left.flip(0), right.flip(1)) for name, (left, right) in delta.factors.items()}
    left, right = torch.full((5, 1), 0.2), torch.full((1, 5, 3, 3), 0.1)
    return network, SkipStyleTable.stack([one, two]), [delta, StyleDelta({**factors, "quarter0a": (left, right)})]


@pytest.mark.usefixtures("lowest_strips")
def test_a_mix_blends_tables_and_kernels() -> None:
    network, tables, deltas = two_styles()
    image, weights = torch.rand(3, 40, 48), torch.tensor([0.25, 0.75])
    factors: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    for name in ("block1b", "up2", "quarter0a"):
        own = [
            (w * d.factors[name][0], d.factors[name][1])
            for w, d in zip(weights, deltas, strict=True)
            if name in d.factors
        ]
        factors[name] = torch.cat([left for left, _ in own], dim=1), torch.cat([right for _, right in own])
    whole = network(image[None], tables.blended(weights), StyleDelta(factors))[0]
    assert (paint(network, image, SkipMix(tables, deltas, weights)) - whole).abs().max() < 1e-5


@pytest.mark.usefixtures("lowest_strips")
def test_an_even_mask_blends_like_plain_weights() -> None:
    network, tables, deltas = two_styles()
    image, weights = torch.rand(3, 50, 70), torch.tensor([0.3, 0.7])
    even = weights[:, None, None].expand(2, 50, 70)
    placed = paint(network, image, SkipMix(tables, deltas, even))
    assert (placed - paint(network, image, SkipMix(tables, deltas, weights))).abs().max() < 1e-5


@pytest.mark.parametrize("keep_pixels", [0, 1 << 30])
def test_masks_are_exact_on_strips(keep_pixels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network, tables, deltas = two_styles()
    generator = torch.Generator().manual_seed(4)
    image, mask = torch.rand(3, 90, 60, generator=generator), torch.rand(90, 60, generator=generator)
    mix = SkipMix(tables, deltas, torch.stack([mask, 1 - mask]))
    at_once = paint(network, image, mix)
    monkeypatch.setattr(skip_painting, "STRIP_NUMBERS", 1)
    monkeypatch.setattr(skip_painting, "KEEP_PIXELS", keep_pixels)
    assert (paint(network, image, mix) - at_once).abs().max() < 1e-5


def test_traces_of_a_style_are_left_out_and_all_else_stays() -> None:
    weights = torch.tensor([[0.0, 0.01, 1 / 64, 0.02, 1 / 32, 0.3]])
    weights = torch.cat([weights, 1 - weights])[:, None]
    left = without_traces(weights)
    assert torch.allclose(left.sum(dim=0), torch.ones(1, 6))
    assert torch.equal(left[0, 0, :3], torch.zeros(3)) and torch.allclose(left[..., 4:], weights[..., 4:])
    assert 0 < left[0, 0, 3] < 0.02


def test_a_mask_puts_each_style_in_its_place() -> None:
    network, tables, deltas = two_styles()
    image = torch.rand(3, 32, 320)
    left = torch.zeros(2, 32, 320)
    left[0, :, :160], left[1, :, 160:] = 1, 1
    placed = paint(network, image, SkipMix(tables, deltas, left))
    only = [paint(network, image, SkipMix(tables, deltas, torch.tensor(w))) for w in ((1.0, 0.0), (0.0, 1.0))]
    far_left = (placed - only[0])[:, :, :16].abs().mean(), (placed - only[1])[:, :, :16].abs().mean()
    assert far_left[0] < 0.5 * far_left[1]


@pytest.mark.usefixtures("lowest_strips")
def test_progress_rises_to_one_and_never_falls() -> None:
    network, table, delta = random_network()
    told: list[float] = []
    paint(network, torch.rand(3, 133, 50), SkipMix.single(table, delta), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    assert len(told) > 15


def test_what_progress_raises_stops_the_work() -> None:
    network, table, delta = random_network()

    def stop(fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        paint(network, torch.rand(3, 16, 16), SkipMix.single(table, delta), progress=stop)


def test_boldness_moves_the_table() -> None:
    network, table, delta = random_network()
    bold = SkipStyleTable(
        **table.tensors(), scale_bold=table.scale * 0.3, shift_bold=table.shift, color_bold=table.color
    )
    image, marks = torch.rand(3, 32, 40), MarkSize(absolute=True)
    part = Part(Style(network, bold, delta=delta))
    painted = stylize(image, [part], boldness=0.5, marks=marks).image
    assert torch.allclose(painted, network(image[None], bold.at(1.0, 0.5), delta)[0], atol=1e-5)
    assert (painted - stylize(image, [part], marks=marks).image).abs().mean() > 0.01


@pytest.mark.parametrize("size", [(8, 8), (9, 30)])
def test_pictures_smaller_than_the_network_takes_are_painted_enlarged(size: tuple[int, int]) -> None:
    network, table, delta = random_network()
    image = torch.rand(3, *size)
    assert (
        stylize(image, [Part(Style(network, table, delta=delta))], marks=MarkSize(absolute=True)).image.shape
        == image.shape
    )
