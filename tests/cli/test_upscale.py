"""`scumble upscale` against a running backend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from backend_stage import photo
from cli.conftest import Scumble
from PIL import Image

from scumble_backend import nets
from scumble_backend.packs import making
from scumble_backend.packs.archive import WEIGHTS, write_pack
from scumble_backend.packs.manifest import Manifest


@pytest.fixture
def scumble(scumble: Scumble, tmp_path: Path) -> Scumble:
    torch.manual_seed(0)
    architecture = {"name": "span", "features": 4, "factor": 2}
    manifest = Manifest(id="crisp", title="Crisp", kind="upscale", architecture=architecture, factors=(2,))
    state = nets.build(architecture).train().eval().state_dict()
    write_pack(tmp_path / "crisp.scumble", manifest, {WEIGHTS: making.upscale_weights(manifest, state)})
    assert scumble("packs", "add", tmp_path / "crisp.scumble") == 0
    return scumble


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "I;16"])
@pytest.mark.parametrize("model", ["crisp", "bicubic"])
def test_every_kind_of_picture_is_enlarged(scumble: Scumble, tmp_path: Path, mode: str, model: str) -> None:
    if mode == "I;16":
        values = np.linspace(0, 65535, 40 * 24).reshape(24, 40).astype(np.uint16)
        Image.fromarray(values).save(tmp_path / "in.png")
    else:
        Image.frombytes("RGBA", (40, 24), photo(40, 24, channels=4)).convert(mode).save(tmp_path / "in.png")
    words = ("upscale", tmp_path / "in.png", "-o", tmp_path / "out.png", "--factor", "2.5", "--model", model)
    assert scumble(*words) == 0
    with Image.open(tmp_path / "out.png") as made:
        assert (made.size, made.mode) == ((100, 60), mode)
        assert mode != "I;16" or len(np.unique(np.asarray(made))) > 300


def test_json_tells_size_model_and_seconds(scumble: Scumble, tmp_path: Path, capsys: Any) -> None:
    Image.new("RGB", (10, 8), "teal").save(tmp_path / "in.png")
    capsys.readouterr()
    assert scumble("upscale", tmp_path / "in.png", "-o", tmp_path / "out.png", "-m", "crisp", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["width"], told["height"], told["model"], told["factor"]) == (20, 16, "crisp", 2.0)
    assert told["seconds"] >= told["network_seconds"] > 0


@pytest.mark.parametrize("factor", ["0", "0.9", "1e6", "nan", "-3", "many"])
def test_a_factor_out_of_range_is_wrong_usage(scumble: Scumble, tmp_path: Path, capsys: Any, factor: str) -> None:
    Image.new("RGB", (10, 8)).save(tmp_path / "in.png")
    assert scumble("upscale", tmp_path / "in.png", "-o", tmp_path / "out.png", f"--factor={factor}") == 2
    assert "factor" in capsys.readouterr().err and not (tmp_path / "out.png").exists()


def test_an_unknown_model_names_the_list_of_packs(scumble: Scumble, tmp_path: Path, capsys: Any) -> None:
    Image.new("RGB", (10, 8)).save(tmp_path / "in.png")
    assert scumble("upscale", tmp_path / "in.png", "-o", tmp_path / "out.png", "-m", "nope") == 1
    told = capsys.readouterr().err
    assert "nope" in told and "packs list" in told and not (tmp_path / "out.png").exists()


def test_a_result_too_large_is_refused(scumble: Scumble, tmp_path: Path, capsys: Any) -> None:
    Image.new("L", (9000, 1)).save(tmp_path / "in.png")
    assert scumble("upscale", tmp_path / "in.png", "-o", tmp_path / "out.png", "-f", "16", "-m", "crisp") == 1
    assert "144000 x 16" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "size"),
    [
        (["--percent", "250"], (100, 60)),
        (["--width", "97"], (97, 58)),
        (["--height", "31"], (52, 31)),
        (["--width", "2.54", "--dpi", "90"], (90, 54)),
        (["--factor", "1"], (40, 24)),
    ],
)
def test_a_size_can_be_asked_for(scumble: Scumble, tmp_path: Path, words: list[str], size: tuple[int, int]) -> None:
    Image.frombytes("RGB", (40, 24), photo(40, 24, channels=3)).save(tmp_path / "in.png")
    options = ["-m", "crisp", "--best", "--grain", "0.5"]
    assert scumble("upscale", tmp_path / "in.png", "-o", tmp_path / "out.png", *options, *words) == 0
    with Image.open(tmp_path / "out.png") as made:
        assert made.size == size


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["--width", "30"], 1, "40 pixels already"),
        (["--width", "40"], 1, "40 pixels already"),
        (["--height", "1000"], 1, "more than 16 times"),
        (["--percent", "50"], 2, "between 1 and 16"),
        (["--width", "80", "--percent", "200"], 2, "one of"),
        (["--dpi", "300"], 2, "centimeters"),
        (["--factor", "1", "--model", "bicubic"], 1, "stays as it is"),
    ],
)
def test_a_size_that_is_none_is_refused(
    scumble: Scumble, tmp_path: Path, capsys: Any, words: list[str], status: int, told: str
) -> None:
    Image.new("RGB", (40, 24)).save(tmp_path / "in.png")
    assert scumble("upscale", tmp_path / "in.png", "-o", tmp_path / "out.png", "-m", "crisp", *words) == status
    assert told in " ".join(capsys.readouterr().err.split()) and not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(("suffix", "longest"), [("webp", 16383), ("jpg", 65500)])
def test_what_a_format_cannot_hold_is_refused_before_the_backend_is_asked(
    scumble: Scumble, tmp_path: Path, capsys: Any, suffix: str, longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("L", (longest // 2 + 1, 1)).save(tmp_path / "in.png")
    monkeypatch.setattr("scumble_cli.connection.connect", None)
    assert scumble("upscale", tmp_path / "in.png", "-o", tmp_path / f"out.{suffix}") == 1
    assert f"at most {longest} a side" in " ".join(capsys.readouterr().err.split())
