"""Foreign networks become packs that paint the same picture; files that carry code don't run it."""

from __future__ import annotations

import os
import pickle
import sys
import zipfile

import pytest
import torch
from packs_factory import png
from torch import nn

from scumble_backend.errors import (
    ImportFailed,
    PackDamaged,
    PackError,
    PackNeedsAnswers,
    PackUnsafe,
    PackUnsupported,
)
from scumble_backend.packs import adding, making, onnx_models
from scumble_backend.packs import fast_neural_style as fns
from scumble_backend.packs.foreign import Answers
from scumble_backend.packs.manifest import Painting

ANSWERS = Answers("Mosaic", "BSD-3-Clause", ("Somebody",), Painting("Mosaic"), {"thumbnail.png": png()})


class PublishedConv(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1):
        super().__init__()
        self.conv2d = nn.Conv2d(inputs, outputs, kernel, stride)
        self.pad = nn.ReflectionPad2d(kernel // 2)

    def forward(self, x):
        return self.conv2d(self.pad(x))


class PublishedBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.in1 = PublishedConv(channels, channels, 3), nn.InstanceNorm2d(channels, affine=True)
        self.conv2, self.in2 = PublishedConv(channels, channels, 3), nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x):
        return x + self.in2(self.conv2(torch.relu(self.in1(self.conv1(x)))))


class Published(nn.Module):
    """The network of the published files as modules, written for this test from its description, with their names."""

    def __init__(self, width=32, blocks=5, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        w = width
        self.conv1, self.in1 = PublishedConv(3, w, 9), nn.InstanceNorm2d(w, affine=True)
        self.conv2, self.in2 = PublishedConv(w, 2 * w, 3, 2), nn.InstanceNorm2d(2 * w, affine=True)
        self.conv3, self.in3 = PublishedConv(2 * w, 4 * w, 3, 2), nn.InstanceNorm2d(4 * w, affine=True)
        self.blocks = blocks
        for n in range(1, blocks + 1):
            setattr(self, f"res{n}", PublishedBlock(4 * w))
        self.deconv1, self.in4 = PublishedConv(4 * w, 2 * w, 3), nn.InstanceNorm2d(2 * w, affine=True)
        self.deconv2, self.in5 = PublishedConv(2 * w, w, 3), nn.InstanceNorm2d(w, affine=True)
        self.deconv3 = PublishedConv(w, 3, 9)
        with torch.no_grad():
            for name, tensor in self.named_parameters():
                if ".in" in name or name.startswith("in"):
                    tensor.add_(0.3 * torch.randn_like(tensor))
            self.deconv3.conv2d.weight.mul_(60)
            self.deconv3.conv2d.bias.add_(120)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, x):
        for n in (1, 2, 3):
            x = torch.relu(getattr(self, f"in{n}")(getattr(self, f"conv{n}")(x)))
        for n in range(1, self.blocks + 1):
            x = getattr(self, f"res{n}")(x)
        x = torch.relu(self.in4(self.deconv1(self.up(x))))
        x = torch.relu(self.in5(self.deconv2(self.up(x))))
        return self.deconv3(x)


def with_running_statistics(state):
    more = {}
    for name, tensor in state.items():
        if ".in" in f".{name}" and name.endswith(".weight"):
            stem = name.removesuffix("weight")
            more |= {f"{stem}running_mean": torch.rand_like(tensor), f"{stem}running_var": torch.rand_like(tensor)}
            more[f"{stem}num_batches_tracked"] = torch.tensor(3)
    return {**state, **more}


def with_first_names(state):
    def renamed(name):
        if ".in" not in f".{name}":
            return name
        return name.replace(".weight", ".scale").replace(".bias", ".shift")

    return {renamed(name): tensor for name, tensor in state.items()}


SHAPES = {
    "as it is": lambda state: state,
    "running_mean": with_running_statistics,
    "scale and shift": with_first_names,
    "DataParallel": lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
    "checkpoint": lambda state: {"epoch": 2, "state_dict": state},
    "half precision": lambda state: {name: tensor.half() for name, tensor in state.items()},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_state_dicts_of_every_age_paint_the_published_picture(store, tmp_path, shape):
    published = Published(width=4, blocks=2).eval()
    path = tmp_path / "mosaic.pth"
    torch.save(SHAPES[shape](published.state_dict()), path)
    (pack,) = adding.add(store, path, answers=ANSWERS)
    assert pack.manifest.quality["import difference"] < 1e-3
    image = fns.test_picture(48, 64)
    with torch.no_grad():
        expected = (published(image * 255) / 255).clamp(0, 1)
        ours = making.load_network(store, pack)(image, making.load_style(pack).table)
    assert (expected > 0).float().mean() > 0.05 and (expected < 1).float().mean() > 0.05
    assert torch.allclose(ours, expected, atol=1e-3 if shape != "half precision" else 2e-2)


@pytest.mark.parametrize("width", [16, 32])
def test_half_and_full_width_are_converted(store, tmp_path, width):
    path = tmp_path / "mosaic.model"
    torch.save(Published(width).state_dict(), path)
    (pack,) = adding.add(store, path, answers=ANSWERS)
    assert pack.manifest.architecture["width"] == width
    assert pack.manifest.kind == "network"
    assert pack.info().license == "BSD-3-Clause"
    assert pack.thumbnail_bytes() == png()
    assert pack.manifest.training.recipe["imported"] == "mosaic.model"


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, -4096])
@pytest.mark.parametrize("new", [True, False])
def test_truncated_pytorch_files_are_damaged_not_missing(store, tmp_path, new, keep):
    """PyTorch reports some of them as errors of the file system."""
    path = tmp_path / "cut.pth"
    torch.save(Published(2, 1).state_dict(), path, _use_new_zipfile_serialization=new)
    raw = path.read_bytes()
    path.write_bytes(raw[:1000] + raw[1000 - keep :] if keep < 0 else raw[: int(keep * len(raw))])
    with pytest.raises((PackDamaged, PackUnsafe)):
        adding.add(store, path, answers=ANSWERS)


def test_files_of_old_pytorch_versions_are_read(store, tmp_path):
    path = tmp_path / "old.pth"
    torch.save(Published(2, 1).state_dict(), path, _use_new_zipfile_serialization=False)
    assert adding.add(store, path, answers=ANSWERS)


def test_a_conversion_that_paints_otherwise_is_refused(monkeypatch):
    layers = fns.from_state_dict(Published(2, 1).state_dict())
    with pytest.raises(ImportFailed, match="another picture"):
        fns.convert_and_compare(layers, lambda image: fns.paint_as_published(layers, image) + 2)


def test_a_difference_can_not_hide_behind_the_clamp():
    published = Published(2, 1)
    with torch.no_grad():
        published.deconv3.conv2d.bias.add_(10_000)
    layers = fns.from_state_dict(published.state_dict())
    with pytest.raises(ImportFailed, match="another picture"):
        fns.convert_and_compare(layers, lambda image: fns.paint_as_published(layers, image) * 1.1)
    fns.convert_and_compare(layers)


def test_a_picture_of_no_numbers_is_refused():
    layers = fns.from_state_dict(Published(2, 1).state_dict())
    with pytest.raises(ImportFailed):
        fns.convert_and_compare(layers, lambda image: fns.paint_as_published(layers, image) * float("nan"))


@pytest.mark.parametrize("answers", [Answers(), Answers(title="x"), Answers(license="MIT"), Answers(" ", " ")])
def test_title_and_license_are_asked_for(store, tmp_path, answers):
    path = tmp_path / "mosaic.pth"
    torch.save(Published(2, 1).state_dict(), path)
    assert adding.look(store, path).needs == "title,license"
    with pytest.raises(PackNeedsAnswers) as told:
        adding.add(store, path, answers=answers)
    assert "--license" in told.value.remedy


class Evil:
    def __init__(self, flag):
        self.flag = flag

    def __reduce__(self):
        return (os.mkdir, (str(self.flag),))


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("name", ["evil.pth", "evil.pt", "evil.ckpt", "evil.model"])
def test_code_in_pickled_weights_never_runs(store, tmp_path, name, new):
    flag = tmp_path / "ran"
    path = tmp_path / name
    state = {**Published(2, 1).state_dict(), "extra": Evil(flag)}
    torch.save(state, path, _use_new_zipfile_serialization=new)
    with pytest.raises(PackUnsafe, match="Nothing of it was run") as told:
        adding.add(store, path, answers=ANSWERS)
    assert told.value.remedy
    assert not flag.exists()
    assert store.list() == []


def test_a_plain_pickle_with_code_never_runs(store, tmp_path):
    flag = tmp_path / "ran"
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Evil(flag)))
    with pytest.raises(PackError):
        adding.add(store, tmp_path / "evil.pth", answers=ANSWERS)
    assert not flag.exists()


def test_tensors_that_claim_more_than_their_file_are_refused(store, tmp_path):
    path = tmp_path / "wide.pth"
    torch.save({"conv1.conv2d.weight": torch.zeros(1).expand(1 << 20, 1 << 20), "deconv3.conv2d.weight": 1}, path)
    with pytest.raises(PackUnsafe, match="larger"):
        adding.add(store, path, answers=ANSWERS)


def test_a_zip_bomb_of_weights_is_refused(store, tmp_path, monkeypatch):
    from scumble_backend.packs import foreign

    monkeypatch.setattr(foreign, "MAX_PACK_BYTES", 1 << 20)
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("archive/data.pkl", b"\0" * (4 << 20))
    with pytest.raises(PackUnsafe, match="unpack"):
        adding.add(store, path, answers=ANSWERS)


@pytest.mark.parametrize("raw", [b"", b"x", b"PK\x05\x06" + b"\0" * 18, b"\x80\x02.", b"\x80\x02}q\x00."])
@pytest.mark.parametrize("name", ["x.pth", "x.safetensors", "x.onnx"])
def test_what_is_no_network_is_told(store, tmp_path, raw, name):
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(PackError) as told:
        adding.add(store, tmp_path / name, answers=ANSWERS)
    assert told.value.remedy


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.pop("in1.weight"),
        lambda s: s.update({"in1.weight": torch.ones(3)}),
        lambda s: s.update({"extra.weight": torch.ones(3)}),
        lambda s: s.update({"conv1.conv2d.weight": torch.full_like(s["conv1.conv2d.weight"], float("nan"))}),
        lambda s: s.update({"conv1.conv2d.weight": s["conv1.conv2d.weight"].int()}),
        lambda s: s.update({"conv1.conv2d.weight": torch.tensor(1.0)}),
    ],
    ids=["missing", "shape", "extra", "nan", "integer", "scalar"],
)
def test_a_network_of_another_layout_is_told(store, tmp_path, change):
    state = dict(Published(2, 1).state_dict())
    change(state)
    torch.save(state, tmp_path / "x.pth")
    with pytest.raises(ImportFailed) as told:
        adding.add(store, tmp_path / "x.pth", answers=ANSWERS)
    assert told.value.remedy


# --- upscalers -----------------------------------------------------------------------------------------------


def compact_state():
    torch.manual_seed(1)
    body = [nn.Conv2d(3, 8, 3, 1, 1), nn.PReLU(8), nn.Conv2d(8, 8, 3, 1, 1), nn.PReLU(8), nn.Conv2d(8, 12, 3, 1, 1)]
    return {f"body.{name}": tensor for name, tensor in nn.Sequential(*body).state_dict().items()}


@pytest.mark.parametrize("name", ["crisp.pth", "crisp.safetensors"])
def test_an_upscaler_that_spandrel_knows_becomes_a_pack(store, tmp_path, name):
    import safetensors.torch

    path = tmp_path / name
    if name.endswith(".pth"):
        torch.save({"params": compact_state()}, path)
    else:
        safetensors.torch.save_file(compact_state(), path)
    (pack,) = adding.add(store, path, answers=Answers("Crisp", "MIT"))
    assert (pack.manifest.kind, pack.manifest.factors) == ("upscale", (2,))
    with torch.no_grad():
        assert making.load_upscaler(pack)(torch.rand(1, 3, 8, 8)).shape == (1, 3, 16, 16)


def test_a_network_that_nobody_knows_is_told(store, tmp_path):
    torch.save({"a": torch.ones(3)}, tmp_path / "x.pth")
    with pytest.raises(PackUnsupported, match="Spandrel"):
        adding.add(store, tmp_path / "x.pth", answers=ANSWERS)


# --- ONNX ----------------------------------------------------------------------------------------------------


@pytest.fixture
def as_onnx(tmp_path):
    """The published network as an ONNX file, written by PyTorch's own exporter as the models in circulation were."""

    def write(width=4, blocks=2, opset=11, size=(48, 64), dynamic=False):
        import warnings

        published = Published(width, blocks).eval()
        path = tmp_path / "mosaic.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                published, (torch.rand(1, 3, *size),), path, dynamo=False, opset_version=opset,
                input_names=["input1"], output_names=["output1"],
                dynamic_axes={"input1": {2: "h", 3: "w"}} if dynamic else None,
            )  # fmt: skip
        return path, published

    return write


@pytest.mark.parametrize(("opset", "dynamic"), [(9, False), (11, True), (17, True)])
def test_onnx_models_paint_the_published_picture(store, as_onnx, opset, dynamic):
    path, published = as_onnx(opset=opset, dynamic=dynamic)
    (pack,) = adding.add(store, path, answers=ANSWERS)
    image = fns.test_picture(64, 64)
    with torch.no_grad():
        expected = (published(image * 255) / 255).clamp(0, 1)
        ours = making.load_network(store, pack)(image, making.load_style(pack).table)
    assert torch.allclose(ours, expected, atol=1e-3)
    assert pack.manifest.quality["import difference"] < 1e-3


def changed_onnx(path, change):
    import onnx

    model = onnx.load(path)
    change(model.graph)
    path.write_bytes(model.SerializeToString())
    return path


def test_an_onnx_model_that_computes_something_else_is_refused(store, as_onnx):
    import onnx

    def scaled(graph):
        last = next(node for node in reversed(graph.node) if graph.output[0].name in node.output)
        last.output[0] = "before"
        graph.node.append(onnx.helper.make_node("Sin", ["before"], [graph.output[0].name]))

    with pytest.raises(ImportFailed, match="another picture"):
        adding.add(store, changed_onnx(as_onnx()[0], scaled), answers=ANSWERS)


def test_an_onnx_model_that_reads_other_files_is_refused(store, as_onnx):
    def outside(graph):
        tensor = graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = 1
        tensor.external_data.add(key="location", value="../../etc/passwd")

    with pytest.raises(PackUnsafe, match="other files"):
        adding.add(store, changed_onnx(as_onnx()[0], outside), answers=ANSWERS)


def test_an_onnx_model_of_another_kind_is_told(store, tmp_path):
    import onnx
    from onnx import helper

    info = [helper.make_tensor_value_info(name, 1, [1, 3, 8, 8]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", info[:1], info[1:])
    onnx.save(helper.make_model(graph), tmp_path / "relu.onnx")
    with pytest.raises(PackUnsupported, match="does not enlarge"):
        adding.add(store, tmp_path / "relu.onnx", answers=ANSWERS)


def test_a_missing_onnx_package_is_told(store, as_onnx, monkeypatch):
    path, _ = as_onnx()
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ImportFailed, match="onnx") as told:
        adding.add(store, path, answers=ANSWERS)
    assert f"{sys.executable} -m pip install onnx onnxruntime" in told.value.remedy


def test_a_damaged_onnx_file_is_told(store, as_onnx):
    path, _ = as_onnx()
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises((ImportFailed, PackDamaged)):
        onnx_models.read_model(path.read_bytes(), "x")
