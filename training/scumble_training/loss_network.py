"""The loss network: the first layers of a frozen VGG-16 or VGG-19, whose features the losses compare.

Weights come from any state dict in torchvision's names (`features.0.weight`, ...): a file, or torchvision's own
download when a recipe or a person asks for one by name. Where files lie is named for one training, or set once: the
environment variable SCUMBLE_LOSS_NETWORK or the setting `loss_network`, a file or a folder of files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scumble_backend.errors import LossNetworkMissing, LossNetworkUnusable
from scumble_backend.training_runs.job import LOSS_NETWORK

#: torchvision's index of each convolution in `features`, by block (Simonyan and Zisserman 2015, columns D and E).
_BLOCKS: dict[str, tuple[tuple[int, ...], ...]] = {
    "vgg16": ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)),
    "vgg19": ((0, 2), (5, 7), (10, 12, 14, 16), (19, 21, 23, 25), (28, 30, 32, 34)),
}
TORCHVISION_MEAN = (0.485, 0.456, 0.406)
TORCHVISION_STD = (0.229, 0.224, 0.225)
#: Of the authors' own VGG-16 (torchvision's IMAGENET1K_FEATURES): 0..255 less the mean, as Johnson et al. used it.
CAFFE_MEAN = (0.48235, 0.45882, 0.40784)
CAFFE_STD = (1 / 255, 1 / 255, 1 / 255)


def layer_names(architecture: str) -> dict[str, int]:
    """ "relu1_1" -> torchvision's index of its convolution, shallowest first."""
    return {
        f"relu{block}_{place}": index
        for block, indices in enumerate(_BLOCKS[architecture], start=1)
        for place, index in enumerate(indices, start=1)
    }


class LossNetwork(nn.Module):
    """Features of named layers, only as deep as the deepest one asked for.

    state: weights in torchvision's names; other entries (classifier, aux) are not looked at.
    layers: names such as "relu2_2". Raises LossNetworkUnusable that names the first layer the weights lack.
    mean, std: of the input normalization, three numbers each, for RGB in [0, 1].
    padding: "zeros" (as trained by its authors) or "reflect", one pixel before every 3 x 3 convolution.

    Frozen: parameters take no gradient and `train()` leaves it in evaluation mode; gradients do flow to the input.
    Max pooling as in VGG. Source of the features: Simonyan and Zisserman 2015; of their use as a loss: Gatys et
    al. 2016, Johnson et al. 2016.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        state: Mapping[str, Tensor],
        layers: Iterable[str],
        *,
        architecture: str = "",
        mean: Sequence[float] = TORCHVISION_MEAN,
        std: Sequence[float] = TORCHVISION_STD,
        padding: Literal["zeros", "reflect"] = "zeros",
        name: str = "",
    ) -> None:
        super().__init__()
        wanted = tuple(dict.fromkeys(layers))
        if not wanted:
            raise LossNetworkUnusable("no layer of the loss network is asked for.", remedy="Name one in the recipe.")
        self.architecture = architecture or architecture_of(state)
        self.name = name or self.architecture
        self.layers = wanted
        places = layer_names(self.architecture)
        have = [layer for layer, index in places.items() if f"features.{index}.weight" in state]
        for layer in wanted:
            if layer not in have:
                there = f"{have[0]} to {have[-1]}" if have else "no VGG layers"
                raise LossNetworkUnusable(
                    f"the loss network {self.name} has no layer {layer!r}; it holds {there}.",
                    remedy="Name another layer in the recipe, or choose a deeper loss network.",
                )
        ordered = list(places)
        self._sequence = ordered[: max(ordered.index(layer) for layer in wanted) + 1]
        convolutions: dict[str, nn.Module] = {}
        for layer in self._sequence:
            if layer not in have:  # a hole below the deepest layer
                raise LossNetworkUnusable(
                    f"the loss network {self.name} lacks {layer!r}, which {wanted[-1]!r} needs.",
                    remedy="Get the file again: it is not whole.",
                )
            weight, bias = (state[f"features.{places[layer]}.{part}"].float() for part in ("weight", "bias"))
            convolution = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1, padding_mode=padding)
            if convolution.weight.shape != weight.shape or convolution.bias.shape != bias.shape:  # type: ignore[union-attr]
                raise LossNetworkUnusable(
                    f"layer {layer!r} of the loss network {self.name} has the shape {tuple(weight.shape)}.",
                    remedy="Use VGG-16 or VGG-19 weights with 3 x 3 convolutions, in torchvision's names.",
                )
            with torch.no_grad():
                convolution.weight.copy_(weight)
                convolution.bias.copy_(bias)  # type: ignore[union-attr]
            convolutions[layer] = convolution
        self.convolutions = nn.ModuleDict(convolutions)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(1, 3, 1, 1))
        self.requires_grad_(False)
        self.to(memory_format=torch.channels_last)
        super().train(False)

    def train(self, mode: bool = True) -> LossNetwork:
        """Stay in evaluation mode, whatever a parent module does."""
        del mode
        super().train(False)
        return self

    def channels(self) -> dict[str, int]:
        """Channels of every layer asked for."""
        return {layer: self.convolutions[layer].out_channels for layer in self.layers}  # type: ignore[misc]

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """images: (N, 3, H, W), RGB, [0, 1], H and W at least 16. Returns layer -> (N, C, H/2^k, W/2^k), >= 0.

        Under autocast the features come in its dtype (bfloat16 convolutions are exact enough and several times
        faster); `losses` turns them into float32 before any product or sum.
        """
        x = (images.float() - self.mean) / self.std
        x = x.contiguous(memory_format=torch.channels_last)
        features: dict[str, Tensor] = {}
        block = "1"
        for layer in self._sequence:
            if layer[4] != block:
                block = layer[4]
                x = F.max_pool2d(x, 2)
            x = F.relu(self.convolutions[layer](x), inplace=True)
            if layer in self.layers:
                features[layer] = x
        return features


def architecture_of(state: Mapping[str, Tensor]) -> str:
    """ "vgg16" or "vgg19", by the indices of the weights (they part ways after conv3_3, the same up to there)."""
    weights = {key.split(".")[1] for key in state if key.startswith("features.") and key.endswith(".weight")}
    if not weights:
        raise LossNetworkUnusable(
            "the file holds no VGG weights named as torchvision names them (features.0.weight, ...).",
            remedy="Save torchvision's vgg16().state_dict() or use the name vgg16 to download it.",
        )
    return "vgg19" if "16" in weights else "vgg16"


def load_loss_network(
    path_or_name: str | Path,
    layers: Iterable[str],
    *,
    folder: Path | None = None,
    download: bool = False,
    padding: Literal["zeros", "reflect"] | None = None,
) -> LossNetwork:
    """A loss network from a file, or by name ("vgg16", "vgg19", "vgg19_distilled") from where it has been set.

    folder: a file or a folder, looked at before the one that the environment variable names.
    padding: instead of the one its authors trained with; zeros teach a network to draw a line along the border.
    download: fetch "vgg16" or "vgg19" with torchvision (hash checked, kept in its cache) where no file is found.
    Raises LossNetworkMissing or LossNetworkUnusable.
    """
    layers = tuple(layers)
    path = find_loss_network(path_or_name, layers, folder=folder)
    if path is not None:
        return _from_file(path, layers, padding)
    name = str(path_or_name)
    if download and name in ("vgg16", "vgg19"):
        state, mean, std = _download(name)
        return LossNetwork(
            state, layers, architecture=name, mean=mean, std=std, name=name, padding=padding or "zeros"
        )
    raise LossNetworkMissing(
        f"the loss network {name!r} is not on this computer.",
        remedy=f"Name its file or folder with `scumble train --loss-network` or in {LOSS_NETWORK}, "
        "or allow the download with `--download`.",
    )


def find_loss_network(
    path_or_name: str | Path, layers: Sequence[str] = (), *, folder: Path | None = None
) -> Path | None:
    """The file that a name stands for: the path itself, or one of the first set place that has any; of several that
    are named after it the first that holds the layers. None: nowhere."""
    direct = Path(path_or_name).expanduser()
    if direct.suffix and direct.is_file():
        return direct
    for place in (folder, os.environ.get(LOSS_NETWORK)):
        if not place:
            continue
        where = Path(place).expanduser()
        if where.is_file():
            return where
        candidates = sorted(
            file
            for file in (where.iterdir() if where.is_dir() else ())
            if file.suffix in (".safetensors", ".pth") and _named(file, direct)
        )
        for file in candidates if layers and len(candidates) > 1 else ():
            if file.suffix == ".safetensors" and _holds(file, layers):
                return file
        if candidates:
            return candidates[0]
    return None


def _named(file: Path, name: Path) -> bool:
    """vgg19_conv1_1-conv3_4 and vgg19-dcbb9e9d are files of "vgg19"; vgg19_distilled_conv1_1... is not."""
    stem, wanted = file.stem, str(name)
    rest = stem.removeprefix(wanted)
    return rest != stem and (not rest or rest.startswith(("_conv", "_features", "-", ".")))


def _holds(file: Path, layers: Sequence[str]) -> bool:
    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        keys = set(opened.keys())
    places = layer_names("vgg19" if "features.16.weight" in keys else "vgg16")
    return all(layer in places and f"features.{places[layer]}.weight" in keys for layer in layers)


def _from_file(path: Path, layers: Sequence[str], padding: Literal["zeros", "reflect"] | None = None) -> LossNetwork:
    from safetensors import SafetensorError, safe_open

    metadata: dict[str, str] = {}
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, "pt") as opened:
                metadata = opened.metadata() or {}
                state = {key: opened.get_tensor(key) for key in opened.keys() if key.startswith("features.")}  # noqa: SIM118
        else:
            loaded = torch.load(path, map_location="cpu", weights_only=True)
            state = {key: value for key, value in loaded.items() if key.startswith("features.")}
    except (OSError, SafetensorError, RuntimeError, AttributeError, ValueError, EOFError) as error:
        raise LossNetworkUnusable(
            f"{path.name} can't be read as weights: {error}", remedy="Get the file again."
        ) from error
    except Exception as error:
        # torch.load refuses other pickles with pickle.UnpicklingError, whose class it does not promise.
        if type(error).__name__ != "UnpicklingError":
            raise
        raise LossNetworkUnusable(
            f"{path.name} is no plain file of weights.", remedy="Save it as .safetensors."
        ) from error
    described = metadata.get("architecture", "").split(",")[0].strip()
    mean, std = _normalization(metadata.get("input", ""))
    if "amdegroot" in path.stem:  # how torchvision's download of the authors' weights is called
        mean, std = CAFFE_MEAN, CAFFE_STD
    return LossNetwork(
        state,
        layers,
        architecture=described if described in _BLOCKS else architecture_of(state),
        mean=mean,
        std=std,
        padding=padding or ("reflect" if metadata.get("padding", "").startswith("reflect") else "zeros"),
        name=path.stem,
    )


def _normalization(text: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """mean and std from "... mean=(a,b,c), std=(d,e,f)"; torchvision's where the text says nothing."""
    values: dict[str, tuple[float, ...]] = {"mean": TORCHVISION_MEAN, "std": TORCHVISION_STD}
    for key in values:
        start = text.find(f"{key}=(")
        if start >= 0:
            inside = text[start + len(key) + 2 :].split(")")[0]
            numbers = tuple(float(part) for part in inside.split(","))
            if len(numbers) != 3 or (key == "std" and min(numbers) <= 0):
                raise LossNetworkUnusable(f"the file's {key} is {inside!r}.", remedy="Give three numbers.")
            values[key] = numbers
    return values["mean"], values["std"]


def _download(name: str) -> tuple[dict[str, Tensor], tuple[float, ...], tuple[float, ...]]:
    """Weights and their mean and std, by torchvision: progress bar, hash checked, kept in torch.hub's cache.

    For VGG-16 the authors' own weights (IMAGENET1K_FEATURES), which the 2016 papers used; torchvision has no such
    VGG-19, so there its own.
    """
    from torchvision.models import VGG16_Weights, VGG19_Weights  # type: ignore[import-untyped]

    weights = VGG16_Weights.IMAGENET1K_FEATURES if name == "vgg16" else VGG19_Weights.IMAGENET1K_V1
    try:
        state = weights.get_state_dict(progress=True, check_hash=True)
    except (OSError, RuntimeError) as error:
        raise LossNetworkMissing(
            f"the loss network {name} could not be downloaded: {error}",
            remedy="Check the connection, or download the file elsewhere and set its place.",
        ) from error
    if name == "vgg16":
        return dict(state), CAFFE_MEAN, CAFFE_STD
    return dict(state), TORCHVISION_MEAN, TORCHVISION_STD
