"""Each loss against a second, plain implementation in numpy loops, and against hand-computed numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scumble_training.measuring.marks import palette_distance
from scumble_training.style import losses


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def plain_gram(features: np.ndarray) -> np.ndarray:
    n, c, h, w = features.shape
    result = np.zeros((n, c, c))
    for i in range(n):
        for a in range(c):
            for b in range(c):
                result[i, a, b] = (features[i, a] * features[i, b]).sum() / (c * h * w)
    return result


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gram_is_the_plain_double_loop_in_either_memory_layout(layout: torch.memory_format) -> None:
    features = random(2, 5, 7, 6).contiguous(memory_format=layout)
    np.testing.assert_allclose(losses.gram(features).numpy(), plain_gram(features.double().numpy()), rtol=1e-5)


def test_gram_of_half_precision_features_is_summed_in_float32() -> None:
    features = torch.full((1, 2, 256, 256), 100.0, dtype=torch.float16)  # a float16 sum would pass 65504 at once
    with torch.autocast("cpu", torch.bfloat16):
        result = losses.gram(features)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, torch.full((1, 2, 2), 10000.0 / 2))


def test_gram_loss_is_the_squared_frobenius_distance() -> None:
    a, b = losses.gram(random(3, 4, 8, 8)), losses.gram(random(1, 4, 8, 8, seed=1))
    expected = np.mean([((a[i] - b[0]).double().numpy() ** 2).sum() for i in range(3)])
    assert losses.gram_loss(a, b[0]).item() == pytest.approx(expected, rel=1e-5)


def test_supremum_normalization_is_bounded_by_one_and_reached_by_disjoint_features() -> None:
    one, other = torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 4)
    one[:, 0], other[:, 1] = 3.0, 500.0
    loss = losses.gram_loss(losses.gram(one), losses.gram(other), normalization="supremum")
    assert loss.item() == pytest.approx(1.0)
    for seed in range(5):
        a, b = losses.gram(random(1, 6, 9, 9, seed=seed)), losses.gram(random(1, 6, 9, 9, seed=seed + 50) * 40)
        assert 0 < losses.gram_loss(a, b, normalization="supremum").item() <= 1


def test_supremum_normalization_does_not_change_with_the_scale_of_the_loss_network() -> None:
    a, b = random(2, 4, 8, 8), random(1, 4, 8, 8, seed=1)
    small = losses.gram_loss(losses.gram(a), losses.gram(b)[0], normalization="supremum")
    large = losses.gram_loss(losses.gram(a * 100), losses.gram(b * 100)[0], normalization="supremum")
    torch.testing.assert_close(small, large)


def test_the_supremum_takes_no_gradient() -> None:
    features = random(1, 3, 4, 4).requires_grad_()
    target = losses.gram(random(1, 3, 4, 4, seed=2))
    grams = losses.gram(features)
    losses.gram_loss(grams, target[0], normalization="supremum").backward()
    plain = random(1, 3, 4, 4).requires_grad_()
    losses.gram_loss(losses.gram(plain), target[0]).backward()
    assert features.grad is not None and plain.grad is not None
    torch.testing.assert_close(features.grad * losses.style_supremum(grams, target), plain.grad)


def test_feature_loss_is_the_mean_square_and_relative_divides_by_the_targets() -> None:
    a, b = random(2, 3, 5, 5), random(2, 3, 5, 5, seed=3)
    square = ((a - b).double().numpy() ** 2).mean()
    assert losses.feature_loss(a, b).item() == pytest.approx(square, rel=1e-5)
    expected = square / (b.double().numpy() ** 2).mean()
    assert losses.feature_loss(a, b, relative=True).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("power", [1, 2])
def test_total_variation_is_the_plain_loop_over_neighbors(power: int) -> None:
    images = random(2, 3, 6, 5)
    x = images.double().numpy()
    down, across = [], []
    for n, c, i, j in np.ndindex(2, 3, 6, 5):
        if i < 5:
            down.append(abs(x[n, c, i + 1, j] - x[n, c, i, j]) ** power)
        if j < 4:
            across.append(abs(x[n, c, i, j + 1] - x[n, c, i, j]) ** power)
    found = losses.total_variation(images, power=power)  # type: ignore[arg-type]
    assert found.item() == pytest.approx(np.mean(down) + np.mean(across), rel=1e-5)


def test_tone_loss_counts_luminance_of_blocks_and_ignores_texture() -> None:
    page = torch.full((1, 3, 64, 64), 0.5)
    checker = page + 0.3 * ((torch.arange(64)[:, None] + torch.arange(64)) % 2 * 2 - 1)
    assert losses.tone_loss(checker, page).item() == pytest.approx(0, abs=1e-10)
    assert losses.tone_loss(page + 0.2, page).item() == pytest.approx(0.04, rel=1e-4)


def test_the_palette_loss_is_the_sliced_wasserstein_distance() -> None:
    """Against the measure, which is written in numpy and draws other colors and other directions."""
    dark, light = 0.5 * random(1, 3, 96, 96, seed=4), 0.3 + 0.6 * random(1, 3, 120, 120, seed=5)
    goal = losses.palette(dark)
    assert goal.shape == (losses.DIRECTIONS, losses.COLORS)
    assert losses.palette_loss(light, goal) == pytest.approx(palette_distance(light[0], dark[0]), rel=0.15)
    scattered = dark.flatten(2)[:, :, torch.randperm(96 * 96, generator=torch.Generator().manual_seed(6))]
    assert losses.palette_loss(scattered.view(3, 3, 32, 96), goal) < 0.005  # places and how many pictures don't count


def test_the_palette_loss_pulls_at_black_and_white_pictures() -> None:
    goal = losses.palette(random(1, 3, 64, 64))
    pictures = torch.stack([torch.zeros(3, 16, 16), torch.ones(3, 16, 16)]).requires_grad_()
    losses.palette_loss(pictures, goal).backward()  # type: ignore[no-untyped-call]
    assert pictures.grad is not None and pictures.grad.isfinite().all()
    assert pictures.grad[0].mean() < 0 < pictures.grad[1].mean()  # black is to become lighter, white darker


def marked(picture: torch.Tensor, marks: torch.Tensor) -> torch.Tensor:
    return (picture + 0.1 * (marks - 0.5)).clamp(0, 1)


def test_marks_are_alike_where_two_styles_lay_them_in_the_same_places() -> None:
    pictures = 0.2 + 0.6 * random(2, 3, 64, 64)
    some, others = random(2, 1, 64, 64, seed=1), random(2, 1, 64, 64, seed=2)
    same = losses.likeness_loss(marked(pictures, some), marked(pictures.flip(1), some), pictures)
    assert same.shape == (2,) and (same > 0.15).all()
    flat = torch.full_like(pictures, 0.5)
    assert (losses.likeness_loss(marked(flat, some), marked(flat, some), flat) > 0.9).all()
    assert (losses.likeness_loss(marked(flat, some), marked(flat, 1 - some), flat) > 0.9).all()  # light for dark
    assert (losses.likeness_loss(marked(flat, some), marked(flat, others), flat) < 0.01).all()
    assert (losses.likeness_loss(flat, marked(flat, some), flat) == 0).all()  # no marks at all


def test_what_a_picture_has_itself_is_no_mark() -> None:
    pictures = 0.2 + 0.6 * random(2, 3, 64, 64)
    assert (losses.likeness_loss(pictures, 1 - 0.5 * pictures, pictures) < 1e-4).all()
    some, others = random(2, 1, 64, 64, seed=1), random(2, 1, 64, 64, seed=2)
    assert (losses.likeness_loss(marked(pictures, some), marked(pictures, others), pictures) < 0.01).all()


def test_likeness_pulls_marks_apart() -> None:
    flat, marks = torch.full((1, 3, 64, 64), 0.5), random(1, 1, 64, 64, seed=1)
    painted = marked(flat, marks).requires_grad_()
    other = marked(flat, (marks + random(1, 1, 64, 64, seed=2)) / 2)
    before = losses.likeness_loss(painted, other, flat).sum()
    before.backward()  # type: ignore[no-untyped-call]
    assert painted.grad is not None and painted.grad.isfinite().all()
    moved = painted.detach() - painted.grad / painted.grad.abs().max() * 0.02
    assert losses.likeness_loss(moved, other, flat).sum() < before.detach() - 0.005
