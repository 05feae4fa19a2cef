"""`scumble train` in this process: installs a pack, stops on Ctrl-C, goes on with --resume, refuses nonsense."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest
from training.conftest import install_base, write_picture

from scumble_backend import config
from scumble_backend.training_runs.events import Preview, Progress
from scumble_backend.training_runs.job import TrainingJob
from scumble_backend.training_runs.run_folder import new_run, runs_in
from scumble_cli.commands import train
from scumble_cli.main import main


@pytest.fixture
def painting(tmp_path: Path, home: Path, tiny_recipes: Path, photo_folder: Path, loss_folder: Path) -> Path:
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
    tell = train.Watcher.tell

    def interrupt(self: train.Watcher, event: Progress | Preview) -> None:
        nonlocal seen
        learning = isinstance(event, Progress) and event.stage == "training"
        seen += learning
        if learning and seen == 3:
            signal.raise_signal(signal.SIGINT)
        tell(self, event)

    monkeypatch.setattr(train.Watcher, "tell", interrupt)
    assert main(["train", str(painting), "--quality", "quick"]) == 130
    assert "scumble train --resume" in capsys.readouterr().err
    assert main(["train", str(painting), "--recipe", "nothing"]) == 1  # a newer start, which fails
    assert main(["train", "--resume"]) == 0
    assert "installed as blue-nude-2" in capsys.readouterr().out
    (failed,) = [run for run in runs_in(config.Places.of_user().trainings) if run.state().state == "failed"]
    shutil.rmtree(failed.path)
    assert main(["train", "--resume"]) == 1
    assert "no stopped training" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--quality", "best"], "not one of quick, standard, full"),
        (["--stroke-scales", "1,x"], "not a list of numbers"),
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


def test_a_run_of_the_backend_s_can_be_gone_on_with(
    painting: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As serving makes one: the picture in the folder, paused."""
    places = config.Places.of_user()
    run = new_run(places.trainings, "Of an editor")
    shutil.copy(painting, run.painting)
    job = TrainingJob("Of an editor", Path("painting.png"), "quick", device="cpu", packs_folder=places.packs)
    run.write_job(job)
    run.save_state("paused", 0.1)
    with run.held():
        assert main(["train", "--resume", "--folder", str(run.path)]) == 1
        assert "Another program is working on" in capsys.readouterr().err
    assert main(["train", "--resume"]) == 0
    assert "Of an editor is installed as of-an-editor" in capsys.readouterr().out
    assert run.state().state == "done"
