"""The process the backend starts: what it says, that it stops when told to or left alone, and goes on."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from scumble_backend.training_runs.job import TrainingJob
from scumble_backend.training_runs.run_folder import RunFolder

from .conftest import TINY_TOML, write_picture

ROOT = Path(__file__).parents[2]


@pytest.fixture
def job_folder(tmp_path: Path, loss_folder: Path, photo_folder: Path) -> Path:
    folder = tmp_path / "job"
    folder.mkdir()
    write_picture(folder / "painting.png", 90, 80, seed=7)
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(TINY_TOML.format(trains="all", steps=12).replace('start = "base"', 'start = "scratch"'))
    job = TrainingJob(
        name="Test Style", painting=Path("painting.png"), photos=photo_folder, recipe=str(recipe), device="cpu",
        loss_network=loss_folder, packs_folder=tmp_path / "packs",
    )  # fmt: skip
    RunFolder(folder).write_job(job)
    return folder


def start(folder: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ, "OMP_NUM_THREADS": "1", "SCUMBLE_HOME": str(folder / "home"),
        "PYTHONPATH": os.pathsep.join((str(ROOT / "backend"), str(ROOT / "training"))),
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "scumble_training.child", str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.slow
@pytest.mark.timeout(300)  # two processes that load torch: slow on a busy machine
def test_it_says_how_it_goes_pauses_when_told_to_and_goes_on(job_folder: Path) -> None:
    """One job: paused at its first step, started again, done."""
    paused = start(job_folder)
    assert paused.stdin is not None
    paused.stdin.write("pause\n")
    paused.stdin.flush()  # before the first step: heeded after it
    out, err = paused.communicate(timeout=140)
    assert paused.returncode == 0, err
    told = events(out)
    assert {event["event"] for event in told} <= {"progress", "preview"}
    assert told[0] == {"event": "progress", "fraction": 0.0, "remaining_s": None, "stage": "loading"}
    assert (job_folder / "tiny" / "checkpoint.pt").is_file()

    done = start(job_folder)
    assert done.stdout is not None
    lines = []
    while not lines or '"done"' not in lines[-1]:
        line = done.stdout.readline()
        assert line, done.stderr.read() if done.stderr else ""
        lines.append(line)
    done.communicate(timeout=30)
    told = events("".join(lines))
    last = told[-1]
    assert Path(last["pack"]).is_file() and Path(last["report"]).is_file() and last["seconds"] > 0
    fractions = [event["fraction"] for event in told if event["event"] == "progress"]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    previews = [event for event in told if event["event"] == "preview"]
    assert previews and set(previews[0]) == {"event", "path", "step", "steps", "style_loss", "content_loss"}


def test_an_error_is_said_with_code_and_remedy(
    job_folder: Path, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from scumble_training import child

    monkeypatch.setattr(sys, "stdin", io.StringIO())
    (job_folder / "painting.png").write_bytes(b"no picture")
    assert child.main([str(job_folder)]) == 1
    last = events(capsys.readouterr().out)[-1]
    assert last["event"] == "failed" and last["code"] == "painting_unusable" and last["remedy"]


def test_wishes_come_from_lines_and_from_the_end_of_input() -> None:
    from scumble_training.child import Pipe

    for text, wish in (("cancel\n", "cancel"), ("pause\n", "pause"), ("nonsense\n", "pause"), ("", "pause")):
        pipe = Pipe(io.StringIO(), io.StringIO(text))
        deadline = time.monotonic() + 5
        while not pipe.wish() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert pipe.wish() == wish


def test_a_run_that_another_program_works_on_is_left_alone(
    job_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from scumble_training import child

    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with RunFolder(job_folder).held():
        assert child.main([str(job_folder)]) == 1
    assert events(capsys.readouterr().out)[-1]["code"] == "run_busy"
