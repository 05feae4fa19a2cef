"""The light style network against a second, plain implementation; its axes, its deltas, its size."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scumble_backend import nets
from scumble_backend.nets.style import place_grain
from scumble_backend.nets.style_skip import (
    SkipStyleConfig,
    SkipStyleNetwork,
    SkipStyleTable,
    StyleDelta,
    initialize,
)

Array = np.ndarray
SMALL = SkipStyleConfig(widths=(3, 4, 5, 6), residual_blocks=2, quarter_blocks=1)


def random_network(seed: int = 0) -> tuple[SkipStyleNetwork, SkipStyleTable, StyleDelta]:
    generator = torch.Generator().manual_seed(seed)
    network = SkipStyleNetwork(SMALL)
    initialize(network, generator)
    for stage in network.named_stages().values():
        if stage.norm:
            stage.average_mean.normal_(0, 0.3, generator=generator)
            stage.average_variance.uniform_(0.5, 2.0, generator=generator)
    table = network.plain_table(1)
    table.scale.normal_(1.0, 0.3, generator=generator)
    table.shift.normal_(0.0, 0.3, generator=generator)
    table.color.normal_(0.0, 1.0, generator=generator)
    factors = {}
    for name in ("block1b", "up2"):
        outputs, inputs = network.named_stages()[name].conv.weight.shape[:2]
        left, right = torch.empty(outputs, 2), torch.empty(2, inputs, 3, 3)
        factors[name] = (left.normal_(0, 0.3, generator=generator), right.normal_(0, 0.3, generator=generator))
    return network.eval().requires_grad_(False), table, StyleDelta(factors)


# --- the second implementation: loops over NumPy arrays, no torch function ---------------------------------


def plain_convolution(x: Array, weight: Array, stride: int = 1) -> Array:
    radius = weight.shape[-1] // 2
    padded = np.pad(x, ((0, 0), (radius,) * 2, (radius,) * 2), mode="reflect") if radius else x
    out = np.zeros((weight.shape[0], x.shape[1] // stride, x.shape[2] // stride))
    for row in range(out.shape[1]):
        for column in range(out.shape[2]):
            top, left = row * stride, column * stride
            window = padded[:, top : top + weight.shape[-1], left : left + weight.shape[-1]]
            out[:, row, column] = np.tensordot(weight, window, axes=3)
    return out


def plain_doubling(x: Array) -> Array:
    """Linear interpolation between pixel centers: nearest, then a binomial blur with the border repeated."""
    x = x.repeat(2, axis=1).repeat(2, axis=2)
    wide = np.pad(x, ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = (wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]) / 4
    return (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 4


def plain_forward(
    network: SkipStyleNetwork, table: SkipStyleTable, delta: StyleDelta, image: Array, grain: Array
) -> Array:
    config = network.config
    height, width = image.shape[1:]
    noisy = image + config.grain * grain
    padded = np.pad(noisy, ((0, 0), (8, 8 + -height % 8), (8, 8 + -width % 8)), mode="reflect") - 0.5
    scale, shift = table.scale[0].double().numpy(), table.shift[0].double().numpy()
    used = 0

    def stage(name: str, x: Array, skip: Array | None = None, stride: int = 1, *, relu: bool = True) -> Array:
        nonlocal used
        module = network.named_stages()[name]
        if name.startswith("up"):
            x = plain_doubling(x)
        weight = module.conv.weight.double().numpy()
        if name in delta.factors:
            left, right = (factor.double().numpy() for factor in delta.factors[name])
            weight = weight + np.einsum("or,rikl->oikl", left, right)
        out = plain_convolution(x, weight, stride)
        if skip is not None:
            assert module.skip is not None
            out = out + plain_convolution(skip, module.skip.weight.double().numpy())
        if name != "up1":
            pull = config.statistics_pull
            mean = (out.mean(axis=(1, 2)) + pull * module.average_mean.double().numpy()) / (1 + pull)
            variance = (out.var(axis=(1, 2)) + pull * module.average_variance.double().numpy()) / (1 + pull)
            out = (out - mean[:, None, None]) / np.sqrt(variance + 1e-5)[:, None, None]
        place = slice(used, used + out.shape[0])
        used += out.shape[0]
        out = out * scale[place, None, None] + shift[place, None, None]
        return np.maximum(out, 0) if relu else out

    # Channel order of the folding: color, then row, then column within the 2 x 2 pixels.
    x = np.stack([padded[color, row::2, column::2] for color in range(3) for row in range(2) for column in range(2)])
    half = stage("stem", x)
    quarter = stage("down4", half, stride=2)
    x = stage("down8", quarter, stride=2)
    for block in range(config.residual_blocks):
        x = x + stage(f"block{block}b", stage(f"block{block}a", x), relu=False)
    x = stage("up4", x, quarter)
    x = x + stage("quarter0b", stage("quarter0a", x), relu=False)
    x = stage("up1", stage("up2", x, half))
    drawing = plain_convolution(x, network.out.weight.double().numpy())[:, 8 : 8 + height, 8 : 8 + width]
    matrix = table.color[0].double().numpy()
    around = np.tensordot(matrix[:, :3], image - 0.5, axes=1) + matrix[:, 3][:, None, None]
    return 1 / (1 + np.exp(-(drawing + around)))


@pytest.mark.parametrize(("height", "width"), [(24, 32), (17, 27), (16, 16)])
def test_forward_equals_a_plain_implementation(height: int, width: int) -> None:
    network, table, delta = random_network()
    image = torch.rand(3, height, width, generator=torch.Generator().manual_seed(1))
    grain = place_grain(height, width)
    painted = network(image[None], table, delta)[0]
    wanted = plain_forward(network, table, delta, image.double().numpy(), grain.double().numpy())
    np.testing.assert_allclose(painted.numpy(), wanted, atol=2e-5)


def test_a_delta_changes_the_picture_as_its_merged_kernel_does() -> None:
    network, table, delta = random_network()
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    painted = network(image, table, delta)
    assert not torch.allclose(painted, network(image, table), atol=1e-3)
    for name, stage in network.named_stages().items():
        kernel = delta.kernel(name)
        if kernel is not None:
            stage.conv.weight += kernel
    torch.testing.assert_close(network(image, table), painted)


def test_axes_add_their_slopes_for_each_picture() -> None:
    _, table, _ = random_network()
    slopes = {f"{part}_{axis}": torch.rand_like(getattr(table, part)) for part in ("scale", "shift", "color")
              for axis in ("bold", "slope")}  # fmt: skip
    full = SkipStyleTable(table.scale, table.shift, table.color, **slopes)
    placed = full.at(torch.tensor([1.0, 4.0]), torch.tensor([-0.5, 0.0]))
    torch.testing.assert_close(placed.scale[0], table.scale[0] - 0.5 * slopes["scale_bold"][0])
    torch.testing.assert_close(placed.color[1], table.color[0] + 2 * slopes["color_slope"][0])
    torch.testing.assert_close(full.at().shift, table.shift)
    torch.testing.assert_close(table.at(2.0, 1.0).scale, table.scale)  # a table without axes has one place
    pair = SkipStyleTable.stack([full, full.row(0)])
    torch.testing.assert_close(pair.blended(torch.tensor([0.25, 0.75])).scale_bold, full.scale_bold)


def test_batches_paint_as_single_pictures_do() -> None:
    network, table, delta = random_network()
    images = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(3))
    other = SkipStyleTable(table.scale + 0.2, table.shift, table.color)
    both = network(images, SkipStyleTable.stack([table, other]), delta)
    torch.testing.assert_close(both[1:], network(images[1:], other, delta))


def test_the_arithmetic_is_at_most_half_of_the_paper_layouts() -> None:
    """Multiply-adds of a pixel; `nets/style.py` at width 24 needs 87,000."""
    network = SkipStyleNetwork()
    reach = {"stem": 4, "down4": 16, "down8": 64, "up4": 16, "quarter": 16, "up2": 4, "up1": 1, "block": 64}
    total = network.out.weight.numel() + 9.0
    for name, stage in network.named_stages().items():
        shrink = next(value for key, value in reach.items() if name.startswith(key))
        total += sum(p.numel() for p in stage.parameters()) / shrink
    assert total < 87_000 / 2


def test_training_moves_the_averages_and_a_small_picture_is_refused() -> None:
    network, table, _ = random_network()
    before = network.named_stages()["stem"].average_mean.clone()
    network.train()(torch.rand(2, 3, 32, 32), table)
    assert not torch.equal(network.named_stages()["stem"].average_mean, before)
    with pytest.raises(ValueError, match="15 x 40"):
        network(torch.rand(1, 3, 40, 15), table)


@pytest.mark.parametrize(
    "wrong",
    [{"widths": [1, 2, 3]}, {"widths": [0, 1, 1, 1]}, {"residual_blocks": 65}, {"grain": True}, {"depth": 2},
     {"widths": "abcd"}, {"margin": 4}],
)  # fmt: skip
def test_wrong_configurations_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        nets.build({"name": "style-skip", **wrong})


def test_a_configuration_survives_json() -> None:
    network = nets.build({"name": "style-skip", **SMALL.to_json()})
    assert isinstance(network, SkipStyleNetwork) and network.config == SMALL
