"""Training in a process of its own: a stand-in child that speaks the protocol, real pipes, real files."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backend_stage import Running, photo, thumbnail, write_affine_pack
from PIL import Image

from scumble_backend.serving import training_processes as training_job
from scumble_backend.training_runs.job import TrainingJob
from scumble_backend.training_runs.run_folder import new_run
from scumble_wire.client import Client
from scumble_wire.messages import (
    Accepted,
    Cancel,
    Cancelled,
    Failed,
    ImageInfo,
    JobInfo,
    Jobs,
    ListJobs,
    Pause,
    Progress,
    Resume,
    Train,
    Trained,
    TrainPreview,
    Watch,
)

#: Follows `plan.json` beside the job folders; "wait" stays until it is told to stop.
CHILD = """
import json, pathlib, sys, threading, time
folder = pathlib.Path(sys.argv[1])
job = json.loads((folder / "job.json").read_text())
plan = json.loads((folder.parents[1] / "plan.json").read_text())
words = []
threading.Thread(target=lambda: words.extend(line.strip() for line in sys.stdin), daemon=True).start()
print("no JSON at all", flush=True)
began = folder / "began"
steps = plan["resumed" if began.exists() else "first"]
began.touch()
for step in steps:
    if step == "wait":
        while not words:
            time.sleep(0.01)
        (folder / "checkpoint").write_text(words[0])
        sys.exit(0)
    elif step == "crash":
        sys.exit("the loss network exploded")
    print(json.dumps(step), flush=True)
"""
HALF = {"event": "progress", "fraction": 0.5, "remaining_s": 12.0, "stage": "training"}


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Let a backend's training follow a plan."""
    child = tmp_path / "child.py"
    child.write_text(CHILD, encoding="utf-8")
    monkeypatch.setattr(training_job, "COMMAND", (sys.executable, str(child)))

    def put(backend: Running, **steps: Any) -> None:
        file = backend.places.data / "plan.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"first": [], "resumed": [], **steps}), encoding="utf-8")

    return put


def wait_for(client: Client, number: int, kind: type, timeout_s: float = 20.0) -> list[Any]:
    """Events of a request until one of a kind."""
    deadline = time.monotonic() + timeout_s
    events: list[Any] = []
    while time.monotonic() < deadline:
        for event in client.poll(0.1):
            if event.request == number:
                events.append(event)
        if any(isinstance(event.message, kind) for event in events):
            return events
    raise AssertionError([event.message for event in events])


def begin(client: Client, **fields: Any) -> tuple[int, str]:
    number = client.submit(Train(ImageInfo(32, 24), "My Wave!", **fields), [photo(32, 24)])
    events = wait_for(client, number, Accepted)
    return number, events[0].message.job


def jobs_of(client: Client) -> list[JobInfo]:
    jobs = client.request(ListJobs()).message
    assert isinstance(jobs, Jobs)
    return list(jobs.jobs)


def state_of(client: Client, job: str) -> str:
    return next(found.state for found in jobs_of(client) if found.job == job)


def wait_for_state(client: Client, job: str, state: str) -> None:
    deadline = time.monotonic() + 20
    while state_of(client, job) != state:
        assert time.monotonic() < deadline, state_of(client, job)
        client.poll(0.05)


def test_a_training_reports_shows_previews_and_installs_its_pack(
    backend: Running, plan: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "preview.png").write_bytes(thumbnail((1, 2, 3)))
    pack = write_affine_pack(tmp_path / "made.scumble", "my-wave", seed=5)
    preview = {"event": "preview", "path": str(tmp_path / "preview.png"), "step": 5, "steps": 10}
    preview |= {"style_loss": 1.5, "content_loss": 2.5}
    done = {"event": "done", "pack": str(pack), "report": "/tmp/report.html", "seconds": 9.5}
    plan(backend, first=[HALF, preview, done])
    client = backend.connect()
    number, job = begin(client, quality="quick", strength=2.0)
    messages = [event.message for event in wait_for(client, number, Trained)]
    assert Progress(job, 0.5, "training", 12.0) in messages
    shown = next(message for message in messages if isinstance(message, TrainPreview))
    assert (shown.step, shown.steps, shown.style_loss) == (5, 10, 1.5)
    trained = messages[-1]
    assert trained.pack.id == "my-wave" and trained.report == "/tmp/report.html"
    told = json.loads((backend.places.trainings / job / "job.json").read_text(encoding="utf-8"))
    assert (told["name"], told["quality"], told["strength"]) == ("My Wave!", "quick", 2.0)
    with Image.open(backend.places.trainings / job / told["painting"]) as painting:
        assert (painting.mode, painting.size) == ("RGB", (32, 24))
    assert backend.store.get("my-wave")


def test_a_recipe_that_is_not_there_is_refused_before_anything_is_queued(
    backend: Running, plan: Callable[..., None]
) -> None:
    plan(backend, first=["wait"])
    client = backend.connect()
    number = client.submit(Train(ImageInfo(32, 24), "My Wave!", recipe="nonsense"), [photo(32, 24)])
    events = wait_for(client, number, Failed)
    assert [type(event.message) for event in events] == [Failed]
    refused = events[0].message
    assert refused.code == "recipe_invalid" and "'nonsense'" in refused.message and "quick" in refused.remedy
    jobs = client.request(ListJobs()).message
    assert isinstance(jobs, Jobs) and not jobs.jobs
    assert not backend.places.trainings.exists() or not list(backend.places.trainings.iterdir())


def test_a_training_outlives_its_client_and_others_pause_and_resume_it(
    backend: Running, plan: Callable[..., None], tmp_path: Path
) -> None:
    pack = write_affine_pack(tmp_path / "made.scumble", "my-wave", seed=5)
    plan(backend, first=[HALF, "wait"], resumed=[{"event": "done", "pack": str(pack), "report": "", "seconds": 1.0}])
    first, second = backend.connect(), backend.connect()
    _, job = begin(first)
    first.close()
    watched = second.submit(Watch(job))
    assert isinstance(wait_for(second, watched, Progress)[0].message, Accepted)
    second.request(Pause(job))
    wait_for_state(second, job, "paused")
    assert (backend.places.trainings / job / "checkpoint").read_text() == "pause"
    second.request(Resume(job))
    events = wait_for(second, watched, Trained)
    assert isinstance(events[-1].message, Trained)


def test_a_cancelled_training_has_written_its_checkpoint(backend: Running, plan: Callable[..., None]) -> None:
    plan(backend, first=[HALF, "wait"])
    client = backend.connect()
    number, job = begin(client)
    wait_for(client, number, Progress)
    client.request(Cancel(job))
    assert isinstance(wait_for(client, number, Cancelled)[-1].message, Cancelled)
    assert (backend.places.trainings / job / "checkpoint").read_text() == "cancel"


def test_a_crashed_training_tells_why_and_can_be_resumed(
    backend: Running, plan: Callable[..., None], tmp_path: Path
) -> None:
    pack = write_affine_pack(tmp_path / "made.scumble", "my-wave", seed=5)
    plan(backend, first=["crash"], resumed=[{"event": "done", "pack": str(pack), "report": "", "seconds": 1.0}])
    client = backend.connect()
    number, job = begin(client)
    failed = wait_for(client, number, Failed)[-1].message
    assert failed.code == "training_failed" and "exploded" in failed.message and "Resume" in failed.remedy
    watched = client.submit(Watch(job))
    wait_for(client, watched, Failed)
    client.request(Resume(job))
    wait_for_state(client, job, "done")


def test_a_failure_that_the_child_tells_keeps_its_code(backend: Running, plan: Callable[..., None]) -> None:
    told = {"event": "failed", "code": "training_diverged", "message": "It diverged.", "remedy": "Lower the rate."}
    plan(backend, first=[told])
    client = backend.connect()
    number, job = begin(client)
    failed = wait_for(client, number, Failed)[-1].message
    assert failed == Failed("training_diverged", "It diverged.", "Lower the rate.", job)


def test_trainings_survive_the_backend(start: Callable[..., Running], plan: Callable[..., None]) -> None:
    backend = start()
    plan(backend, first=[HALF, "wait"], resumed=["wait"])
    client = backend.connect()
    number, job = begin(client)
    wait_for(client, number, Progress)
    client.close()
    backend.server.leave()
    deadline = time.monotonic() + 20
    while backend.endpoint_file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    deadline = time.monotonic() + 20
    while not (backend.places.trainings / job / "checkpoint").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (backend.places.trainings / job / "checkpoint").read_text() == "pause"
    found = training_job.Trainings(backend.places.trainings, lambda event: None).found()
    ((name, message, state, fraction),) = found
    assert (name, message.name, state, fraction) == (job, "My Wave!", "paused", 0.5)


def test_a_run_of_the_command_line_s_is_listed_and_can_be_resumed_once_nobody_works_on_it(
    backend: Running, plan: Callable[..., None], tmp_path: Path
) -> None:
    pack = write_affine_pack(tmp_path / "made.scumble", "my-wave", seed=5)
    plan(backend, first=[{"event": "done", "pack": str(pack), "report": "", "seconds": 1.0}])
    client = backend.connect()
    run = new_run(backend.places.trainings, "My Wave")
    run.write_job(TrainingJob("My Wave", tmp_path / "wave.png", "quick"))
    run.save_state("running", 0.25)
    with run.held():  # the command line works on it
        assert run.name not in [job.job for job in jobs_of(client)]
    (found,) = jobs_of(client)
    assert (found.job, found.state, found.fraction, found.title) == (run.name, "paused", 0.25, "My Wave")
    with run.held():
        watched = client.submit(Watch(run.name))
        client.request(Resume(run.name))
        failed = wait_for(client, watched, Failed)[-1].message
        assert failed.code == "run_busy" and run.state().state == "running"
    client.request(Resume(run.name))
    wait_for_state(client, run.name, "done")
    assert run.state().state == "done"


def test_a_run_that_was_finished_elsewhere_is_not_trained_again(
    backend: Running, plan: Callable[..., None], tmp_path: Path
) -> None:
    plan(backend, first=["crash"])
    client = backend.connect()
    run = new_run(backend.places.trainings, "My Wave")
    run.write_job(TrainingJob("My Wave", tmp_path / "wave.png", "quick"))
    run.save_state("paused", 0.25)
    assert jobs_of(client)[0].state == "paused"
    run.save_state("done", 1.0)
    watched = client.submit(Watch(run.name))
    client.request(Resume(run.name))
    failed = wait_for(client, watched, Failed)[-1].message
    assert "finished" in failed.message and run.state().state == "done"
