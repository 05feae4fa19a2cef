"""The style network against a second, plain implementation, and its promises on size, grain and flat pages."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scumble_backend.nets.style import StyleNetwork, StyleNetworkConfig, StyleTable, initialize, place_grain

Array = np.ndarray


def random_network(seed: int = 0, width: int = 4, **config: float | str) -> tuple[StyleNetwork, StyleTable]:
    generator = torch.Generator().manual_seed(seed)
    network = StyleNetwork(StyleNetworkConfig(width=width, residual_blocks=2, **config))  # type: ignore[arg-type]
    initialize(network, generator)
    for layer in network.norm_layers:
        layer.average_mean.normal_(0, 0.3, generator=generator)
        layer.average_variance.uniform_(0.5, 2.0, generator=generator)
    table = network.plain_table(1)
    table.scale.normal_(1.0, 0.3, generator=generator)
    table.shift.normal_(0.0, 0.3, generator=generator)
    table.color.normal_(0.0, 1.0, generator=generator)
    return network.eval().requires_grad_(False), table


# --- the second implementation: loops over NumPy arrays, no torch function ---------------------------------


def plain_convolution(x: Array, weight: Array, stride: int) -> Array:
    kernel = weight.shape[-1]
    padded = np.pad(x, ((0, 0), (kernel // 2,) * 2, (kernel // 2,) * 2), mode="reflect")
    height, width = -(-x.shape[1] // stride), -(-x.shape[2] // stride)
    out = np.zeros((weight.shape[0], height, width))
    for row in range(height):
        for column in range(width):
            window = padded[:, row * stride : row * stride + kernel, column * stride : column * stride + kernel]
            out[:, row, column] = np.tensordot(weight, window, axes=3)
    return out


def plain_forward(network: StyleNetwork, table: StyleTable, image: Array, grain: Array) -> Array:
    config = network.config
    height, width = image.shape[1:]
    x = image + config.grain * grain
    x = np.pad(x, ((0, 0), (0, -height % 4), (0, -width % 4)), mode="reflect")
    scale, shift = table.scale[0].double().numpy(), table.shift[0].double().numpy()
    used = 0

    def layer(name: str, x: Array, *, stride: int = 1, upsample: bool = False, relu: bool = True) -> Array:
        nonlocal used
        module = network.get_submodule(name)
        if upsample:
            x = x.repeat(2, axis=1).repeat(2, axis=2)
            if config.upsampling == "bilinear":  # the same as nearest and a binomial blur
                wide = np.pad(x, ((0, 0), (1, 1), (1, 1)), mode="edge")
                rows = (wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]) / 4
                x = (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 4
        raw = plain_convolution(x, module.conv.weight.double().numpy(), stride)  # type: ignore[union-attr, operator]
        channels = raw.shape[0]
        pull = config.statistics_pull
        mean = (raw.mean(axis=(1, 2)) + pull * module.average_mean.double().numpy()) / (1 + pull)  # type: ignore[operator, union-attr]
        variance = (raw.var(axis=(1, 2)) + pull * module.average_variance.double().numpy()) / (1 + pull)  # type: ignore[operator, union-attr]
        normal = (raw - mean[:, None, None]) / np.sqrt(variance + 1e-5)[:, None, None]
        out = normal * scale[used : used + channels, None, None] + shift[used : used + channels, None, None]
        used += channels
        return np.maximum(out, 0) if relu else out

    x = layer("down.0", x)
    x = layer("down.1", x, stride=2)
    x = layer("down.2", x, stride=2)
    for block in range(config.residual_blocks):
        x = x + layer(f"residual.{2 * block + 1}", layer(f"residual.{2 * block}", x), relu=False)
    x = layer("up.0", x, upsample=True)
    x = layer("up.1", x, upsample=True)
    drawing = plain_convolution(x, network.out.conv.weight.double().numpy(), 1)
    drawing = (drawing + network.out.conv.bias.double().numpy()[:, None, None])[:, :height, :width]  # type: ignore[union-attr]
    return 1 / (1 + np.exp(-(drawing + plain_color_path(network, table, image))))


def plain_color_path(network: StyleNetwork, table: StyleTable, image: Array) -> Array:
    cell, cells = network.config.color_cell, network.config.color_cells
    height, width = image.shape[1:]
    rows, columns = -(-height // cell), -(-width // cell)
    small = np.zeros((3, rows, columns))
    for row in range(rows):
        for column in range(columns):
            inside = image[:, row * cell : (row + 1) * cell, column * cell : (column + 1) * cell]
            small[:, row, column] = inside.mean(axis=(1, 2))
    padded = np.pad(small, ((0, 0), (cells // 2,) * 2, (cells // 2,) * 2), mode="edge")
    smooth = np.zeros_like(small)
    for row in range(rows):
        for column in range(columns):
            smooth[:, row, column] = padded[:, row : row + cells, column : column + cells].mean(axis=(1, 2))
    matrix = table.color[0].double().numpy()
    mixed = np.tensordot(matrix[:, :3], smooth - 0.5, axes=1) + matrix[:, 3][:, None, None]

    def interpolated(values: Array, place: int, count: int) -> Array:
        at = min(max((place + 0.5) / cell - 0.5, 0), count - 1)
        low = int(at)
        high = min(low + 1, count - 1)
        return values[:, low] * (1 - (at - low)) + values[:, high] * (at - low)

    by_row = np.stack([interpolated(mixed, row, rows) for row in range(height)], axis=1)
    swapped = by_row.transpose(0, 2, 1)
    return np.stack([interpolated(swapped, column, columns) for column in range(width)], axis=2)


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
@pytest.mark.parametrize(("height", "width"), [(16, 20), (13, 9), (8, 8)])
def test_forward_equals_a_plain_implementation(height: int, width: int, upsampling: str) -> None:
    network, table = random_network(upsampling=upsampling)
    image = torch.rand(3, height, width, generator=torch.Generator().manual_seed(1))
    painted = network(image[None], table)[0].double().numpy()
    grain = place_grain(height, width).double().numpy()
    expected = plain_forward(network, table, image.double().numpy(), grain)
    assert np.abs(painted - expected).max() < 2e-5
    assert expected.std() > 0.02  # the comparison is about a picture, not about a constant


@pytest.mark.parametrize("height", [8, 9, 10, 11, 31])
@pytest.mark.parametrize("width", [8, 13, 34])
def test_any_size_from_eight_pixels_comes_back(height: int, width: int) -> None:
    network, table = random_network()
    assert network(torch.rand(1, 3, height, width), table).shape == (1, 3, height, width)


def test_bilinear_upsampling_leaves_less_of_a_lattice_than_nearest() -> None:
    """The power of painted flat pages at the lattice of two upsamplings (periods 2 and 4), against what is around."""

    def peaks(upsampling: str) -> float:
        total = 0.0
        for seed in range(3):
            network, table = random_network(seed, upsampling=upsampling, width=8)
            page = network(torch.full((1, 3, 256, 256), 0.5), table)[0].mean(dim=0)
            power = torch.fft.fft2(page - page.mean()).abs().square()
            for row, column in ((64, 0), (0, 64), (64, 64), (128, 0), (0, 128), (128, 128)):
                around = power[max(0, row - 6) : row + 7, max(0, column - 6) : column + 7]
                total += float(power[row, column] / around.median())
        return total

    assert peaks("bilinear") < 0.2 * peaks("nearest")


def test_a_smaller_picture_is_refused() -> None:
    network, table = random_network()
    with pytest.raises(ValueError, match="at least 8"):
        network(torch.rand(1, 3, 7, 30), table)


def test_each_picture_of_a_batch_gets_its_own_style() -> None:
    network, one = random_network()
    two = StyleTable(one.scale.flip(1), one.shift.flip(1), one.color.flip(1))
    pictures = torch.rand(2, 3, 16, 16)
    together = network(pictures, StyleTable.stack([one, two]))
    apart = torch.cat([network(pictures[:1], one), network(pictures[1:], two)])
    assert torch.allclose(together, apart, atol=1e-6)
    assert (network(pictures[1:], one) - apart[1:]).abs().max() > 0.05


def test_white_and_black_pages_stay_apart_and_pages_without_norm_pull_would_not() -> None:
    network, table = random_network()
    white, black = (network(torch.full((1, 3, 32, 32), v), table).mean() for v in (1.0, 0.0))
    blind = StyleTable(table.scale, table.shift, torch.zeros_like(table.color))
    plain, _ = random_network(statistics_pull=0)
    same = [plain(torch.full((1, 3, 32, 32), v), blind).mean() for v in (1.0, 0.0)]
    assert abs(white - black) > 0.05
    assert abs(same[0] - same[1]) < 0.005  # what plain instance normalization does, and why it is not used


def test_grain_depends_on_place_and_seed_alone() -> None:
    whole = place_grain(40, 50, seed=3)
    assert torch.equal(place_grain(10, 20, seed=3, top=7, left=11), whole[7:17, 11:31])
    assert not torch.equal(place_grain(40, 50, seed=4), whole)


def test_grain_is_uniform_and_without_pattern() -> None:
    grain = place_grain(512, 512)
    assert grain.min() >= -1
    assert grain.max() < 1
    assert abs(grain.mean()) < 0.01
    assert abs(grain.var() - 1 / 3) < 0.01
    spectrum = torch.fft.rfft2(grain).abs() ** 2 / grain.numel()
    spectrum[0, 0] = 0
    assert spectrum.max() < 20 * spectrum.mean()  # white noise: exponential, its largest of 130,000 about 12 means


def test_a_stroke_scale_moves_the_table_by_its_slope_per_octave() -> None:
    _, table = random_network()
    sloped = StyleTable(
        **table.tensors(),
        scale_slope=torch.ones_like(table.scale),
        shift_slope=torch.zeros_like(table.shift),
        color_slope=torch.full_like(table.color, 2.0),
    )
    assert torch.allclose(sloped.at(2.0).scale, table.scale + 1)
    assert torch.allclose(sloped.at(0.5).color, table.color - 2)
    assert torch.equal(sloped.at(1.0).shift, table.shift)
    assert table.at(2.0).tensors().keys() == {"scale", "shift", "color"}


def test_unknown_keys_of_an_architecture_are_refused() -> None:
    with pytest.raises(ValueError, match="shape_of_things"):
        StyleNetworkConfig.from_json({"width": 8, "shape_of_things": 1})


def test_training_moves_the_running_statistics_and_use_does_not() -> None:
    network, table = random_network()
    before = network.down[0].average_mean.clone()
    network(torch.rand(1, 3, 16, 16), table)
    assert torch.equal(network.down[0].average_mean, before)
    network.train()(torch.rand(1, 3, 16, 16), table)
    assert not torch.equal(network.down[0].average_mean, before)
