"""Palettes in OKLab, and where the styles of a mix count."""

from __future__ import annotations

import pytest
import torch
from style.test_style_network import random_network

from scumble_backend.rendering.effects import painting
from scumble_backend.rendering.effects.colors import Palette, from_oklab, palette_of, recolored, to_oklab
from scumble_backend.rendering.effects.regions import region_masks
from scumble_backend.rendering.effects.stylize import APART, Part, Style, stylize


def colorful(seed: int, low: float = 0.25, high: float = 0.75, size: tuple[int, int] = (40, 50)) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    tint = torch.rand(3, 1, 1, generator=generator) * 0.3
    return low + (high - low) * (0.7 * torch.rand(3, *size, generator=generator) + tint)


def test_oklab_of_known_colors_and_back() -> None:
    """White, pure red and its published coordinates (Ottosson 2020)."""
    image = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]).T[:, None].contiguous()
    expected = torch.tensor([[1.0, 0.0, 0.0], [0.62796, 0.22486, 0.12585]]).T[:, None]
    torch.testing.assert_close(to_oklab(image), expected, atol=2e-4, rtol=0)
    torch.testing.assert_close(from_oklab(to_oklab(colorful(3))), colorful(3), atol=1e-4, rtol=0)


def test_a_recolored_picture_has_the_palette_asked_for() -> None:
    image, other = colorful(1), colorful(2, 0.4, 0.6)
    made = palette_of(recolored(image, palette_of(image), palette_of(other)))
    torch.testing.assert_close(made.mean, palette_of(other).mean, atol=3e-3, rtol=0)
    torch.testing.assert_close(made.covariance, palette_of(other).covariance, atol=3e-4, rtol=0)


def test_its_own_palette_changes_nothing() -> None:
    image = colorful(4)
    torch.testing.assert_close(recolored(image, palette_of(image), palette_of(image)), image, atol=1e-4, rtol=0)


def test_a_flat_picture_is_not_torn_apart() -> None:
    flat = torch.full((3, 20, 20), 0.5) + 0.002 * torch.rand(3, 20, 20)
    made = recolored(flat, palette_of(flat), palette_of(colorful(1, 0.0, 1.0)))
    assert (made.amax(dim=(1, 2)) - made.amin(dim=(1, 2))).max() < 0.15


def test_a_palette_goes_through_nine_numbers() -> None:
    palette = palette_of(colorful(5))
    again = Palette.from_numbers(palette.numbers())
    torch.testing.assert_close(again.covariance, palette.covariance, atol=1e-6, rtol=0)


@pytest.mark.parametrize("colors", ["matched", "palette", "only"])
def test_colors_come_from_where_they_are_asked_from(colors: str) -> None:
    image, other = colorful(1), palette_of(colorful(2, 0.3, 0.5))
    part = Part(Style(*random_network()), palette=other)
    made = palette_of(stylize(image, [part], colors=colors).image)
    wanted = palette_of(image) if colors == "matched" else other
    torch.testing.assert_close(made.mean, wanted.mean, atol=0.02, rtol=0)


def test_only_the_palette_leaves_the_drawing_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(painting, "paint")  # nothing is painted
    image = colorful(1)
    part = Part(Style(*random_network()), palette=palette_of(colorful(2)))
    made = to_oklab(stylize(image, [part], colors="only").image)[0].flatten()
    assert torch.corrcoef(torch.stack([made, to_oklab(image)[0].flatten()]))[0, 1] > 0.9


def test_each_place_takes_the_palette_of_its_own_style() -> None:
    image, left = colorful(1), torch.zeros(40, 50)
    left[:, :25] = 1.0
    red, blue = torch.full((3, 8, 8), 0.1), torch.full((3, 8, 8), 0.1)
    red[0] = blue[2] = 0.8
    network = Style(*random_network())
    made = stylize(
        image,
        [Part(network, 1.0, left, palette_of(red)), Part(network, 1.0, 1 - left, palette_of(blue))],
        colors="only",
    ).image
    assert made[0, :, :25].mean() > made[2, :, :25].mean() + 0.3
    assert made[2, :, 25:].mean() > made[0, :, 25:].mean() + 0.3


def test_styles_on_different_networks_are_said_to_be_mixed_as_pictures() -> None:
    one, two = Part(Style(*random_network(0))), Part(Style(*random_network(1)))
    assert stylize(torch.rand(3, 24, 24), [one, two]).note == APART
    assert stylize(torch.rand(3, 24, 24), [one, one]).note == ""


def test_regions_are_found_in_the_picture_and_the_rest_is_what_is_left() -> None:
    image = torch.zeros(3, 40, 60)
    image[:, :, 30:] = 1.0
    light, dark, rest = region_masks(image, ["light", "dark", "rest"], [None] * 3)
    assert light is not None and dark is not None and rest is not None
    assert light[:, 40:].min() > 0.99 and light[:, :20].max() < 0.01
    torch.testing.assert_close(light + dark, torch.ones(40, 60))
    assert rest.abs().max() < 1e-6
    sent = torch.rand(40, 60)
    [_, left] = region_masks(image, ["everywhere", "rest"], [sent, None])
    torch.testing.assert_close(left, 1 - sent)


def test_light_parts_of_a_small_copy_are_those_of_the_picture() -> None:
    big = torch.nn.functional.interpolate(torch.rand(1, 3, 6, 8), size=(480, 640), mode="bilinear")[0]
    small = torch.nn.functional.interpolate(big[None], size=(120, 160), mode="area")[0]
    whole, copy = (region_masks(image, ["light"], [None])[0] for image in (big, small))
    assert whole is not None and copy is not None
    there = torch.nn.functional.interpolate(whole[None, None], size=(120, 160), mode="area")[0, 0]
    assert (there - copy).abs().max() < 0.06


def test_opaque_parts_are_the_alpha_and_nothing_limits_an_opaque_picture() -> None:
    alpha = torch.rand(10, 10)
    assert region_masks(torch.rand(3, 10, 10), ["opaque"], [None], alpha)[0] is alpha
    assert region_masks(torch.rand(3, 10, 10), ["opaque"], [None]) == [None]


def test_a_placed_mix_is_exact_on_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    network, table = random_network()
    other = type(table)(table.scale.flip(1), table.shift.flip(1), table.color.flip(1))
    image, mask = colorful(1, size=(90, 60)), torch.rand(90, 60)
    parts = [Part(Style(network, table), 0.7, mask), Part(Style(network, other), 0.3, 1 - mask)]
    at_once = stylize(image, parts).image
    monkeypatch.setattr(painting, "STRIP_NUMBERS", 1)
    monkeypatch.setattr(painting, "KEEP_PIXELS", 0)
    assert (stylize(image, parts).image - at_once).abs().max() < 1e-5
