"""The super-resolution networks: sizes, receptive fields, and that Spandrel loads what we save."""

from __future__ import annotations

import pytest
import spandrel
import torch
from torch import nn

from scumble_backend import nets
from scumble_backend.nets.compact import Compact
from scumble_backend.nets.johnson_sr import JohnsonSR
from scumble_backend.nets.span import Span
from scumble_backend.nets.spandrel_model import PROBE, SpandrelNetwork, measured_halo

OURS = [
    {"name": "span", "features": 8, "factor": 2},
    {"name": "span", "features": 6, "factor": 4},
    {"name": "compact", "features": 8, "layers": 3, "factor": 2},
    {"name": "compact", "features": 8, "layers": 2, "factor": 4},
]
PAPER = [{"name": "johnson-sr", "features": 8, "blocks": 2, "factor": factor} for factor in (2, 4, 8)]


def lively(architecture: dict) -> nn.Module:
    """A network of random weights whose result depends on everything it looks at."""
    torch.manual_seed(0)
    network = nets.build(architecture)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_uniform_(module.weight, a=0.5)
    return network.train().eval()


def ids(architecture: dict) -> str:
    return f"{architecture['name']}-x{architecture['factor']}"


@pytest.mark.parametrize("architecture", OURS + PAPER, ids=ids)
def test_a_network_enlarges_by_its_factor(architecture: dict) -> None:
    network = lively(architecture)
    factor = architecture["factor"]
    assert network.factor == factor
    assert network(torch.rand(2, 3, 11, 14)).shape == (2, 3, 11 * factor, 14 * factor)


@pytest.mark.parametrize("architecture", OURS + PAPER, ids=ids)
def test_the_halo_is_the_receptive_field(architecture: dict) -> None:
    network = lively(architecture).double()
    side = 2 * network.halo + 7
    image = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    factor, middle = architecture["factor"], side // 2
    own = slice(middle * factor, (middle + 1) * factor)
    (gradient,) = torch.autograd.grad(network(image)[..., own, own].square().sum(), image)
    seen = (gradient.abs().amax((0, 1)) > 0).nonzero()
    reach = max(middle - int(seen.min()), int(seen.max()) - middle)
    # Never less than the truth; the paper's network rounds fractions of a pixel up.
    assert reach <= network.halo <= reach + (1 if architecture["name"] == "johnson-sr" else 0)


@pytest.mark.parametrize("architecture", OURS, ids=ids)
def test_spandrel_loads_our_state_dict_unchanged(architecture: dict) -> None:
    network = lively(architecture)
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    theirs = spandrel.ModelLoader().load_from_state_dict(state)
    assert theirs.scale == architecture["factor"]
    image = torch.rand(1, 3, 20, 24)
    with torch.no_grad():
        a, b = theirs.model.eval()(image), network(image)
    assert torch.allclose(a, b, atol=1e-5 * float(b.abs().max()), rtol=1e-4)
    assert b.std() > 1e-3


def test_span_computes_the_same_in_training_as_afterwards() -> None:
    torch.manual_seed(1)
    network = Span(8, 2).train()
    image = torch.rand(1, 3, 16, 16)
    in_training = network(image).detach()
    assert torch.allclose(network.eval()(image), in_training, atol=1e-6)


def test_span_learns_through_its_product_of_kernels() -> None:
    network = Span(8, 2).train()
    network(torch.rand(1, 3, 8, 8)).sum().backward()
    part = network.block_3.c2_r
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in (part.conv[1].weight, part.sk.weight))
    assert part.eval_conv.weight.grad is None


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_span_can_start_as_a_plain_enlargement(factor: int) -> None:
    torch.manual_seed(0)
    network = Span(16, factor)
    network.start_as_bilinear()
    with torch.no_grad():
        for name, parameter in network.upsampler[0].named_parameters():
            if name == "weight":
                parameter[:, 3:] = 0
    image = torch.rand(1, 3, 12, 12)
    wanted = torch.nn.functional.interpolate(image, scale_factor=factor, mode="bilinear")
    inner = (..., slice(2 * factor, -2 * factor), slice(2 * factor, -2 * factor))
    assert torch.allclose(network.eval()(image)[inner], wanted[inner], atol=1e-5)


@pytest.mark.parametrize(
    ("small", "large"), [(Span(8, 2), Span(8, 4)), (Compact(8, 2, 2), Compact(8, 2, 3))], ids=["span", "compact"]
)
def test_a_network_starts_from_that_of_another_factor(small: nn.Module, large: nn.Module) -> None:
    large.start_from(small)
    theirs = small.state_dict()
    same = [name for name, tensor in large.state_dict().items() if torch.equal(tensor, theirs.get(name))
            if tensor.shape == theirs[name].shape]  # fmt: skip
    assert len(same) >= len(theirs) - 2


@pytest.mark.parametrize(
    "architecture",
    [
        {"name": "span", "features": 0, "factor": 2},
        {"name": "span", "features": 8, "factor": 99},
        {"name": "compact", "features": 8, "layers": -1, "factor": 2},
        {"name": "johnson-sr", "factor": 3},
        {"name": "span", "color": "blue"},
    ],
)
def test_an_impossible_architecture_is_refused(architecture: dict) -> None:
    with pytest.raises((ValueError, TypeError)):
        nets.build(architecture)


# --- foreign networks ------------------------------------------------------------------------------------


def foreign(**state_of: nn.Module) -> spandrel.ImageModelDescriptor:
    (network,) = state_of.values()
    return spandrel.ModelLoader().load_from_state_dict(dict(network.state_dict()))


def test_a_foreign_network_runs_on_any_size_and_measures_its_halo() -> None:
    ours = lively(OURS[2])
    wrapped = SpandrelNetwork(foreign(network=ours)).eval()
    assert (wrapped.factor, wrapped.family) == (2, "RealESRGAN Compact")
    with torch.no_grad():
        assert wrapped(torch.rand(1, 3, 1, 5)).shape == (1, 3, 2, 10)
    assert 1 <= wrapped.halo <= ours.halo


def test_a_network_that_sees_everything_gets_the_largest_halo() -> None:
    class Everything(nn.Module):
        factor = 2

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            sharp = image.amax(dim=(2, 3), keepdim=True) - image.mean(dim=(2, 3), keepdim=True) * 100
            return (image * sharp * self.weight).repeat_interleave(2, -1).repeat_interleave(2, -2)

    network = Everything()
    assert measured_halo(network, next(network.parameters()), network.factor, (PROBE, PROBE)) == PROBE // 2


def test_padding_to_the_sizes_a_foreign_network_needs_is_cut_off_again() -> None:
    class Needy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            assert image.shape[-1] % 8 == 0 and image.shape[-1] == image.shape[-2] and image.shape[-1] >= 16
            return image.repeat_interleave(3, -1).repeat_interleave(3, -2)

    class Descriptor:
        input_channels, output_channels, scale, model, supports_half = 3, 3, 3, Needy(), True
        architecture = type("Architecture", (), {"name": "needy"})
        size_requirements = type("Needs", (), {"minimum": 16, "multiple_of": 8, "square": True})
        _call_fn = staticmethod(nn.Module.__call__)

    image = torch.rand(1, 3, 5, 19)
    assert torch.equal(SpandrelNetwork(Descriptor())(image), image.repeat_interleave(3, -1).repeat_interleave(3, -2))


@pytest.mark.parametrize(
    ("channels", "scale", "sentence"),
    [((1, 1), 2, "channels"), ((3, 3), 1, "does not enlarge"), ((4, 3), 4, "into 3")],
)
def test_a_foreign_network_for_something_else_is_refused(
    channels: tuple[int, int], scale: int, sentence: str
) -> None:
    class Descriptor:
        (input_channels, output_channels) = channels

    Descriptor.scale = scale
    with pytest.raises(ValueError, match=sentence):
        SpandrelNetwork(Descriptor())


def test_the_paper_s_network_ends_between_black_and_white() -> None:
    made = JohnsonSR(8, 1, 4).eval()(torch.randn(1, 3, 9, 9) * 50)
    assert made.min() >= 0 and made.max() <= 1
