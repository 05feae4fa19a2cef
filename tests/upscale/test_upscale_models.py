"""Models as users meet them: packs of ours and foreign ones, by name, from file to enlarged picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from scumble_backend import nets
from scumble_backend.errors import PackError, PackUnknown, PackWrongKind
from scumble_backend.packs import making
from scumble_backend.packs.archive import WEIGHTS, write_pack
from scumble_backend.packs.foreign import Answers, make_pack
from scumble_backend.packs.manifest import Manifest
from scumble_backend.packs.store import Folders, PackStore
from scumble_backend.rendering import pixels
from scumble_backend.rendering.effects import upscale_models
from scumble_backend.rendering.effects.upscale import upscale
from scumble_wire.messages import ImageInfo

CPU = torch.device("cpu")
ANSWERS = Answers(title="From afar", license="MIT")


@pytest.fixture
def store(tmp_path: Path) -> PackStore:
    return PackStore(Folders(tmp_path / "store"))


def install(store: PackStore, folder: Path, pack_id: str, factor: int, **changes: object) -> None:
    torch.manual_seed(factor)
    architecture = {"name": "compact", "features": 4, "layers": 1, "factor": factor}
    manifest = Manifest(id=pack_id, title=pack_id, kind="upscale", architecture=architecture, factors=(factor,))
    weights = making.upscale_weights(manifest, nets.build(architecture).state_dict())
    write_pack(folder / f"{pack_id}.scumble", manifest, {WEIGHTS: weights})
    store.install(folder / f"{pack_id}.scumble")


def test_a_model_is_served_by_packs_of_several_factors(store: PackStore, tmp_path: Path) -> None:
    install(store, tmp_path, "crisp", 4)
    install(store, tmp_path, "crisp-x2", 2)
    install(store, tmp_path, "other", 2)
    networks = upscale_models.load(store, "crisp", CPU)
    assert sorted(network.factor for network in networks) == [2, 4]
    assert all(network.nbytes == 4 * network.weight_count > 0 for network in networks)


def test_bicubic_is_there_without_any_pack(store: PackStore) -> None:
    assert upscale_models.load(store, "bicubic", CPU) == []


def test_an_unknown_model_is_named(store: PackStore) -> None:
    with pytest.raises(PackUnknown, match="nope"):
        upscale_models.load(store, "nope", CPU)


def foreign_file(folder: Path, name: str, network: nn.Module) -> Path:
    path = folder / name
    state = {"params_ema": dict(network.state_dict())}
    torch.save(state, path)
    return path


@pytest.mark.parametrize("name", ["span", "compact"])
def test_a_foreign_file_becomes_a_model_that_enlarges_as_ours_does(
    store: PackStore, tmp_path: Path, name: str
) -> None:
    torch.manual_seed(0)
    network = nets.build({"name": name, "features": 8, "factor": 2}).train().eval()
    make_pack(foreign_file(tmp_path, "model.pth", network), tmp_path / "afar.scumble", ANSWERS)
    pack = store.install(tmp_path / "afar.scumble")
    assert (pack.manifest.kind, pack.manifest.architecture["name"]) == ("upscale", "spandrel")
    array = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    info = ImageInfo(50, 40, "u8", "RGB")
    results = [
        upscale(pixels.unpack(info, array.tobytes()), info, networks, 2, lambda fraction: None, core=24).frame
        for networks in (upscale_models.load(store, pack.id, CPU), [upscale_models.UpscaleNetwork(network, CPU)])
    ]
    assert np.abs(results[0].astype(int) - results[1]).max() <= 1


def test_a_file_that_is_no_model_installs_nothing(store: PackStore, tmp_path: Path) -> None:
    (tmp_path / "notes.pth").write_text("shopping list")
    torch.save({"params": {"some.weight": torch.rand(3, 3)}}, tmp_path / "strange.pth")
    for name in ("notes.pth", "strange.pth"):
        with pytest.raises(PackError):
            make_pack(tmp_path / name, tmp_path / "afar.scumble", ANSWERS)
    assert not (tmp_path / "afar.scumble").exists()


def test_a_pickle_that_would_run_code_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "it-ran",))

    torch.save({"params": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(PackError, match="Nothing of it was run"):
        make_pack(tmp_path / "evil.pth", tmp_path / "afar.scumble", ANSWERS)
    assert not (tmp_path / "it-ran").exists()


def test_a_network_of_nan_weights_is_refused(tmp_path: Path) -> None:
    network = nets.build({"name": "compact", "features": 4, "layers": 1, "factor": 2})
    nn.init.constant_(next(network.parameters()), float("nan"))
    with pytest.raises(PackError, match="no numbers"):
        make_pack(foreign_file(tmp_path, "nan.pth", network), tmp_path / "afar.scumble", ANSWERS)


def test_a_network_for_another_number_of_channels_is_refused(tmp_path: Path) -> None:
    body = [nn.Conv2d(1, 4, 3), nn.PReLU(4), nn.Conv2d(4, 4, 3), nn.PReLU(4), nn.Conv2d(4, 4, 3)]
    gray = nn.Module()
    gray.body = nn.ModuleList(body)
    with pytest.raises(PackError, match="RGB"):
        make_pack(foreign_file(tmp_path, "gray.pth", gray), tmp_path / "afar.scumble", ANSWERS)


def test_a_network_that_only_repairs_is_refused(tmp_path: Path) -> None:
    network = nets.build({"name": "compact", "features": 4, "layers": 1, "factor": 1})
    with pytest.raises(PackError, match="does not enlarge"):
        make_pack(foreign_file(tmp_path, "repair.pth", network), tmp_path / "afar.scumble", ANSWERS)


def test_a_style_is_no_upscale_model(store: PackStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(store, tmp_path, "crisp", 2)
    pack = store.get("crisp")
    object.__setattr__(pack.manifest, "kind", "network")
    monkeypatch.setattr(store, "get", lambda pack_id: pack)
    with pytest.raises(PackWrongKind, match="does not enlarge"):
        upscale_models.load(store, "crisp", CPU)
