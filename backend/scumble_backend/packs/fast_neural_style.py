"""Johnson networks in the layout of PyTorch's `fast_neural_style` example, converted to ours.

The published network takes and gives 0..255, has biased convolutions with plain instance normalization and no
squashing at its end. Ours takes and gives 0..1: the factor goes into the first and last convolution, biases before a
normalization vanish (it takes the mean away), and the norms' scales and shifts become the style's table.
Source: Johnson et al. 2016; the example's layout is that of its released files.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from scumble_backend.errors import ImportFailed
from scumble_backend.nets.style import StyleNetwork, StyleNetworkConfig, StyleTable

TOLERANCE = 1e-3  # largest difference of a picture in [0, 1]
_REMEDY = "Only networks of the layout of PyTorch's fast_neural_style example can be converted."


@dataclass(frozen=True)
class Layers:
    """A Johnson network as the picture passes it, whatever file it came from. Input and output are 0..255."""

    convolutions: Sequence[tuple[Tensor, Tensor | None]]  # weight, bias
    norms: Sequence[tuple[Tensor, Tensor]]  # scale, shift of each convolution but the last

    @property
    def residual_blocks(self) -> int:
        return (len(self.convolutions) - 6) // 2


def looks_like(names: Mapping[str, object]) -> bool:
    """True if a state dict has the example's names, with or without a DataParallel prefix."""
    plain = {name.removeprefix("module.") for name in names}
    return {"conv1.conv2d.weight", "deconv3.conv2d.weight"} <= plain


def from_state_dict(state: Mapping[str, Tensor]) -> Layers:
    """Layers from the example's state dict. Raises ImportFailed.

    Left out are running statistics and batch counters of files written before PyTorch 0.4, which instance
    normalization never used; `scale` and `shift` are what norms of the example's first version called their tensors.
    """
    known: dict[str, Tensor] = {}
    for name, tensor in state.items():
        plain = re.sub(r"(\bin\d)\.scale$", r"\1.weight", name.removeprefix("module."))
        plain = re.sub(r"(\bin\d)\.shift$", r"\1.bias", plain)
        if not plain.endswith((".running_mean", ".running_var", ".num_batches_tracked")):
            known[plain] = tensor
    blocks = sum(bool(re.fullmatch(r"res\d+\.conv1\.conv2d\.weight", name)) for name in known)
    residual = [(f"res{n}.conv{i}", f"res{n}.in{i}") for n in range(1, blocks + 1) for i in (1, 2)]
    pairs = [("conv1", "in1"), ("conv2", "in2"), ("conv3", "in3"), *residual, ("deconv1", "in4"), ("deconv2", "in5")]
    convolutions = [*(conv for conv, _ in pairs), "deconv3"]
    wanted = {f"{conv}.conv2d.{part}" for conv in convolutions for part in ("weight", "bias")}
    wanted |= {f"{norm}.{part}" for _, norm in pairs for part in ("weight", "bias")}
    if wanted != known.keys():
        odd = sorted(wanted ^ known.keys())[:4]
        raise ImportFailed(
            f"The network has other tensors than the example's: {', '.join(odd)[:300]}.", remedy=_REMEDY
        )
    layers = Layers(
        [(known[f"{conv}.conv2d.weight"], known[f"{conv}.conv2d.bias"]) for conv in convolutions],
        [(known[f"{norm}.weight"].flatten(), known[f"{norm}.bias"].flatten()) for _, norm in pairs],
    )
    check_layers(layers)
    return layers


def check_layers(layers: Layers) -> None:
    """Raises ImportFailed unless these are the shapes of a Johnson network of some width, and the numbers finite."""
    count = len(layers.convolutions)
    if count < 6 or count % 2 or len(layers.norms) != count - 1:
        raise ImportFailed(f"The network has {count} convolutions and {len(layers.norms)} norms.", remedy=_REMEDY)
    w = layers.convolutions[0][0].shape[0] if layers.convolutions[0][0].ndim == 4 else 0
    channels = [(3, w, 9), (w, 2 * w, 3), (2 * w, 4 * w, 3), *[(4 * w, 4 * w, 3)] * (count - 6)]
    channels += [(4 * w, 2 * w, 3), (2 * w, w, 3), (w, 3, 9)]
    for index, ((weight, bias), (inputs, outputs, kernel)) in enumerate(
        zip(layers.convolutions, channels, strict=True)
    ):
        _need_shape(weight, (outputs, inputs, kernel, kernel), f"convolution {index + 1}")
        if bias is not None:
            _need_shape(bias, (outputs,), f"the bias of convolution {index + 1}")
        if index < count - 1:
            for part in layers.norms[index]:
                _need_shape(part, (outputs,), f"norm {index + 1}")


def _need_shape(tensor: Tensor, shape: tuple[int, ...], name: str) -> None:
    if tuple(tensor.shape) != shape or not tensor.is_floating_point():
        raise ImportFailed(
            f"{name} has the shape {list(tensor.shape)} ({tensor.dtype}) instead of {list(shape)}.", remedy=_REMEDY
        )
    if not bool(torch.isfinite(tensor).all()):
        raise ImportFailed(
            f"{name} holds values that are no numbers.", remedy="Get the network from its author again."
        )


def convert(layers: Layers) -> tuple[StyleNetwork, StyleTable]:
    """Our network and table that paint the same picture. Raises ImportFailed."""
    width = layers.convolutions[0][0].shape[0]
    try:
        config = StyleNetworkConfig(
            width=width, residual_blocks=layers.residual_blocks, grain=0.0, statistics_pull=0.0, output="clamp"
        )
    except ValueError as error:
        raise ImportFailed(f"The network is too large ({error}).", remedy=_REMEDY) from error
    network = StyleNetwork(config)
    with torch.no_grad():
        for layer, (weight, _) in zip(network.norm_layers, layers.convolutions, strict=False):
            layer.conv.weight.copy_(weight)
        network.norm_layers[0].conv.weight.mul_(255.0)
        weight, bias = layers.convolutions[-1]
        network.out.conv.weight.copy_(weight / 255.0)
        assert network.out.conv.bias is not None
        network.out.conv.bias.copy_(torch.zeros(3) if bias is None else bias / 255.0)
    table = StyleTable(
        torch.cat([scale for scale, _ in layers.norms])[None].float(),
        torch.cat([shift for _, shift in layers.norms])[None].float(),
        torch.zeros(1, 3, 4),
    )
    return network.eval(), table


def paint_as_published(layers: Layers, image: Tensor) -> Tensor:
    """What the example's code makes of `image`: (1, 3, H, W) in 0..255 and unclamped, both ways."""
    pairs = iter(zip(layers.convolutions, [*layers.norms, None], strict=True))

    def step(x: Tensor, *, stride: int = 1, upsample: bool = False, relu: bool = True) -> Tensor:
        (weight, bias), norm = next(pairs)
        if upsample:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        x = F.pad(x, (weight.shape[-1] // 2,) * 4, mode="reflect")
        x = F.conv2d(x, weight.float(), None if bias is None else bias.float(), stride=stride)
        if norm is not None:
            x = F.instance_norm(x, weight=norm[0].float(), bias=norm[1].float(), eps=1e-5)
        return F.relu(x) if relu else x

    x = step(step(step(image), stride=2), stride=2)
    for _ in range(layers.residual_blocks):
        x = x + step(step(x), relu=False)
    return step(step(step(x, upsample=True), upsample=True), relu=False)


def test_picture(height: int = 96, width: int = 128) -> Tensor:
    """A picture (1, 3, H, W) in [0, 1] with smooth, flat, hard and noisy parts; the same each time."""
    y = torch.linspace(0, 1, height)[:, None].expand(height, width)
    x = torch.linspace(0, 1, width)[None, :].expand(height, width)
    noise = torch.rand(3, height, width, generator=torch.Generator().manual_seed(7))
    disc = ((x - 0.6) ** 2 + (y - 0.4) ** 2 < 0.05).float()
    picture = torch.stack([x, y, 0.5 + 0.4 * torch.sin(12 * (x + y))]) * (1 - disc) + disc * 0.8
    return (picture * 0.85 + noise * 0.15)[None]


@torch.no_grad()
def difference(
    network: StyleNetwork, table: StyleTable, published: Callable[[Tensor], Tensor], image: Tensor
) -> float:
    """Largest difference between our picture and the published network's, in units of [0, 1], before any clamp.

    published: image in 0..255 -> painted, in 0..255 and unclamped.
    Ours is squeezed into [0, 1] for the comparison, so that a network which paints far outside can't hide behind
    its clamp.
    """
    theirs = published(image * 255.0) / 255.0
    span = max(1.0, 2.0 * float(theirs.abs().max()))
    squeezed = copy.deepcopy(network)
    squeezed.out.conv.weight.div_(span)
    assert squeezed.out.conv.bias is not None
    squeezed.out.conv.bias.div_(span).add_(0.5)
    ours = (squeezed(image, table) - 0.5) * span
    if ours.shape != theirs.shape:
        raise ImportFailed("The network changes the size of the picture.", remedy=_REMEDY)
    # NaN must not pass for a small difference
    return float(torch.nan_to_num((ours - theirs).abs(), nan=float("inf")).max())


def convert_and_compare(
    layers: Layers, published: Callable[[Tensor], Tensor] | None = None, image: Tensor | None = None
) -> tuple[StyleNetwork, StyleTable, float]:
    """Convert, and raise ImportFailed unless our picture is the published network's to `TOLERANCE`."""
    network, table = convert(layers)
    far = difference(
        network,
        table,
        published or (lambda picture: paint_as_published(layers, picture)),
        test_picture() if image is None else image,
    )
    if far > TOLERANCE:
        raise ImportFailed(
            f"The converted network paints another picture (differs by {far:.4f}; {TOLERANCE} is allowed).",
            remedy="The file is of another layout. Please report it with the file's source.",
        )
    return network, table, far
