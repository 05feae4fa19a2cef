from __future__ import annotations

import onnx
import onnxruntime
import pytest
import torch

from scumble_backend.errors import ExportFailed
from scumble_backend.packs import exporting, making, onnx_graph, onnx_models
from scumble_backend.packs import fast_neural_style as fns
from scumble_backend.packs.store import Folders, PackStore


def painted(path, image):
    model = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return torch.from_numpy(model.run(None, {"image": image.numpy()})[0])


def test_a_pack_with_its_base_travels_alone_and_without_it_does_not(factory, store, tmp_path):
    pack = store.install(factory.affine())
    exporting.export_pack(store, pack, tmp_path / "out.scumble")
    elsewhere = PackStore(Folders(tmp_path / "elsewhere"))
    moved = elsewhere.install(tmp_path / "out.scumble")
    assert moved.manifest == pack.manifest
    assert making.load_network(elsewhere, moved)


@pytest.mark.parametrize("size", [(40, 64), (33, 47)])
@pytest.mark.parametrize(
    "config",
    [
        {"upsampling": "bilinear"},
        {"grain": 0.0, "statistics_pull": 0.0, "output": "clamp"},
        {"color_cell": 4, "color_cells": 3},
    ],
)
def test_a_style_as_onnx_paints_the_same_at_every_size(tiny_network, random_table, tmp_path, config, size):
    network = tiny_network(3, **config)
    table = random_table(network)
    path = tmp_path / "style.onnx"
    assert onnx_models.export_style(network, table, path, title="Wave") < 1e-3
    image = fns.test_picture(*size)
    with torch.no_grad():
        assert torch.allclose(painted(path, image), network(image, table), atol=1e-4)
    assert {prop.key: prop.value for prop in onnx.load(path).metadata_props}["title"] == "Wave"


def test_the_grain_of_the_graph_is_the_networks(tmp_path, tiny_network, random_table):
    """With a strong grain a wrong noise would show at once."""
    network = tiny_network(grain=1.0)
    image = torch.full((1, 3, 24, 24), 0.5)
    path = tmp_path / "x.onnx"
    onnx_models.export_style(network, random_table(network), path, title="x")
    result = painted(path, image)
    assert result.std() > 0.01
    with torch.no_grad():
        assert torch.allclose(result, network(image, random_table(network)), atol=1e-4)


@pytest.mark.parametrize("kind", ["affine", "whole", "upscale"])
def test_every_kind_of_pack_can_be_exported(factory, store, tmp_path, kind):
    pack = store.install(getattr(factory, kind)())
    assert exporting.export_onnx(store, pack, tmp_path / "out.onnx") < 1e-3
    onnx.checker.check_model(str(tmp_path / "out.onnx"))


def test_an_export_that_paints_otherwise_is_not_written(tiny_network, random_table, tmp_path, monkeypatch):
    network = tiny_network()
    other = random_table(network, 9)
    model = onnx_graph.style_model

    monkeypatch.setattr(onnx_graph, "style_model", lambda n, t, **words: model(n, other, **words))
    with pytest.raises(ExportFailed, match="another picture"):
        onnx_models.export_style(network, random_table(network), tmp_path / "x.onnx", title="x")
    assert not (tmp_path / "x.onnx").exists()
