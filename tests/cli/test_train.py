"""`scumble train` in this process: installs a pack, stops on Ctrl-C, goes on with --resume, refuses nonsense."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from training.conftest import install_base, write_picture

from scumble_cli.commands import train
from scumble_cli.main import main


@pytest.fixture
def painting(tmp_path: Path, home: Path, tiny_recipes: Path, photo_folder: Path, loss_folder: Path) -> Path:
    from scumble_backend import config

    install_base(config.Places.of_user().packs, photo_folder, loss_folder)
    return write_picture(tmp_path / "blue_nude-2.png", 90, 80, seed=5)


def test_one_painting_and_no_option_ends_in_an_installed_pack(
    painting: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(painting), "--quality", "quick", "--device", "cpu"]) == 0
    told = capsys.readouterr()
    assert "Blue nude 2 is installed as blue-nude-2" in told.out
    from scumble_backend.packs.store import PackStore

    pack = PackStore().get("blue-nude-2")
    assert pack.manifest.kind == "affine" and pack.origin["source"] == "trained from blue_nude-2.png"


def test_json_tells_pack_report_and_note(
    painting: Path, photo_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--photos", str(photo_folder), "--name", "Nude", "--quality", "quick", "--json", "--strength", "1.5"]
    assert main(["train", str(painting), *options]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["pack"]["id"] == "nude" and Path(told["report"]).is_file() and told["seconds"] > 0


def test_ctrl_c_keeps_a_checkpoint_and_resume_finishes(
    painting: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = 0
    progress = train.Watcher.progress

    def interrupt(self: train.Watcher, fraction: float, remaining_s: float | None, stage: str) -> None:
        nonlocal seen
        seen += stage == "training"
        if stage == "training" and seen == 3:
            signal.raise_signal(signal.SIGINT)
        progress(self, fraction, remaining_s, stage)

    monkeypatch.setattr(train.Watcher, "progress", interrupt)
    assert main(["train", str(painting), "--quality", "quick"]) == 130
    assert "scumble train --resume" in capsys.readouterr().err
    assert main(["train", "--resume"]) == 0
    assert "installed as blue-nude-2" in capsys.readouterr().out
    assert main(["train", "--resume"]) == 1
    assert "no stopped training" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--quality", "best"], "none of quick, standard, full"),
        (["--stroke-scales", "1,x"], "no list of numbers"),
        (["--stroke-scales", "0.1"], "from 0.25 to 4"),
    ],
)
def test_wrong_options_are_refused(
    painting: Path, options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(painting), *options]) == 2
    assert sentence in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_an_unknown_recipe_and_a_missing_painting_say_so(
    painting: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(painting), "--recipe", "nothing"]) == 1
    assert "There is no recipe 'nothing'" in capsys.readouterr().err
    assert main(["train", str(tmp_path / "none.png")]) == 1
    assert "There is no picture" in capsys.readouterr().err
