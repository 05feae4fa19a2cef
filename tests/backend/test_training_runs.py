"""Trainings on disk: job, events and state as typed data, one worker at a time, and which one is gone on with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scumble_backend.errors import JobUnreadable, RunBusy
from scumble_backend.training_runs import events
from scumble_backend.training_runs.events import Broken, Done, Preview, Progress
from scumble_backend.training_runs.job import TrainingJob, loss_network_place
from scumble_backend.training_runs.run_folder import RunFolder, interrupted, new_run, runs_in

ROOT = Path(__file__).parents[2]


def run_in(runs: Path, title: str, state: str = "paused", *, checkpoint: float | None = None) -> RunFolder:
    """A run of the picture TITLE.png; checkpoint: seconds ago."""
    run = new_run(runs, title)
    run.write_job(TrainingJob(title, Path(f"/pictures/{title}.png")))
    run.save_state(state, 0.5)  # type: ignore[arg-type]
    if checkpoint is not None:
        file = run.path / "quick" / "checkpoint.pt"
        file.parent.mkdir()
        file.touch()
        os.utime(file, (time.time() - checkpoint,) * 2)
    return run


def test_a_job_comes_back_as_it_was_written(tmp_path: Path) -> None:
    job = TrainingJob(
        "Müller's wave", Path("painting.png"), "quick", 2.0, (0.5, 1.0), Path("/photos"), "mine.toml", 7, "cpu",
        Path("/vgg"), Path("/packs"), Path("layer.png"), False,
    )  # fmt: skip
    run = new_run(tmp_path, job.name)
    run.write_job(job)
    assert run.job().painting == run.path / "painting.png"
    assert plain_of(run.job()) == {
        **plain_of(job), "painting": str(run.path / "painting.png"), "shown": str(run.path / "layer.png"),
    }  # fmt: skip
    elsewhere = TrainingJob("x", Path("/pictures/x.jpg"))
    run.write_job(elsewhere)
    assert run.job() == elsewhere


def plain_of(job: TrainingJob) -> dict[str, object]:
    from scumble_backend.plain_data import plain

    return plain(job)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "doesn't say what to learn"),
        ('{"painting": "x.png"}', "job lacks 'name'"),
        ('{"painting": "x.png", "name": "X", "quality": "best"}', r"job\.quality can't be 'best'"),
        ('{"painting": "x.png", "name": "X", "strength": "much"}', r"job\.strength must be of type float"),
        ('{"painting": "x.png", "name": "X", "resume": true}', "job has no key 'resume'"),
    ],
)
def test_a_job_that_says_nothing_sensible_is_refused_with_its_fault(tmp_path: Path, text: str, sentence: str) -> None:
    run = new_run(tmp_path, "X")
    with pytest.raises(JobUnreadable):
        run.job()
    (run.path / "job.json").write_text(text)
    with pytest.raises(JobUnreadable, match=sentence):
        run.job()


@pytest.mark.parametrize(
    "event",
    [
        Progress(0.25, None, "loading"),
        Progress(1.0, 0.0, "writing"),
        Preview(Path("/a/b.jpg"), 3, 10, 0.5, 0.25),
        Done(Path("/a/x.scumble"), Path("/a/report.html"), 12.5, "It took\ntwo lines."),
        Broken("out_of_memory", "There was no memory.", "Close something."),
    ],
)
def test_every_event_is_one_line_and_comes_back(event: events.Event) -> None:
    line = events.to_line(event)
    assert line.endswith("\n") and line.count("\n") == 1
    assert events.from_line(line) == event


@pytest.mark.parametrize(
    "line",
    ["", "no JSON", "[]", "3", '{"event": "party"}', '{"event": "progress"}', '{"event": ["progress"]}',
     '{"event": "progress", "fraction": NaN, "remaining_s": null, "stage": "x"}',
     '{"event": "done", "pack": 3, "report": "x", "seconds": 1}'],
)  # fmt: skip
def test_a_line_that_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        events.from_line(line)


def test_runs_of_one_style_in_one_second_have_folders_of_their_own(tmp_path: Path) -> None:
    names = {new_run(tmp_path / "runs", "Müller's Wave!").name for _ in range(3)}
    assert len(names) == 3 and all(name.startswith("m-ller-s-wave-") for name in names)
    assert {run.name for run in runs_in(tmp_path / "runs")} == names
    assert runs_in(tmp_path / "none") == []


def test_only_one_program_works_in_a_run(tmp_path: Path) -> None:
    run = new_run(tmp_path, "X")
    with run.held():
        assert run.busy
        with pytest.raises(RunBusy, match=run.name), run.held():
            pass
    assert not run.busy
    holder = (
        "import sys\nfrom pathlib import Path\nfrom scumble_backend.training_runs.run_folder import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).held():\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", holder, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "backend")},
    )  # fmt: skip
    assert other.stdout is not None and other.stdout.readline() == "held\n"
    assert run.busy
    other.kill()  # the system gives the lock back
    other.wait()
    assert not run.busy
    other.communicate()


def test_a_run_whose_process_died_is_paused(tmp_path: Path) -> None:
    run = run_in(tmp_path, "x", "running")
    with run.held():
        assert run.state().state == "running"
    assert run.state().state == "paused" and run.state().fraction == 0.5
    (run.path / "state.json").write_text("{}")
    with pytest.raises(JobUnreadable):
        run.state()


def test_the_interrupted_run_is_gone_on_with_and_not_a_newer_start_that_failed(tmp_path: Path) -> None:
    assert interrupted(tmp_path) is None
    failed = run_in(tmp_path, "failed", "failed")
    assert interrupted(tmp_path).path == failed.path  # type: ignore[union-attr]
    older = run_in(tmp_path, "older", checkpoint=900)
    learning = run_in(tmp_path, "learning", "running", checkpoint=60)
    run_in(tmp_path, "done", "done", checkpoint=5)
    run_in(tmp_path, "cancelled", "cancelled", checkpoint=4)
    run_in(tmp_path, "another failure", "failed")
    (tmp_path / "nonsense").mkdir()
    assert interrupted(tmp_path).path == learning.path  # type: ignore[union-attr]
    with learning.held():
        assert interrupted(tmp_path).path == older.path  # type: ignore[union-attr]
    assert interrupted(tmp_path, Path("/pictures/older.png")).path == older.path  # type: ignore[union-attr]
    assert interrupted(tmp_path, Path("/pictures/done.png")) is None


def test_a_place_named_for_one_training_goes_before_environment_and_setting() -> None:
    environ = {"SCUMBLE_LOSS_NETWORK": "/of/environment"}
    assert loss_network_place("/chosen", "/set", environ) == Path("/chosen")
    assert loss_network_place(None, "/set", environ) == Path("/of/environment")
    assert loss_network_place(None, "/set", {}) == Path("/set")
    assert loss_network_place(None, "", {}) is None


def test_a_state_file_is_plain_json(tmp_path: Path) -> None:
    run = run_in(tmp_path, "x")
    assert json.loads((run.path / "state.json").read_text()) == {"state": "paused", "fraction": 0.5}
