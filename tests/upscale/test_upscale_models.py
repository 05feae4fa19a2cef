"""Models as users meet them: packs of ours and foreign ones, by name, from file to enlarged picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from scumble_backend import nets
from scumble_backend.config import Settings
from scumble_backend.errors import PackDamaged, PackError, PackUnknown, PackWrongKind
from scumble_backend.nets.span import Conv3XC
from scumble_backend.packs import making
from scumble_backend.packs.archive import WEIGHTS, write_pack
from scumble_backend.packs.foreign import Answers, make_pack
from scumble_backend.packs.manifest import Manifest
from scumble_backend.packs.store import Folders, InstalledPack, PackStore
from scumble_backend.rendering import pixels
from scumble_backend.rendering.effects import upscale_models
from scumble_backend.rendering.effects.upscale import upscale
from scumble_backend.rendering.renderer import Renderer
from scumble_wire.messages import ImageInfo, Upscale

CPU = torch.device("cpu")
ANSWERS = Answers(title="From afar", license="MIT")


@pytest.fixture
def store(tmp_path: Path) -> PackStore:
    return PackStore(Folders(tmp_path / "store"))


def install(
    store: PackStore, folder: Path, pack_id: str, factor: int, *, seed: int = 0, family: str = "compact"
) -> None:
    torch.manual_seed(factor + seed)
    architecture = {"name": family, "features": 4, "factor": factor}
    manifest = Manifest(id=pack_id, title=pack_id, kind="upscale", architecture=architecture, factors=(factor,))
    weights = making.upscale_weights(manifest, nets.build(architecture).train().eval().state_dict())
    write_pack(folder / f"{pack_id}.scumble", manifest, {WEIGHTS: weights})
    store.install(folder / f"{pack_id}.scumble")


def test_a_model_is_served_by_packs_of_several_factors(store: PackStore, tmp_path: Path) -> None:
    install(store, tmp_path, "crisp", 4)
    install(store, tmp_path, "crisp-x2", 2)
    install(store, tmp_path, "other", 2)
    networks = upscale_models.load(store, "crisp", CPU)
    assert sorted(network.factor for network in networks) == [2, 4]
    assert all(0 < 4 * network.cost < network.nbytes for network in networks)


def test_only_the_networks_that_a_factor_takes_are_loaded(store: PackStore, tmp_path: Path) -> None:
    install(store, tmp_path, "crisp", 4)
    for factor in (2, 3, 8):
        install(store, tmp_path, f"crisp-x{factor}", factor)
    for factor, steps in ((2, [2]), (3, [3]), (4, [4]), (6, [8]), (16, [8, 2])):
        networks, note = upscale_models.networks_for(store, "crisp", factor, ready)
        assert [network.factor for network in networks] == steps and not note


def ready(pack: InstalledPack) -> upscale_models.UpscaleNetwork:
    return upscale_models.UpscaleNetwork(making.load_upscaler(pack), CPU)


def test_a_damaged_pack_of_another_factor_blocks_none(store: PackStore, tmp_path: Path) -> None:
    install(store, tmp_path, "crisp", 4)
    install(store, tmp_path, "crisp-x2", 2)
    (store.folders.user / "crisp-x2.scumble").write_bytes(b"no zip")
    for factor in (2, 4):
        networks, _ = upscale_models.networks_for(store, "crisp", factor, ready)
        assert [network.factor for network in networks] == [4]


def test_a_pack_whose_weights_are_damaged_is_left_out_with_a_note(store: PackStore, tmp_path: Path) -> None:
    install(store, tmp_path, "crisp", 4)
    install(store, tmp_path, "crisp-x2", 2)

    def broken(pack: InstalledPack) -> upscale_models.UpscaleNetwork:
        if pack.id == "crisp-x2":
            raise PackDamaged("weights.safetensors does not match its checksum.", remedy="Install it again.")
        return ready(pack)

    networks, note = upscale_models.networks_for(store, "crisp", 2, broken)
    assert [network.factor for network in networks] == [4] and "crisp-x2" in note
    with pytest.raises(PackDamaged):
        upscale_models.networks_for(store, "crisp-x2", 2, broken)


@pytest.mark.parametrize("large", [1e5, 1e9])
def test_numbers_that_leave_half_precision_are_noticed(large: float) -> None:
    """An infinity on the way may come out as a number: a sigmoid makes one of it."""

    class Wide(nn.Module):
        factor, halo, cost, least_side = 2, 0, 1, 1

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1, bias=False)
            nn.init.constant_(self.conv.weight, large)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            wide = self.conv(image).repeat_interleave(2, -1).repeat_interleave(2, -2)
            return torch.sigmoid(wide / large - 1.5)

    network = upscale_models.UpscaleNetwork(Wide(), CPU)
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    network._may_half = True  # as on a graphics card
    assert torch.equal(network(image, half=True), network(image))
    assert not network._may_half


def test_a_network_that_fits_into_half_precision_runs_in_it() -> None:
    torch.manual_seed(0)
    network = upscale_models.UpscaleNetwork(nets.build({"name": "compact", "features": 8, "factor": 2}), CPU)
    network._may_half = True
    image = torch.rand(1, 3, 8, 8)
    full = network(image)
    first = network(image, half=True)
    assert network._may_half and 0 < float((first - full).abs().amax()) < 4 / 255
    assert torch.equal(network(image, half=True), first), "the first is compared with full precision, and alike"


@pytest.mark.parametrize("name", ["span", "compact", "johnson-sr"])
def test_pictures_smaller_than_a_network_takes_are_enlarged(name: str) -> None:
    network = upscale_models.UpscaleNetwork(nets.build({"name": name, "features": 4, "factor": 2}).eval(), CPU)
    for height, width in ((1, 1), (3, 7), (9, 2)):
        assert network(torch.rand(1, 3, height, width)).shape == (1, 3, 2 * height, 2 * width)


@pytest.mark.parametrize("name", ["span", "compact", "johnson-sr"])
def test_networks_declare_what_a_source_pixel_costs(name: str) -> None:
    network = nets.build({"name": name, "features": 4, "factor": 4}).eval()
    counted = 0

    def count(module: nn.Module, inputs: object, output: torch.Tensor) -> None:
        """Of a convolution that runs; SPAN's products run as one."""
        nonlocal counted
        convolution = module.eval_conv if isinstance(module, Conv3XC) else module
        counted += convolution.weight.numel() * output.shape[-1] * output.shape[-2]  # type: ignore[operator, union-attr]

    for module in network.modules():
        if isinstance(module, (nn.Conv2d, Conv3XC)):
            module.register_forward_hook(count)
    with torch.inference_mode():
        network(torch.rand(1, 3, 16, 16))
    assert network.cost * 16 * 16 == counted > 0


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


def test_vivid_is_mixed_in_by_weights_or_by_results(store: PackStore, tmp_path: Path) -> None:
    install(store, tmp_path, "faithful", 2, family="span")
    install(store, tmp_path, "vivid", 2, seed=5, family="span")
    install(store, tmp_path, "other", 4)
    renderer = Renderer(Settings(device="cpu"), store)
    array = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)

    def made(model: str, vivid: float) -> np.ndarray:
        message = Upscale(ImageInfo(24, 20, "u8", "RGB"), 2.0, model, vivid=vivid)
        done = renderer.upscale(message, [array.tobytes()], lambda fraction, stage: None)
        return np.frombuffer(done.pixels, np.uint8).astype(int)

    network = {name: upscale_models.load(store, name, CPU)[0] for name in ("faithful", "vivid", "other")}
    assert upscale_models.built_alike(network["faithful"], network["vivid"])
    assert not upscale_models.built_alike(network["other"], network["vivid"])
    for share, one in ((0.0, "faithful"), (1.0, "vivid")):
        ends = upscale_models.interpolated(network["faithful"], network["vivid"], share)
        for name, tensor in ends.state_dict().items():
            assert torch.allclose(tensor, network[one].module.state_dict()[name], atol=1e-6)
        assert (made("faithful", share) == made(one, 0.0)).all() and (made("vivid", share) == made("vivid", 0)).all()
    between = made("faithful", 0.5)
    assert (between != made("faithful", 0.0)).any() and (between != made("vivid", 0.0)).any()
    results = (made("other", 0.0) + made("vivid", 0.0)) / 2
    assert np.abs(made("other", 0.5) - results).max() <= 1
    assert (made("bicubic", 0.5) != made("bicubic", 0.0)).any()
