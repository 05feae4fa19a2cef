"""The loss network: the same features as torchvision's own VGG, only as deep as needed, and clear refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from scumble_backend.errors import LossNetworkMissing, LossNetworkUnusable
from scumble_backend.training_runs.job import LOSS_NETWORK
from scumble_training.loss_network import LossNetwork, find_loss_network, load_loss_network

from .conftest import random_vgg, shared_data


def plain_features(state: dict[str, torch.Tensor], images: torch.Tensor, name: str, upto: int) -> torch.Tensor:
    """torchvision's own sequence of layers, built from its configuration."""
    from torchvision.models.vgg import cfgs

    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (images - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    index = 0
    for item in cfgs["D" if name == "vgg16" else "E"]:
        if item == "M":
            x, index = nn.functional.max_pool2d(x, 2), index + 1
            continue
        x = nn.functional.conv2d(x, state[f"features.{index}.weight"], state[f"features.{index}.bias"], padding=1)
        x = x.relu()
        if index == upto:
            return x
        index += 2
    raise AssertionError(upto)


@pytest.mark.parametrize(
    ("name", "layer", "index"),
    [("vgg16", "relu3_3", 14), ("vgg16", "relu4_1", 17), ("vgg19", "relu3_4", 16), ("vgg19", "relu4_2", 21)],
)
def test_features_are_those_of_torchvisions_sequence(name: str, layer: str, index: int) -> None:
    state, images = random_vgg(name), torch.rand(2, 3, 36, 40)
    network = LossNetwork(state, [layer], architecture=name)
    torch.testing.assert_close(
        network(images)[layer], plain_features(state, images, name, index), rtol=1e-4, atol=1e-5
    )


def test_only_the_layers_that_are_needed_are_built() -> None:
    network = LossNetwork(random_vgg("vgg19"), ["relu1_2", "relu2_1"])
    assert list(network.convolutions) == ["relu1_1", "relu1_2", "relu2_1"]
    assert network.channels() == {"relu1_2": 4, "relu2_1": 8}
    assert list(network(torch.rand(1, 3, 16, 16))) == ["relu1_2", "relu2_1"]


def test_it_stays_frozen_and_passes_gradients_to_the_picture() -> None:
    network = LossNetwork(random_vgg(), ["relu3_1"])
    network.train()
    assert not network.training
    images = torch.rand(1, 3, 32, 32, requires_grad=True)
    network(images)["relu3_1"].sum().backward()
    assert images.grad is not None and images.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in network.parameters())


def test_reflect_padding_leaves_no_dark_border() -> None:
    state = random_vgg()
    images = torch.full((1, 3, 32, 32), 0.9)
    reflect = LossNetwork(state, ["relu2_2"], padding="reflect")(images)["relu2_2"]
    zeros = LossNetwork(state, ["relu2_2"])(images)["relu2_2"]
    assert reflect.std(dim=(2, 3)).max() < 1e-5
    assert zeros.std(dim=(2, 3)).max() > 1e-2


def test_autocast_gives_bfloat16_features_close_to_float32() -> None:
    network, images = LossNetwork(random_vgg(), ["relu3_1"]), torch.rand(1, 3, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        half = network(images)["relu3_1"]
    assert half.dtype == torch.bfloat16
    full = network(images)["relu3_1"]
    assert (half.float() - full).abs().max() < 0.05 * full.abs().max()


def test_a_missing_layer_is_named() -> None:
    with pytest.raises(LossNetworkUnusable, match="no layer 'relu5_1'; it holds relu1_1 to relu4_2"):
        LossNetwork(random_vgg("vgg19"), ["relu1_1", "relu5_1"])
    with pytest.raises(LossNetworkUnusable, match="no layer 'relu3_4'"):
        LossNetwork(random_vgg("vgg16"), ["relu3_4"])  # VGG-16 has three convolutions there
    state = random_vgg("vgg19")
    del state["features.5.weight"]
    with pytest.raises(LossNetworkUnusable, match="lacks 'relu2_1'"):
        LossNetwork(state, ["relu3_1"])


def test_foreign_files_are_refused_with_a_sentence(tmp_path: Path) -> None:
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(b"\x10\0\0\0\0\0\0\0{not json at all}")
    with pytest.raises(LossNetworkUnusable, match=r"torn\.safetensors can't be read"):
        load_loss_network(torn, ["relu1_1"])
    other = tmp_path / "other.safetensors"
    save_file({"conv1.weight": torch.zeros(1)}, other)
    with pytest.raises(LossNetworkUnusable, match="no VGG weights"):
        load_loss_network(other, ["relu1_1"])
    flat = tmp_path / "flat.safetensors"
    save_file({"features.0.weight": torch.zeros(4, 3, 5, 5), "features.0.bias": torch.zeros(4)}, flat)
    with pytest.raises(LossNetworkUnusable, match="has the shape"):
        load_loss_network(flat, ["relu1_1"])


class Harmful:
    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("this must not run",))


def test_a_pickle_with_code_is_refused_and_does_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "vgg16.pth"
    torch.save({"features.0.weight": Harmful()}, path)
    with pytest.raises(LossNetworkUnusable, match="no plain file of weights"):
        load_loss_network(path, ["relu1_1"])
    assert capsys.readouterr().out == ""


def test_metadata_decide_normalization_and_padding(tmp_path: Path) -> None:
    path = tmp_path / "vgg19_odd.safetensors"
    metadata = {
        "architecture": "vgg19, narrow",
        "padding": "reflect, 1",
        "input": "x mean=(0.5,0.4,0.3), std=(1,2,3)",
    }
    save_file({**random_vgg(), "aux.relu1_1.weight": torch.zeros(1)}, path, metadata)
    network = load_loss_network(path, ["relu1_1"])
    assert network.mean.flatten().tolist() == pytest.approx([0.5, 0.4, 0.3])
    assert network.std.flatten().tolist() == [1, 2, 3]
    assert network.convolutions["relu1_1"].padding_mode == "reflect"


def test_a_name_is_found_in_the_folder_that_has_been_set(loss_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_file(random_vgg("vgg19", width=2), loss_folder / "vgg19_distilled_conv1_1-conv5_1.safetensors")
    found = find_loss_network("vgg19", ["relu1_1"], folder=loss_folder)
    assert found is not None and found.name == "vgg19.safetensors"
    monkeypatch.setenv(LOSS_NETWORK, str(loss_folder))
    assert load_loss_network("vgg19_distilled", ["relu1_1"]).channels() == {"relu1_1": 2}
    assert load_loss_network("vgg16", ["relu3_3"]).architecture == "vgg16"


def test_a_place_that_is_named_goes_before_the_environment_s(
    loss_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LOSS_NETWORK, str(loss_folder))
    save_file(random_vgg("vgg19", width=2), tmp_path / "mine.safetensors")
    named = load_loss_network("vgg19", ["relu1_1"], folder=tmp_path / "mine.safetensors")
    assert named.name == "mine" and named.channels() == {"relu1_1": 2}
    empty = tmp_path / "empty"
    empty.mkdir()
    assert load_loss_network("vgg19", ["relu1_1"], folder=empty).channels() == {"relu1_1": 4}


def test_of_two_files_the_one_that_holds_the_layers_is_taken(tmp_path: Path) -> None:
    deep = random_vgg("vgg16")
    shallow = {key: value for key, value in deep.items() if int(key.split(".")[1]) <= 7}
    save_file(shallow, tmp_path / "vgg16_conv1_1-conv2_2.safetensors")
    save_file(deep, tmp_path / "vgg16_conv1_1-conv4_2.safetensors")
    found = find_loss_network("vgg16", ["relu3_3"], folder=tmp_path)
    assert found is not None and found.name == "vgg16_conv1_1-conv4_2.safetensors"


def test_nothing_is_downloaded_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import VGG16_Weights

    def fetch(*_: object, **__: object) -> dict[str, torch.Tensor]:
        raise OSError("no route to host")

    monkeypatch.delenv(LOSS_NETWORK, raising=False)
    monkeypatch.setattr(VGG16_Weights, "get_state_dict", fetch)
    with pytest.raises(LossNetworkMissing, match="not on this computer"):
        load_loss_network("vgg16", ["relu1_1"], folder=tmp_path)
    with pytest.raises(LossNetworkMissing, match="no route to host"):
        load_loss_network("vgg16", ["relu1_1"], folder=tmp_path, download=True)


def test_a_download_is_hash_checked_and_normalized_as_its_authors_did(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import VGG16_Weights

    asked: dict[str, object] = {}

    def fetch(self: object, **options: object) -> dict[str, torch.Tensor]:
        asked.update(options, which=self)
        return random_vgg("vgg16")

    monkeypatch.delenv(LOSS_NETWORK, raising=False)
    monkeypatch.setattr(VGG16_Weights, "get_state_dict", fetch)
    network = load_loss_network("vgg16", ["relu1_1"], download=True)
    assert asked == {"progress": True, "check_hash": True, "which": VGG16_Weights.IMAGENET1K_FEATURES}
    assert network.std.flatten().tolist() == pytest.approx([1 / 255] * 3)


@pytest.mark.shared_data
def test_the_shared_networks_load_and_see_the_right_statistics() -> None:
    folder = shared_data("loss")
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    distilled = load_loss_network("vgg19_distilled", ["relu1_1", "relu4_1"], folder=folder)
    assert distilled.convolutions["relu1_1"].padding_mode == "reflect"
    assert distilled.channels() == {"relu1_1": 16, "relu4_1": 128}
    for name, layer in (("vgg19", "relu3_4"), ("vgg16", "relu2_2")):
        features = load_loss_network(name, [layer], folder=folder)(images)[layer]
        assert features.isfinite().all() and features.mean() > 0.01


def test_a_file_that_is_named_goes_before_all_that_the_environment_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others, mine = tmp_path / "others", tmp_path / "mine.pth"
    others.mkdir()
    for file in (mine, others / "vgg19.pth"):
        file.write_bytes(b"")
    monkeypatch.setenv("SCUMBLE_LOSS_NETWORK", str(others))
    assert find_loss_network("vgg19", ("relu1_1",), folder=mine) == mine
    assert find_loss_network("vgg19", ("relu1_1",)) == others / "vgg19.pth"
