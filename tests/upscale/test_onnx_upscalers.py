"""ONNX files of networks that enlarge: installed and used at any size, or refused in a sentence."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from upscale.test_models_of_the_wild import enlarged
from upscale.test_upscale_models import ANSWERS, CPU, store

from scumble_backend import nets
from scumble_backend.errors import PackError, PackUnsafe
from scumble_backend.nets.graph import GraphNetwork
from scumble_backend.packs import adding, making
from scumble_backend.packs.archive import WEIGHTS, write_pack
from scumble_backend.packs.manifest import Manifest
from scumble_backend.packs.store import PackStore
from scumble_backend.rendering.effects import upscale_models

__all__ = ["store"]


class Compact(nn.Module):
    """Real-ESRGAN's compact network: convolutions and slopes, a shuffle, and the picture repeated beneath."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), nn.PReLU(8), nn.Conv2d(8, 48, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        made = F.pixel_shuffle(self.body(image), 4)
        return made + F.interpolate(image, scale_factor=4.0, mode="nearest")


class Dense(nn.Module):
    """A piece of ESRGAN: dense connections, scaled residuals, repeated samples between convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, 1, 1), nn.Conv2d(11, 8, 3, 1, 1)
        self.last = nn.Conv2d(8, 3, 3, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        x = F.leaky_relu(self.first(image), 0.2)
        x = self.second(torch.cat([x, image], 1)) * 0.2 + x
        return self.last(F.leaky_relu(F.interpolate(x, scale_factor=2, mode="nearest"), 0.2))


class Transposed(nn.Module):
    """As waifu2x and its kin end: a transposed convolution, channels that are weighed, a border that is cut off."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.up = nn.Conv2d(3, 8, 3), nn.ConvTranspose2d(8, 3, 4, 2, 3)
        self.squeeze = nn.Conv2d(8, 8, 1)

    def forward(self, image: Tensor) -> Tensor:
        x = F.pad(image, (3, 3, 3, 3), mode="reflect")
        x = F.relu6(self.conv(x))
        x = x * torch.sigmoid(self.squeeze(x.mean((2, 3), keepdim=True)))
        return F.pad(self.up(x), (-2, -2, -2, -2))


class Attention(nn.Module):
    """Windows of 8 x 8 whose pixels look at each other, as transformers do; the sides must be multiples of 8."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.queries = nn.Conv2d(3, 8, 3, 1, 1), nn.Linear(8, 24)
        self.norm, self.last = nn.LayerNorm(8), nn.Conv2d(8, 12, 3, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        x = self.conv(image)
        count, channels, height, width = x.shape
        cells = x.view(count, channels, height // 8, 8, width // 8, 8).permute(0, 2, 4, 3, 5, 1).reshape(-1, 64, 8)
        q, k, v = self.queries(self.norm(cells)).chunk(3, -1)
        seen = F.gelu(torch.softmax(q @ k.transpose(-1, -2), -1) @ v)
        back = seen.view(count, height // 8, width // 8, 8, 8, channels).permute(0, 5, 1, 3, 2, 4)
        return F.pixel_shuffle(self.last(x + back.reshape(count, channels, height, width)), 2)


def network(kind: str) -> nn.Module:
    torch.manual_seed(0)
    if kind == "span":
        return nets.build({"name": "span", "features": 8, "factor": 2}).train().eval()
    made = {"compact": Compact, "dense": Dense, "transposed": Transposed, "attention": Attention}[kind]()
    return made.eval()


def written(path: Path, module: nn.Module, size: tuple[int, int], *, dynamic: bool, opset: int = 17) -> Path:
    axes = {"in": {2: "h", 3: "w"}, "out": {2: "H", 3: "W"}} if dynamic else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (torch.rand(1, 3, *size),), path, dynamo=False, opset_version=opset, input_names=["in"],
            output_names=["out"], dynamic_axes=axes,
        )  # fmt: skip
    return path


KINDS = [("compact", 11, 4), ("dense", 17, 2), ("transposed", 13, 2), ("span", 9, 2), ("attention", 18, 2)]


@pytest.mark.parametrize(("kind", "opset", "factor"), KINDS)
@torch.no_grad()
def test_a_file_for_any_size_makes_the_networks_own_picture(
    store: PackStore, tmp_path: Path, kind: str, opset: int, factor: int
) -> None:
    module = network(kind)
    path = written(tmp_path / "x.onnx", module, (24, 32), dynamic=True, opset=opset)
    (pack,) = adding.add(store, path, answers=ANSWERS)
    assert (pack.manifest.kind, pack.manifest.factors) == ("upscale", (factor,))
    assert pack.manifest.quality["import difference"] < 1e-3
    ours = making.load_upscaler(pack)
    image = torch.rand(1, 3, 40, 56)
    assert torch.allclose(ours(image), module(image), atol=1e-4)
    assert ours(image[..., :13, :19]).shape == (1, 3, 13 * factor, 19 * factor)
    assert enlarged(store, pack.id, factor).shape == (20 * factor, 24 * factor, 3)


@pytest.mark.parametrize("kind", ["compact", "dense", "span"])
@torch.no_grad()
def test_a_file_for_one_size_enlarges_pictures_of_all_sizes(store: PackStore, tmp_path: Path, kind: str) -> None:
    """The windows overlap by what the network sees, so that they fit together as the whole does."""
    module = network(kind)
    path = written(tmp_path / "x.onnx", module, (64, 48), dynamic=False)
    (pack,) = adding.add(store, path, answers=ANSWERS)
    ours: Any = making.load_upscaler(pack)
    assert ours.size == (64, 48) and 0 < ours.halo <= 12
    for size in ((64, 48), (100, 131), (70, 49)):
        image = torch.rand(1, 3, *size)
        assert torch.allclose(ours(image), module(image), atol=2e-3), size
    small = torch.rand(1, 3, 5, 7)
    around = F.pad(small, (0, 41, 0, 59), mode="replicate")
    factor = ours.factor
    assert torch.allclose(ours(small), module(around)[..., : 5 * factor, : 7 * factor], atol=1e-4)


@torch.no_grad()
def test_numbers_of_both_precisions_are_read(store: PackStore, tmp_path: Path) -> None:
    """Files in half precision take and give it; inside, ours runs in the precision of the picture it is made for."""
    path = written(tmp_path / "x.onnx", network("compact"), (24, 32), dynamic=True)
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            halved = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(halved, tensor.name))
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    onnx.save(model, path)
    (pack,) = adding.add(store, path, answers=ANSWERS)
    image = torch.rand(1, 3, 20, 30)
    assert torch.allclose(making.load_upscaler(pack)(image), network("compact")(image), atol=1e-2)
    loaded = upscale_models.load(store, pack.id, CPU)[0]
    loaded._may_half = True  # as on a graphics card
    assert torch.allclose(loaded(image, half=True), loaded(image), atol=1e-2) and loaded._may_half


def hand_written(path: Path, *nodes: Any, size: list[Any] | None = None, kind: int = TensorProto.FLOAT) -> Path:
    """One convolution and what is done with its result `y`, to `out`."""
    size = size or [1, 3, "h", "w"]
    weight = np.random.default_rng(0).normal(size=(12, 3, 3, 3)).astype(np.float32) / 9
    graph = helper.make_graph(
        [helper.make_node("Conv", ["in", "w"], ["y"], pads=[1, 1, 1, 1]), *nodes],
        "g",
        [helper.make_tensor_value_info("in", kind, size)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, None, None, None])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


SHUFFLED = helper.make_node("DepthToSpace", ["y"], ["out"], blocksize=2)


@pytest.mark.parametrize(
    ("nodes", "size", "kind", "said"),
    [
        ([helper.make_node("Sin", ["y"], ["z"]), helper.make_node("DepthToSpace", ["z"], ["out"], blocksize=2)],
         None, 1, "operator Sin"),
        ([helper.make_node("Slice", ["y", "a", "b", "c"], ["out"])], None, 1, "nothing makes|does not accept"),
        ([helper.make_node("Identity", ["y"], ["out"])], None, 1, "one RGB picture"),
        ([SHUFFLED], [1, 1, "h", "w"], 1, "one RGB picture|does not accept"),
        ([SHUFFLED], [1, 3, 4, 4], 1, "8 to 2048"),
        ([SHUFFLED], [1, 3, "h", "w"], TensorProto.UINT8, "floats|does not accept"),
        ([helper.make_node("AveragePool", ["y"], ["z"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
          helper.make_node("DepthToSpace", ["z"], ["out"], blocksize=2)], None, 1, "beyond the picture's border"),
    ],
    ids=["operator", "nothing makes it", "channels", "gray", "tiny", "whole numbers", "unknown use"],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_in_a_sentence(
    store: PackStore, tmp_path: Path, nodes: list[Any], size: Any, kind: int, said: str
) -> None:
    path = hand_written(tmp_path / "x.onnx", *nodes, size=size, kind=kind)
    with pytest.raises(PackError, match=said) as told:
        adding.add(store, path, answers=ANSWERS)
    assert told.value.remedy and store.list("upscale") == []


def test_the_two_orders_of_a_shuffle_are_told_apart(store: PackStore, tmp_path: Path) -> None:
    (pack,) = adding.add(store, hand_written(tmp_path / "x.onnx", SHUFFLED), answers=ANSWERS)
    assert pack.manifest.factors == (2,)


def test_a_file_that_reads_other_files_is_refused(store: PackStore, tmp_path: Path) -> None:
    path = hand_written(tmp_path / "x.onnx", SHUFFLED)
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    path.write_bytes(model.SerializeToString())
    with pytest.raises(PackUnsafe, match="other files"):
        adding.add(store, path, answers=ANSWERS)


GRAPH = (
    '{"input":"image","output":"o","weights":{"w":[12,3,3,3]},"constants":{},"nodes":'
    '[["Conv",["image","w"],["y"],{"pads":[1,1,1,1]}],["DepthToSpace",["y"],["o"],{"blocksize":2}]]}'
)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("DepthToSpace", "Exec"), "Exec"),
        (('"blocksize":2', '"blocksize":3'), "can't be computed"),
        (('"blocksize":2', '"block":2'), "can't be computed"),
        (('["y"],["o"]', '["z"],["o"]'), "takes or makes"),
        (('"output":"o"', '"output":"p"'), "no result"),
        (('"output":"o",', ""), "can't be read"),
        (('["image","w"],["y"]', '["image","w"],["image"]'), "takes or makes"),
        (('{"pads":[1,1,1,1]}', '{"pads":[2,2,2,2]}'), "makes"),
    ],
)  # fmt: skip
def test_a_pack_with_a_graph_that_does_not_fit_is_refused(
    store: PackStore, tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    graph = GRAPH.replace(*change)
    assert graph != GRAPH
    manifest = Manifest("x", "X", "upscale", {"name": "graph", "graph": graph, "factor": 2}, factors=(2,))
    weights = making.upscale_weights(manifest, {"w": torch.rand(12, 3, 3, 3)})
    write_pack(tmp_path / "x.scumble", manifest, {WEIGHTS: weights})
    with pytest.raises(PackError, match=said):
        store.install(tmp_path / "x.scumble")


def test_a_graph_that_would_fill_the_memory_is_stopped() -> None:
    graph = GRAPH.replace(
        '["Conv"', '["ConstantOfShape",["s"],["huge"],{}],["Conv"'
    ).replace('"constants":{}', '"constants":{"s":[65536,65536,65536]}')  # fmt: skip
    module = GraphNetwork(graph, 2)
    with pytest.raises(ValueError, match="too large"):
        module(torch.rand(1, 3, 8, 8))
