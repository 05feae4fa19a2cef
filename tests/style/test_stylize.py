"""Strength, stroke scale, kept colors and mixes of the effect `stylize`."""

from __future__ import annotations

import pytest
import torch
from style.test_style_network import random_network
from torch import Tensor

from scumble_backend.errors import ImageTooSmall
from scumble_backend.rendering.effects import painting
from scumble_backend.rendering.effects.marks import MarkSize
from scumble_backend.rendering.effects.stylize import (
    Part,
    Style,
    part_weights,
    stylize,
    with_luma_of,
)
from scumble_backend.rendering.pixels import luma


def style(seed: int = 0) -> Style:
    return Style(*random_network(seed))


def test_strength_zero_returns_the_image_even_beyond_white() -> None:
    image = torch.rand(3, 20, 20) * 4 - 1
    assert torch.allclose(stylize(image, [Part(style())], strength=0).image, image)


def test_half_strength_lies_halfway() -> None:
    image, part = torch.rand(3, 20, 20), Part(style())
    full = stylize(image, [part]).image
    assert torch.allclose(stylize(image, [part], strength=0.5).image, (image + full) / 2, atol=1e-6)
    assert (full - image).abs().mean() > 0.05


def test_the_callers_image_is_left_alone() -> None:
    image = torch.rand(3, 20, 20)
    before = image.clone()
    stylize(image, [Part(style())], colors="picture", strength=0.7)
    assert torch.equal(image, before)


def test_a_picture_under_eight_pixels_is_refused_with_a_remedy() -> None:
    with pytest.raises(ImageTooSmall) as caught:
        stylize(torch.rand(3, 7, 100), [Part(style())])
    assert "8 pixels" in caught.value.remedy


def test_kept_colors_take_luma_from_the_style_and_chroma_from_the_image() -> None:
    image = torch.rand(3, 30, 30) * 0.2 + 0.4
    painted = torch.rand(3, 30, 30) * 0.4 + 0.3
    kept = with_luma_of(image, painted)
    assert torch.allclose(luma(kept), luma(painted), atol=1e-5)
    assert torch.allclose(kept - luma(kept), image - luma(image), atol=1e-5)


def test_kept_colors_keep_the_luma_where_chroma_does_not_fit() -> None:
    image, painted = torch.rand(3, 30, 30), torch.rand(3, 30, 30)
    kept = with_luma_of(image, painted)
    assert torch.allclose(luma(kept), luma(painted), atol=1e-4)
    assert kept.min() >= 0
    assert kept.max() <= 1


def test_styles_on_different_networks_are_mixed_by_their_pictures() -> None:
    image, one, two = torch.rand(3, 24, 24), style(0), style(1)
    mixed = stylize(image, [Part(one, 1.0), Part(two, 3.0)]).image
    apart = [stylize(image, [Part(s)]).image for s in (one, two)]
    assert torch.allclose(mixed, 0.25 * apart[0] + 0.75 * apart[1], atol=1e-5)


def test_masked_weights_are_divided_by_their_sum_at_each_pixel() -> None:
    mask = torch.zeros(10, 10)
    mask[:5] = 0.5
    one = style()
    weights = part_weights([Part(one, 1.0, mask), Part(one, 1.0)], (10, 10), torch.device("cpu"))
    assert torch.allclose(weights.sum(dim=0), torch.ones(10, 10))
    assert torch.allclose(weights[0, :5], torch.full((5, 10), 1 / 3))
    assert weights[0, 5:].abs().max() == 0


def test_where_all_masks_are_zero_plain_weights_hold() -> None:
    one, nowhere = style(), torch.zeros(8, 8)
    weights = part_weights([Part(one, 1.0, nowhere), Part(one, 3.0, nowhere)], (8, 8), torch.device("cpu"))
    assert torch.allclose(weights[0], torch.full((8, 8), 0.25))


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_a_stroke_scale_the_table_lacks_is_painted_at_another_resolution(
    scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[torch.Size] = []
    real = painting.paint

    def watched(network: object, image: Tensor, *rest: object, **options: object) -> Tensor:
        sizes.append(image.shape)
        return real(network, image, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(painting, "paint", watched)
    painted = stylize(torch.rand(3, 40, 60), [Part(style())], marks=MarkSize(scale, absolute=True))
    assert sizes == [torch.Size([3, round(40 / scale), round(60 / scale)])]
    assert painted.image.shape == (3, 40, 60)


def test_a_mix_reports_progress_over_all_networks() -> None:
    told: list[float] = []
    stylize(torch.rand(3, 24, 24), [Part(style(0)), Part(style(1))], progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    assert any(0.4 < value < 0.6 for value in told)


def test_colors_beyond_srgb_are_kept_where_colors_are_kept() -> None:
    """Pure red of Display P3 and green of Rec. 2020 as sRGB without limits, under a style that changes nothing."""
    image = torch.tensor([[1.093, -0.227, -0.150], [-0.60, 1.05, -0.25], [0.3, 0.6, 0.2]]).T[:, None].contiguous()
    torch.testing.assert_close(with_luma_of(image, image), image, atol=1e-5, rtol=0)
    assert float(with_luma_of(torch.full((3, 1, 1), 6.0), torch.full((3, 1, 1), 0.5)).max()) <= 1.0
