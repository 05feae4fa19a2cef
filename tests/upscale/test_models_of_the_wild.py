"""Families of networks that Spandrel names, and other files that people have: installed and used, or refused.

Tiny networks with random weights. Families that take long to build or run are left to `SCUMBLE_ALL_FAMILIES=1`.
"""

from __future__ import annotations

import importlib
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spandrel
import torch
from torch import nn
from upscale.test_upscale_models import ANSWERS, CPU, store

from scumble_backend import nets
from scumble_backend.errors import PackError, PackUnsupported
from scumble_backend.nets import spandrel_model
from scumble_backend.packs import adding
from scumble_backend.packs.store import PackStore
from scumble_backend.rendering import pixels
from scumble_backend.rendering.effects import upscale_models
from scumble_backend.rendering.effects.upscale import upscale
from scumble_wire.messages import ImageInfo

__all__ = ["store"]

ALL = bool(os.environ.get("SCUMBLE_ALL_FAMILIES"))
REPAIRS, NO_RGB = "repairs pictures but does not enlarge", "RGB pictures into RGB"
CHANCE = "draws by chance"
PAGE = Path(__file__).parents[2] / "docs" / "upscaling.md"

WINDOWS: dict[str, Any] = {"embed_dim": 12, "depths": (2,), "num_heads": (2,), "img_size": 16, "window_size": 8}
SR: dict[str, Any] = {"upscale": 2, "upsampler": "pixelshuffle"}
#: family -> (class, its smallest settings, factor of the installed model or what the refusal says).
QUICK: dict[str, tuple[str, dict[str, Any], int | str]] = {
    "Compact": ("Compact", {"num_feat": 8, "num_conv": 1, "upscale": 2}, 2),
    "ESRGAN": ("ESRGAN", {"num_filters": 8, "num_blocks": 1, "scale": 2}, 2),
    "SPAN": ("SPAN", {"num_in_ch": 3, "num_out_ch": 3, "feature_channels": 8, "upscale": 2}, 2),
    "SwinIR": ("SwinIR", {**WINDOWS, **SR}, 2),
    "SAFMN": ("SAFMN", {"dim": 8, "n_blocks": 1, "upscaling_factor": 2}, 2),
    "PLKSR": ("PLKSR", {"dim": 8, "n_blocks": 1, "upscaling_factor": 2}, 2),
    "SCUNet": ("SCUNet", {"config": [1] * 7, "dim": 16}, REPAIRS),
    "IPT": ("IPT", {"patch_size": 12, "n_feats": 12, "scale": [2], "num_layers": 1}, 2),
    "AuraSR": (
        "AuraSR",
        {
            "dim": 8,
            "image_size": None,
            "input_image_size": None,
            "up_dim_mults": (1,) * 5,
            "down_dim_mults": (1,) * 3,
            "style_network": {"dim_in": 8, "dim_out": 32, "depth": 1},
            "self_attn_dim_head": 4,
            "attn_depths": (1,) * 5,
            "mid_attn_depth": 1,
            "num_conv_kernels": 2,
        },
        CHANCE,
    ),
    "DAT": (
        "DAT",
        {
            "img_size": 16,
            "embed_dim": 16,
            "split_size": [4, 8],
            "depth": [2],
            "num_heads": [2],
            "expansion_factor": 2.0,
            "upscale": 2,
        },
        2,
    ),
    "DRUNet": ("DRUNet", {"in_nc": 4, "out_nc": 3, "nc": [4, 4, 4, 4], "nb": 2}, REPAIRS),
    "FFTformer": ("FFTformer", {"dim": 8, "num_blocks": [1, 1, 1], "num_refinement_blocks": 1}, REPAIRS),
    "FDAT": ("FDAT", {"embed_dim": 16, "num_groups": 1, "depth_per_group": 1, "num_heads": 2, "scale": 2}, 2),
    "HVICIDNet": ("HVICIDNet", {"channels": [8, 8, 8, 8], "heads": [1, 2, 2, 2]}, REPAIRS),
    "KBNet": ("KBNet_s", {"width": 8, "middle_blk_num": 1, "enc_blk_nums": [1], "dec_blk_nums": [1]}, REPAIRS),
    "RestoreFormer": (
        "RestoreFormer",
        {"n_embed": 8, "embed_dim": 32, "ch": 32, "ch_mult": (1, 1), "num_res_blocks": 1, "z_channels": 32},
        REPAIRS,
    ),
    "RetinexFormer": ("RetinexFormer", {"n_feat": 8, "stage": 1}, REPAIRS),
    "Uformer": ("Uformer", {"img_size": 128, "embed_dim": 4, "depths": [1] * 9, "num_heads": [1] * 9}, REPAIRS),
}
SLOW: dict[str, tuple[str, dict[str, Any], int | str]] = {
    "ATD": ("ATD", {**WINDOWS, **SR, "category_size": 16, "num_tokens": 4}, 2),
    "CRAFT": ("CRAFT", {"embed_dim": 12, "depths": [2], "num_heads": [2], "upscale": 2}, 2),
    "DCTLSA": ("DCTLSA", {"nf": 10, "num_modules": 6, "num_head": 5, "upscale": 2}, 2),
    "DITN": ("DITN", {"dim": 12, "ITL_blocks": 1, "SAL_blocks": 1, "upscale": 2}, 2),
    "DRCT": ("DRCT", {**WINDOWS, **SR, "window_size": 16, "gc": 8}, 2),
    "DnCNN": ("DnCNN", {"nc": 4, "nb": 17}, NO_RGB),
    "FBCNN": ("FBCNN", {"nc": [8, 8, 8, 8], "nb": 2}, REPAIRS),
    "GFPGAN": ("GFPGAN", {}, REPAIRS),
    "GRL": ("GRL", {"embed_dim": 12, "depths": [2], "num_heads_window": [2], "num_heads_stripe": [2], **SR}, 2),
    "HAT": ("HAT", {**WINDOWS, **SR, "compress_ratio": 3, "squeeze_factor": 4}, 2),
    "LaMa": ("LaMa", {}, NO_RGB),
    "MMRealSR": ("MMRealSR", {"num_in_ch": 3, "num_out_ch": 3, "num_feat": 8, "num_block": 1, "scale": 4}, 4),
    "MoESR": ("MoESR", {"dim": 8, "n_blocks": 1, "n_block": 1, "scale": 2}, 2),
    "MoSR": ("MoSR", {"dim": 8, "n_block": 1, "upscale": 2}, 2),
    "NAFNet": ("NAFNet", {"width": 4, "enc_blk_nums": [1], "dec_blk_nums": [1]}, REPAIRS),
    "OmniSR": ("OmniSR", {"num_feat": 16, "up_scale": 2}, 2),
    "RCAN": ("RCAN", {"n_resgroups": 1, "n_resblocks": 1, "n_feats": 16, "scale": 2}, 2),
    "RGT": ("RGT", {"embed_dim": 12, "depth": [2], "num_heads": [2], "upscale": 2}, 2),
    "RealCUGAN": ("UpCunet2x", {}, 2),
    "SAFMNBCIE": ("SAFMNBCIE", {"dim": 8, "n_blocks": 1, "num_layers": 1}, REPAIRS),
    "SeemoRe": ("SeemoRe", {"embedding_dim": 8, "num_layers": 1, "num_experts": 2, "scale": 2}, 2),
    "SwiftSRGAN": ("SwiftSRGAN", {"num_channels": 8, "num_blocks": 1, "upscale_factor": 2}, 2),
    "Swin2SR": ("Swin2SR", {**WINDOWS, **SR}, 2),
    "MixDehazeNet": ("MixDehazeNet", {}, REPAIRS),
}


def put(store: PackStore, path: Path, state: dict[str, Any]) -> Any:
    torch.save({"params": state}, path)
    return adding.add(store, path, answers=ANSWERS)[0]


def enlarged(store: PackStore, pack_id: str, factor: float, side: int = 20) -> np.ndarray:
    info = ImageInfo(side + 4, side, "u8", "RGB")
    networks = upscale_models.load(store, pack_id, CPU)
    return upscale(pixels.unpack(info, noise(side).tobytes()), info, networks, factor, lambda fraction: None).frame


def noise(side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (side, side + 4, 3), dtype=np.uint8)


@pytest.mark.timeout(400)  # the first one loads all of Spandrel
@pytest.mark.filterwarnings("ignore")  # of the families' own code
@pytest.mark.parametrize("family", {**QUICK, **SLOW} if ALL else QUICK)
def test_a_family_installs_and_enlarges_or_is_refused_in_a_sentence(
    store: PackStore, tmp_path: Path, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spandrel_model, "PROBE", 32)
    torch.manual_seed(0)
    name, settings, expected = {**QUICK, **SLOW}[family]
    module = importlib.import_module(f"spandrel.architectures.{family}")
    network: nn.Module = getattr(module, name)(**settings)
    state = network.state_dict()
    if isinstance(expected, str):
        with pytest.raises(PackError, match=expected) as caught:
            put(store, tmp_path / f"{family}.pth", state)
        assert caught.value.remedy and store.list("upscale") == []
        return
    pack = put(store, tmp_path / f"{family}.pth", state)
    assert (pack.manifest.architecture["family"], pack.manifest.factors) == (family, (expected,))
    made = enlarged(store, pack.id, expected)
    assert made.shape == (20 * expected, 24 * expected, 3)
    theirs = spandrel.ModelLoader(device="cpu").load_from_state_dict(state)
    if theirs.size_requirements.get_padding(24, 20) == (0, 0):  # else the edges are made up differently
        right = theirs(torch.from_numpy(noise(20)).permute(2, 0, 1)[None].float() / 255)[0].permute(1, 2, 0)
        assert np.abs(made - (right * 255).numpy()).max() < 2


def test_the_page_says_of_every_family_what_becomes_of_it() -> None:
    families = {**QUICK, **SLOW}
    assert {known.architecture.id for known in spandrel.MAIN_REGISTRY.architectures()} == set(families)
    cells = (line.split("|") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.count("|") == 3)
    rows = {first.strip(): text for _, first, text, _ in cells}
    for row, wanted in (("installs and enlarges", True), ("refused in a sentence", False)):
        named = set(re.findall(r"\w+", rows[row])) & set(families)
        assert named == {
            family for family, (_, _, expected) in families.items() if isinstance(expected, int) is wanted
        }


def test_a_span_of_merged_kernels_alone_enlarges_as_the_whole_one_does(store: PackStore, tmp_path: Path) -> None:
    torch.manual_seed(0)
    whole = nets.build({"name": "span", "features": 8, "factor": 2}).train().eval()
    slim = {
        name: tensor for name, tensor in whole.state_dict().items() if ".sk." not in name and ".conv." not in name
    }
    assert len(slim) < len(whole.state_dict()) / 2
    pack = put(store, tmp_path / "slim.pth", slim)
    made = enlarged(store, pack.id, 2)
    info = ImageInfo(24, 20, "u8", "RGB")
    own = [upscale_models.UpscaleNetwork(whole, CPU)]
    right = upscale(pixels.unpack(info, noise(20).tobytes()), info, own, 2, lambda fraction: None).frame
    assert np.abs(made.astype(int) - right).max() <= 1


@pytest.mark.parametrize("name", ["model.param", "model.bin"])
def test_networks_for_ncnn_are_refused_with_what_to_get_instead(store: PackStore, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"7767517\n1 1\nInput data 0 1 data\n")
    for refused in (adding.look, adding.add):
        with pytest.raises(PackUnsupported, match="ncnn") as caught:
            refused(store, tmp_path / name)
        assert "safetensors" in caught.value.remedy


def test_a_file_of_a_gigabyte_is_refused_before_it_is_read(store: PackStore, tmp_path: Path) -> None:
    with (tmp_path / "huge.pth").open("wb") as file:
        file.truncate((1 << 30) + 1)
    with pytest.raises(PackError, match="larger than"):
        adding.add(store, tmp_path / "huge.pth", answers=ANSWERS)


def test_a_network_for_another_range_of_colors_is_used_in_ours(store: PackStore, tmp_path: Path) -> None:
    """RCAN works on 0 to 255 inside; Spandrel's own code brings it back."""
    from spandrel.architectures.RCAN import RCAN

    torch.manual_seed(0)
    network = RCAN(n_resgroups=1, n_resblocks=1, n_feats=16, scale=2)
    pack = put(store, tmp_path / "rcan.pth", network.state_dict())
    assert 0 < enlarged(store, pack.id, 2).mean() < 255
